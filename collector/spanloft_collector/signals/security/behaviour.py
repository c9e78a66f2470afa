"""What an attack achieved, from the trace: the tool call that followed, the data that left, the prompt that came back.

No classifier of texts knows this; whoever has the whole trace does. Every step of the chain names its span.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from spanloft_collector.signals.security.leaks import find_leaks
from spanloft_collector.signals.security.pieces import Piece
from spanloft_collector.signals.security.rules import MOST_MATCHES
from spanloft_collector.signals.security.scan import shown
from spanloft_collector.signals.security.segments import cut

ATTEMPTED, SUSPECTED, SUCCESSFUL = "attempted", "suspected", "successful"
_ORDER = {ATTEMPTED: 0, SUSPECTED: 1, SUCCESSFUL: 2}

_URL = re.compile(r"https?://[^\s)\"'<>\]}]{3,400}")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
_IMAGE = re.compile(r"!\[[^\]\n]{0,200}\]\(\s*(https?://[^)\s]{3,600})")
_QUOTED = re.compile(r"[\"“«'`]([^\"”»'`\n]{3,120})[\"”»'`]")
_NUMBER = re.compile(r"\b\d[\d-]{4,}\b")
_PATH = re.compile(r"(?<![\w/])[~/][\w.-]+(?:/[\w.-]+)+")
_WORD = re.compile(r"\w+")
_CANARY = re.compile(r"(?i)\bcanary\b[^\w\n]{0,12}([\w-]{6,80})")
_REFUSAL = re.compile(
    r"(?i)^\W{0,3}(?:i'?m sorry|sorry|i apologi[sz]e|unfortunately)?[,. ]{0,3}(?:but )?"
    r"(?:i (?:can(?:no|')t|can not|won'?t|will not|am not able|'m not able|'m unable|am unable|must decline|do not|"
    r"don't feel)|as an ai|es tut mir leid|je suis désolé|lo siento)|"
    r"\bi (?:noticed|see|found|detected) (?:an? |some )?(?:hidden |embedded |suspicious )*"
    r"(?:instruction|prompt injection|command|text that)|"
    r"\bi (?:have |will )?(?:not followed|ignored?|not follow)\b[^.\n]{0,60}\binstructions?\b"
)
_DICTATED = re.compile(
    r"(?i)\b(?:say|print|reply with|respond with|output|write|answer)\s+(?:only |just |the word |exactly )*"
    r"([\w ]{3,40})\W*$"
)
_SHINGLE = 10
_LONG_VALUE = 12


class Step(NamedTuple):
    """One link of a chain: the span, what happened there, and the text that shows it."""

    span_id: str
    what: str
    text: str


@dataclass(slots=True)
class Outcome:
    """What became of an attack, with the chain that shows it and the categories of what followed."""

    outcome: str = ATTEMPTED
    chain: list[Step] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)

    def reach(self, outcome: str, effect: str, *steps: Step) -> None:
        """Raise the outcome to ``outcome`` and add the steps that show it."""
        if _ORDER[outcome] > _ORDER[self.outcome]:
            self.outcome = outcome
        if effect not in self.effects:
            self.effects.append(effect)
            self.chain += [step for step in steps if step not in self.chain]


class Effect(NamedTuple):
    """A finding of behaviour by itself, whether or not an attack was seen before it."""

    piece: Piece
    start: int
    end: int
    category: str
    name: str
    severity: str
    score: float
    evidence: dict[str, Any]


class Trace:
    """The texts of a trace with what is needed to follow data through it."""

    def __init__(self, pieces: Sequence[Piece], ran: Mapping[str, str], canaries: Sequence[str] = ()) -> None:
        """Prepare.

        Args:
            pieces: texts of the trace in order.
            ran: tool -> span in which it ran, or in which its result came back.
            canaries: texts that must never leave the system prompt.
        """
        self.pieces = pieces
        self.ran = ran
        # Apps paste what they retrieved into their prompts: what a document says, nobody asked for.
        found = [piece.text for piece in pieces if piece.origin in _DATA]
        spoken = [piece._replace(text=_without(piece.text, found)) for piece in pieces if piece.origin in _SPOKEN]
        self.asked = "\n".join(piece.text for piece in spoken).lower()
        self.systems = [piece for piece in spoken if piece.origin == "system"]
        named = [match[1] for piece in self.systems for match in _CANARY.finditer(piece.text)]
        self.canaries = [*canaries, *named]
        # One segment may occur a hundred times, and each of them looks at every piece that follows.
        self._outcomes: dict[tuple[int, str], Outcome] = {}
        self._private: dict[int, list[str]] = {}
        self._prompt_leaks: dict[int, list[Effect]] = {}

    def follow(self, source: Piece, segment: str) -> Outcome:
        """What an instruction found in ``source`` achieved in the rest of the trace; not to be changed."""
        key = (source.step, segment)
        if key not in self._outcomes:
            self._outcomes[key] = self._follow(source, segment)
        return self._outcomes[key]

    def _follow(self, source: Piece, segment: str) -> Outcome:
        result = Outcome(chain=[Step(source.span_id, f"instruction in {source.origin}", shown(segment))])
        later = [piece for piece in self.pieces if piece.step > source.step]
        for piece in later:
            if piece.origin == "tool_argument":
                self._followed_call(segment, piece, result)
            elif piece.origin == "output":
                self._obeyed(segment, source, piece, result)
        self._refused(later, result)
        return result

    def _followed_call(self, segment: str, call: Piece, result: Outcome) -> None:
        """A tool call that takes from the instruction what nobody else in the trace had said."""
        taken = sorted(value for value in _values(segment) if value in call.text.lower() and value not in self.asked)
        named = call.tool is not None and _names_tool(segment, call.tool) and not _names_tool(self.asked, call.tool)
        if not taken and not named:
            return
        ran = self.ran.get(call.tool or "")
        step = Step(call.span_id, f"calls {call.tool or 'a tool'}", shown(call.text))
        effect = "followed_tool_call"
        if taken and ran:
            result.reach(SUCCESSFUL, effect, step, Step(ran, f"{call.tool} ran", shown(", ".join(taken))))
        elif taken:
            result.reach(SUSPECTED, effect, step)
        elif ran:
            result.reach(SUSPECTED, effect, step, Step(ran, f"{call.tool} ran", ""))

    def _obeyed(self, segment: str, source: Piece, answer: Piece, result: Outcome) -> None:
        text = answer.text.lower()
        for url in _urls(segment):
            if url in text and url not in self.asked:
                image = any(url in match.group(1).lower() for match in _IMAGE.finditer(answer.text))
                how = "shows the image" if image else "repeats the address"
                result.reach(
                    SUCCESSFUL if image else SUSPECTED, "planted_url", Step(answer.span_id, how, shown(answer.text))
                )
        demanded = _demanded(segment)
        # What a user dictates may be quoted in a refusal; an answer that is little else obeys.
        if demanded and any(phrase in text and len(text) < len(phrase) * 3 + 20 for phrase in demanded):
            result.reach(
                SUCCESSFUL, "dictated_answer", Step(answer.span_id, "says what was dictated", shown(answer.text))
            )
        for effect in self._prompt_in(answer):
            result.reach(
                SUCCESSFUL, effect.name, Step(answer.span_id, "gives away the system prompt", shown(answer.text))
            )

    def _refused(self, later: Sequence[Piece], result: Outcome) -> None:
        if result.outcome != ATTEMPTED:
            return
        for piece in later:
            if piece.origin == "output" and _REFUSAL.search(piece.text[:1500]):
                result.effects.append("refusal")
                result.chain.append(Step(piece.span_id, "refuses", shown(piece.text)))
                return

    def effects(self) -> Iterator[Effect]:
        """What is wrong by itself: data that leaves in an address or a message, the prompt in an answer."""
        for piece in self.pieces:
            if piece.origin == "output":
                yield from self._prompt_in(piece)
                yield from self._data_in_urls(piece, _IMAGE, "markdown_image_exfiltration", "critical")
            elif piece.origin == "tool_argument":
                yield from self._data_in_urls(piece, _URL, "data_in_url", "high")
                yield from self._data_to_stranger(piece)

    def _prompt_in(self, answer: Piece) -> list[Effect]:
        if answer.step not in self._prompt_leaks:
            self._prompt_leaks[answer.step] = list(prompt_leaks(answer, self.systems, self.canaries))
        return self._prompt_leaks[answer.step]

    def _data_in_urls(self, piece: Piece, pattern: re.Pattern[str], name: str, severity: str) -> Iterator[Effect]:
        for match in _different(pattern, piece.text):
            url = match.group(match.lastindex or 0)
            host = urlsplit(url).hostname or ""
            carried = self._carried(unquote(url), piece.step)
            # An address that the user or the app's own prompt gave is where data is meant to go.
            if carried and host not in self.asked:
                evidence = {"host": host, "carried": [shown(value) for value, _ in carried], "from": carried[0][1]}
                yield Effect(piece, *match.span(), "sensitive_info_disclosure", name, severity, 0.9, evidence)

    def _data_to_stranger(self, piece: Piece) -> Iterator[Effect]:
        """Data of an earlier span in a tool call whose receiver nobody but a document or a result named."""
        for match in _different(_MAIL, piece.text):
            receiver = match.group().lower()
            if receiver in self.asked:
                continue
            source = next(
                (p for p in self.pieces if p.step < piece.step and p.origin in _DATA and receiver in p.text.lower()),
                None,
            )
            carried = [item for item in self._carried(piece.text, piece.step) if receiver not in item[0].lower()]
            if source is not None and carried:
                evidence = {
                    "receiver": receiver,
                    "carried": [shown(value) for value, _ in carried],
                    "from": carried[0][1],
                }
                yield Effect(
                    piece, *match.span(), "sensitive_info_disclosure", "data_to_stranger", "critical", 0.85, evidence
                )

    def _carried(self, text: str, step: int) -> list[tuple[str, str]]:
        """(value, span) of what earlier tool results, documents or the system prompt held and ``text`` carries."""
        found: list[tuple[str, str]] = []
        compact = text.lower()
        for piece in self.pieces:
            if piece.step >= step or piece.origin not in (*_DATA, "system", "user"):
                continue
            if piece.step not in self._private:
                self._private[piece.step] = _private_values(piece)
            found += [(value, piece.span_id) for value in self._private[piece.step] if value.lower() in compact]
            if len(found) >= _MOST_CARRIED:
                break
        return found[:_MOST_CARRIED]


def _different(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Matches of different texts, the first of each; at most MOST_MATCHES."""
    seen: dict[str, re.Match[str]] = {}
    for match in pattern.finditer(text):
        seen.setdefault(match.group().lower(), match)
        if len(seen) >= MOST_MATCHES:
            break
    return iter(seen.values())


