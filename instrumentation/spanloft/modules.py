"""The modules whose import means that a process may make LLM calls. Apart, because reading it must cost nothing."""

MODULES = (
    "openai",
    "anthropic",
    "google.genai",
    "langchain_core",
    "llama_index.core",
    "boto3",
    "litellm",
    "vertexai",
    "mistralai",
    "cohere",
    "ollama",
    "agents",
    "crewai",
    "dspy",
    "smolagents",
    "agno",
    "pydantic_ai",
    "mcp",
    "opentelemetry.trace",
)
