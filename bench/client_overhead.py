"""What tracing adds to one LLM call: nothing, a hand-written span, ``spanloft.instrument()``, two peers' SDKs.

    python bench/client_overhead.py [--calls 300] [--rounds 5] [--no-peers]

The peers (OpenInference, and OpenLLMetry by Traceloop) get an environment of their own, ``.matrix/peers``.

Each round is a fresh process: blocks of 20 calls of each kind take turns against the fake provider in another
process, so drift hits all kinds alike. All kinds of span record the messages as JSON and go through the same exporter
to a local sink; one call is one span, whoever makes it. Reported is the CPU time of the calling thread per call: the
median of the medians (p50) and of the tenth percentiles (p10) over the rounds, with the range. The whole-process
figure includes the export.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
BLOCK = 20
KINDS = ("bare", "hand-written", "spanloft")
PEERS = {
    "OpenInference": ("openinference.instrumentation.openai", "openinference-instrumentation-openai"),
    "OpenLLMetry": ("opentelemetry.instrumentation.openai", "opentelemetry-instrumentation-openai"),
}
SYSTEM = "You are the support assistant of a shop for outdoor gear. Answer briefly and name the rule. " * 6
QUESTION = "I wore my new hiking boots once and they pinch. Can I still get a refund, and how long does it take? " * 4
CALL: dict[str, Any] = {
    "model": "gpt-4o",
    "temperature": 0.3,
    "max_tokens": 400,
    "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}],
}


def hand_written(create: Callable[..., Any], tracer: Any) -> Callable[..., Any]:
    """The span a careful engineer would write around the call, with the same content."""
    from opentelemetry.trace import SpanKind, Status, StatusCode

    def call(**request: Any) -> Any:
        with tracer.start_as_current_span(f"chat {request['model']}", kind=SpanKind.CLIENT) as span:
            span.set_attributes(
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.provider.name": "openai",
                    "gen_ai.request.model": request["model"],
                    "gen_ai.request.temperature": request["temperature"],
                    "gen_ai.request.max_tokens": request["max_tokens"],
                    "gen_ai.input.messages": json.dumps(
                        [
                            {"role": m["role"], "parts": [{"type": "text", "content": m["content"]}]}
                            for m in request["messages"]
                        ],
                        ensure_ascii=False,
                    ),
                }
            )
            try:
                answer = create(**request)
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, str(error)))
                span.set_attribute("error.type", type(error).__qualname__)
                raise
            choice = answer.choices[0]
            span.set_attributes(
                {
                    "gen_ai.response.id": answer.id,
                    "gen_ai.response.model": answer.model,
                    "gen_ai.response.finish_reasons": [choice.finish_reason],
                    "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
                    "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
                    "gen_ai.output.messages": json.dumps(
                        [
                            {
                                "role": "assistant",
                                "parts": [{"type": "text", "content": choice.message.content}],
                                "finish_reason": choice.finish_reason,
                            }
                        ],
                        ensure_ascii=False,
                    ),
                }
            )
            return answer

    return call


def wrapped_methods() -> dict[tuple[Any, str], Any]:
    """What instrumentors of openai wrap on a synchronous chat call's way, as it is now."""
    import openai
    from openai.resources.chat.completions import Completions

    ways = ((Completions, "create"), (openai.OpenAI, "request"))
    # As it stands in the class: asked in the usual way, a wrapper gives a bound copy of itself.
    return {(owner, name): inspect.getattr_static(owner, name) for owner, name in ways}


def use(methods: dict[tuple[Any, str], Any]) -> None:
    """Puts methods in place."""
    for (owner, name), method in methods.items():
        setattr(owner, name, method)


def by_peer(module: str, provider: Any) -> dict[tuple[Any, str], Any]:
    """The methods as the peer's instrumentor wraps them. They are left as they were."""
    bare = wrapped_methods()
    importlib.import_module(module).OpenAIInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)
    traced = wrapped_methods()
    assert any(traced[way] is not bare[way] for way in bare), module
    use(bare)
    return traced


