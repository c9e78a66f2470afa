"""The calls that ``record_samples.py`` records: a support bot, a bot over documents, help with code."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
from opentelemetry.trace import Tracer


@dataclass
class Kit:
    """What a case works with: clients of the fake provider, a tracer for hand-made spans, the queue of answers."""

    openai: openai.OpenAI
    async_openai: openai.AsyncOpenAI
    anthropic: anthropic.Anthropic
    tracer: Tracer
    replies: deque[str]
    context: Callable[..., Any]
    """``context(user=, session=, tags=)`` of the dialect under way."""


ORDER_TOOL = {
    "name": "get_order",
    "description": "Looks up an order: items, status, carrier and expected delivery.",
    "parameters": {
        "type": "object",
        "properties": {
            "order_id": {"type": "string", "description": "Order number, e.g. A-20731"},
            "include_items": {"type": "boolean"},
        },
        "required": ["order_id"],
    },
}
WEATHER_TOOL = {
    "name": "get_forecast",
    "description": "Weather forecast of a city for the next days.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer"},
        },
        "required": ["city", "unit"],
    },
}
SUPPORT = (
    "You are the support assistant of Harbour Lane, a shop for outdoor gear. Answer in at most four sentences, "
    "never promise a date you cannot see in the order, and hand over to a person when the customer asks for one."
)
HANDBOOK = "\n".join(
    f"{number}. {rule}"
    for number, rule in enumerate(
        (
            "Returns are free within 30 days of delivery; worn boots are accepted if the sole is clean.",
            "Refunds go to the original means of payment and take 3 to 5 working days after the parcel is scanned.",
            "Gift cards never expire and cannot be exchanged for cash, except where the law demands it.",
            "A parcel counts as lost 10 days after the last scan; then we resend or refund, as the customer prefers.",
            "Tents have a 3 year warranty on seams and zips; poles are covered for 1 year.",
            "Climbing hardware is never taken back once the seal is broken, for safety reasons.",
            "Price matching applies to shops in the same country within 14 days of the purchase.",
            "Complaints about a member of staff go to the shift lead, with the conversation attached.",
        )
        * 6,
        1,
    )
)


def chat(kit: Kit) -> None:
    kit.replies.append(
        "You can return the boots free of charge: worn ones are fine as long as the sole is clean. Print the label "
        "from your order page, drop the parcel off within 30 days of delivery, and the refund reaches your card 3 to 5 "
        "working days after we scan it."
    )
    with kit.context(user="customer-4821", session="chat-7f3a", tags=["support", "web"]):
        kit.openai.chat.completions.create(
            model="gpt-4o",
            temperature=0.3,
            max_tokens=400,
            messages=[
                {"role": "system", "content": SUPPORT},
                {"role": "user", "content": "I wore my new hiking boots once and they pinch. Can I still return them?"},
            ],
        )


def chat_stream(kit: Kit) -> None:
    kit.replies.append(
        "A mutable default argument is created once, when `def` runs, so every call appends to the same list. Use "
        "`None` as the default and create the list inside:\n\n```python\ndef add(item, bucket=None):\n    bucket = [] "
        "if bucket is None else bucket\n    bucket.append(item)\n    return bucket\n```"
    )
    stream = kit.openai.chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "system", "content": "You review Python code. Be brief and show the fix."},
            {
                "role": "user",
                "content": "Why does this keep growing?\n\ndef add(item, bucket=[]):\n    bucket.append(item)\n"
                "    return bucket",
            },
        ],
        stream=True,
    )
    for _ in stream:
        pass


def chat_stream_usage(kit: Kit) -> None:
    kit.replies.append(
        "Both deadlocks come from taking the locks in different orders: `transfer(a, b)` and `transfer(b, a)` wait for "
        "each other. Sort the two accounts by id before locking, or use one lock for the pair."
    )

    async def run() -> None:
        stream = await kit.async_openai.chat.completions.create(
            model="gpt-5-mini",
            messages=[
                {"role": "user", "content": "My bank transfer test hangs about once in fifty runs. Two threads call "
                 "transfer(a, b) and transfer(b, a), each locks its first account and then the second. What is wrong?"}
            ],
            stream=True,
            stream_options={"include_usage": True},
        )  # fmt: skip
        async for _ in stream:
            pass

    with kit.context(user="dev-12", session="ide-0091"):
        asyncio.run(run())


def tools(kit: Kit) -> None:
    kit.replies.extend(
        ("", "Order A-20731 left Hamburg on Friday and is due on Tuesday, 24 November, between 9 and 13 h.")
    )
    messages: list[Any] = [
        {"role": "system", "content": SUPPORT},
        {"role": "user", "content": "Hello, where is my order A-20731? I am away from Wednesday on."},
    ]
    definitions: Any = [{"type": "function", "function": ORDER_TOOL}]
    with kit.context(user="customer-1177", session="chat-81c0", tags=["support", "app"]):
        first = kit.openai.chat.completions.create(model="gpt-4o", messages=messages, tools=definitions)
        call: Any = (first.choices[0].message.tool_calls or [])[0]
        result = {"status": "in_transit", "carrier": "DHL", "expected": "2026-11-24", "items": ["Tarn 2 tent"]}
        messages += [
            first.choices[0].message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)},
        ]
        kit.openai.chat.completions.create(model="gpt-4o", messages=messages, tools=definitions)


def tools_stream(kit: Kit) -> None:
    kit.replies.append("")
    stream = kit.openai.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "Do I need a rain jacket in Bergen this weekend?"}],
        tools=[{"type": "function", "function": WEATHER_TOOL}],  # type: ignore[list-item]
        stream=True,
        stream_options={"include_usage": True},
    )
    for _ in stream:
        pass


def cached(kit: Kit) -> None:
    kit.replies.append("Yes: tents carry a 3 year warranty on seams and zips, so we repair or replace it.")
    kit.openai.chat.completions.create(
        model="gpt-4.1",
        messages=[
            {"role": "system", "content": f"{SUPPORT}\n\nHandbook:\n{HANDBOOK}"},
            {"role": "user", "content": "The zip of my two year old tent broke. Is that covered?"},
        ],
        extra_headers={"x-fake-case": "cached=896"},
    )


def rate_limited(kit: Kit) -> None:
    with contextlib.suppress(openai.RateLimitError):
        kit.openai.with_options(max_retries=0).chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": "Summarise the last 50 tickets about late parcels."}],
            extra_headers={"x-fake-case": "429"},
        )


def embeddings(kit: Kit) -> None:
    kit.openai.embeddings.create(
        model="text-embedding-3-small",
        input=["How long does a refund take?", "Warranty of tent poles", "Lost parcel, no scan for a week"],
        dimensions=16,
        encoding_format="float",
    )


def responses(kit: Kit) -> None:
    kit.replies.append(
        "Use `EXPLAIN ANALYZE` first: it reads the whole orders table because `date(created_at)` hides the index; "
        "filter with `created_at >= '2026-11-01'` instead and the index is used."
    )
    with kit.context(user="dev-31", session="ide-0117"):
        kit.openai.responses.create(
            model="gpt-5-mini",
            instructions="You help with SQL on PostgreSQL. One cause, one fix.",
            input="SELECT count(*) FROM orders WHERE date(created_at) >= '2026-11-01' takes 40 s. There is an index on "
            "created_at. Why?",
        )


def responses_stream(kit: Kit) -> None:
    kit.replies.append(
        "Three themes: late parcels in the north (41 tickets), the size table of the Ridge jacket (18), and double "
        "charges on 12 November (9). Only the third needs a decision today."
    )
    stream = kit.openai.responses.create(
        model="gpt-4o-mini",
        input=[
            {"role": "system", "content": "You write the daily summary for the support team."},
            {"role": "user", "content": "Summarise yesterday's 73 tickets by theme, with counts."},
        ],
        stream=True,
    )
    for _ in stream:
        pass


def responses_tools(kit: Kit) -> None:
    kit.replies.append("")
    kit.openai.responses.create(
        model="gpt-4o",
        input="Is it warmer in Lisbon than here today?",
        tools=[{"type": "function", "strict": False, **WEATHER_TOOL}],  # type: ignore[list-item]
    )


def messages(kit: Kit) -> None:
    kit.replies.append(
        "Section 4.2 lets either party leave with 60 days' written notice. So a letter dated 24 November ends the "
        "contract on 23 January; the fee for the running quarter is not returned (section 6.1)."
    )
    with kit.context(user="paralegal-3", session="matter-118", tags=["contracts"]):
        kit.anthropic.messages.create(
            model="claude-sonnet-5",
            max_tokens=600,
            system="You answer questions about contracts. Name the section you rely on. No legal advice.",
            messages=[
                {
                    "role": "user",
                    "content": "Our supplier agreement says 60 days' written notice (4.2). If I write today, 24 "
                    "November, when are we out, and do we get the fee back?",
                }
            ],
        )


def messages_stream(kit: Kit) -> None:
    kit.replies.append(
        "The test fails only in CI because it compares local times: the runner is on UTC. Freeze the clock and pass "
        "the zone explicitly, e.g. `datetime.now(ZoneInfo('Europe/Berlin'))`."
    )
    with kit.anthropic.messages.stream(
        model="claude-sonnet-5",
        max_tokens=800,
        messages=[
            {"role": "user", "content": "test_invoice_due_date passes here (Berlin) and fails in CI with an hour off."}
        ],
    ) as stream:
        for _ in stream.text_stream:
            pass


def messages_create_stream(kit: Kit) -> None:
    kit.replies.append("Bonjour, votre colis est arrivé au point relais et vous attend jusqu'au 1er décembre.")
    for _ in kit.anthropic.messages.create(
        model="claude-haiku-4-5",
        max_tokens=200,
        messages=[{"role": "user", "content": "Translate to French: Hello, your parcel waits at the pick-up point "
                   "until 1 December."}],
        stream=True,
    ):  # fmt: skip
        pass


def messages_tools(kit: Kit) -> None:
    kit.replies.extend(("", "It will be dry in Tromsø on Saturday with -4 °C at noon; take the warm gloves."))
    tools: Any = [
        {
            "name": WEATHER_TOOL["name"],
            "description": WEATHER_TOOL["description"],
            "input_schema": WEATHER_TOOL["parameters"],
        }
    ]
    turns: list[Any] = [{"role": "user", "content": "What should I wear for a ski tour near Tromsø on Saturday?"}]
    with kit.context(user="customer-9043", session="chat-a5d2", tags=["advice"]):
        first = kit.anthropic.messages.create(model="claude-sonnet-5", max_tokens=500, tools=tools, messages=turns)
        call = next(block for block in first.content if block.type == "tool_use")
        turns += [
            {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": call.id, "content": '{"saturday": {"noon": -4, "rain": 0}}'}
                ],
            },
        ]
        kit.anthropic.messages.create(model="claude-sonnet-5", max_tokens=500, tools=tools, messages=turns)


def messages_cache(kit: Kit) -> None:
    kit.replies.extend(
        (
            "No. Climbing hardware is not taken back once the seal is broken (rule 6), so the carabiners stay with the "
            "customer.",
            "A parcel counts as lost 10 days after the last scan (rule 4); the customer may choose a new parcel or the "
            "money.",
        )
    )
    system: Any = [
        {"type": "text", "text": SUPPORT, "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    for question in ("Can we take back opened carabiners?", "No scan for 11 days: what may we offer?"):
        kit.anthropic.messages.create(
            model="claude-haiku-4-5",
            max_tokens=300,
            system=system,
            messages=[{"role": "user", "content": question}],
        )


def messages_thinking(kit: Kit) -> None:
    kit.replies.append("Ship both from Lyon: one parcel, EUR 11.40, against EUR 13.10 for two from Lille and Metz.")
    kit.anthropic.messages.create(
        model="claude-opus-5",
        max_tokens=4000,
        thinking={"type": "adaptive"},
        messages=[{"role": "user", "content": "Two items, one in Lille and one in Metz, both also in Lyon. Cheapest?"}],
    )


OPENAI = (
    chat, chat_stream, chat_stream_usage, tools, tools_stream, cached, rate_limited, embeddings, responses,
    responses_stream, responses_tools,
)  # fmt: skip
ANTHROPIC = (messages, messages_stream, messages_create_stream, messages_tools, messages_cache, messages_thinking)
