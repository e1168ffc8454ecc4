"""Keep the catalogues in step with the code: `python -m hms.dev.translations.catalogues [--check]`.

Without --check it writes every .po file anew (kept: translations, comments, headers; gone: what
nothing says any more), compiles the .mo file beside it, and prints what is left to translate.
With --check it writes nothing. Both end with 1 while anything is wrong. See docs/languages.md.
"""

import re
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po, write_po

from hms.dev.layout import ROOT
from hms.dev.translations import words
from hms.dev.translations.words import Word, strings

_PLACEHOLDER = re.compile(r"%\(\w+\)|%[sd]|\{\w*\}")
_TAG = re.compile(r"</?[a-z]\w*")


@dataclass(frozen=True)
class Book:
    """A set of catalogues that is read together: one file a language."""

    folder: Path
    domain: str
    words: Callable[[str], Iterable[Word]]

    def files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*/LC_MESSAGES/{self.domain}.po"))


BOOKS = (
    Book(ROOT / "locale", "django", words.of_site),
    Book(ROOT / "serverless" / "locale", "mail", words.of_mails),
)


def language_of(po: Path) -> str:
    return po.parts[-3]


def read(po: Path) -> Catalog:
    with po.open("rb") as file:
        return read_po(file, locale=language_of(po), abort_invalid=True)


def wanted(book: Book, language: str) -> Catalog:
    """Every word there is to translate into the language, still without a translation."""
    catalogue = Catalog(locale=language)
    for word in book.words(language):
        catalogue.add(
            word.id, locations=[(word.file, 0)], auto_comments=word.comments, context=word.context
        )
    return catalogue


def updated(book: Book, po: Path) -> bytes:
    """The file as it should be: today's words, with the translations that it has."""
    old, new = read(po), wanted(book, language_of(po))
    for message in _messages(new):
        known = old.get(message.id, message.context)
        if known is not None and known.pluralizable == message.pluralizable:
            message.string, message.flags = known.string, known.flags | message.flags
            message.user_comments = known.user_comments
    body = BytesIO()
    write_po(body, new, width=100, omit_header=True, sort_by_file=True, include_lineno=False)
    header = po.read_text(encoding="utf-8").partition("\n\n")[0]
    return f"{header}\n\n".encode() + body.getvalue().strip() + b"\n"


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue in the binary format that gettext reads; the same bytes each time."""
    header = "".join(f"{name}: {value}\n" for name, value in _lasting_headers(catalogue))
    pairs = {b"": header.encode()}
    for message in _messages(catalogue):
        texts = strings(message.string)
        if message.fuzzy or not all(texts):
            continue
        context = f"{message.context}\x04" if message.context else ""
        key = context + "\0".join(strings(message.id))
        pairs[key.encode()] = "\0".join(texts).encode()
    return _packed(sorted(pairs.items()))


def _lasting_headers(catalogue: Catalog) -> Iterator[tuple[str, str]]:
    wanted = {"Language", "Content-Type", "Plural-Forms"}
    return ((name, value) for name, value in catalogue.mime_headers if name in wanted)


def _packed(pairs: list[tuple[bytes, bytes]]) -> bytes:
    header_size, index_size = 28, 8 * len(pairs)
    position = header_size + 2 * index_size
    indexes, texts = b"", b""
    for side in (0, 1):
        for pair in pairs:
            indexes += struct.pack("<II", len(pair[side]), position + len(texts))
            texts += pair[side] + b"\0"
    start = struct.pack(
        "<7I", 0x950412DE, 0, len(pairs), header_size, header_size + index_size, 0, position
    )
    return start + indexes + texts


def _messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def problems() -> list[str]:
    """Everything that is wrong with any catalogue or template, one line each."""
    found = [line for book in BOOKS for po in book.files() for line in faults(book, po)]
    for template in words.templates():
        source, name = template.read_text(encoding="utf-8"), template.relative_to(ROOT)
        found += [f"{name}: not marked to be translated: {t}" for t in words.unmarked(source)]
        found += [
            f"{name}: name a format, do not spell it: {f}" for f in words.spelled_dates(source)
        ]
    return found


def faults(book: Book, po: Path) -> list[str]:
    """What is wrong with one catalogue, each line with its file and its message."""
    try:
        have, want = read(po), wanted(book, language_of(po))
    except PoFileError as error:
        return [f"{po.relative_to(book.folder.parent)}: {error}"]
    told = [
        (have.get(message.id, message.context), message, fault)
        for message in _messages(want)
        for fault in _faults_of(have.get(message.id, message.context), message, want.num_plurals)
    ]
    lines = [f"{fault}: {_shown(message)}" for _have, message, fault in told]
    lines += [
        f"said nowhere any more: {_shown(message)}"
        for message in _messages(have)
        if want.get(message.id, message.context) is None
    ]
    if have.num_plurals != want.num_plurals:
        lines.append(f"Plural-Forms must have {want.num_plurals} forms")
    mo = po.with_suffix(".mo")
    if not mo.exists() or mo.read_bytes() != compiled(have):
        lines.append(
            f"{mo.name} is older than {po.name}: run python -m hms.dev.translations.catalogues"
        )
    return [f"{po.relative_to(book.folder.parent)}: {line}" for line in lines]


def _faults_of(have: Message | None, want: Message, forms: int) -> Iterator[str]:
    if have is None or have.pluralizable != want.pluralizable:
        yield "missing"
        return
    texts, english = strings(have.string), strings(want.id)
    if not all(texts):
        yield "not translated"
        return
    if have.fuzzy:
        yield "fuzzy"
    if want.pluralizable and len(texts) != forms:
        yield f"needs {forms} plural forms"
    # A form for one thing may say the number in a word, or not at all.
    may_lack = 1 if want.pluralizable else 0
    for position, text in enumerate(texts, 1):
        needed, given = _placeholders(english[-1]), _placeholders(text)
        lacking = (needed - given).total()
        if given - needed or lacking > (may_lack if position < len(texts) else 0):
            yield "other placeholders than in English"
        if Counter(_TAG.findall(text)) != Counter(_TAG.findall(english[-1])):
            yield "other HTML tags than in English"


def _placeholders(text: str) -> Counter[str]:
    """Named ones once each, since a language may need a name twice; nameless ones as they are."""
    found = Counter(_PLACEHOLDER.findall(text.replace("%%", "")))
    return Counter({name: 1 if "(" in name else count for name, count in found.items()})


def _shown(message: Message) -> str:
    context = f"[{message.context}] " if message.context else ""
    return context + " / ".join(strings(message.id)).replace("\n", "\\n")


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    if not arguments:
        write()
    found = problems()
    for line in found:
        print(line)
    print(f"{len(found)} problems" if found else "All is translated.")
    return 1 if found else 0


def write() -> None:
    """Bring every file up to date and say how many messages each holds."""
    for book in BOOKS:
        for po in book.files():
            po.write_bytes(updated(book, po))
            catalogue = read(po)
            po.with_suffix(".mo").write_bytes(compiled(catalogue))
            print(f"{po.relative_to(ROOT)}: {len(list(_messages(catalogue)))} messages")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
