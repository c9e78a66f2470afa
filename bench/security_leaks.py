"""2,000 generated texts with a secret, personal data or a decoy: precision and recall of the leak patterns."""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Callable
from zlib import crc32

import numpy as np
from spanloft_collector.signals.security.leaks import find_leaks

COUNT = 2_000
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FRAMES = (
    "please use {} for the test",
    "my details: {}",
    "{}",
    '{{"value": "{}", "ok": true}}',
    "the customer wrote: it is {}, thanks",
    "export VALUE={}",
    "line 4: {}\nline 5: done",
    "| name | {} | open |",
)


def leak_figures() -> list[tuple[str, str]]:
    """Recall of secrets and of personal data, precision over all, and what decoys were taken for a leak."""
    chance = random.Random(11)
    hits = {"secret": [0, 0], "personal": [0, 0]}
    false_alarms, decoys = 0, 0
    wrong: dict[str, int] = {}
    for number in range(COUNT):
        frame = chance.choice(_FRAMES)
        if number % 2:
            group, make = chance.choice(_REAL)
            value = make(chance)
            found = find_leaks(frame.format(value))
            hits[group][0] += any(leak.severity != "info" for leak in found)
            hits[group][1] += 1
        else:
            name, make = chance.choice(_DECOYS)
            found = [leak for leak in find_leaks(frame.format(make(chance))) if leak.severity != "info"]
            decoys += 1
            false_alarms += bool(found)
            if found:
                wrong[name] = wrong.get(name, 0) + 1
    taken = sum(hit for hit, _ in hits.values())
    rows = [(f"leaks: recall, {group}", _share(hit, total)) for group, (hit, total) in hits.items()]
    rows.append(("leaks: precision over 2,000 texts", _share(taken, taken + false_alarms)))
    named = ", ".join(f"{name} {count}" for name, count in sorted(wrong.items())) or "none"
    rows.append(("leaks: decoys taken for a leak", f"{_share(false_alarms, decoys)} ({named})"))
    return rows


def _share(hits: int, total: int) -> str:
    z, share = 1.96, hits / max(1, total)
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"{100 * share:.1f} % [{100 * max(0, centre - half):.1f}–{100 * min(1, centre + half):.1f}] of {total:,}"


def _token(chance: random.Random, length: int, letters: str = _BASE62) -> str:
    return "".join(chance.choice(letters) for _ in range(length))


def _github(chance: random.Random) -> str:
    body = _token(chance, 30)
    value, mark = crc32(body.encode()), ""
    while value:
        value, rest = divmod(value, 62)
        mark = _BASE62[rest] + mark
    return f"ghp_{body}{mark.rjust(6, '0')}"


def _luhn(number: str) -> str:
    total = sum(sum(divmod(int(digit) * (2 - at % 2), 10)) for at, digit in enumerate(reversed(number)))
    return number + str(-total % 10)


def _card(chance: random.Random) -> str:
    head = chance.choice(["4539", "4716", "5425", "5234", "3714", "6011"])
    number = _luhn(head + _token(chance, (15 if head == "3714" else 16) - 5, string.digits))
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4)) if chance.random() < 0.5 else number


def _no_card(chance: random.Random) -> str:
    number = _luhn("4539" + _token(chance, 11, string.digits))
    return number[:-1] + str((int(number[-1]) + chance.randrange(1, 10)) % 10)


def _iban(chance: random.Random) -> str:
    country, length = chance.choice([("DE", 18), ("ES", 20), ("NL", 0), ("FR", 23)])
    body = (
        _token(chance, 4, "INGBRABO") + _token(chance, 10, string.digits)
        if country == "NL"
        else _token(chance, length, string.digits)
    )
    turned = "".join(str(int(character, 36)) for character in f"{body}{country}00")
    whole = f"{country}{98 - int(turned) % 97:02d}{body}"
    return " ".join(whole[at : at + 4] for at in range(0, len(whole), 4)) if chance.random() < 0.5 else whole


def _dni(chance: random.Random) -> str:
    number = chance.randrange(10_000_000, 99_999_999)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def _cpf(chance: random.Random) -> str:
    digits = [chance.randrange(10) for _ in range(9)]
    for size in (9, 10):
        digits.append(sum(digit * (size + 1 - at) for at, digit in enumerate(digits)) * 10 % 11 % 10)
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