_MOST_CARRIED = 5
_DATA = ("document", "tool_result")
_SPOKEN = ("user", "system")


def _without(text: str, documents: Iterable[str]) -> str:
    """``text`` without the documents, or the segments of them, that were pasted into it."""
    for document in documents:
        if document in text:
            text = text.replace(document, "\n")
            continue
        for segment in cut(document):
            piece = document[segment.start : segment.end]
            if len(piece) >= _LONG_VALUE and piece in text:
                text = text.replace(piece, "\n")
    return text


def tools_that_ran(spans: Iterable[Mapping[str, Any]], pieces: Iterable[Piece]) -> dict[str, str]:
    """Tool -> span in which it ran; where no tool span was recorded, the span that was given its result."""
    ran = {piece.tool: piece.span_id for piece in pieces if piece.origin == "tool_result" and piece.tool}
    for span in spans:
        if span["operation"] == "execute_tool" and span["tool_name"] and span["status_code"] != "error":
            ran[span["tool_name"]] = span["span_id"]
    return ran


def prompt_leaks(answer: Piece, systems: Sequence[Piece], canaries: Sequence[str]) -> Iterator[Effect]:
    """The system prompt, word for word over ten words or more, or a canary, in an answer."""
    for canary in canaries:
        at = answer.text.find(canary)
        if at >= 0:
            yield Effect(
                answer,
                at,
                at + len(canary),
                "system_prompt_leakage",
                "canary_in_answer",
                "critical",
                0.99,
                {"canary": canary[:4] + "…"},
            )
    for system in systems:
        words = [match.group().lower() for match in _WORD.finditer(system.text)]
        shingles = {tuple(words[at : at + _SHINGLE]) for at in range(len(words) - _SHINGLE + 1)}
        said = list(_WORD.finditer(answer.text))
        places = [
            at for at in range(len(said) - _SHINGLE + 1)
            if tuple(match.group().lower() for match in said[at : at + _SHINGLE]) in shingles
        ]  # fmt: skip
        # Facts of the prompt may be repeated; a long stretch, or one that begins as the prompt does, is a copy.
        if places and (len(places) >= 10 or "you are" in " ".join(words[:3])):
            start, end = said[places[0]].start(), said[places[-1] + _SHINGLE - 1].end()
            share = round(len(places) / max(1, len(shingles)), 3)
            if share >= 0.1 and _speaks_of_itself(answer.text[start:end]):
                yield Effect(
                    answer,
                    start,
                    end,
                    "system_prompt_leakage",
                    "system_prompt_in_answer",
                    "high",
                    0.9,
                    {"share_of_prompt": share},
                )
                return