def one_round(calls: int, kinds: tuple[str, ...]) -> dict[str, dict[str, list[float]]]:
    """Thread and process CPU seconds of every call, by kind. Runs in a process of its own."""
    import openai
    import spanloft
    from opentelemetry.sdk.trace import TracerProvider
    from spanloft import core

    methods = {"bare": wrapped_methods(), "hand-written": wrapped_methods()}
    # Only ours pays for what ours does beside the span: the watch over the HTTP client, stamps, claims.
    others = TracerProvider(shutdown_on_exit=False)
    # First, because it leaves alone what somebody has instrumented already.
    spanloft.instrument()
    methods["spanloft"] = wrapped_methods()
    use(methods["bare"])
    for kind in kinds:
        if kind in PEERS:
            methods[kind] = by_peer(PEERS[kind][0], others)
    running = core.running()
    assert running is not None
    assert running.delivery is not None
    others.add_span_processor(running.delivery)
    client = openai.OpenAI(base_url=os.environ["FAKE_URL"] + "/v1", api_key="x")
    tracer = others.get_tracer("bench")
    times: dict[str, dict[str, list[float]]] = {kind: {"thread": [], "process": []} for kind in kinds}

    def block(kind: str, number: int, keep: bool) -> None:
        use(methods[kind])
        if running.fallback is not None:
            running.fallback.stop()
            if kind == "spanloft":
                running.fallback.start()
        made = client.chat.completions.create
        call = hand_written(made, tracer) if kind == "hand-written" else made
        process = time.process_time()
        for _ in range(number):
            start = time.thread_time()
            call(**CALL)
            if keep:
                times[kind]["thread"].append(time.thread_time() - start)
        if keep:
            spanloft.flush()
            times[kind]["process"].append((time.process_time() - process) / number)

    for kind in kinds:
        block(kind, 30, keep=False)
    for turn in range(calls // BLOCK):
        # Every kind comes at every place equally often.
        at = turn % len(kinds)
        for kind in kinds[at:] + kinds[:at]:
            block(kind, BLOCK, keep=True)
    return times


def summary(rounds: list[dict[str, dict[str, list[float]]]]) -> dict[str, dict[str, Any]]:
    """Per kind: added microseconds over the bare call, median over the rounds, with the range."""

    def p(values: list[float], percent: int) -> float:
        return sorted(values)[len(values) * percent // 100] * 1e6

    result: dict[str, dict[str, Any]] = {}
    for kind in rounds[0]:
        row: dict[str, Any] = {}
        for name, percent in (("p50", 50), ("p10", 10)):
            own = [p(times[kind]["thread"], percent) for times in rounds]
            added = [p(t[kind]["thread"], percent) - p(t["bare"]["thread"], percent) for t in rounds]
            row[name] = statistics.median(own)
            row[f"added {name}"] = statistics.median(added)
            row[f"range {name}"] = (min(added), max(added))
        row["process"] = statistics.median(
            statistics.median(t[kind]["process"]) - statistics.median(t["bare"]["process"]) for t in rounds
        ) * 1e6  # fmt: skip
        result[kind] = row
    return result


def peers_python() -> str:
    """The Python of an environment with ours and the peers' newest versions, made when it is not there yet."""
    folder = ROOT / ".matrix" / "peers"
    python = folder / "bin" / "python"
    stamp = folder / "ready"
    if not stamp.exists():
        uv = str(Path(sys.executable).with_name("uv"))
        packages = ["--editable", str(ROOT), "openai", *(package for _, package in PEERS.values())]
        subprocess.run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *packages], check=True)
        stamp.touch()
    return str(python)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=300, help="calls of each kind and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--no-peers", action="store_true", help="measure no peers; nothing is installed then")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    kinds = KINDS if options.no_peers else (*KINDS, *PEERS)
    if options.worker:
        print(json.dumps(one_round(options.calls, kinds)))
        return
    python = sys.executable if options.no_peers else peers_python()
    from fake_provider import FakeProvider
    from otlp_sink import otlp_sink

    rounds = []
    with tempfile.TemporaryDirectory() as folder, FakeProvider(Path(folder, "ledger")) as fake, otlp_sink() as sink:
        environment = {
            **os.environ,
            "FAKE_URL": fake.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "SPANLOFT_SPOOL": str(Path(folder, "spool")),
        }
        command = [python, __file__, "--worker", "--calls", str(options.calls)]
        command += ["--no-peers"] if options.no_peers else []
        for _ in range(options.rounds):
            run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            rounds.append(json.loads(run.stdout))
            sink.requests.clear()
    rows = summary(rounds)
    if options.json:
        print(json.dumps(rows))
        return
    print(f"{options.rounds} rounds of {options.calls} calls of each kind, us of CPU per call")
    print(f"{'':14} {'p50':>7} {'added p50':>20} {'p10':>7} {'added p10':>20} {'added, process':>15}")
    for kind, row in rows.items():
        spread = {n: f"{row[f'added {n}']:.0f} [{row[f'range {n}'][0]:.0f}..{row[f'range {n}'][1]:.0f}]" for n in ("p50", "p10")}  # noqa: E501  # fmt: skip
        print(f"{kind:14} {row['p50']:7.0f} {spread['p50']:>20} {row['p10']:7.0f} {spread['p10']:>20} {row['process']:15.0f}")  # noqa: E501  # fmt: skip
    ratio = rows["spanloft"]["added p50"] / rows["hand-written"]["added p50"]
    print(f"spanloft / hand-written: {ratio:.2f} (p50), "
          f"{rows['spanloft']['added p10'] / rows['hand-written']['added p10']:.2f} (p10); to reach: 1.5")  # fmt: skip


if __name__ == "__main__":
    main()
