"""What is taken out of texts before they leave the process: a table. A new secret is one line here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_IBAN_LENGTHS = range(15, 35)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A kind of text. ``hints`` are what such a text must hold (any of them), which is faster to look for.

    ``check`` decides about a match that only looks like one; a match becomes ``[NAME]``.
    """

    name: str
    regex: re.Pattern[str]
    hints: tuple[str, ...] = ()
    check: Callable[[str], bool] | None = None

    @property
    def marker(self) -> str:
        """What stands in place of a match."""
        return f"[{self.name.upper()}]"


def is_card(text: str) -> bool:
    """Whether digits are a payment card: a known issuer's range and length, and the Luhn checksum."""
    digits = [int(character) for character in text if character.isdigit()]
    number = "".join(map(str, digits))
    if _CARD_ISSUERS.fullmatch(number) is None:
        return False
    doubled = [sum(divmod(digit * 2, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether a text is an IBAN by its length and its checksum (ISO 7064, mod 97)."""
    compact = re.sub(r"\s", "", text)
    if len(compact) not in _IBAN_LENGTHS:
        return False
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


_CARD_ISSUERS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|(?:6011|65\d\d|64[4-9]\d)\d{12}"
    r"|35\d{14}|62\d{14,17}"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "secret",
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
            r"|\b(?:sk|rk|pk)[-_](?:[A-Za-z0-9]{1,12}[-_]){0,3}[A-Za-z0-9_-]{16,200}"
            r"|\b(?:AKIA|ASIA|AGPA|AROA|AIDA)[A-Z0-9]{16}\b"
            r"|\bgh[pousr]_[A-Za-z0-9]{30,255}|\bgithub_pat_[A-Za-z0-9_]{40,255}|\bglpat-[A-Za-z0-9_-]{20,}"
            r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,250}|\bAIza[A-Za-z0-9_-]{35,60}|\bya29\.[A-Za-z0-9_-]{20,}"
            r"|\bhf_[A-Za-z0-9]{30,}|\bgsk_[A-Za-z0-9]{30,}|\bxai-[A-Za-z0-9]{40,}|\bpplx-[A-Za-z0-9]{30,}"
            r"|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|\bnpm_[A-Za-z0-9]{36}|\bpypi-[A-Za-z0-9_-]{50,}"
            r"|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
            r"|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*",
            re.DOTALL,
        ),
        ("-----BEGIN", "sk-", "sk_", "rk_", "rk-", "pk_", "pk-", "AKIA", "ASIA", "AGPA", "AROA", "AIDA", "gh", "glpat-",
         "xox", "AIza", "ya29.", "hf_", "gsk_", "xai-", "pplx-", "SG.", "npm_", "pypi-", "eyJ", "earer "),
    ),
    Pattern(
        "email",
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}\b"),
        ("@",),
    ),
    Pattern("card", re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.]*\d)"), check=is_card),
    Pattern("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"), check=is_iban),
    Pattern("ssn", re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])"), ("-",)),
    Pattern("phone", re.compile(r"(?<![\w+])\+[1-9]\d{0,2}(?:[ ./-]?(?:\(\d{1,4}\)|\d{1,4})){2,5}(?!\d)"), ("+",)),
    Pattern("ip", re.compile(rf"(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\d.]*\d)"), (".",)),
)  # fmt: skip

DEFAULT = ("secret", "email", "card", "iban", "ssn")
"""What ``SPANLOFT_REDACT=true`` takes out; ``all`` also the rest, which often means something harmless."""


def named(names: str) -> tuple[Pattern, ...]:
    """The patterns of a comma-separated list, of ``true`` (:data:`DEFAULT`) or of ``all``.

    Raises:
        ValueError: a name nobody knows; the message lists them.
    """
    wanted = [name.strip().lower() for name in names.split(",") if name.strip()]
    known = {pattern.name: pattern for pattern in PATTERNS}
    if wanted in (["true"], ["1"], ["yes"], ["on"]):
        wanted = list(DEFAULT)
    elif wanted == ["all"]:
        wanted = list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"unknown {', '.join(unknown)}; there are {', '.join(known)}, true and all")
    return tuple(known[name] for name in wanted)
