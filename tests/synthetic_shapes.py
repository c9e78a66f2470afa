"""Shapes of the synthetic traffic: the models with their prices and speeds, and the trees of spans."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Model:
    """A model: provider, US dollars per million tokens (input, cached input, output), speed. No price: unpriced."""

    name: str
    provider: str
    price: tuple[float, float, float] | None
    tokens_per_s: float
    ttft_ms: float


MODELS = [
    Model("gpt-5", "openai", (1.25, 0.125, 10.0), 70, 900),
    Model("gpt-4.1-mini", "openai", (0.4, 0.1, 1.6), 95, 420),
    Model("claude-sonnet-4-5", "anthropic", (3.0, 0.3, 15.0), 62, 1100),
    Model("claude-haiku-4-5", "anthropic", (1.0, 0.1, 5.0), 130, 480),
    Model("gemini-2.5-flash", "gcp.gemini", (0.3, 0.075, 2.5), 160, 350),
    Model("gemini-2.5-pro", "gcp.gemini", (1.25, 0.31, 10.0), 80, 1300),
    Model("ft:gpt-4.1-mini:acme:triage", "openai", None, 90, 450),
    Model("qwen3-32b-awq", "vllm", None, 55, 240),
    Model("text-embedding-3-small", "openai", (0.02, 0.02, 0.0), 0, 0),
]
INDEX = {model.name: position for position, model in enumerate(MODELS)}


@dataclass
class Node:
    """A span of a template; ``models`` are weighted choices, ``tokens`` the medians of input and output."""

    operation: str | None
    name: str
    children: list[Node] = field(default_factory=list)
    models: dict[str, float] = field(default_factory=dict)
    tokens: tuple[int, int] = (0, 0)
    median_ms: float = 8.0
    stream: bool = False
    cached: float = 0.0


@dataclass
class Template:
    """A kind of request: who serves it, its share of the traces, and its tree of spans."""

    service: str
    weight: float
    root: Node
    user_facing: bool = True


def _embed() -> Node:
    return Node("embeddings", "embeddings text-embedding-3-small", [], {"text-embedding-3-small": 1}, (320, 0), 110)


TEMPLATES = [
    Template(
        "support-bot",
        0.34,
        Node(
            "invoke_agent",
            "invoke_agent support",
            [
                Node("chat", "chat", [], {"gpt-5": 0.6, "gpt-4.1-mini": 0.4}, (1400, 120), stream=True, cached=0.5),
                Node("execute_tool", "execute_tool find_order", median_ms=140),
                Node("chat", "chat", [], {"gpt-5": 0.6, "gpt-4.1-mini": 0.4}, (1750, 260), stream=True, cached=0.6),
            ],
        ),
    ),
    Template(
        "docs-search",
        0.30,
        Node(
            None,
            "POST /ask",
            [
                _embed(),
                Node("retrieval", "retrieval handbook", median_ms=60),
                Node("chat", "chat", [], {"gemini-2.5-flash": 0.8, "gemini-2.5-pro": 0.2}, (3200, 340), stream=True),
            ],
        ),
    ),
    Template(
        "coding-agent",
        0.10,
        Node(
            "invoke_agent",
            "invoke_agent engineer",
            [
                Node("chat", "chat", [], {"claude-haiku-4-5": 1}, (5200, 420), stream=True, cached=0.7),
                Node(
                    "invoke_agent",
                    "invoke_agent reviewer",
                    [
                        Node("execute_tool", "execute_tool read_file", median_ms=35),
                        Node("chat", "chat", [], {"claude-haiku-4-5": 1}, (8400, 700), stream=True, cached=0.8),
                        Node("execute_tool", "execute_tool run_tests", median_ms=2600),
                        Node("chat", "chat", [], {"claude-haiku-4-5": 1}, (9900, 500), stream=True, cached=0.8),
                    ],
                ),
                Node("execute_tool", "execute_tool write_file", median_ms=30),
                Node("chat", "chat", [], {"claude-haiku-4-5": 1}, (10800, 380), stream=True, cached=0.8),
            ],
        ),
    ),
    Template(
        "ticket-triage",
        0.20,
        Node(
            "chat",
            "chat",
            [],
            {"gpt-4.1-mini": 0.82, "ft:gpt-4.1-mini:acme:triage": 0.12, "qwen3-32b-awq": 0.06},
            (640, 45),
        ),
        user_facing=False,
    ),
    Template("indexer", 0.06, _embed(), user_facing=False),
]


def size(node: Node) -> int:
    """Number of spans of a template."""
    return 1 + sum(size(child) for child in node.children)
