"""The scanner that the settings ask for: with a larger model, a moderation model or Presidio if the user has them."""

from __future__ import annotations

from spanloft_collector.signals.security.classifier import SequenceClassifier
from spanloft_collector.signals.security.pii import presidio_finder, require_presidio
from spanloft_collector.signals.security.scan import Extras, Scanner

INJECTION_SETTING = "SPANLOFT_INJECTION_MODEL"
MODERATION_SETTING = "SPANLOFT_MODERATION_MODEL"


def create_scanner(
    *,
    injection_model: str | None = None,
    moderation_model: str | None = None,
    pii_engine: str = "builtin",
    redact_stored: str = "off",
) -> Scanner:
    """A scanner; the arguments are the settings of the same names.

    Raises:
        SpanloftError: a setting asks for a library that is missing; says which and how to install it.
    """
    return Scanner(
        extras=Extras(
            detector=SequenceClassifier(injection_model, INJECTION_SETTING) if injection_model else None,
            moderator=SequenceClassifier(moderation_model, MODERATION_SETTING) if moderation_model else None,
            personal=presidio_finder() if pii_engine == "presidio" else None,
            markers=redact_stored != "off",
        )
    )


def require(injection_model: str | None, moderation_model: str | None, pii_engine: str) -> None:
    """Check that the libraries of the settings are there, without loading one.

    Raises:
        SpanloftError: one is missing; says which and how to install it.
    """
    for name, setting in (
        (injection_model, "SPANLOFT_INJECTION_MODEL"),
        (moderation_model, "SPANLOFT_MODERATION_MODEL"),
    ):
        if name:
            SequenceClassifier(name, setting)
    if pii_engine == "presidio":
        require_presidio()
