"""mistralai 3.x traces itself, but only for those who ask for it: here ``instrument()`` asks.

Its spans always hold the messages. So without content its tracing is off, and the transport fallback reports the
calls instead, which knows how to leave the texts out.
"""

from __future__ import annotations

import os

from opentelemetry.trace import TracerProvider

BESIDE_OTHERS = False
"""Whether it is wanted, too, when the app itself switched an instrumentor on."""

_SWITCH = "MISTRAL_SDK_TELEMETRY"
_before: list[str | None] = []


def install(capture_content: bool, provider: TracerProvider) -> None:
    """Has clients report to the global provider, unless the user decided otherwise. ``remove`` undoes it.

    Clients read the switch at their first request.
    """
    if _before or (capture_content and os.environ.get(_SWITCH)):
        return
    _before.append(os.environ.get(_SWITCH))
    os.environ[_SWITCH] = "global" if capture_content else "false"


def remove() -> None:
    """Puts the user's value back."""
    while _before:
        value = _before.pop()
        if value is None:
            os.environ.pop(_SWITCH, None)
        else:
            os.environ[_SWITCH] = value