def _speaks_of_itself(text: str) -> bool:
    words = set(text.lower().split())
    return bool(words & {"you", "your"}) and bool(
        words & {"must", "never", "always", "are", "do", "should", "only", "answer"}
    )


def _urls(text: str) -> list[str]:
    return [match.group().rstrip(".,;").lower().partition("?")[0] for match in _URL.finditer(text)]


def _values(segment: str) -> set[str]:
    """What of an instruction can be recognised in a call: addresses, paths, numbers, quoted texts; lower case."""
    values = {*_urls(segment), *(match.group().lower() for match in _MAIL.finditer(segment))}
    values |= {match.group().lower() for match in _PATH.finditer(segment)}
    values |= {match.group() for match in _NUMBER.finditer(segment)}
    return values | {match.group(1).lower() for match in _QUOTED.finditer(segment) if len(match.group(1)) >= 5}


def _names_tool(text: str, tool: str) -> bool:
    """Whether a text names a tool: by its identifier, or by all words of it."""
    low, words = text.lower(), [word for word in re.split(r"[_\W]+|(?<=[a-z])(?=[A-Z])", tool) if len(word) > 2]
    return tool.lower() in low or (
        len(words) > 1 and all(re.search(rf"\b{re.escape(word.lower())}", low) for word in words)
    )


def _demanded(segment: str) -> list[str]:
    """Texts that an instruction wants to be said."""
    found = [match.group(1).lower() for match in _QUOTED.finditer(segment)]
    bare = _DICTATED.search(segment)
    return [*found, *([bare[1].lower().strip()] if bare else [])]


def _private_values(piece: Piece) -> list[str]:
    """Values that would tell where another text has them from: leaks, mail addresses, long numbers and words."""
    values = [piece.text[leak.start : leak.end] for leak in find_leaks(piece.text[:20_000])]
    values += [match.group() for match in _MAIL.finditer(piece.text[:20_000])]
    if piece.origin in _DATA:
        values += [match.group() for match in _NUMBER.finditer(piece.text[:20_000]) if len(match.group()) >= 6]
        values += [
            word
            for word in piece.text[:20_000].split()
            if len(word) >= _LONG_VALUE and any(c.isdigit() for c in word) and "://" not in word
        ]
    return list(dict.fromkeys(value for value in values if len(value) >= 6))[:200]
