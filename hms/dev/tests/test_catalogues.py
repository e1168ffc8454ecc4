"""The tool that updates and checks the catalogues, and the plural rules of ours."""

import gettext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from babel import Locale

from hms.dev.translations import catalogues, words
from hms.dev.translations.catalogues import CatalogueSet
from hms.dev.translations.words import SourceText

HEADER = """msgid ""
msgstr ""
"Language: ar\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : """
HEADER += """n%100>=11 && n%100<=99 ? 4 : 5;\\n"
"""
# The order in which catalogues list the forms.
KINDS = ("zero", "one", "two", "few", "many", "other")
TEMPLATE = "templates/page.html"
TEXTS = [
    SourceText("Book %(time)s", None, TEMPLATE),
    SourceText(("%(n)s slot", "%(n)s slots"), None, TEMPLATE),
    SourceText("Read <b>this</b>", "a context", TEMPLATE),
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
def catalogue_set(tmp_path) -> CatalogueSet:
    return CatalogueSet(tmp_path / "locale", "django", lambda language: TEXTS)


def written(catalogue_set: CatalogueSet, body: str) -> Path:
    po = catalogue_set.folder / "ar" / "LC_MESSAGES" / "django.po"
    po.parent.mkdir(parents=True)
    po.write_text(f"{HEADER}{body}", encoding="utf-8")
    po.with_suffix(".mo").write_bytes(catalogues.compiled(catalogues.read(po)))
    return po


def test_a_complete_catalogue_has_no_problems(catalogue_set):
    assert catalogues.catalogue_problems(catalogue_set, written(catalogue_set, TRANSLATED)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ('msgid "Book %(time)s"\nmsgstr "احجز %(time)s"\n', "", "missing: Book %(time)s"),
        ('"احجز %(time)s"', '""', "not translated: Book %(time)s"),
        ('msgid "Book', '#, fuzzy\nmsgid "Book', "fuzzy: Book %(time)s"),
        ('"احجز %(time)s"', '"احجز %(when)s"', "other placeholders than in English: Book %(time)s"),
        ('[5] "%(n)s فترة', '[5] "فترة', "other placeholders than in English: %(n)s slot /"),
        ('msgstr[5] "%(n)s فترة"\n', "", "not translated: %(n)s slot / %(n)s slots"),
        ("اقرأ <b>هذا</b>", "اقرأ هذا", "other HTML tags than in English: [a context] Read"),
        ("a context", "another", "missing: [a context] Read <b>this</b>"),
        ("\nmsgid", '\nmsgid "Old"\nmsgstr "قديم"\n\nmsgid', "not used any more: Old"),
    ],
)
def test_a_problem_is_found(catalogue_set, right, wrong, problem):
    assert right in TRANSLATED
    po = written(catalogue_set, TRANSLATED.replace(right, wrong, 1))

    assert any(problem in line for line in catalogues.catalogue_problems(catalogue_set, po))


def test_a_compiled_file_that_is_older_is_a_problem(catalogue_set):
    po = written(catalogue_set, TRANSLATED)
    po.write_text(po.read_text(encoding="utf-8").replace("احجز", "حجز"), encoding="utf-8")

    assert "is older than" in "".join(catalogues.catalogue_problems(catalogue_set, po))


def test_a_compiled_file_with_another_plural_rule_is_a_problem(catalogue_set):
    po = written(catalogue_set, TRANSLATED)
    text = po.read_text(encoding="utf-8").replace("n%100<=10", "n%100<=9")
    po.write_text(text, encoding="utf-8")

    assert "is older than" in "".join(catalogues.catalogue_problems(catalogue_set, po))


def test_a_compiled_file_of_another_version_of_babel_is_current(catalogue_set):
    po = written(catalogue_set, TRANSLATED)
    mo = po.with_suffix(".mo")
    header = b"Generated-By: Babel "
    assert header in mo.read_bytes()
    mo.write_bytes(mo.read_bytes().replace(header, b"Generated-By: babel "))

    assert catalogues.catalogue_problems(catalogue_set, po) == []


def test_a_missing_compiled_file_is_a_problem(catalogue_set):
    po = written(catalogue_set, TRANSLATED)
    po.with_suffix(".mo").unlink()

    assert "is older than" in "".join(catalogues.catalogue_problems(catalogue_set, po))


