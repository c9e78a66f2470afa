"""Personal data by Presidio, beside the built-in patterns: names of people and places where a language model is there.

Presidio's pattern recognisers need no model. They run with a blank pipeline, which knows words and nothing else; a
pipeline that is installed (``en_core_web_sm`` and the like) adds names and places.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from spanloft_collector.errors import SpanloftError
from spanloft_collector.signals.security.leaks import Leak

EXTRA = "spanloft[presidio]"
SETTING = "SPANLOFT_PII_ENGINE"
LANGUAGE = "en"
LOWEST_SCORE = 0.5
_PIPELINES = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")
# Personal in no sense.
_NOT_WANTED = frozenset(["DATE_TIME", "NRP"])
# These fetch a list of top-level domains; addresses are found by the built-in patterns.
_FETCHING = ("EmailRecognizer", "UrlRecognizer")
_SEVERE = frozenset(["CREDIT_CARD", "US_SSN", "IBAN_CODE", "US_BANK_NUMBER", "US_PASSPORT", "MEDICAL_LICENSE"])


def require_presidio() -> None:
    """Check that Presidio is installed.

    Raises:
        SpanloftError: it or spaCy is missing; says what to do.
    """
    for library in ("presidio_analyzer", "spacy"):
        if importlib.util.find_spec(library) is None:
            raise SpanloftError(
                f'{SETTING}=presidio: {library} is missing; pip install "{EXTRA}", or set it to builtin'
            )


def presidio_finder() -> Callable[[str], list[Leak]]:
    """A function that finds personal data in a text.

    Raises:
        SpanloftError: Presidio or spaCy is missing, or can't be set up; says what to do.
    """
    require_presidio()
    engine = _engine()

    def find(text: str) -> list[Leak]:
        found = engine.analyze(text, language=LANGUAGE, score_threshold=LOWEST_SCORE)
        return [_leak(text, result) for result in found if result.entity_type not in _NOT_WANTED]

    return find


def _engine() -> Any:
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class InstalledPipeline(SpacyNlpEngine):  # type: ignore[misc] # presidio has no types where it is not installed
        """The pipeline that is installed, or a blank one; Presidio's own would be downloaded."""

        def load(self) -> None:
            name = next((name for name in _PIPELINES if importlib.util.find_spec(name) is not None), None)
            self.nlp = {LANGUAGE: spacy.load(name) if name else spacy.blank(LANGUAGE)}

    try:
        engine = InstalledPipeline()
        engine.load()
        analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=[LANGUAGE])
        for name in _FETCHING:
            analyzer.registry.remove_recognizer(name)
        return analyzer
    except (OSError, ValueError, ImportError) as error:
        raise SpanloftError(f"{SETTING}=presidio: Presidio can't be set up ({error}); set it to builtin") from error


def _leak(text: str, result: Any) -> Leak:
    kind = result.entity_type.lower()
    severity = "high" if result.entity_type in _SEVERE else "low"
    return Leak(
        result.start, result.end, kind, "personal", severity, round(float(result.score), 2),
        f"[{result.entity_type}]", "presidio",
    )  # fmt: skip
