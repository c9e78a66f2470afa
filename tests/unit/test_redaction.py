"""Redaction: what must go goes, what looks like it stays, and nothing that fails lets a text out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, Status, StatusCode
from spanloft.redaction import FAILED, REDACTED, RedactingProcessor, Redactor, make_redactor
from spanloft.redaction_patterns import PATTERNS, named

ALL = Redactor(PATTERNS)
FOUND = [
    ("sk-proj-abcDEF1234567890abcDEF1234567890", "[SECRET]"),
    ("sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789", "[SECRET]"),
    ("AKIAIOSFODNN7EXAMPLE", "[SECRET]"),
    ("ghp_" + "a1B2" * 9, "[SECRET]"),
    ("AIza" + "SyA-1234_" * 4, "[SECRET]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", "[SECRET]"),
    ("Bearer abcdefghijklmnop1234567890==", "Bearer [SECRET]"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----", "[SECRET]"),
    ("jane.doe+x@mail.example.com", "[EMAIL]"),
    ("jürgen@bücher.example.de", "[EMAIL]"),
    ("4111 1111 1111 1111", "[CARD]"),
    ("5555-5555-5555-4444", "[CARD]"),
    ("378282246310005", "[CARD]"),
    ("DE89 3704 0044 0532 0130 00", "[IBAN]"),
    ("GB82WEST12345698765432", "[IBAN]"),
    ("536-22-1234", "[SSN]"),
    ("+49 30 901820", "[PHONE]"),
    ("192.168.17.4", "[IP]"),
]
HARMLESS = [
    "4111 1111 1111 1112",
    "order 1234567890123456",
    "1764000000000000000",
    "DE00 3704 0044 0532 0130 00",
    "task-force skiing",
    "a @ b",
    "@mention",
    "version 1.2.3",
    "000-12-3456",
    "3.14159265358979323846",
    "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz123",
]


@pytest.mark.parametrize(("text", "marker"), FOUND)
@pytest.mark.parametrize("around", ["{}", "it is {}, yes", "({})", "first\n{}\nlast", "é{}.".replace("é", "é ")])
def test_found(text: str, marker: str, around: str) -> None:
    assert ALL.value("k", around.format(text)) == around.format(marker)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless(text: str) -> None:
    assert ALL.value("k", text) == text


@pytest.mark.parametrize(("text", "marker"), FOUND)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_inside_json(text: str, marker: str, ascii_only: bool) -> None:
    said = [{"role": "user", "parts": [{"type": "text", "content": f'line\n{text}\n"quoted"'}]}]
    inner = json.dumps({"arguments": json.dumps({"to": text})}, ensure_ascii=ascii_only)
    clean = json.loads(ALL.value("k", json.dumps([said, inner], ensure_ascii=ascii_only)))
    assert clean[0][0]["parts"][0]["content"] == f'line\n{marker}\n"quoted"'
    assert json.loads(json.loads(clean[1])["arguments"])["to"] == marker


def test_numbers_keys_lists_and_bytes() -> None:
    value = {"4111111111111111": [4111111111111111, 17, True, None, 1.5], "raw": b"\xff me@example.com"}
    assert ALL.value("k", value) == {"[CARD]": ["[CARD]", 17, True, None, 1.5], "raw": b"\xff [EMAIL]"}
    assert ALL.value("k", ("me@example.com", "x")) == ("[EMAIL]", "x")


@pytest.mark.parametrize(("text", "marker"), FOUND)
def test_json_that_was_cut_off(text: str, marker: str) -> None:
    cut = json.dumps([{"content": f"a\n{text}\n and more"}])[:-8]
    clean = ALL.value("k", cut)
    secret = text.removeprefix("Bearer ")
    assert secret not in clean
    assert "MIIEow" not in clean


def test_untouched_json_keeps_its_form() -> None:
    text = '{"a": 1,\t"b": "\\u00e9 none"}'
    assert ALL.value("k", text) is text


def test_whole_fields() -> None:
    redactor = Redactor(fields=["gen_ai.input.*", "user.id"])
    attributes = {"gen_ai.input.messages": "[]", "user.id": 17, "gen_ai.output.messages": "x"}
    clean = redactor.attributes(attributes)
    assert clean == {"gen_ai.input.messages": REDACTED, "user.id": REDACTED, "gen_ai.output.messages": "x"}


def test_function_sees_each_text_and_its_key() -> None:
    seen = []

    def function(key: str, text: str) -> str | None:
        seen.append((key, text))
        return None if text == "gone" else text.replace("Jane", "J.")

    redactor = Redactor(PATTERNS, function=function)
    clean = redactor.value("k", json.dumps({"said": "Jane, me@example.com", "x": "gone"}))
    assert json.loads(clean) == {"said": "J., [EMAIL]", "x": REDACTED}
    assert ("k", "Jane, [EMAIL]") in seen


@pytest.mark.parametrize("answer", [1, b"x", ["x"], ValueError("no"), KeyboardInterrupt, RecursionError()])
def test_failing_function_lets_nothing_out(answer: Any) -> None:
    def function(key: str, text: str) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert Redactor(function=function).attributes({"a": "secret", "b": 1}) == {"a": FAILED, "b": 1}


def test_too_deep() -> None:
    value: Any = "me@example.com"
    for _ in range(200):
        value = [value]
    assert ALL.value("k", value) == FAILED


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_never_raises(value: Any) -> None:
    ALL.value("k", value)


@pytest.mark.parametrize("text", ["a" * 200_000, "1 " * 100_000, "a@" * 100_000, "+1 (" * 50_000, "eyJ" * 60_000,
                                  "sk-" * 60_000, "a." * 100_000 + "@", "AB12 " * 40_000, "1.1." * 50_000])  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    import time

    start = time.process_time()
    ALL.value("k", text)
    assert time.process_time() - start < 2


def test_names() -> None:
    assert [pattern.name for pattern in named("email, card")] == ["email", "card"]
    assert [pattern.name for pattern in named("true")] == ["secret", "email", "card", "iban", "ssn"]
    with pytest.raises(ValueError, match="unknown mail"):
        named("mail")


def test_unknown_names_redact_more_not_less() -> None:
    redactor = make_redactor("mail", "", ())
    assert redactor is not None
    assert redactor.value("k", "me@example.com") == "[EMAIL]"
    assert make_redactor(None, "", ()) is None


def ended(redactor: Redactor) -> ReadableSpan:
    """A span with the same text everywhere, seen by a processor that was there before ours."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.add_span_processor(RedactingProcessor(redactor))
    text = "me@example.com"
    link = Link(SpanContext(1, 2, False), {"a": text})
    with provider.get_tracer("t").start_as_current_span(f"for {text}", attributes={"a": text}, links=[link]) as span:
        span.add_event("e", {"a": text})
        span.record_exception(ValueError(text))
        span.set_attribute("list", ["x", text])
        span.set_status(Status(StatusCode.ERROR, text))
    return memory.get_finished_spans()[0]


def test_all_of_a_span_also_for_processors_of_the_app() -> None:
    span = ended(ALL)
    assert "me@example.com" not in span.to_json()
    assert span.attributes == {"a": "[EMAIL]", "list": ("x", "[EMAIL]")}
    assert span.name == "for [EMAIL]"
    assert span.status.status_code is StatusCode.ERROR


def test_a_broken_redactor_strips_the_span(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor(PATTERNS)
    monkeypatch.setattr(redactor, "attributes", lambda attributes: 1 / 0)
    span = ended(redactor)
    assert "me@example.com" not in span.to_json()
    assert span.attributes == {"a": FAILED, "list": FAILED}
