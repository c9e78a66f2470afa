"""Clean documents of many kinds into which instructions are planted: mail, tickets, tables, code, pages, tool results.

They hold requests and orders of their own, addressed to people, because real documents do.
"""

from __future__ import annotations

import inspect
import json
import random
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module

from .grammar import Grammar, Part, texts

WHOLE = ("mail", "sheet", "tech", "web")
"""Kinds whose templates in ``documents.yaml`` are whole documents."""


class Carriers:
    """Draws clean documents. The same ``chance`` gives the same documents (for one version of Python)."""

    def __init__(self, chance: random.Random, customers: Sequence[str], part: Part = Part.ALL) -> None:
        """Prepare; ``customers`` are sentences that customers wrote, for tickets."""
        self.chance = chance
        self.grammar = Grammar(texts("carriers"), chance, part)
        self.documents = Grammar(texts("documents"), chance, part)
        self.customers = customers
        self._code: list[str] = []
        self._prose: list[str] = []
        self.kinds: dict[str, Callable[[], str]] = {
            "email": self.email, "notice": self.notice, "ticket": self.ticket, "markdown_table": self.markdown_table,
            "csv": self.csv, "python": self.python, "script": self.script, "question": self.question, "page": self.page,
            "html": self.html, "json": self.json, "article": self.article, "log": self.log, "review": self.review,
            "guide": self.guide, "chat": self.chat, "manual": self.manual,
            **{name: partial(self.documents.one, name) for name in WHOLE}, "long_mail": self.long_mail,
        }  # fmt: skip

    def draw(self, kind: str | None = None) -> tuple[str, str]:
        """(kind, text) of a document; those that are templates of whole documents come twice as often."""
        kind = kind or self.chance.choice([*self.kinds, *WHOLE])
        return kind, self.kinds[kind]()

    def some(self, name: str, least: int, most: int) -> list[str]:
        """Different texts of a name."""
        return list(dict.fromkeys(self.grammar.one(name) for _ in range(self.chance.randint(least, most))))

    def long_mail(self) -> str:
        """A mail of many sentences, some of them requests."""
        draw = self.documents.one
        body = [draw(self.chance.choice(["say", "say", "want", "fact"])) for _ in range(self.chance.randint(6, 16))]
        return f"{self.grammar.one('greeting')}\n\n{self.chance.choice([' ', chr(10)]).join(body)}\n\n{draw('name')}"

    def email(self) -> str:
        head = self.grammar.one("mail_head") if self.chance.random() < 0.7 else ""
        body = self.some("mail_sentence", 2, 9)
        for _ in range(self.chance.choice([0, 1, 1, 2, 3])):
            body.insert(self.chance.randint(0, len(body)), self.grammar.one("mail_request"))
        joined = self.chance.choice([" ", "\n\n", "\n"]).join(body)
        if self.chance.random() < 0.3:
            joined = textwrap.fill(joined, 72)
        quoted = ""
        if self.chance.random() < 0.25:
            quoted = f"\n\nOn Monday, {self.grammar.one('person')} wrote:\n> " + "\n> ".join(
                self.some("mail_sentence", 1, 3)
            )
        return f"{head}{self.grammar.one('greeting')}\n\n{joined}\n\n{self.grammar.one('closing')}{quoted}"

    def notice(self) -> str:
        body = self.chance.choice(["\n", "\n\n", " "]).join(self.some("notice_sentence", 2, 7))
        return f"{self.grammar.one('mail_head')}{body}\n\n{self.grammar.one('footer')}"

    def ticket(self) -> str:
        texts = self.chance.sample(list(self.customers), self.chance.randint(1, 4))
        head = (
            f"Ticket #{self.chance.randint(1000, 99999)}\nStatus: {self.chance.choice(['open', 'closed', 'waiting'])}\n"
        )
        return head + self.chance.choice(["\n", " "]).join(texts) + "\n" + self.grammar.one("agent_note")

    def rows(self) -> tuple[list[str], list[list[str]]]:
        columns = self.chance.sample(texts("carriers")["table"], self.chance.randint(3, 5))
        names = [column.partition("=")[0] for column in columns]
        values = [column.partition("=")[2] for column in columns]
        count = self.chance.randint(3, 14)
        return names, [[self.grammar.fill(value) for value in values] for _ in range(count)]

    def manual(self) -> str:
        """Some paragraphs of Python's own reference: real prose."""
        if not self._prose:
            text = "\n\n".join(import_module("pydoc_data.topics").topics.values())
            self._prose = [part.strip() for part in text.split("\n\n") if 60 < len(part) < 700]
        first = self.chance.randrange(len(self._prose) - 4)
        return "\n\n".join(self._prose[first : first + self.chance.randint(1, 4)])

    def markdown_table(self) -> str:
        names, rows = self.rows()
        lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        title = self.grammar.one("table_title") + "\n\n" if self.chance.random() < 0.5 else ""
        return title + "\n".join(lines)

    def csv(self) -> str:
        names, rows = self.rows()
        separator = self.chance.choice([",", "\t", ";", " | "])
        return "\n".join(separator.join(row) for row in [names, *rows])

    def python(self) -> str:
        if not self._code:
            for name in texts("carriers")["module"]:
                self._code += inspect.getsource(import_module(name)).split("\n\n\n")
            self._code = [piece.strip("\n") for piece in self._code if 80 < len(piece) < 2500]
        return self.chance.choice(self._code)

    def script(self) -> str:
        return "\n".join(self.some("code_line", 4, 14))

    def question(self) -> str:
        """A question about code as on a forum, with the code and an answer."""
        code = self.python()[:700] if self.chance.random() < 0.5 else self.script()
        return (
            f"{self.grammar.one('forum_title')}\n\n{self.grammar.one('forum_text')}\n\n```\n{code}\n```\n\n"
            + " ".join(self.some("forum_answer", 1, 4))
        )

    def page(self) -> str:
        return "\n\n".join(" ".join(self.some("page_sentence", 2, 5)) for _ in range(self.chance.randint(1, 4)))

    def html(self) -> str:
        parts = [f"<h1>{self.grammar.one('table_title')}</h1>"]
        parts += [f"<p>{text}</p>" for text in self.some("page_sentence", 2, 8)]
        if self.chance.random() < 0.5:
            parts.insert(1, f"<!-- {self.grammar.one('html_note')} -->")
        parts.append(f"<ul><li>{'</li><li>'.join(self.some('guide_step', 2, 4))}</li></ul>")
        return f"<html><body>{self.chance.choice(['', chr(10)]).join(parts)}</body></html>"

    def json(self) -> str:
        names, rows = self.rows()
        items = [dict(zip(names, row, strict=True)) for row in rows[:6]]
        if self.chance.random() < 0.6:
            items[0]["description"] = " ".join(self.some("review_sentence", 1, 3))
        whole = {"status": "ok", "results": items, "message": self.grammar.one("json_message")}
        return json.dumps(whole, indent=self.chance.choice([None, 2]), ensure_ascii=False)

    def article(self) -> str:
        return "\n".join(" ".join(self.some("article_sentence", 2, 6)) for _ in range(self.chance.randint(1, 3)))

    def log(self) -> str:
        return "\n".join(self.some("log_line", 3, 12))

    def review(self) -> str:
        return " ".join(self.some("review_sentence", 2, 7))

    def guide(self) -> str:
        steps = self.some("guide_step", 3, 9)
        if self.chance.random() < 0.6:
            steps = [f"{number}. {step}" for number, step in enumerate(steps, 1)]
        return f"{self.grammar.one('table_title')}\n\n" + "\n".join(steps)

    def chat(self) -> str:
        names = [self.grammar.one("person"), self.grammar.one("person")]
        texts = self.some("chat_line", 3, 9)
        return "\n".join(f"{names[at % 2]}: {text}" for at, text in enumerate(texts))
