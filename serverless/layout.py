"""One layout for every mail, as plain text and as HTML. Escaping happens here and only here."""

from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template
from textwrap import fill
from typing import NamedTuple

import wording
from wording import Translate

_TEXT_WIDTH = 72


class Fact(NamedTuple):
    label: str
    value: str
    is_link: bool = False


@dataclass(frozen=True)
class Words:
    """What a mail says, unescaped and in the reader's language, in the order it is read."""

    subject: str
    heading: str
    greeting: str
    paragraphs: tuple[str, ...]
    button: str
    link: str
    code: str = ""
    facts: tuple[Fact, ...] = ()
    closing: str = ""


def as_text(words: Words, _: Translate) -> str:
    facts = "\n".join(
        f"{fact.label}: {fact.value if fact.is_link else _.isolated(_on_one_line(fact.value))}"
        for fact in words.facts
    )
    parts = [
        words.heading,
        words.greeting,
        *(_wrapped(paragraph) for paragraph in words.paragraphs),
        f"    {words.code}" if words.code else "",
        facts,
        f"{words.button}:\n{words.link}",
        _wrapped(words.closing),
        f"-- \n{_wrapped(_footer(_))}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(words: Words, _: Translate) -> str:
    return _template("layout.html").substitute(
        language=escape(wording.known(_.language)),
        direction=_.direction,
        subject=escape(words.subject),
        preview=escape(words.paragraphs[0]),
        heading=escape(words.heading),
        greeting=escape(words.greeting),
        paragraphs="".join(f'<p class="text">{escape(text)}</p>' for text in words.paragraphs),
        code=f'<p class="code" dir="ltr">{escape(words.code)}</p>' if words.code else "",
        facts=_facts(words.facts),
        button=escape(words.button),
        link=escape(words.link),
        bare=escape(_("Or open this link:")),
        closing=f'<p class="text muted">{escape(words.closing)}</p>' if words.closing else "",
        footer=escape(_footer(_)),
    )


def _facts(facts: tuple[Fact, ...]) -> str:
    rows = "".join(
        f'<p class="fact"><span class="label">{escape(fact.label)}</span><br>'
        f"<strong>{_value(fact)}</strong></p>"
        for fact in facts
    )
    return f'<div class="facts">{rows}</div>' if rows else ""


def _value(fact: Fact) -> str:
    if fact.is_link:
        return f'<a class="bare" dir="ltr" href="{escape(fact.value)}">{escape(fact.value)}</a>'
    return "<br>".join(f"<bdi>{escape(line)}</bdi>" for line in fact.value.strip().splitlines())


def _on_one_line(value: str) -> str:
    return ", ".join(line.strip() for line in value.strip().splitlines() if line.strip())


def _wrapped(text: str) -> str:
    return fill(text, _TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)


def _footer(_: Translate) -> str:
    return _("This mail was sent by HMS, the clinic's appointment desk. Please do not reply to it.")


@lru_cache(maxsize=1)
def _template(name: str) -> Template:
    return Template((Path(__file__).parent / name).read_text(encoding="utf-8"))
