"""Update and check the catalogues: `python -m hms.dev.translations.catalogues [--check]`.

Without --check, writes the texts of the code into every .po file, removes those that are not used
any more, compiles the .mo files, and prints what is left to translate. Translations, comments and
headers stay as they are. With --check, writes nothing. The exit code is 1 if anything is wrong.
See docs/languages.md.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import PoFileError, read_po, write_po

from hms.dev.layout import ROOT
from hms.dev.translations import words
from hms.dev.translations.words import SourceText, strings

_PLACEHOLDER = re.compile(r"%\(\w+\)|%[sd]|\{\w*\}")
_TAG = re.compile(r"</?[a-z]\w*")


@dataclass(frozen=True)
class CatalogueSet:
    """The catalogues of one domain: a .po and a .mo file for each language.

    `texts` returns the texts to translate into a language.
    """

    folder: Path
    domain: str
    texts: Callable[[str], Iterable[SourceText]]

    def files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*/LC_MESSAGES/{self.domain}.po"))


CATALOGUE_SETS = (
    CatalogueSet(ROOT / "locale", "django", words.site_texts),
    CatalogueSet(ROOT / "serverless" / "locale", "mail", words.mail_texts),
)


def language_of(po: Path) -> str:
    return po.parts[-3]


def read(po: Path) -> Catalog:
    """Read a .po file. Raises PoFileError if it is not valid."""
    with po.open("rb") as file:
        return read_po(file, locale=language_of(po), abort_invalid=True)


def untranslated(catalogue_set: CatalogueSet, language: str) -> Catalog:
    """A catalogue of all texts to translate into the language, without translations."""
    catalogue = Catalog(locale=language)
    for text in catalogue_set.texts(language):
        catalogue.add(
            text.id, locations=[(text.file, 0)], auto_comments=text.comments, context=text.context
        )
    return catalogue


def updated(catalogue_set: CatalogueSet, po: Path) -> bytes:
    """The content of the .po file with the texts of the code and the translations that it has."""
    old, new = read(po), untranslated(catalogue_set, language_of(po))
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
    """The content of the .mo file for a catalogue, without fuzzy and untranslated messages."""
    body = BytesIO()
    write_mo(body, catalogue)
    return body.getvalue()


def is_current(mo: Path, catalogue: Catalog) -> bool:
    """Whether the .mo file exists and has the translations of the catalogue.

    Compares the translations, not the bytes: the header has the version of Babel that wrote it.
    """
    return mo.exists() and _translations(mo.read_bytes()) == _translations(compiled(catalogue))


def _translations(mo: bytes) -> tuple[str, dict[tuple[Any, ...], tuple[str, ...]]]:
    catalogue = read_mo(BytesIO(mo))
    return catalogue.plural_forms, {
        (message.context, *strings(message.id)): strings(message.string)
        for message in _messages(catalogue)
    }


def _messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def problems() -> list[str]:
    """Everything that is wrong with the catalogues and templates, one line each."""
    found = [
        line
        for catalogue_set in CATALOGUE_SETS
        for po in catalogue_set.files()
        for line in catalogue_problems(catalogue_set, po)
    ]
    for template in words.templates():
        source, name = template.read_text(encoding="utf-8"), template.relative_to(ROOT)
        found += [f"{name}: not marked for translation: {t}" for t in words.unmarked_texts(source)]
        found += [
            f"{name}: use a named date format instead of: {f}"
            for f in words.literal_date_formats(source)
        ]
    return found


def catalogue_problems(catalogue_set: CatalogueSet, po: Path) -> list[str]:
    """Everything that is wrong with one catalogue: lines with its file and the message."""
    try:
        catalogue, required = read(po), untranslated(catalogue_set, language_of(po))
    except PoFileError as error:
        return [f"{po.relative_to(catalogue_set.folder.parent)}: {error}"]
    lines = [
        f"{problem}: {_label(message)}"
        for message in _messages(required)
        for problem in _message_problems(
            catalogue.get(message.id, message.context), message, required.num_plurals
        )
    ]
    lines += [
        f"not used any more: {_label(message)}"
        for message in _messages(catalogue)
        if required.get(message.id, message.context) is None
    ]
    if catalogue.num_plurals != required.num_plurals:
        lines.append(f"Plural-Forms must have {required.num_plurals} forms")
    mo = po.with_suffix(".mo")
    if not is_current(mo, catalogue):
        lines.append(
            f"{mo.name} is older than {po.name}: run python -m hms.dev.translations.catalogues"
        )
    return [f"{po.relative_to(catalogue_set.folder.parent)}: {line}" for line in lines]


def _message_problems(message: Message | None, source: Message, forms: int) -> Iterator[str]:
    if message is None or message.pluralizable != source.pluralizable:
        yield "missing"
        return
    texts, english = strings(message.string), strings(source.id)
    if not all(texts):
        yield "not translated"
        return
    if message.fuzzy:
        yield "fuzzy"
    if source.pluralizable and len(texts) != forms:
        yield f"needs {forms} plural forms"
    # A plural form for one number may write the number as a word, or leave it out.
    allowed_missing = 1 if source.pluralizable else 0
    for position, text in enumerate(texts, 1):
        expected, found = _placeholders(english[-1]), _placeholders(text)
        missing = (expected - found).total()
        if found - expected or missing > (allowed_missing if position < len(texts) else 0):
            yield "other placeholders than in English"
        if Counter(_TAG.findall(text)) != Counter(_TAG.findall(english[-1])):
            yield "other HTML tags than in English"


def _placeholders(text: str) -> Counter[str]:
    """Placeholders and their number; named ones count once, as a language may repeat a name."""
    found = Counter(_PLACEHOLDER.findall(text.replace("%%", "")))
    return Counter({name: 1 if "(" in name else count for name, count in found.items()})


def _label(message: Message) -> str:
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
    print(f"{len(found)} problems" if found else "All texts are translated.")
    return 1 if found else 0


def write() -> None:
    """Update every .po and .mo file and print how many messages each .po file has."""
    for catalogue_set in CATALOGUE_SETS:
        for po in catalogue_set.files():
            po.write_bytes(updated(catalogue_set, po))
            catalogue = read(po)
            mo = po.with_suffix(".mo")
            # Not written otherwise: its header has the time, unless the .po file names one.
            if not is_current(mo, catalogue):
                mo.write_bytes(compiled(catalogue))
            print(f"{po.relative_to(ROOT)}: {len(list(_messages(catalogue)))} messages")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
