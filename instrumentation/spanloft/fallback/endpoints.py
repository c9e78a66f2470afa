"""Which HTTP requests may be LLM calls: by the end of their path, any host. Everything else costs one comparison."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from . import anthropic_api, bedrock_api, google_api, ollama_api, openai_api
from .api import Api

ENDINGS = (
    "/completions",
    "/responses",
    "/embeddings",
    "/messages",
    ":generateContent",
    ":streamGenerateContent",
    ":embedContent",
    ":batchEmbedContents",
    ":rawPredict",
    ":streamRawPredict",
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/converse",
    "/converse-stream",
    "/invoke",
    "/invoke-with-response-stream",
)
"""What the path of an LLM endpoint ends in."""

_ROUTES: tuple[tuple[re.Pattern[str], Api, str], ...] = tuple(
    (re.compile(pattern), api, provider)
    for pattern, api, provider in (
        (r"/chat/completions\Z", openai_api.CHAT, "openai"),
        (r"/(?:fim|agents)/completions\Z", openai_api.CHAT, "mistral_ai"),
        (r"/completions\Z", openai_api.COMPLETIONS, "openai"),
        (r"/responses\Z", openai_api.RESPONSES, "openai"),
        (r"/api/embed(?:dings)?\Z", ollama_api.EMBED, "ollama"),
        (r"/embeddings\Z", openai_api.EMBEDDINGS, "openai"),
        (r"/messages\Z", anthropic_api.MESSAGES, "anthropic"),
        (r"odels/(?P<model>[^/:]+):(?:g|streamG)enerateContent\Z", google_api.GENERATE, "gcp.gemini"),
        (r"odels/(?P<model>[^/:]+):(?:embedContent|batchEmbedContents)\Z", google_api.EMBED, "gcp.gemini"),
        (r"odels/(?P<model>[^/:]+):(?:r|streamR)awPredict\Z", anthropic_api.MESSAGES, "gcp.vertex_ai"),
        (r"/api/chat\Z", ollama_api.CHAT, "ollama"),
        (r"/api/generate\Z", ollama_api.GENERATE, "ollama"),
        (r"/model/(?P<model>[^/]+)/converse(?:-stream)?\Z", bedrock_api.CONVERSE, "aws.bedrock"),
        (r"/model/(?P<model>[^/]+)/invoke(?:-with-response-stream)?\Z", bedrock_api.INVOKE, "aws.bedrock"),
    )
)

_HOSTS: tuple[tuple[str, str], ...] = (
    ("api.openai.com", "openai"),
    (".openai.azure.com", "azure.ai.openai"),
    (".cognitiveservices.azure.com", "azure.ai.openai"),
    (".services.ai.azure.com", "azure.ai.inference"),
    (".models.ai.azure.com", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    (".amazonaws.com", "aws.bedrock"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "x_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("api.together.xyz", "together_ai"),
    ("api.together.ai", "together_ai"),
    ("api.fireworks.ai", "fireworks"),
    ("openrouter.ai", "openrouter"),
    ("api.cerebras.ai", "cerebras"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("ollama.com", "ollama"),
)
"""Hosts, by their end, and the providers behind them."""

_DEPLOYMENT = re.compile(r"/openai/deployments/(?P<model>[^/]+)/")
OLLAMA_PORT = 11434


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A request that may be an LLM call. ``model`` is the one in its path, if there is one.

    ``known`` is whether the host is a provider's: an answer without the expected shape is reported too.
    """

    api: Api
    provider: str
    host: str
    port: int | None
    model: str | None
    known: bool
    streams: bool


def find_endpoint(host: str, port: int | None, path: str) -> Endpoint | None:
    """The endpoint of a request's path (without its query), or ``None``."""
    route = next((route for route in _ROUTES if route[0].search(path)), None)
    if route is None:
        return None
    pattern, api, provider = route
    found = pattern.search(path)
    assert found is not None
    by_host = next((name for ending, name in _HOSTS if host == ending.lstrip(".") or host.endswith(ending)), None)
    if by_host is None and port == OLLAMA_PORT:
        by_host = "ollama"
    in_path = found if "model" in pattern.groupindex else _DEPLOYMENT.search(path)
    model = unquote(in_path["model"]) if in_path is not None else None
    streams = "stream" in path[found.start() :]
    return Endpoint(api, by_host or provider, host, port, model, by_host is not None, streams)
