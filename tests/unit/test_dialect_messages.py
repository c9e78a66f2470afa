"""Messages of every provider and framework end in the semconv shape."""

import json

import pytest
from spanloft_collector.dialects.messages import (
    documents,
    input_messages,
    output_messages,
    system_parts,
    tool_definitions,
)
from spanloft_collector.dialects.parts import to_part

TEXT = {"type": "text", "content": "hi"}


def user(*parts):
    return [{"role": "user", "parts": list(parts)}]


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ({"type": "text", "content": "hi"}, TEXT),
        ({"type": "text", "text": "hi"}, TEXT),
        ({"type": "input_text", "text": "hi"}, TEXT),
        ({"type": "output_text", "text": "hi", "annotations": []}, TEXT),
        ({"text": "hi"}, TEXT),
        ("hi", TEXT),
        (
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            {"type": "uri", "modality": "image", "uri": "https://x/y.png"},
        ),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,AAA"},
            {"type": "blob", "modality": "image", "content": "AAA", "mime_type": "image/png"},
        ),
        ({"type": "input_image", "file_id": "f"}, {"type": "file", "modality": "image", "file_id": "f"}),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAA"}},
            {"type": "blob", "modality": "image", "content": "AAA", "mime_type": "image/jpeg"},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://x"}},
            {"type": "uri", "modality": "image", "uri": "https://x"},
        ),
        (
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAA"}},
            {"type": "blob", "modality": "document", "content": "AAA", "mime_type": "application/pdf"},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAA", "format": "wav"}},
            {"type": "blob", "modality": "audio", "content": "AAA", "mime_type": "audio/wav"},
        ),
        ({"type": "file", "file": {"file_id": "f"}}, {"type": "file", "modality": "document", "file_id": "f"}),
        ({"type": "file", "modality": "image", "file_id": "f"}, {"type": "file", "modality": "image", "file_id": "f"}),
        (
            {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
            {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}},
        ),
        (
            {"type": "tool-call", "toolCallId": "c", "toolName": "f", "input": '{"a": 1}'},
            {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}},
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": 1}'},
            {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}},
        ),
        (
            {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "42"}]},
            {"type": "tool_call_response", "id": "c", "response": "42"},
        ),
        (
            {"type": "tool-result", "toolCallId": "c", "toolName": "f", "output": {"type": "text", "value": "42"}},
            {"type": "tool_call_response", "id": "c", "name": "f", "response": "42"},
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": "42"},
            {"type": "tool_call_response", "id": "c", "response": "42"},
        ),
        (
            {"type": "tool_call_response", "id": "c", "result": "42"},
            {"type": "tool_call_response", "id": "c", "response": "42"},
        ),
        (
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "reasoning", "content": "hm", "signature": "s"},
        ),
        (
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "reasoning", "content": "hm", "id": "r"},
        ),
        ({"text": "hm", "thought": True}, {"type": "reasoning", "content": "hm"}),
        ({"functionCall": {"name": "f", "args": {"a": 1}}}, {"type": "tool_call", "name": "f", "arguments": {"a": 1}}),
        (
            {"functionResponse": {"name": "f", "response": {"x": 1}}},
            {"type": "tool_call_response", "name": "f", "response": {"x": 1}},
        ),
        (
            {"inlineData": {"mimeType": "audio/mp3", "data": "AAA"}},
            {"type": "blob", "modality": "audio", "content": "AAA", "mime_type": "audio/mp3"},
        ),
        (
            {"file_data": {"mime_type": "video/mp4", "file_uri": "gs://x"}},
            {"type": "uri", "modality": "video", "uri": "gs://x", "mime_type": "video/mp4"},
        ),
        (
            {"toolUse": {"toolUseId": "c", "name": "f", "input": {}}},
            {"type": "tool_call", "id": "c", "name": "f", "arguments": {}},
        ),
        ({"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"type": "reasoning", "content": "hm"}),
        ({"type": "image-url", "url": "https://x"}, {"type": "uri", "modality": "image", "uri": "https://x"}),
        # What nobody knows yet is kept as it came.
        ({"type": "hologram", "depth": 3}, {"type": "hologram", "depth": 3}),
        ({"odd": 1}, {"type": "generic", "odd": 1}),
        ({"type": "text", "content": "hi", "cache_control": {"ttl": "1h"}}, {**TEXT, "cache_control": {"ttl": "1h"}}),
    ],
)
def test_parts(raw, meant):
    assert to_part(raw) == meant


