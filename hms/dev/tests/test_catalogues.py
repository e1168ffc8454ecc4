"""The words of the house: complete in every language, and a tool that notices what is not."""

import gettext
from pathlib import Path

import pytest
from babel import Locale

from hms.dev.translations import catalogues, words
from hms.dev.translations.catalogues import Book
from hms.dev.translations.words import Word

HEADER = """msgid ""
msgstr ""
"Language: ar\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : """
HEADER += """n%100>=11 && n%100<=99 ? 4 : 5;\\n"
"""
# The order in which catalogues list the forms.
KINDS = ("zero", "one", "two", "few", "many", "other")
HOUSE = "templates/house.html"
SAID = [
    Word("Book %(time)s", None, HOUSE),
    Word(("%(n)s slot", "%(n)s slots"), None, HOUSE),
    Word("Read <b>this</b>", "a context", HOUSE),
]
TRANSLATED = """
msgid "Book %(time)s"
msgstr "احجز %(time)s"

msgid "%(n)s slot"
msgid_plural "%(n)s slots"
msgstr[0] "لا فترات"
msgstr[1] "فترة"
msgstr[2] "فترتان"
msgstr[3] "%(n)s فترات"
msgstr[4] "%(n)s فترة"
msgstr[5] "%(n)s فترة"

msgctxt "a context"
msgid "Read <b>this</b>"
msgstr "اقرأ <b>هذا</b>"
"""


@pytest.fixture
def book(tmp_path) -> Book:
    return Book(tmp_path / "locale", "django", lambda language: SAID)


def written(book: Book, body: str) -> Path:
    po = book.folder / "ar" / "LC_MESSAGES" / "django.po"
    po.parent.mkdir(parents=True)
    po.write_text(f"{HEADER}{body}", encoding="utf-8")
    po.with_suffix(".mo").write_bytes(catalogues.compiled(catalogues.read(po)))
    return po


def test_a_whole_catalogue_has_no_faults(book):
    assert catalogues.faults(book, written(book, TRANSLATED)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ('msgid "Book %(time)s"\nmsgstr "احجز %(time)s"\n', "", "missing: Book %(time)s"),
        ('"احجز %(time)s"', '""', "not translated: Book %(time)s"),
        ('msgid "Book', '#, fuzzy\nmsgid "Book', "fuzzy: Book %(time)s"),
        ('"احجز %(time)s"', '"احجز %(when)s"', "other placeholders than in English: Book %(time)s"),
        ('[5] "%(n)s فترة', '[5] "فترة', "other placeholders than in English: %(n)s slot /"),
        ('msgstr[5] "%(n)s فترة"\n', "", "not translated: %(n)s slot / %(n)s slots"),
        ("اقرأ <b>هذا</b>", "اقرأ هذا", "other HTML tags than in English: [a context] Read"),
        ("a context", "another", "missing: [a context] Read <b>this</b>"),
        ("\nmsgid", '\nmsgid "Old"\nmsgstr "قديم"\n\nmsgid', "said nowhere any more: Old"),
    ],
)
def test_a_fault_is_named(book, right, wrong, fault):
    assert right in TRANSLATED
    po = written(book, TRANSLATED.replace(right, wrong, 1))

    assert any(fault in line for line in catalogues.faults(book, po))


def test_a_stale_compiled_file_is_a_fault(book):
    po = written(book, TRANSLATED)
    po.write_text(po.read_text(encoding="utf-8").replace("احجز", "حجز"), encoding="utf-8")

    assert "is older than" in "".join(catalogues.faults(book, po))


def test_too_few_plural_forms_in_the_header_are_a_fault(book):
    po = written(book, TRANSLATED)
    text = po.read_text(encoding="utf-8").replace("nplurals=6", "nplurals=2")
    po.write_text(text, encoding="utf-8")

    assert "num_plurals" in "".join(catalogues.faults(book, po))


def test_an_update_keeps_translations_and_drops_what_nobody_says(book):
    po = written(book, TRANSLATED.replace("Read <b>this</b>", "Old <b>this</b>"))
    po.write_bytes(catalogues.updated(book, po))
    text = po.read_text(encoding="utf-8")

    assert 'msgstr "احجز %(time)s"' in text
    assert "Old" not in text
    assert text.startswith(HEADER)
    assert catalogues.updated(book, po) == po.read_bytes()


def test_what_is_compiled_is_what_gettext_reads(book):
    mo = written(book, TRANSLATED).with_suffix(".mo")
    with mo.open("rb") as file:
        read = gettext.GNUTranslations(file)

    assert read.gettext("Book %(time)s") == "احجز %(time)s"
    assert read.pgettext("a context", "Read <b>this</b>") == "اقرأ <b>هذا</b>"
    assert [read.ngettext("%(n)s slot", "%(n)s slots", n) for n in (2, 5)] == [
        "فترتان",
        "%(n)s فترات",
    ]


def test_words_are_found_in_templates_and_under_other_names(tmp_path, monkeypatch):
    page = tmp_path / "page.html"
    page.write_text(
        '<p>\n    {% translate "One" %}\n  {% blocktranslate count n=n trimmed %}\n'
        "    {{ n }} slot\n  {% plural %}{{ n }} slots{% endblocktranslate %}</p>"
    )
    module = tmp_path / "module.py"
    module.write_text(
        "from django.utils.translation import gettext as _now, ngettext\n"
        '_now("Two" " and three")\nngettext("%d day", "%d days", 2)\n'
    )

    found = [word.id for path in (page, module) for word in words._read(path, path.name)]

    assert found == [
        "One",
        ("%(n)s slot", "%(n)s slots"),
        "Two and three",
        ("%d day", "%d days"),
    ]


def test_labels_of_emails_are_words_of_the_site():
    found = {word.id for word in words.of_site("de")}

    assert {"welcome", "request declined"} <= found


@pytest.mark.parametrize(
    ("source", "bare"),
    [
        ("<p>Hello {{ name }}</p>", ["Hello"]),
        ('<img alt="A face">', ["A face"]),
        ('<input aria-label="{% if a %}Name{% endif %}">', ["Name"]),
        ('<p class="card">{% translate "Hello" %} · {{ x }}, 3</p>', []),
        ("{% blocktranslate %}Hello{% endblocktranslate %} HMS &amp;", []),
        ("{% comment %}Hello{% endcomment %}<script>let words = 1</script>", []),
    ],
)
def test_unmarked_text_is_found(source, bare):
    assert words.unmarked(source) == bare


@pytest.mark.parametrize(
    ("source", "spelled"),
    [
        ('{{ day|date:"D j M, H:i" }}', ["D j M, H:i"]),
        ('{{ day|date:"DATE_FORMAT" }} {{ day|date:"D" }}', []),
        ("{{ day|date:'Y-m-d' }} {{ day|date:'Y-m-d\\TH:i:sO' }} {{ day|date:'c' }}", []),
    ],
)
def test_dates_spelled_out_are_found(source, spelled):
    assert words.spelled_dates(source) == spelled


@pytest.mark.parametrize("language", ["de", "ar"])
@pytest.mark.parametrize("book", catalogues.BOOKS, ids=lambda book: book.domain)
def test_things_are_counted_as_the_language_counts(book, language):
    ours = catalogues.read(book.folder / language / "LC_MESSAGES" / f"{book.domain}.po")
    rule = Locale(language).plural_form
    kinds = [kind for kind in KINDS if kind in rule.tags | {"other"}]

    form = gettext.c2py(ours.plural_expr)
    assert [kinds[form(n)] for n in range(300)] == [rule(n) for n in range(300)]
