"""Which rules of our stylesheets any page uses, by the browser's own record of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

from hms.dev.checks.screenshots import THEMES, WIDTHS

# Django's admin and what is vendored bring theirs; the rest of /static/css/ is ours.
OURS = re.compile(r"/static/css/([\w-]+)(?:\.[0-9a-f]{12})?\.css$")
GROUPS = ("@media", "@supports", "@layer", "@container", "@starting-style")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# What a page is only sometimes: a reader's doing, a script's, another language's.
STATE = re.compile(
    r":(?:hover|focus(?:-visible|-within)?|active|visited|target|checked|disabled|enabled|valid|"
    r"invalid|user-invalid|placeholder-shown|autofill|indeterminate|open|popover-open|modal|"
    r"dir\(\w+\)|lang\([^)]*\))(?![\w-])"
    r"|\[(?:open|hidden|dir|inert|aria-(?:busy|expanded|pressed|selected)|"
    r"data-(?:theme|sending|view|scale|fresh-[a-z]+))"
    r"[^\]]*\]"
    r"|::?(?:before|after)(?![\w-])|::[\w-]+(?:\([^)]*\))?"
)
NOT = re.compile(r":not\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
HOLLOW = re.compile(r":(?:not|is|where|has)\(\s*[>+~]?\s*\)")

# Which of these selectors an element has, be it in a template, which no selector reaches into.
THERE = """
(all) => {
  const parts = [...document.querySelectorAll("template")].map((template) => template.content);
  return all.map((one) => [document, ...parts].some((part) => part.querySelector(one) !== null));
}
"""


@dataclass(frozen=True)
class Rule:
    """A style rule: the sheet it stands in, where, and what it is for."""

    sheet: str
    start: int
    end: int
    selector: str
    group: str

    def __str__(self) -> str:
        return f"{self.sheet}.css {self.group} {self.selector}".replace("  ", " ")

    @property
    def stateless(self) -> str:
        """The selector without what a page is only sometimes."""
        marked = STATE.sub("\0", self.selector)
        # Without the state, "not in this state" would be never.
        marked = NOT.sub(lambda match: "" if "\0" in match[0] else match[0], marked)
        bare, before = marked.replace("\0", ""), ""
        while bare != before:
            before, bare = bare, HOLLOW.sub("", bare)
            bare = re.sub(r"\(\s*,\s*", "(", re.sub(r"\s*,\s*\)", ")", bare))
        # A part of which nothing is left stands for any element.
        return re.sub(r"(^|[>+~,(]\s*)(?=\s*(?:[>+~,)]|$))", r"\1*", bare).strip()


def rules_of(sheet: str, css: str) -> list[Rule]:
    """Every style rule of a stylesheet; @font-face, @keyframes and their like are none."""
    # Blanks in place of comments and of braces in strings keep every place where it is.
    css = COMMENT.sub(lambda match: " " * len(match[0]), css)
    css = re.sub(r'"[^"\n]*"', lambda match: re.sub(r"[{};]", " ", match[0]), css)
    found: list[Rule] = []
    _collect(sheet, css, 0, len(css), "", found)
    return found


def _collect(sheet: str, css: str, start: int, end: int, group: str, found: list[Rule]) -> None:
    place = start
    while (brace := css.find("{", place, end)) != -1:
        closing = _closing(css, brace)
        prelude = css[place:brace]
        # Statements without a block (@layer a, b;) may stand before the prelude.
        begin = place + prelude.rfind(";") + 1
        begin += len(css[begin:brace]) - len(css[begin:brace].lstrip())
        words = " ".join(css[begin:brace].split())
        if words.startswith(GROUPS):
            inner = group if words.startswith("@layer") else f"{group} {words}".strip()
            _collect(sheet, css, brace + 1, closing, inner, found)
        elif not words.startswith("@"):
            found.append(Rule(sheet, begin, closing + 1, words, group))
        place = closing + 1


def _closing(css: str, brace: int) -> int:
    depth = 0
    for match in re.compile(r"[{}]").finditer(css, brace):
        depth += 1 if match[0] == "{" else -1
        if not depth:
            return match.start()
    raise ValueError("a block is never closed")


class Usage:
    """Collects over many pages which rules were used; `dead` are those that never were."""

    def __init__(self) -> None:
        self.rules: dict[str, list[Rule]] = {}
        # The pages on which each rule was first seen at work.
        self.used: dict[Rule, str] = {}

    @property
    def dead(self) -> list[Rule]:
        return [rule for rules in self.rules.values() for rule in rules if rule not in self.used]

    def look(self, page: Page, name: str, *, meanwhile: Callable[[], None] | None = None) -> None:
        """Note what the open page uses at every width, in every theme and on paper; `meanwhile`
        may go through widths and themes for a purpose of its own, and saves doing it here."""
        session = page.context.new_cdp_session(page)
        sheets: dict[str, str] = {}
        session.on("CSS.styleSheetAdded", lambda event: self._enter(event["header"], sheets))
        session.send("DOM.enable")
        session.send("CSS.enable")
        for number, sheet in sheets.items():
            if sheet not in self.rules:
                answer = session.send("CSS.getStyleSheetText", {"styleSheetId": number})
                self.rules[sheet] = rules_of(sheet, answer["text"])
        session.send("CSS.startRuleUsageTracking")
        (meanwhile or (lambda: self._turn(page)))()
        self._print(page)
        usage = session.send("CSS.stopRuleUsageTracking")["ruleUsage"]
        session.detach()
        self._note(usage, sheets, name)
        self._note_waiting(page, name)

    def _enter(self, header: dict[str, Any], sheets: dict[str, str]) -> None:
        if match := OURS.search(urlsplit(header["sourceURL"]).path):
            sheets[header["styleSheetId"]] = match[1]

    def _turn(self, page: Page) -> None:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 740})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                page.evaluate("document.documentElement.offsetHeight")

    def _print(self, page: Page) -> None:
        page.evaluate("for (const more of document.querySelectorAll('details')) more.open = true")
        for media in ("print", "screen"):
            page.emulate_media(media=media)  # type: ignore[arg-type]
            page.evaluate("document.documentElement.offsetHeight")

    def _note(self, usage: list[dict[str, Any]], sheets: dict[str, str], name: str) -> None:
        spans = {
            (sheets[one["styleSheetId"]], int(one["startOffset"]), int(one["endOffset"]))
            for one in usage
            if one["used"] and one["styleSheetId"] in sheets
        }
        for rule in self.dead:
            if (rule.sheet, rule.start, rule.end) in spans:
                self.used[rule] = name

    def _note_waiting(self, page: Page, name: str) -> None:
        """What waits for a state (a hover, a setting of the reader's, a script that shows it or
        takes it out of a template) counts by its element."""
        waiting = self.dead
        found = page.evaluate(THERE, [rule.stateless for rule in waiting])
        self.used |= {rule: name for rule, there in zip(waiting, found, strict=True) if there}
