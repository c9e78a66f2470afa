"""Real SDKs under two or three instrumentors at once: every call that the provider billed counts once, and right."""

import base64
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

IDS = re.compile(r'"(traceId|spanId|parentSpanId)": "([^"]*)"')


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    # Instrumentors patch the libraries for good: they get a process of their own.
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    }
    command = [sys.executable, __file__, str(tmp_path_factory.mktemp("ledger") / "ledger.jsonl")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


CASES = (
    *("anthropic create", "anthropic create stream", "anthropic stream context"),
    *("openai chat", "openai chat stream", "openai responses", "openai embeddings", "openai twice"),
)


@pytest.mark.parametrize("case", CASES)
def test_every_call_counts_once(runs, case):
    rows, bills = runs[case]["rows"], runs[case]["bills"]
    reports = [row for row in rows if row.get("usage_source")]
    counted = [row for row in reports if "duplicate_of" not in row]
    assert len(reports) >= 2 * len(bills), "the second instrumentor did not report"
    ours = sorted((row["input_tokens"], row.get("output_tokens", 0)) for row in counted)
    assert ours == sorted((bill["input_tokens"], bill["output_tokens"]) for bill in bills)
    assert all(row["cost_usd"] is not None for row in counted)


@pytest.mark.parametrize("case", [case for case in CASES if "embeddings" not in case])
def test_the_span_that_counts_has_the_messages(runs, case):
    counted = [row for row in runs[case]["rows"] if row.get("usage_source") and "duplicate_of" not in row]
    assert all("output_messages" in row for row in counted)


def record(ledger: Path) -> dict:
    """Run the calls under all instrumentors that are installed; rows and bills per case."""
    from fake_provider import FakeProvider
    from google.protobuf import json_format
    from openinference.instrumentation import anthropic as openinference_anthropic
    from openinference.instrumentation import openai as openinference_openai
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.instrumentation.genai import anthropic as otel_anthropic
    from opentelemetry.instrumentation.genai import openai as otel_openai
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from otlp_json import rows

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    for module in (otel_anthropic, openinference_anthropic):
        module.AnthropicInstrumentor().instrument(tracer_provider=provider)
    for module in (otel_openai, openinference_openai):
        module.OpenAIInstrumentor().instrument(tracer_provider=provider)

    out = {}
    with FakeProvider(ledger) as fake:
        for name, call in calls(fake.url):
            exporter.clear()
            before = len(fake.bills())
            call()
            message = json_format.MessageToDict(
                encode_spans(exporter.get_finished_spans()), use_integers_for_enums=True
            )
            text = IDS.sub(lambda m: f'"{m[1]}": "{base64.b64decode(m[2]).hex()}"', json.dumps(message))
            out[name] = {"rows": rows(json.loads(text)), "bills": fake.bills(before)}
    return out


def calls(url: str):
    import anthropic
    import openai

    claude = anthropic.Anthropic(base_url=url, api_key="none").messages
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none")
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    haiku = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": messages}
    gpt = {"model": "gpt-4o", "messages": messages}

    def in_context():
        with claude.stream(**haiku) as stream:
            stream.get_final_message()

    usage = {"stream": True, "stream_options": {"include_usage": True}}
    yield "anthropic create", lambda: claude.create(**haiku)
    yield "anthropic create stream", lambda: list(claude.create(stream=True, **haiku))
    yield "anthropic stream context", in_context
    yield "openai chat", lambda: client.chat.completions.create(**gpt)
    yield "openai chat stream", lambda: list(client.chat.completions.create(**gpt, **usage))
    yield "openai responses", lambda: client.responses.create(model="gpt-4o", input="hi")
    yield "openai embeddings", lambda: client.embeddings.create(model="text-embedding-3-small", input="hi")
    yield "openai twice", lambda: [client.chat.completions.create(**gpt) for _ in range(2)]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(record(Path(sys.argv[1]))))
