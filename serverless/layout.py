"""The layout of every email, as plain text and as HTML. All text is escaped here."""

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
class EmailText:
    """The parts of an email: unescaped, in the reader's language."""

    subject: str
    heading: str
    greeting: str
    paragraphs: tuple[str, ...]
    button: str
    link: str
    code: str = ""
    facts: tuple[Fact, ...] = ()
    closing: str = ""


def as_text(content: EmailText, _: Translate) -> str:
    facts = "\n".join(
        f"{fact.label}: {fact.value if fact.is_link else _.isolated(_on_one_line(fact.value))}"
        for fact in content.facts
    )
    parts = [
        content.heading,
        content.greeting,
        *(_wrapped(paragraph) for paragraph in content.paragraphs),
        f"    {content.code}" if content.code else "",
        facts,
        f"{content.button}:\n{content.link}",
        _wrapped(content.closing),
        f"-- \n{_wrapped(_footer(_))}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(content: EmailText, _: Translate) -> str:
    return _template("layout.html").substitute(
        language=escape(wording.known(_.language)),
        direction=_.direction,
        subject=escape(content.subject),
        preview=escape(content.paragraphs[0]),
        heading=escape(content.heading),
        greeting=escape(content.greeting),
        paragraphs="".join(f'<p class="text">{escape(text)}</p>' for text in content.paragraphs),
        code=f'<p class="code" dir="ltr">{escape(content.code)}</p>' if content.code else "",
        facts=_facts(content.facts),
        button=escape(content.button),
        link=escape(content.link),
        bare=escape(_("Or open this link:")),
        closing=f'<p class="text muted">{escape(content.closing)}</p>' if content.closing else "",
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
    return _(
        "This email was sent by HMS, the clinic's appointment system. Please do not reply to it."
    )


@lru_cache(maxsize=1)
def _template(name: str) -> Template:
    return Template((Path(__file__).parent / name).read_text(encoding="utf-8"))
