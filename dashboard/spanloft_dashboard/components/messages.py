"""Messages as a chat. Everything in them is foreign text: it is written as text, never as Markdown or HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from spanloft_dashboard.components import format as fmt

LIMIT = 6_000
AVATARS = {
    "system": ":material/tune:",
    "developer": ":material/tune:",
    "user": ":material/person:",
    "assistant": ":material/smart_toy:",
    "model": ":material/smart_toy:",
    "tool": ":material/build:",
}
CUT_SHORT = frozenset({"length", "max_tokens", "content_filter", "refusal", "error"})
"""Finish reasons that mean the answer is not what was asked for."""
TEXT_TYPES = frozenset({"text", "input_text", "output_text", "refusal"})


def parse(value: Any) -> Any:
    """A JSON column as Python; text that is not JSON stays text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def conversation(payload: Mapping[str, Any]) -> bool:
    """Draw system instructions, input and output as a chat; returns whether there was anything."""
    system = parse(payload.get("system_instructions"))
    inputs, outputs = parse(payload.get("input_messages")), parse(payload.get("output_messages"))
    if not (system or inputs or outputs):
        return False
    if system:
        _message({"role": "system", "parts": system}, "system")
    for message in _list(inputs):
        _message(message, "user")
    for message in _list(outputs):
        _message(message, "assistant")
    return True


def tool(payload: Mapping[str, Any]) -> bool:
    """Draw arguments and result of a tool; returns whether there was anything."""
    found = False
    for key, title in (("tool_arguments", "Arguments"), ("tool_result", "Result")):
        value = parse(payload.get(key))
        if value is not None:
            found = True
            st.caption(title)
            block(value)
    return found


def retrieval(payload: Mapping[str, Any]) -> bool:
    """Draw query and documents of a retrieval; returns whether there was anything."""
    query, documents = payload.get("retrieval_query"), parse(payload.get("retrieval_documents"))
    if query:
        st.caption("Query")
        text(str(query))
    shown = _list(documents)
    if shown:
        st.caption(f"{len(shown):,} documents, best first")
    for place, document in enumerate(shown[:50]):
        with st.container(key=f"row-document-{place}", gap="xsmall"):
            if not isinstance(document, Mapping):
                block(document)
                continue
            score = document.get("score")
            head = f"{place + 1}. {document.get('id') or 'document'}"
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.text(fmt.shorten(head, 80), width="content")
                if isinstance(score, (int, float)):
                    st.badge(f"score {score:.3g}", color="blue")
            text(str(document.get("content") or ""))
            if document.get("metadata"):
                block(document["metadata"])
    return bool(query or shown)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _message(message: Any, fallback: str) -> None:
    role = str(message.get("role") or fallback) if isinstance(message, Mapping) else fallback
    with st.chat_message(role if role in AVATARS else "unknown", avatar=AVATARS.get(role, ":material/forum:")):
        finish = message.get("finish_reason") if isinstance(message, Mapping) else None
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.caption(fmt.label(role, 40))
            if finish and finish != "stop":
                st.badge(fmt.label(finish, 40), color="orange" if finish in CUT_SHORT else "gray")
        if not isinstance(message, Mapping):
            block(message)
            return
        for part in _list(message.get("parts", message.get("content"))):
            _part(part)


def _part(part: Any) -> None:
    if not isinstance(part, Mapping):
        text(part if isinstance(part, str) else json.dumps(part, ensure_ascii=False))
        return
    kind, content = part.get("type"), part.get("content")
    if kind in TEXT_TYPES and isinstance(content if content is not None else part.get("text"), str):
        text(str(content if content is not None else part.get("text")))
    elif kind in ("reasoning", "thinking"):
        with st.expander("Reasoning", icon=":material/psychology:"):
            text(str(content if content is not None else part.get("thinking") or ""))
    elif kind == "tool_call":
        _labelled(":material/build:", f"Calls {part.get('name') or 'a tool'}", part.get("id"))
        block(parse(part.get("arguments")))
    elif kind == "tool_call_response":
        _labelled(":material/output:", "Tool result", part.get("id"))
        block(parse(part.get("response", part.get("result"))))
    elif kind in ("uri", "blob", "file", "image", "image_url"):
        _attachment(part)
    else:
        _labelled(":material/data_object:", f"Part of type {kind or 'unknown'}", None)
        block(dict(part))


def _attachment(part: Mapping[str, Any]) -> None:
    """An image or file by name. It is never loaded: the address is part of foreign text."""
    kind = str(part.get("modality") or part.get("type") or "file")
    icon = ":material/image:" if "image" in kind else ":material/attach_file:"
    _labelled(icon, " · ".join(filter(None, (kind.capitalize(), str(part.get("mime_type") or ""), "not loaded"))), None)
    where = part.get("uri") or part.get("file_id")
    if where:
        text(str(where))
    elif part.get("content"):
        text(f"{len(str(part['content'])):,} characters of data")


def _labelled(icon: str, words: str, identity: Any) -> None:
    suffix = f" :gray[{fmt.label(identity, 40)}]" if identity else ""
    st.markdown(f"{icon} **{fmt.label(words, 80)}**{suffix}")


def text(value: str) -> None:
    """Foreign text, wrapped; of very long text the beginning, and the whole as a file."""
    shown = fmt.visible(value)
    if len(shown) <= LIMIT:
        st.text(shown)
        return
    st.text(shown[:LIMIT] + " …")
    _whole(value, f"The first {LIMIT:,} of {len(value):,} characters.")


def block(value: Any) -> None:
    """Foreign data as indented JSON, or as text where it is text."""
    if value is None:
        st.caption("nothing recorded")
        return
    written = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    shown = fmt.visible(written)
    st.code(shown[:LIMIT], language=None if isinstance(value, str) else "json", wrap_lines=True)
    if len(shown) > LIMIT:
        _whole(written, f"The first {LIMIT:,} of {len(written):,} characters.")


def _whole(value: str, note: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(note, width="content")
        # The number of widgets so far keeps the keys apart; equal texts may occur twice in a conversation.
        place = st.session_state["_downloads"] = st.session_state.get("_downloads", 0) + 1
        st.download_button(
            "Save all of it",
            value.encode(),
            file_name="text.txt",
            mime="text/plain",
            type="tertiary",
            key=f"_save_{place}",
        )
