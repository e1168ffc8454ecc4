"""What there is to translate: the marked words of our own code, and the gaps of the libraries.

GNU gettext is not on every machine, so Babel reads the words. A template becomes Python-like text
first, in the way of Django's own makemessages.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.template.base import Lexer, TokenType
from django.utils.translation.template import templatize

from hms.dev.layout import ROOT

ROOMS = ("hms", "notifications", "users", "availability", "calendar_integration", "bookings")
# Read by developers and operators only, or made-up data.
_OTHERS = {"tests", "migrations", "management", "dev", "demo"}
_KEYWORDS: dict = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy", "plural"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
_ALIAS = re.compile(r"\b(\w*gettext\w*) as (\w+)")
_TO_TRANSLATORS = ("Translators",)
# What our pages show of the libraries, and the folders whose catalogues they bring for it.
_LIBRARIES = {
    "django": (
        ("core/validators.py", "forms", "db/models", "utils", "contrib/auth", "contrib/admin"),
        ("conf", "contrib/auth", "contrib/admin"),
    ),
    "allauth": (("account", "templates/account"), (".",)),
}
# Names of keys, which Babel takes for words in `gettext(message["added"]["name"])`.
_KEYS = {"addedname", "changedname", "deletedname"}
# Tags whose text is marked, or is not for readers.
_BLOCK = re.compile(r"(blocktrans(late)?|comment|block bodyclass)\b")
# Formats of days and times that are the same in every language: named ones, single parts, ISO.
_SPELLED = re.compile(r"""\|date:(["'])(?!(?:[A-Z_]+_FORMAT|.|Y-m-d(?:\\TH:i.*)?)\1)(.*?)\1""")
_SEEN_ATTRIBUTES = {"title", "alt", "aria-label", "aria-description", "placeholder"}
# Alike in every language; and the names of classes, in a template that makes them.
_NAMES = re.compile(r"\b(HMS|CSV|UTC|CET|Google)\b|&\w+;|\S+--\S+")


class Word(NamedTuple):
    """One message: its English text (singular and plural if it counts), its context, its home."""

    id: str | tuple[str, ...]
    context: str | None
    file: str
    comments: tuple[str, ...] = ()


def of_site(language: str) -> Iterator[Word]:
    """The site's own words, and those of the libraries that bring none in this language."""
    for path in _files(*(ROOT / room for room in ROOMS), ROOT / "templates"):
        yield from _read(path, str(path.relative_to(ROOT)))
    yield from _email_labels()
    yield from _gaps(language)


def of_mails(language: str) -> Iterator[Word]:
    for path in sorted((ROOT / "serverless").glob("*.py")):
        yield from _read(path, path.name)


def _email_labels() -> Iterator[Word]:
    """How staff see the emails that exist."""
    file = ROOT / "serverless" / "emails.toml"
    for entry in tomllib.loads(file.read_text(encoding="utf-8"))["emails"].values():
        yield Word(entry["label"], None, str(file.relative_to(ROOT)))


def templates() -> list[Path]:
    return _files(ROOT / "templates")


def unmarked(source: str) -> list[str]:
    """The texts of a template that nobody could translate, for they are not marked."""
    pieces, inside = [], False
    for token in Lexer(source).tokenize():
        if token.token_type == TokenType.BLOCK:
            opens, closes = _BLOCK.match(token.contents), token.contents.startswith("end")
            inside = bool(opens) or (inside and not closes)
        pieces.append(token.contents if token.token_type == TokenType.TEXT and not inside else " ")
    return [text for text in _Reader("".join(pieces)).texts if _is_language(text)]


def spelled_dates(source: str) -> list[str]:
    """The formats of days and times that a template spells out, in the order of one language."""
    return [found[2] for found in _SPELLED.finditer(source)]


def _is_language(text: str) -> bool:
    return bool(re.search(r"[^\W\d_]{2,}", _NAMES.sub("", text)))


class _Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._skipped = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipped += tag in {"script", "style"}
        self.texts += [
            " ".join(value.split()) for name, value in attrs if name in _SEEN_ATTRIBUTES and value
        ]

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._skipped:
            self.texts.append(" ".join(data.split()))


def _files(*folders: Path) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in ([folder] if folder.is_file() else folder.rglob("*"))
        if path.suffix in {".py", ".html", ".txt"}
        and not _OTHERS.intersection(path.relative_to(folder).parts)
    )


@cache
def _read(path: Path, name: str) -> list[Word]:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # Indented as HTML is, it would be no Python.
        text = "\n".join(line.strip() for line in templatize(text, origin=name).splitlines())
    aliases = {alias: _KEYWORDS[name] for name, alias in _ALIAS.findall(text)}
    found = extract("python", BytesIO(text.encode()), _KEYWORDS | aliases, _TO_TRANSLATORS)
    return [
        Word(message, context, name, tuple(comments)) for _line, message, comments, context in found
    ]


def _gaps(language: str) -> Iterator[Word]:
    for library, (parts, catalogues) in _LIBRARIES.items():
        spec = find_spec(library)
        assert spec is not None
        assert spec.origin is not None
        home = Path(spec.origin).parent
        theirs = [
            _library_catalogue(home / folder / "locale" / language / "LC_MESSAGES/django.po")
            for folder in catalogues
        ]
        for path in _files(*(home / part for part in parts)):
            for word in _read(path, f"{library}/{path.relative_to(home)}"):
                if word.id not in _KEYS and not any(_has(known, word) for known in theirs):
                    yield word


@cache
def _library_catalogue(po: Path) -> Catalog:
    with po.open("rb") as file:
        return read_po(file)


def _has(catalogue: Catalog, word: Word) -> bool:
    message = catalogue.get(word.id, word.context)
    return message is not None and not message.fuzzy and all(strings(message.string))


def strings(text: str | Iterable[str] | None) -> tuple[str, ...]:
    """One translation or all of its plural forms, as a tuple."""
    return (text,) if isinstance(text, str) else tuple(text or ("",))
