"""Plausible answers and token counts that vary from call to call, so that no test passes by a constant."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_TOPICS = (
    (r"refund|return|money back", "I can help with that refund. Orders can be returned within 30 days of delivery; "
     "once the parcel is scanned at our warehouse the amount goes back to your card in 3 to 5 working days."),
    (r"password|log ?in|sign ?in", "Please open Settings, then Security, and choose 'Send reset link'. The link is "
     "valid for 20 minutes; if it does not arrive, check that the address is the one on your last invoice."),
    (r"weather|forecast|temperature", "It is mild with light rain in the morning; the afternoon should be dry, so a "
     "thin jacket is enough."),
    (r"python|code|function|bug|stack ?trace", "The list is shared because a default argument is evaluated once, when "
     "the function is defined. Use None as the default and create the list inside the function."),
    (r"summar|tl;?dr", "In short: delivery improved, the backlog of open tickets halved, and the one open risk is the "
     "certificate that expires next month."),
    (r"contract|policy|clause|document", "According to section 4.2, either party may end the agreement with 60 days' "
     "written notice; fees already paid for the running term are not returned."),
)  # fmt: skip


def text_of(value: Any) -> str:
    """All text in a request's ``messages``, ``input`` or ``system`` value, whatever shape the API allows."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        keys = ("text", "content", "output", "arguments", "input")
        return " ".join(text_of(value[key]) for key in keys if value.get(key) is not None)
    if isinstance(value, Iterable):
        return " ".join(text_of(item) for item in value)
    return "" if value is None else str(value)


def count_tokens(value: Any) -> int:
    """Roughly four characters a token; JSON is counted as it is written."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return (len(text) + 3) // 4


def variation(number: int, salt: str, most: int) -> int:
    """A number from 0 to ``most``, fixed by the request's serial number."""
    return random.Random(f"{number}:{salt}").randint(0, most)


def answer(prompt: str, number: int) -> str:
    """An answer that fits the prompt; the closing sentence varies with ``number``."""
    text = next((text for pattern, text in _TOPICS if re.search(pattern, prompt, re.IGNORECASE)), "")
    if not text:
        words = re.findall(r"[^\W\d_]{4,}", prompt)[-6:] or ["that"]
        text = f"Here is what I know about {' '.join(words)}: the short answer is yes, with two exceptions."
    endings = ("", " Is there anything else?", " Let me know if you need the details.", " I hope this helps.")
    return text + endings[variation(number, "ending", len(endings) - 1)]


def pieces(text: str, number: int) -> Iterator[str]:
    """The text in uneven pieces of one to four words, as a model streams it."""
    words = re.findall(r"\s*\S+", text)
    rng = random.Random(f"{number}:pieces")
    while words:
        size = rng.randint(1, 4)
        yield "".join(words[:size])
        words = words[size:]


def arguments_for(schema: Mapping[str, Any], prompt: str, number: int, read: str = "") -> dict[str, Any]:
    """Arguments that satisfy the top level of a JSON schema, with values from the prompt where they fit.

    ``read`` is all else that the model was given. A model that is told there where to write does so: an argument for an
    address is the last one of it.
    """
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    codes = iter(re.findall(r"\b[A-Z]{1,3}-?\d{3,}\b", prompt))
    # A capital after a lower-case word is a name; at the start of a sentence it says nothing.
    names = iter(re.findall(r"(?<=[a-zà-ÿ,] )[A-Z][a-zà-ÿø]+\b", prompt))
    mails = re.findall(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", f"{prompt} {read}")
    values: dict[str, Any] = {}
    for name, spec in properties.items():
        kind = spec.get("type", "string")
        if "enum" in spec:
            values[name] = spec["enum"][0]
        elif kind == "integer":
            values[name] = 1 + variation(number, name, 9)
        elif kind == "number":
            values[name] = 1.5 + variation(number, name, 9)
        elif kind == "boolean":
            values[name] = True
        elif kind == "array":
            values[name] = [next(names, "first")]
        elif name in ("to", "recipient", "email") and mails:
            values[name] = mails[-1]
        elif name.endswith(("id", "number", "code")):
            values[name] = next(codes, f"A-{10000 + variation(number, name, 9999)}")
        else:
            values[name] = next(names, "Paris")
    return values
