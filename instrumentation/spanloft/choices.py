"""Which instrumentor traces which library: a table, and the choice that follows from what is installed.

All families of instrumentors register the same entry point names, so the choice goes by distribution: for each
library the first candidate that is installed and supports the installed version. One library never gets two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points

from ._log import logger

GROUP = "opentelemetry_instrumentor"
_OTEL = "opentelemetry-instrumentation-"
_OPENINFERENCE = "openinference-instrumentation-"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to trace a library.

    ``distribution`` is the instrumentor's package, or ``None`` when the library traces itself (from version
    ``since`` on). ``any_version`` overrules a version range that is known to be too narrow. ``companion`` is a
    module with ``install(capture_content, provider)`` and ``remove()`` that completes the instrumentor, or makes the
    library trace itself. ``covers`` names libraries that must not be traced beside it, because both would report the
    same call.
    """

    distribution: str | None
    why: str
    since: int = 0
    any_version: bool = False
    companion: str | None = None
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Library:
    """A library that makes LLM calls: its name, its package, the module whose import means it is used."""

    name: str
    distribution: str
    module: str
    candidates: tuple[Candidate, ...]
    mostly_other: bool = False
    """Whether most apps that import it call no model by it: then a missing instrumentor is no news."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What traces an installed library, and why; ``instrumentor`` is ``None`` if nothing or the library itself does."""

    library: str
    version: str
    instrumentor: str | None
    instrumentor_version: str | None
    reason: str
    module: str = ""
    entry_point: EntryPoint | None = None
    candidate: Candidate | None = None
    missing: str | None = None
    """The distribution to install when there is none for the library."""
    mostly_other: bool = False


def _otel(name: str, why: str = "OpenTelemetry's own GenAI instrumentor", **more: object) -> Candidate:
    return Candidate(_OTEL + name, why, **more)  # type: ignore[arg-type]


def _openinference(name: str, why: str = "OpenInference", **more: object) -> Candidate:
    return Candidate(_OPENINFERENCE + name, why, **more)  # type: ignore[arg-type]


def _traceloop(name: str) -> Candidate:
    return Candidate(_OTEL + name, "OpenLLMetry")


_ANTHROPIC = "spanloft.anthropic_native"
_LANGCHAIN_CLIENTS = ("openai", "anthropic", "google-genai", "mistralai", "cohere", "ollama", "bedrock")

LIBRARIES: tuple[Library, ...] = (
    Library(
        "langchain",
        "langchain-core",
        "langchain_core",
        (
            _otel("genai-langchain", "one span per call together with the client's instrumentor"),
            _openinference("langchain", "OpenInference; its spans already report the client's calls",
                           covers=_LANGCHAIN_CLIENTS),
        ),
    ),
    Library("openai", "openai", "openai",
            (_otel("genai-openai", companion="spanloft.openai_fast"), _openinference("openai"), _traceloop("openai"))),
    Library(
        "anthropic",
        "anthropic",
        "anthropic",
        (
            _otel("genai-anthropic", "content, tools and system prompt; the SDK's own chat span is merged into it",
                  companion=_ANTHROPIC),
            _openinference("anthropic", companion=_ANTHROPIC),
            _traceloop("anthropic"),
        ),
    ),
    Library(
        "google-genai",
        "google-genai",
        "google.genai",
        (
            _otel("google-genai", "OpenTelemetry's own; its version range is narrower than what works",
                  any_version=True, companion="spanloft.google_calls"),
            _openinference("google-genai"),
            _traceloop("google-generativeai"),
        ),
    ),
    Library("llama-index", "llama-index-core", "llama_index.core",
            (_otel("genai-llama-index"), _openinference("llama-index"), _traceloop("llamaindex"))),
    Library("bedrock", "boto3", "boto3",
            (_openinference("bedrock", "OpenInference: reports input tokens with the cached ones"),
             _otel("genai-bedrock"), _traceloop("bedrock")), mostly_other=True),
    Library("litellm", "litellm", "litellm", (_openinference("litellm", companion="spanloft.litellm_names"),)),
    Library("vertexai", "google-cloud-aiplatform", "vertexai", (_openinference("vertexai"), _traceloop("vertexai")),
            mostly_other=True),
    Library("mistralai", "mistralai", "mistralai.client",
            (Candidate(None, "traces itself", since=3, companion="spanloft.mistral_native"),
             _openinference("mistralai"), _traceloop("mistralai"))),
    Library("cohere", "cohere", "cohere", (_openinference("cohere"), _traceloop("cohere"))),
    Library("ollama", "ollama", "ollama", (_openinference("ollama"), _traceloop("ollama"))),
    Library("openai-agents", "openai-agents", "agents",
            (_otel("genai-openai-agents"), _openinference("openai-agents"))),
    Library("crewai", "crewai", "crewai", (_openinference("crewai"), _traceloop("crewai"))),
    Library("dspy", "dspy", "dspy", (_otel("genai-dspy"), _openinference("dspy"))),
    Library("smolagents", "smolagents", "smolagents",
            (_openinference("smolagents", "OpenInference: reports the tools, too"), _otel("genai-smolagents"))),
    Library("agno", "agno", "agno", (_otel("genai-agno"), _openinference("agno"))),
    Library("pydantic-ai", "pydantic-ai-slim", "pydantic_ai",
            (Candidate(None, "traces itself", companion="spanloft.pydantic_native"),)),
    Library("promptflow", "promptflow-tracing", "promptflow.tracing",
            (Candidate(None, "traces itself once the app calls start_trace()"),)),
    Library("mcp", "mcp", "mcp", (Candidate(None, "traces itself", since=2), _openinference("mcp"))),
)  # fmt: skip
"""The table. A row lists candidates best first; the reasons are measured in the project's reference notes."""


