"""The texts to translate: those marked in the project, and untranslated ones of libraries.

Babel extracts them, because GNU gettext is not on every machine. Templates are converted to text
like Python first, by the function that Django's makemessages uses.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.template.base import Lexer, TokenType
from django.utils.translation.template import templatize

from hms.dev.layout import ROOT

APPS = ("hms", "notifications", "users", "availability", "calendar_integration", "bookings")
# Folders whose texts only developers and operators read, or that contain demo data.
_EXCLUDED_FOLDERS = {"tests", "migrations", "management", "dev", "demo"}
_KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy", "plural"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
_ALIAS = re.compile(r"\b(\w*gettext\w*) as (\w+)")
_COMMENT_TAGS = ("Translators",)
# The parts of the libraries that our pages show, and the folders with the libraries' catalogues.
_LIBRARIES = {
    "django": (
        ("core/validators.py", "forms", "db/models", "utils", "contrib/auth", "contrib/admin"),
        ("conf", "contrib/auth", "contrib/admin"),
    ),
    "allauth": (("account", "templates/account"), (".",)),
}
# Keys of dictionaries, which Babel extracts from `gettext(message["added"]["name"])`.
_KEYS = {"addedname", "changedname", "deletedname"}
# Blocks whose text is marked for translation or is not shown.
_BLOCK = re.compile(r"(blocktrans(late)?|comment|block bodyclass)\b")
# Formats of dates and times other than named ones, single letters and ISO.
_LITERAL_DATE_FORMAT = re.compile(
    r"""\|date:(["'])(?!(?:[A-Z_]+_FORMAT|.|Y-m-d(?:\\TH:i.*)?)\1)(.*?)\1"""
)
_TEXT_ATTRIBUTES = {"title", "alt", "aria-label", "aria-description", "placeholder"}
# The same in every language; and CSS classes, in templates that compose their names.
_NOT_TRANSLATED = re.compile(r"\b(HMS|CSV|UTC|CET|Google)\b|&\w+;|\S+--\S+")


class SourceText(NamedTuple):
    """A text to translate: in English, or as singular and plural; its context, file, comments."""

    id: str | tuple[str, ...]
    context: str | None
    file: str
    comments: tuple[str, ...] = ()


def site_texts(language: str) -> Iterator[SourceText]:
    """The site's texts, and the libraries' texts that they do not translate into the language."""
    for path in _files(*(ROOT / app for app in APPS), ROOT / "templates"):
        yield from _read(path, str(path.relative_to(ROOT)))
    yield from _email_labels()
    yield from _untranslated_library_texts(language)


def mail_texts(language: str) -> Iterator[SourceText]:
    """The texts of the mail function, which are the same for every language."""
    for path in sorted((ROOT / "serverless").glob("*.py")):
        yield from _read(path, path.name)


def _email_labels() -> Iterator[SourceText]:
    """How staff see the emails that exist."""
    file = ROOT / "serverless" / "emails.toml"
    for entry in tomllib.loads(file.read_text(encoding="utf-8"))["emails"].values():
        yield SourceText(entry["label"], None, str(file.relative_to(ROOT)))


def templates() -> list[Path]:
    return _files(ROOT / "templates")


def unmarked_texts(source: str) -> list[str]:
    """The texts of a template that are not marked for translation."""
    pieces, inside = [], False
    for token in Lexer(source).tokenize():
        if token.token_type == TokenType.BLOCK:
            opens, closes = _BLOCK.match(token.contents), token.contents.startswith("end")
            inside = bool(opens) or (inside and not closes)
        pieces.append(token.contents if token.token_type == TokenType.TEXT and not inside else " ")
    return [text for text in _VisibleTexts("".join(pieces)).texts if _has_words(text)]


def literal_date_formats(source: str) -> list[str]:
    """The formats of dates and times in a template that would not follow the language."""
    return [found[2] for found in _LITERAL_DATE_FORMAT.finditer(source)]


def _has_words(text: str) -> bool:
    return bool(re.search(r"[^\W\d_]{2,}", _NOT_TRANSLATED.sub("", text)))


class _VisibleTexts(HTMLParser):
    """Collects the texts and text attributes of an HTML document in `texts`."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._skipped = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipped += tag in {"script", "style"}
        self.texts += [
            " ".join(value.split()) for name, value in attrs if name in _TEXT_ATTRIBUTES and value
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
        and not _EXCLUDED_FOLDERS.intersection(path.relative_to(folder).parts)
    )


@cache
def _read(path: Path, name: str) -> list[SourceText]:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # Without the indentation of HTML, which is not valid in Python.
        text = "\n".join(line.strip() for line in templatize(text, origin=name).splitlines())
    aliases = {alias: _KEYWORDS[name] for name, alias in _ALIAS.findall(text)}
    found = extract("python", BytesIO(text.encode()), _KEYWORDS | aliases, _COMMENT_TAGS)
    return [
        SourceText(message, context, name, tuple(comments))
        for _line, message, comments, context in found
    ]


def _untranslated_library_texts(language: str) -> Iterator[SourceText]:
    for library, (parts, catalogues) in _LIBRARIES.items():
        spec = find_spec(library)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        translated = [
            _library_catalogue(folder / part / "locale" / language / "LC_MESSAGES/django.po")
            for part in catalogues
        ]
        for path in _files(*(folder / part for part in parts)):
            for text in _read(path, f"{library}/{path.relative_to(folder)}"):
                if text.id not in _KEYS and not any(_has(known, text) for known in translated):
                    yield text


@cache
def _library_catalogue(po: Path) -> Catalog:
    with po.open("rb") as file:
        return read_po(file)


def _has(catalogue: Catalog, text: SourceText) -> bool:
    message = catalogue.get(text.id, text.context)
    return message is not None and not message.fuzzy and all(strings(message.string))


def strings(text: str | Iterable[str] | None) -> tuple[str, ...]:
    """A translation, or its plural forms, as a tuple; `("",)` for none."""
    return (text,) if isinstance(text, str) else tuple(text or ("",))
