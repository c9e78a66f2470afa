"""Checksums and other tests that tell a real number or key from a text that only looks like one."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from zlib import crc32

TEST_CARDS = frozenset(
    [
        "4111111111111111",
        "4242424242424242",
        "4012888888881881",
        "4000056655665556",
        "4222222222222",
        "5555555555554444",
        "5105105105105100",
        "5200828282828210",
        "2223003122003222",
        "378282246310005",
        "371449635398431",
        "378734493671000",
        "6011111111111117",
        "6011000990139424",
        "30569309025904",
        "38520000023237",
        "3530111333300000",
        "3566002020360505",
        "4000000000000002",
        "4000000000009995",
        "6200000000000005",
        "4917610000000000",
    ]
)
"""Card numbers that payment providers publish for tests."""

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CARD_LENGTHS = {
    "4": (13, 16, 19),
    "5": (16,),
    "2": (16,),
    "34": (15,),
    "37": (15,),
    "6": (16, 17, 18, 19),
    "3": (14, 16),
}
_IBAN_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FI NL",
    19: "MK SI",
    20: "AT BA EE KZ LT LU",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS",
    23: "AE GI IL",
    24: "AD CZ ES MD PK RO SA SE SK TN",
    25: "PT",
    26: "IS TR",
    27: "FR GR IT MC SM",
    28: "AL CY HU LB PL",
    29: "BR QA UA",
    30: "JO KW",
    31: "MT",
}
_IBAN_LENGTHS = {code: length for length, codes in _IBAN_COUNTRIES.items() for code in codes.split()}
_PLACEHOLDER = re.compile(
    r"(?i)x{4,}|\*{3,}|\.{3}|<.+>|\$\{|\{\{|%\(|your[_-]|example|placeholder|changeme|redacted|dummy|sample|todo|insert|"
    r"^(?:password|passwd|secret|token|test|null|none|true|false|undefined|string|user|pass|hunter2)\d*$|"
    r"0123456789|1234567890|abcdefgh|^(.)\1+$|os\.environ|process\.env|getenv"
)
_UUID = re.compile(r"(?i)^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")
_HEX = re.compile(r"(?i)^[0-9a-f]+$")


def digits_of(text: str) -> str:
    """The digits of a text."""
    return "".join(character for character in text if character.isdigit())


def entropy(text: str) -> float:
    """Shannon entropy in bits a character."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values()) if text else 0.0


def is_placeholder(text: str) -> bool:
    """Whether a text stands where a secret would be put in."""
    return _PLACEHOLDER.search(text) is not None


def looks_random(text: str, least: float = 3.0) -> bool:
    """Whether a text has the entropy of a key and is no placeholder, UUID or hash."""
    if is_placeholder(text) or _UUID.match(text):
        return False
    return entropy(text) >= least and any(character.isdigit() for character in text) and not _HEX.match(text)


def base62_checksum(token: str, prefix: int) -> bool:
    """Whether the last six characters are the CRC-32 of those between the prefix and them (GitHub, npm)."""
    body, wanted = token[prefix:-6], token[-6:]
    value, found = crc32(body.encode()), ""
    while value:
        value, rest = divmod(value, 62)
        found = _BASE62[rest] + found
    return found.rjust(6, "0") == wanted


def is_jwt(token: str) -> bool:
    """Whether the first part of a token is a JSON header with an algorithm."""
    head = token.split(".")[0]
    try:
        return "alg" in json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, TypeError):
        return False


def luhn(number: str) -> bool:
    """The checksum of payment cards."""
    total = 0
    for at, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if at % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_card(text: str) -> bool:
    """Whether digits are a payment card: an issuer's range and length, and the checksum."""
    number = digits_of(text)
    if len(set(number)) < 2 or not luhn(number):
        return False
    if number[0] == "5" and number[1] not in "12345":
        return False
    if number[0] == "2" and not 2221 <= int(number[:4]) <= 2720:
        return False
    if number[0] == "3":
        return number[1] in "04568579" and len(number) == {"4": 15, "7": 15, "5": 16}.get(number[1], 14)
    if number[0] == "6" and not number.startswith(("60", "62", "64", "65")):
        return False
    return len(number) in _CARD_LENGTHS.get(number[0], ())


def is_iban(text: str) -> bool:
    """Whether a text is an IBAN by its country's length and its checksum (mod 97)."""
    compact = "".join(text.split()).upper()
    if _IBAN_LENGTHS.get(compact[:2]) != len(compact) or not compact.isalnum():
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def is_ssn(text: str) -> bool:
    """US social security number, by the ranges that were given out."""
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000" and text != "123-45-6789"


def is_dni(text: str) -> bool:
    """Spanish DNI or NIE: the letter follows from the number."""
    number = text.upper().translate(str.maketrans("XYZ", "012"))[:-1].strip("-")
    return number.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1].upper()


def is_cpf(text: str) -> bool:
    """Brazilian CPF: two check digits."""
    number = digits_of(text)
    if len(number) != 11 or len(set(number)) == 1:
        return False
    for size in (9, 10):
        total = sum(int(number[at]) * (size + 1 - at) for at in range(size))
        if (total * 10 % 11) % 10 != int(number[size]):
            return False
    return True


def is_pesel(text: str) -> bool:
    """Polish PESEL: weights 1, 3, 7, 9."""
    number = digits_of(text)
    total = sum(int(digit) * weight for digit, weight in zip(number, (1, 3, 7, 9) * 3, strict=False))
    return len(number) == 11 and (10 - (total - int(number[10]) * 7) % 10) % 10 == int(number[10])


def is_german_tax_id(text: str) -> bool:
    """German tax number: eleven digits, ISO 7064 mod 11, 10, and one digit that occurs twice or three times."""
    number = digits_of(text)
    if len(number) != 11 or number[0] == "0" or not 8 <= len(set(number[:10])) <= 9:
        return False
    product = 10
    for digit in number[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(number[10])


def is_nir(text: str) -> bool:
    """French social security number: the key is 97 minus the number mod 97."""
    number = digits_of(text)
    return len(number) == 15 and 97 - int(number[:13]) % 97 == int(number[13:])


def is_bsn(text: str) -> bool:
    """Dutch BSN: the weighted sum is a multiple of 11."""
    number = digits_of(text)
    if len(number) != 9 or len(set(number)) == 1:
        return False
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True)) % 11 == 0


_VERHOEFF_D = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]  # fmt: skip
_VERHOEFF_P = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7], [9, 4, 5, 3, 1, 2, 6, 8, 7, 0], [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5], [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
]  # fmt: skip


def is_aadhaar(text: str) -> bool:
    """Indian Aadhaar number: Verhoeff's checksum."""
    number = digits_of(text)
    if len(number) != 12 or number[0] in "01":
        return False
    check = 0
    for at, digit in enumerate(reversed(number)):
        check = _VERHOEFF_D[check][_VERHOEFF_P[at % 8][int(digit)]]
    return check == 0
