"""What the sample data's customers ask and are told, in many words, and what they ask about since a recall.

The recordings hold one question and one answer of each case. Told again a thousand times, they would lie in a handful
of places on a map of texts.
"""

from __future__ import annotations

import random

RECALL_SHARE = 0.6
"""Of the questions of the support chat after the recall those that are about it."""

_QUESTION = "I wore my new hiking boots once and they pinch. Can I still return them?"
_ANSWER = (
    "You can return the boots free of charge: worn ones are fine as long as the sole is clean. Print the label "
    "from your order page, drop the parcel off within 30 days of delivery, and the refund reaches your card 3 to "
    "5 working days after we scan it."
)
_DAMAGE = "arrived with a torn seam. It is from last year, is that still under warranty?"
_COVERED = (
    "Yes, it is covered: the Tarn 2 tent was delivered in October 2025 and seams have a 3 year warranty. Please send a "
    "photo of the seam; we will then repair or replace the tent at no cost."
)
_WHERE = "Hello, where is my order"
_AWAY = "I am away from Wednesday on."
_DUE = "left Hamburg on Friday and is due on Tuesday, 24 November, between 9 and 13 h."

_ITEMS = ("hiking boots", "rain jacket", "tent", "backpack", "sleeping bag", "climbing rope", "head torch", "ski poles")
_CITIES = ("Bremen", "Lyon", "Lisbon", "Bergen", "Ghent", "Turin", "Graz", "Malmo")
_ORDINARY = {
    "I wore my new {item} once and they do not fit. Can I still return them?": (
        "Worn once is fine, as long as the {item} is clean. Send it back within 30 days; the label is on your "
        "order page."
    ),
    "How do I send back a {item} that I do not need any more?": (
        "Print the label from your order page and drop the parcel off in {city}. The money is back 3 to 5 working"
        " days after the scan."
    ),
    "Can I exchange my {item} for one in another size?": (
        "An exchange is free: choose the other size on your order page, and send the {item} back within 30 days."
    ),
    "Where is my {item}? It should have been here on {day}.": (
        "The parcel left our store on {day} and waits at the depot in {city}. It comes with the next tour."
    ),
    "The parcel with my {item} has not moved since {day}. What happened to it?": (
        "The last scan was on {day} in {city}. Ten days without one and it counts as lost; then we send a new {item}."
    ),
    "Can you deliver the {item} to a pick-up point in {city}?": (
        "Yes, choose a pick-up point in {city} on the last page of the order. It keeps parcels for a week."
    ),
    "My card was charged twice for the {item}. When do I get the money back?": (
        "One of the two charges is only reserved. Your bank lets go of it within 5 days; nothing is lost."
    ),
    "Which payment methods do you take in {city}?": (
        "In {city} we take cards, cash and gift cards; online invoices, too."
    ),
    "Do you have the {item} in stock in the {city} shop?": (
        "The shop in {city} has two pieces of the {item} left today."
    ),
    "When does the shop in {city} open on {day}?": "On {day} the shop in {city} is open from 10 to 19 h.",
    "How do I wash my {item} without damaging it?": (
        "Lukewarm water, a mild soap, no softener. Let the {item} dry in the shade."
    ),
    "Is the {item} waterproof enough for a week of rain?": (
        "For a week of rain take the waterproof cover along; the {item} alone keeps dry for a day."
    ),
    "Do I get a discount on the {item} as a student?": (
        "Students get ten percent off the {item}. Upload your card once."
    ),
    "Can I use two vouchers for one {item}?": "Vouchers can't be added up: the larger one counts for the {item}.",
}
_RECALL = {
    "I read that the Fjell gas stove is recalled. Is mine affected, serial number {number}?": (
        "Serial number {number} is among those of the recall. Please do not light the Fjell stove any more."
    ),
    "How do I return the recalled Fjell stove from the {city} shop?": (
        "Bring the recalled stove to the shop in {city}, without its gas cartridge. You need no receipt."
    ),
    "Is it dangerous to use the Fjell gas stove that you called back?": (
        "Yes, please stop using it: the valve of the recalled stove may leak gas."
    ),
    "Do I get the full price back for the recalled stove?": (
        "You get the full price of the stove back, or a new one of another make."
    ),
    "My Fjell stove leaked gas on {day}. Is this the recall in the news?": (
        "That is the fault of the recall. Close the cartridge, leave the stove outdoors, and write to us again today."
    ),
    "Where is the list of serial numbers of the gas stove recall?": (
        "The serial numbers of the recalled stove are listed on our page on safety, and printed in every shop."
    ),
}
_DAMAGES = {
    "torn seam": "seams have a 3 year warranty",
    "broken zip": "zips have a 3 year warranty",
    "bent pole": "poles are covered for a year, and this one is older",
    "leaking floor": "the coating of the floor is not covered after two years",
    "missing peg": "pegs are replaced free of charge at any time",
    "loose window": "windows are sewn in and count as seams",
    "smell of mould": "mould comes from storing it wet, which no warranty covers",
}
_COMPLAINTS = (
    "arrived with a {damage}. It is from last year, is that still under warranty?",
    "has a {damage} after {age}. Do you repair that?",
    "came with a {damage}, and I leave for a trek on {day}. Can I get a new one before?",
    "has had a {damage} since {day}. What does a repair cost?",
    "has a {damage}. I would rather have my money back than a repair.",
    "was fine for {age} and now has a {damage}. Is it worth mending?",
    "was a gift and has a {damage}. I have no receipt; does the warranty count for me?",
)
_DECISIONS = (
    "Please send a photo of it; we will then repair or replace the tent.",
    "The workshop in {city} looks at it within {age} of its arrival.",
    "Bring it to the shop in {city}, or use the label on your order page.",
    "A repair takes about a week; you get a tent on loan until then.",
)
_AGES = ("a week", "a month", "half a year", "two years", "one summer", "three nights")
_GREETINGS = (
    "Hello, where is my order",
    "Good morning, when do I get my order",
    "Hi, can you track my order",
    "Has the carrier lost my order",
    "Is there any news of my order",
)
_REASONS = (
    "I am away from {day} on.",
    "It was a present for {day}, and I have to be at the party in {city}.",
    "The neighbour can take it until {day}.",
    "The tracking page has shown nothing since {day}.",
    "If it comes after {day}, please cancel it.",
    "The courier wrote that nobody was at home on {day}.",
    "I have moved to {city} in the meantime.",
)
_WAYS = (
    "left {city} on {day} and is due tomorrow between 9 and 13 h.",
    "waits at the pick-up point in {city} until {day}.",
    "is still being packed; it leaves our store in {city} on {day}.",
    "was handed to a neighbour on {day}.",
    "is held by customs in {city}, which takes until {day}.",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def retold(chance: random.Random, *, recalled: bool) -> dict[str, str]:
    """What stands in place of the recorded words, for one trace.

    The new words need no escape in JSON, which they are put into as they are.

    Args:
        chance: source of chance.
        recalled: whether the recall has happened: most questions of the support chat are about it then.
    """
    pairs = _RECALL if recalled and chance.random() < RECALL_SHARE else _ORDINARY
    question = chance.choice(list(pairs))
    damage = chance.choice(list(_DAMAGES))
    values = {
        "item": chance.choice(_ITEMS),
        "city": chance.choice(_CITIES),
        "day": chance.choice(_DAYS),
        "number": chance.randrange(10_000, 99_999),
        "age": chance.choice(_AGES),
        "damage": damage,
    }
    told = {
        _QUESTION: question,
        _ANSWER: pairs[question],
        _DAMAGE: chance.choice(_COMPLAINTS),
        _COVERED: f"On the {damage}: {_DAMAGES[damage]}. {chance.choice(_DECISIONS)}",
        _WHERE: chance.choice(_GREETINGS),
        _AWAY: chance.choice(_REASONS),
        _DUE: chance.choice(_WAYS),
    }
    return {recorded: words.format(**values) for recorded, words in told.items()}
