"""The libraries of the matrix: what is installed into an environment of its own, and which app is run in it."""

from __future__ import annotations

from dataclasses import dataclass

_OTEL = "opentelemetry-instrumentation-"
_OPENINFERENCE = "openinference-instrumentation-"


@dataclass(frozen=True, slots=True)
class Library:
    """A row of the matrix.

    ``packages`` are requirements of the library, the first one names it in the table; ``instrumentors`` what the
    user installs beside ``spanloft``; ``app`` the file in ``apps/`` without ``_app.py``. Libraries with the same
    ``environment`` share one.
    """

    name: str
    packages: tuple[str, ...]
    instrumentors: tuple[str, ...] = ()
    app: str = ""
    environment: str = ""

    @property
    def app_file(self) -> str:
        return f"{self.app or self.name.replace('-', '_')}_app.py"

    @property
    def environment_name(self) -> str:
        return self.environment or self.name


LIBRARIES: tuple[Library, ...] = (
    Library("openai", ("openai",)),
    Library("anthropic", ("anthropic",)),
    Library("google-genai", ("google-genai",), (_OTEL + "google-genai",)),
    Library(
        "langchain",
        ("langchain", "langgraph", "langchain-openai", "langchain-anthropic"),
        (_OTEL + "genai-langchain",),
    ),
    Library(
        "llama-index",
        ("llama-index-core", "llama-index-llms-openai", "llama-index-embeddings-openai"),
        (_OTEL + "genai-llama-index",),
    ),
    Library("litellm", ("litellm", "mcp"), (_OPENINFERENCE + "litellm",)),
    Library("bedrock", ("boto3",), (_OPENINFERENCE + "bedrock",)),
    Library("mistralai", ("mistralai",)),
    Library("cohere", ("cohere",), (_OPENINFERENCE + "cohere",)),
    Library("ollama", ("ollama",), (_OPENINFERENCE + "ollama",)),
    Library("openai-agents", ("openai-agents",), (_OTEL + "genai-openai-agents",)),
    Library("pydantic-ai", ("pydantic-ai-slim[openai]",)),
    Library("mcp", ("mcp",)),
    Library("crewai", ("crewai",), (_OPENINFERENCE + "crewai",)),
    Library("dspy", ("dspy", "numpy"), (_OTEL + "genai-dspy",)),
    Library("smolagents", ("smolagents[openai]",), (_OPENINFERENCE + "smolagents",)),
    Library("vertexai", ("google-cloud-aiplatform",), (_OPENINFERENCE + "vertexai",)),
    Library("promptflow", ("promptflow-tracing", "promptflow-core", "openai")),
)