_PEM = "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----"
_REAL: list[tuple[str, Callable[[random.Random], str]]] = [
    ("secret", lambda c: f"sk-proj-{_token(c, 48)}"),
    ("secret", lambda c: f"sk-ant-api03-{_token(c, 90)}"),
    ("secret", lambda c: f"AKIA{_token(c, 16, string.ascii_uppercase + '234567')}"),
    ("secret", _github),
    ("secret", lambda c: f"glpat-{_token(c, 20)}"),
    ("secret", lambda c: f"xoxb-{_token(c, 12, string.digits)}-{_token(c, 24)}"),
    ("secret", lambda c: f"AIza{_token(c, 35)}"),
    ("secret", lambda c: f"sk_live_{_token(c, 24)}"),
    ("secret", lambda c: f"hf_{_token(c, 34)}"),
    ("secret", lambda c: f"gsk_{_token(c, 52)}"),
    ("secret", lambda c: f"SG.{_token(c, 22)}.{_token(c, 43)}"),
    ("secret", lambda c: f"postgres://app:{_token(c, 14)}@db{c.randrange(9)}.internal:5432/main"),
    ("secret", lambda c: f"mongodb+srv://svc:{_token(c, 18)}@cluster{c.randrange(9)}.mongo.internal/x"),
    ("secret", lambda c: _PEM.format(_token(c, 64))),
    ("secret", lambda c: f"password: {_token(c, 6)}!{_token(c, 4)}7"),
    ("secret", lambda c: f"eyJhbGciOiJIUzI1NiJ9.eyJ{_token(c, 30)}.{_token(c, 43)}"),
    ("personal", _card),
    ("personal", _card),
    ("personal", _iban),
    ("personal", _dni),
    ("personal", _cpf),
    ("personal", lambda c: f"{c.randrange(100, 650)}-{c.randrange(10, 99)}-{c.randrange(1000, 9999)}"),
    ("personal", lambda c: f"{c.choice(['ana', 'tom.b'])}{c.randrange(99)}@{c.choice(['a.de', 'firma.co.uk'])}"),
    ("personal", lambda c: f"+{c.choice(['49 30', '44 20', '1 415'])} {c.randrange(1000, 9999)} {c.randrange(10**4)}"),
    ("personal", lambda c: f"({c.randrange(201, 989)}) {c.randrange(201, 989)}-{c.randrange(1000, 9999)}"),
]  # fmt: skip
_TEST_CARDS = ("4111 1111 1111 1111", "4242424242424242", "5555555555554444", "378282246310005")
_PLACEHOLDERS = (
    "api_key=YOUR_API_KEY",
    "password: ********",
    "token=<your-token>",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
    "AKIAIOSFODNN7EXAMPLE",
)
_DECOYS: list[tuple[str, Callable[[random.Random], str]]] = [
    ("commit", lambda c: _token(c, 40, "0123456789abcdef")),
    ("short commit", lambda c: _token(c, 9, "0123456789abcdef")),
    ("sha256", lambda c: _token(c, 64, "0123456789abcdef")),
    ("uuid", lambda c: str(uuid.UUID(int=c.getrandbits(128), version=4))),
    ("order number", lambda c: f"order {c.randrange(10**11, 10**12)}"),
    ("order code", lambda c: f"A-{c.randrange(10**4, 10**5)}-{c.randrange(10**3, 10**4)}"),
    ("16 digits, wrong checksum", _no_card),
    ("test card", lambda c: c.choice(_TEST_CARDS)),
    ("placeholder", lambda c: c.choice(_PLACEHOLDERS)),
    ("timestamp", lambda c: f"2026-0{c.randrange(1, 9)}-1{c.randrange(9)}T10:00:00Z {c.randrange(10**12, 2 * 10**12)}"),
    ("version", lambda c: f"v{c.randrange(9)}.{c.randrange(99)}.{c.randrange(9999)}"),
    ("tracking number", lambda c: f"1Z{_token(c, 16, string.ascii_uppercase + string.digits)}"),
    ("ip and port", lambda c: f"10.0.{c.randrange(255)}.{c.randrange(255)}:{c.randrange(1000, 9999)}"),
    ("isbn", lambda c: f"978-3-{c.randrange(10, 99)}-{c.randrange(100000, 999999)}-{c.randrange(9)}"),
    ("url without password", lambda c: f"https://shop.example/item/{c.randrange(10**8, 10**9)}?ref=mail"),
    ("ethereum-like id", lambda c: f"0x{_token(c, 40, '0123456789abcdef')}"),
]  # fmt: skip