@pytest.mark.parametrize(
    "raw",
    [
        "hi",
        [TEXT],
        [{"role": "user", "content": "hi"}],
        [{"role": "user", "parts": [TEXT]}],
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        [[{"lc": 1, "id": ["langchain", "schema", "messages", "HumanMessage"], "kwargs": {"content": "hi"}}]],
        [{"type": "human", "data": {"content": "hi"}}],
        {"kwargs": {"messages": [{"type": "human", "content": "hi"}]}},
        [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        {"question": "hi"},
        {"prompt": "hi"},
    ],
)
def test_inputs(raw):
    assert input_messages(raw) == user(TEXT)
    assert input_messages(json.dumps(raw) if not isinstance(raw, str) else raw) == user(TEXT)


@pytest.mark.parametrize(
    "raw",
    [
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "hi"}],
            "stop_reason": "end_turn",
            "type": "message",
        },
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}]},
        [{"role": "assistant", "parts": [TEXT], "finish_reason": "end_turn"}],
    ],
)
def test_outputs(raw):
    assert output_messages(raw) == [{"role": "assistant", "parts": [TEXT], "finish_reason": "stop"}]


def test_tool_calls_of_openai_and_of_langchain():
    call = {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}
    openai = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
    }
    langchain = {"type": "ai", "content": "", "tool_calls": [{"id": "c", "name": "f", "args": {"a": 1}}]}
    for raw in (openai, langchain):
        assert output_messages([raw]) == [{"role": "assistant", "parts": [call]}]
    both = {**langchain, "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]}
    assert output_messages([both]) == [{"role": "assistant", "parts": [call]}]


def test_tool_answers():
    raw = {"role": "tool", "tool_call_id": "c", "content": '{"x": 1}'}
    assert input_messages([raw]) == [
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": {"x": 1}}]}
    ]


def test_items_of_the_responses_api():
    raw = [
        {"role": "user", "content": "hi"},
        {"type": "reasoning", "id": "r", "summary": []},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "42"},
    ]
    found = input_messages(raw)
    assert [message["role"] for message in found] == ["user", "assistant", "assistant", "tool"]
    assert [message["parts"][0]["type"] for message in found[1:]] == ["reasoning", "tool_call", "tool_call_response"]


def test_anthropics_system_stands_first():
    found = input_messages({"system": "Be terse.", "messages": [{"role": "user", "content": "hi"}]})
    assert [message["role"] for message in found] == ["system", "user"]


@pytest.mark.parametrize(
    "raw", ["Be terse.", [{"type": "text", "text": "Be terse."}], {"role": "system", "content": "Be terse."}]
)
def test_system_instructions(raw):
    assert system_parts(raw) == [{"type": "text", "content": "Be terse."}]


SCHEMA = {"type": "object"}
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA}


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}},
        {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA},
        {"name": "f", "description": "d", "input_schema": SCHEMA},
        {"type": "function", "name": "f", "description": "d", "inputSchema": SCHEMA},
        {"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": SCHEMA}}},
    ],
)
def test_tools(raw):
    assert tool_definitions([raw]) == [FUNCTION]
    assert tool_definitions(json.dumps([raw])) == [FUNCTION]
    assert tool_definitions([json.dumps(raw)]) == [FUNCTION]


def test_other_kinds_of_tools_are_kept():
    assert tool_definitions([{"type": "web_search"}]) == [{"type": "web_search"}]


def test_documents():
    raw = [
        {"id": "1", "score": 0.5, "content": "a", "metadata": '{"source": "x"}'},
        {"page_content": "b", "metadata": {"score": 0.9}},
        {"lc": 1, "id": ["x", "Document"], "kwargs": {"page_content": "c", "metadata": {}}},
        "d",
    ]
    assert documents(raw) == [
        {"id": "1", "score": 0.5, "content": "a", "metadata": {"source": "x"}},
        {"content": "b", "metadata": {"score": 0.9}, "score": 0.9},
        {"content": "c", "metadata": {}},
        {"content": "d"},
    ]
    assert documents({"documents": [{"id": "1"}]}) == [{"id": "1"}]
    assert documents("nothing") is None
    assert documents([]) is None


@pytest.mark.parametrize("raw", [None, "", [], {}, "[]", "null"])
def test_nothing_is_nothing(raw):
    found = input_messages(raw)
    assert found is None or found == [{"role": "user", "parts": [{"type": "text", "content": raw}]}] or raw == {}
