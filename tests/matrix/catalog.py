"""The libraries of the matrix: what is installed into an environment of its own, and which app is run in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Library:
    """A row of the matrix.

    ``packages`` are requirements of the library, the first one names it in the table; ``extra`` the extra of
    ``spanloft`` that the user installs; ``app`` the file in ``apps/`` without ``_app.py``. Libraries with the same
    ``environment`` share one.
    """

    name: str
    packages: tuple[str, ...]
    extra: str = ""
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
    Library("google-genai", ("google-genai",)),
    Library(
        "langchain",
        ("langchain", "langgraph", "langchain-openai", "langchain-anthropic"),
    ),
    Library(
        "llama-index",
        ("llama-index-core", "llama-index-llms-openai", "llama-index-embeddings-openai"),
    ),
    Library("litellm", ("litellm", "mcp")),
    Library("bedrock", ("boto3",)),
    Library("mistralai", ("mistralai",)),
    Library("cohere", ("cohere",), extra="cohere"),
    Library("ollama", ("ollama",), extra="ollama"),
    Library("openai-agents", ("openai-agents",)),
    Library("pydantic-ai", ("pydantic-ai-slim[openai]",)),
    Library("mcp", ("mcp",)),
    Library("crewai", ("crewai",), extra="crewai"),
    Library("dspy", ("dspy", "numpy")),
    Library("smolagents", ("smolagents[openai]",), extra="smolagents"),
    Library("vertexai", ("google-cloud-aiplatform",), extra="vertexai"),
    Library("promptflow", ("promptflow-tracing", "promptflow-core", "openai")),
)
