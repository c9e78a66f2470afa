"""Questions of the sample data's customers, and what they ask about since a recall two days ago."""

from __future__ import annotations

import random

RECORDED = "I wore my new hiking boots once and they pinch. Can I still return them?"
"""The recorded question that is asked in other words."""
RECALL_SHARE = 0.6
"""Of the questions after the recall those that are about it."""

_ITEMS = ("hiking boots", "rain jacket", "tent", "backpack", "sleeping bag", "climbing rope", "head torch", "ski poles")
_CITIES = ("Bremen", "Lyon", "Lisbon", "Bergen", "Ghent", "Turin", "Graz", "Malmo")
_ORDINARY = (
    "I wore my new {item} once and they do not fit. Can I still return them?",
    "How do I send back a {item} that I do not need any more?",
    "Can I exchange my {item} for one in another size?",
    "Where is my {item}? It should have been here on {day}.",
    "The parcel with my {item} has not moved since {day}. What happened to it?",
    "Can you deliver the {item} to a pick-up point in {city}?",
    "My card was charged twice for the {item}. When do I get the money back?",
    "Which payment methods do you take in {city}?",
    "Do you have the {item} in stock in the {city} shop?",
    "When does the shop in {city} open on {day}?",
    "How do I wash my {item} without damaging it?",
    "Is the {item} waterproof enough for a week of rain?",
    "Do I get a discount on the {item} as a student?",
    "Can I use two vouchers for one {item}?",
)
_RECALL = (
    "I read that the Fjell gas stove is recalled. Is mine affected, serial number {number}?",
    "How do I return the recalled Fjell stove from the {city} shop?",
    "Is it dangerous to use the Fjell gas stove that you called back?",
    "Do I get the full price back for the recalled stove?",
    "My Fjell stove leaked gas on {day}. Is this the recall in the news?",
    "Where is the list of serial numbers of the gas stove recall?",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def question(chance: random.Random, *, recalled: bool) -> str:
    """A customer's question; after the recall most are about it."""
    of_recall = recalled and chance.random() < RECALL_SHARE
    return chance.choice(_RECALL if of_recall else _ORDINARY).format(
        item=chance.choice(_ITEMS),
        city=chance.choice(_CITIES),
        day=chance.choice(_DAYS),
        number=chance.randrange(10_000, 99_999),
    )