def test_writing_twice_changes_no_file(catalogue_set, monkeypatch):
    monkeypatch.setattr(catalogues, "CATALOGUE_SETS", (catalogue_set,))
    monkeypatch.setattr(catalogues, "ROOT", catalogue_set.folder)
    po = written(catalogue_set, TRANSLATED)
    mo = po.with_suffix(".mo")
    po.write_text(po.read_text(encoding="utf-8").replace("احجز", "حجز"), encoding="utf-8")
    catalogues.write()
    assert catalogues.catalogue_problems(catalogue_set, po) == []
    first = (po.read_bytes(), mo.read_bytes())
    # A day later, which the header's date would show.
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1), tick=False):
        catalogues.write()

    assert (po.read_bytes(), mo.read_bytes()) == first


def test_fuzzy_and_untranslated_messages_are_not_compiled(catalogue_set):
    body = TRANSLATED.replace('msgid "Book', '#, fuzzy\nmsgid "Book').replace("اقرأ <b>هذا</b>", "")
    with written(catalogue_set, body).with_suffix(".mo").open("rb") as file:
        translations = gettext.GNUTranslations(file)

    assert translations.gettext("Book %(time)s") == "Book %(time)s"
    assert translations.pgettext("a context", "Read <b>this</b>") == "Read <b>this</b>"


def test_too_few_plural_forms_in_the_header_are_a_problem(catalogue_set):
    po = written(catalogue_set, TRANSLATED)
    text = po.read_text(encoding="utf-8").replace("nplurals=6", "nplurals=2")
    po.write_text(text, encoding="utf-8")

    assert "num_plurals" in "".join(catalogues.catalogue_problems(catalogue_set, po))


def test_an_update_keeps_translations_and_removes_unused_texts(catalogue_set):
    po = written(catalogue_set, TRANSLATED.replace("Read <b>this</b>", "Old <b>this</b>"))
    po.write_bytes(catalogues.updated(catalogue_set, po))
    text = po.read_text(encoding="utf-8")

    assert 'msgstr "احجز %(time)s"' in text
    assert "Old" not in text
    assert text.startswith(HEADER)
    assert catalogues.updated(catalogue_set, po) == po.read_bytes()


def test_gettext_reads_the_compiled_file(catalogue_set):
    mo = written(catalogue_set, TRANSLATED).with_suffix(".mo")
    with mo.open("rb") as file:
        read = gettext.GNUTranslations(file)

    assert read.gettext("Book %(time)s") == "احجز %(time)s"
    assert read.pgettext("a context", "Read <b>this</b>") == "اقرأ <b>هذا</b>"
    assert [read.ngettext("%(n)s slot", "%(n)s slots", n) for n in (2, 5)] == [
        "فترتان",
        "%(n)s فترات",
    ]


def test_texts_are_found_in_templates_and_under_aliases(tmp_path, monkeypatch):
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

    found = [text.id for path in (page, module) for text in words._read(path, path.name)]

    assert found == [
        "One",
        ("%(n)s slot", "%(n)s slots"),
        "Two and three",
        ("%d day", "%d days"),
    ]


def test_labels_of_emails_are_texts_of_the_site():
    found = {text.id for text in words.site_texts("de")}

    assert {"welcome", "request declined"} <= found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>Hello {{ name }}</p>", ["Hello"]),
        ('<img alt="A face">', ["A face"]),
        ('<input aria-label="{% if a %}Name{% endif %}">', ["Name"]),
        ('<p class="card">{% translate "Hello" %} · {{ x }}, 3</p>', []),
        ("{% blocktranslate %}Hello{% endblocktranslate %} HMS &amp;", []),
        ("{% comment %}Hello{% endcomment %}<script>let words = 1</script>", []),
    ],
)
def test_unmarked_text_is_found(source, expected):
    assert words.unmarked_texts(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{{ day|date:"D j M, H:i" }}', ["D j M, H:i"]),
        ('{{ day|date:"DATE_FORMAT" }} {{ day|date:"D" }}', []),
        ("{{ day|date:'Y-m-d' }} {{ day|date:'Y-m-d\\TH:i:sO' }} {{ day|date:'c' }}", []),
    ],
)
def test_literal_date_formats_are_found(source, expected):
    assert words.literal_date_formats(source) == expected


@pytest.mark.parametrize("language", ["de", "ar"])
@pytest.mark.parametrize(
    "catalogue_set", catalogues.CATALOGUE_SETS, ids=lambda catalogue_set: catalogue_set.domain
)
def test_plural_forms_match_the_unicode_rules(catalogue_set, language):
    ours = catalogues.read(
        catalogue_set.folder / language / "LC_MESSAGES" / f"{catalogue_set.domain}.po"
    )
    rule = Locale(language).plural_form
    kinds = [kind for kind in KINDS if kind in rule.tags | {"other"}]

    form = gettext.c2py(ours.plural_expr)
    assert [kinds[form(n)] for n in range(300)] == [rule(n) for n in range(300)]