def choose() -> list[Choice]:
    """The choice for every library of the table that is installed, for ``instrument()`` and ``spanloft doctor``."""
    instrumentors = _instrumentors()
    chosen: list[Choice] = []
    covered: dict[str, str] = {}
    for library in LIBRARIES:
        try:
            version = distribution(library.distribution).version
        except PackageNotFoundError:
            continue
        if library.name in covered:
            reason = f"not traced beside {covered[library.name]}, which reports the same calls"
            chosen.append(Choice(library.name, version, None, None, reason, library.module))
            continue
        choice = _choose_for(library, version, instrumentors)
        chosen.append(choice)
        for name in choice.candidate.covers if choice.candidate else ():
            covered[name] = choice.instrumentor or library.name
    return chosen


def names_in_table() -> frozenset[str]:
    """Distributions of all instrumentors in the table: auto-instrumentation leaves these to us."""
    return frozenset(c.distribution for library in LIBRARIES for c in library.candidates if c.distribution)


def _choose_for(library: Library, version: str, instrumentors: Mapping[str, EntryPoint]) -> Choice:
    notes: list[str] = []
    for candidate in library.candidates:
        if candidate.distribution is None:
            if _major(version) >= candidate.since:
                return Choice(library.name, version, None, None, candidate.why, library.module, None, candidate)
            continue
        entry = instrumentors.get(candidate.distribution)
        if entry is None or entry.dist is None:
            continue
        if entry.name in _disabled():
            notes.append(f"{candidate.distribution} is disabled by OTEL_PYTHON_DISABLED_INSTRUMENTATIONS")
            continue
        conflict = None if candidate.any_version else _conflict(entry.dist)
        if conflict:
            notes.append(f"{candidate.distribution} refused: {conflict}")
            continue
        reason = "; ".join([candidate.why, *notes])
        return Choice(
            library.name,
            version,
            candidate.distribution,
            entry.dist.version,
            reason,
            library.module,
            entry,
            candidate,
        )
    wanted = next((c.distribution for c in library.candidates if c.distribution), None)
    reason = "; ".join(notes) or f"no instrumentor installed: pip install {wanted}"
    missing = None if notes else wanted
    return Choice(
        library.name, version, None, None, reason, library.module, missing=missing, mostly_other=library.mostly_other
    )


def _instrumentors() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        if entry.dist is not None:
            found.setdefault(entry.dist.name.lower().replace("_", "-"), entry)
    return found


def _conflict(dist: Distribution) -> str | None:
    """Why the instrumentor refuses the installed library, from its metadata: no import of either is needed."""
    from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts

    try:
        conflict = get_dist_dependency_conflicts(dist)
    except Exception as error:
        logger.debug("cannot read the requirements of %s", dist.name, exc_info=True)
        return repr(error)
    return str(conflict) if conflict else None


@cache
def _disabled_from(value: str) -> frozenset[str]:
    return frozenset(name.strip() for name in value.split(",") if name.strip())


def _disabled() -> frozenset[str]:
    return _disabled_from(os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", ""))


def _major(version: str) -> int:
    head = version.split(".")[0]
    return int(head) if head.isdigit() else 0
