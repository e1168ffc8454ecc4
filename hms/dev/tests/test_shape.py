"""Each rule of hms/dev/checks/shape.py sees a planted offence, and only that."""

import json
import re

import pytest

from hms.dev.checks import shape


def test_crowded_root_is_reported_with_its_count():
    thirteen = [f"module_{number}.py" for number in range(13)]
    files = {"users": [*thirteen, "__init__.py"], "bookings": [*thirteen[1:], "__init__.py"]}
    assert shape.crowded_roots(files) == {"users": 13}


def test_import_circle_through_a_third_module():
    sources = {
        "app/__init__.py": "",
        "app/one.py": "from app.two import thing",
        "app/two.py": "def late():\n    from app import three",
        "app/three.py": "import app.one",
        "app/four.py": "from app.one import thing",
    }
    assert shape.import_circles(sources) == {"app.one ↔ app.three ↔ app.two": 1}


def test_import_circle_for_type_checking_only():
    sources = {
        "app/one.py": "if TYPE_CHECKING:\n    from app.two import Thing",
        "app/two.py": "from app.one import thing",
    }
    assert shape.import_circles(sources) == {"app.one ↔ app.two": 1}


def test_import_circle_by_relative_imports():
    sources = {
        "app/__init__.py": "from .sub import thing",
        "app/sub/__init__.py": "from .deep import thing",
        "app/sub/deep.py": "from .. import sub",
    }
    assert shape.import_circles(sources) == {"app.sub ↔ app.sub.deep": 1}


def test_modules_without_a_circle_pass():
    sources = {"app/one.py": "import app.two, json", "app/two.py": "import app.one_more"}
    assert shape.import_circles(sources) == {}


def test_doubled_class_is_named_with_both_places():
    sources = {
        "a/models.py": "class Row: pass\nclass Command: pass\nclass Migration: pass",
        "b/pages.py": "class Row: pass\nclass Command: pass\nclass Migration: pass",
        "c/pages.py": "class Page:\n    class Row: pass",
    }
    assert shape.doubled_classes(sources) == {"Row in a/models.py": 1, "Row in b/pages.py": 1}


def test_template_line_over_the_limit():
    sources = {"templates/a.html": f"{'x' * 160}\n{'x' * 161}\n", "templates/b.html": "x" * 160}
    assert shape.long_template_lines(sources) == {"templates/a.html": 1}


def test_function_length_leaves_out_docstring_and_blank_lines():
    source = '''
@decorated
def example(
    argument,
):
    """A sentence.

    Another.
    """

    # A comment counts.
    return argument
'''
    assert shape.function_lines({"a.py": source}) == [5]


def test_functions_over_the_bars():
    assert shape.long_functions([6] * 9 + [18]) == {}
    assert shape.long_functions([7] * 10) == {"median": 7}
    assert shape.long_functions([1] * 8 + [19] * 2) == {"p90": 19}


@pytest.mark.parametrize(
    "source",
    [
        "def was_told(): ...",
        "class RoomList: ...",
        "class HTTPHouse: ...",
        "KEPT_FOR = 1",
        "def get(wants): ...",
        "self.said = 1",
        "import json as room",
        "for stands in (): ...",
    ],
)
def test_banned_word_in_a_name(source):
    [(where, count)] = shape.banned_names({"app/module.py": source}).items()
    assert where.endswith(" in app/module.py")
    assert count == 1


def test_banned_word_in_the_name_of_a_module():
    assert shape.banned_names({"app/kept.py": ""}) == {"kept in app/kept.py": 1}


@pytest.mark.parametrize(
    "source",
    [
        "def withhold(rooms, household, standstill): ...",
        '@app.task(name="bookings.jobs.tell_whoever_wants")\ndef wants(): ...',
        "class Doctor:\n    video_room_url = models.URLField()\ndoctor.video_room_url = ''",
        "print(kept)",
    ],
)
def test_name_that_is_exempt_or_harmless(source):
    assert shape.banned_names({"app/module.py": source}) == {}


@pytest.mark.parametrize(
    ("sentence", "term"),
    [
        ("An e-mail is on its way", "email"),
        ("Your mail", "email"),
        ("Ask a clerk", "staff"),
        ("Your visits", "appointment"),
        ("Sign in", "log in"),
        ("You are signed out", "log out"),
        ("Two times off", "time off"),
        ("Move this appointment", "reschedule"),
        ("You can't take it back", "cancel, withdraw or undo"),
    ],
)
def test_wrong_spelling_in_a_sentence(sentence, term):
    found = shape.wrong_spellings({"templates/a.html": [sentence]})
    assert found == {f"templates/a.html says something else than: {term}": 1}


def test_placeholders_and_addresses_are_no_words_for_people():
    texts = ["%(visit)s", "{visit}", "{{ visit }}", '<a href="visit">it</a>', "mail@clinic.example"]
    assert shape.wrong_spellings({"templates/a.html": texts}) == {}


def test_sentences_of_a_template():
    source = """
{# a visit #}{% translate "One visit" %} {% translate 'Two "visits"' context "noun" %}
<a class="visit">{% blocktranslate trimmed count n=n %}One{% plural %}More{% endblocktranslate %}
"""
    [texts] = shape.template_messages({"templates/a.html": source}).values()
    assert texts == ["One visit", 'Two "visits"', "One{% plural %}More"]


def test_messages_of_libraries_are_left_out(tmp_path):
    po = tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po"
    po.parent.mkdir(parents=True)
    po.write_text(
        '#: allauth/templates/a.html\nmsgid "Sign In"\nmsgstr ""\n\n'
        '#: bookings/forms.py\nmsgid "%(n)s visit"\nmsgid_plural "%(n)s visits"\nmsgstr[0] ""\n'
    )
    assert shape.catalogue_messages(tmp_path) == {
        "locale/de/LC_MESSAGES/django.po": ["%(n)s visit", "%(n)s visits"]
    }


def test_percentile_is_the_nearest_rank():
    assert shape.percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 90) == 9
    assert shape.percentile([5], 90) == 5


def test_new_offence_and_mended_offence_both_fail():
    debts = {"rule": {"a.py": 2, "b.py": 1}}
    assert shape.complaints({"rule": {"a.py": 2, "b.py": 1}}, debts) == []
    assert shape.complaints({"rule": {"a.py": 3, "b.py": 1}}, debts) == ["rule: a.py (3, listed 2)"]
    assert shape.complaints({"rule": {"a.py": 2, "b.py": 1, "c.py": 1}}, debts) == [
        "rule: c.py (1, listed 0)"
    ]
    assert shape.complaints({"rule": {"a.py": 2}}, debts) == [
        "rule: b.py is mended (0, listed 1); run --shrink"
    ]


def test_shrinking_takes_off_what_is_mended_and_adds_nothing(tmp_path):
    debts = {"rule": {"a.py": 2, "b.py": 1}, "other": {"x": 1}}
    rest = shape.shrunk({"rule": {"a.py": 1, "c.py": 5}}, debts)
    assert rest == {"rule": {"a.py": 1}, "other": {}}
    file = tmp_path / "debts.toml"
    shape.write_debts(rest, file)
    assert shape.read_debts(file) == {"rule": {"a.py": 1}}


def test_sources_of_production_hold_no_tests_and_no_migrations(tmp_path):
    for path in (
        "users/models.py",
        "users/tests/test_models.py",
        "users/migrations/0001_initial.py",
        "serverless/node_modules/gyp.py",
        "bench/main.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    assert list(shape.python_sources(tmp_path)) == ["users/models.py"]


def test_branch_coverage_is_printed_from_a_report(tmp_path):
    report = tmp_path / "coverage.json"
    report.write_text(json.dumps({"totals": {"covered_branches": 30, "num_branches": 40}}))
    assert shape.branch_coverage(report) == "branch coverage: 75.0 % of 40 branches"


def test_command_ends_with_1_on_a_new_offence(monkeypatch, capsys):
    monkeypatch.setattr(shape, "measured", lambda coverage: shape.Shape({"rule": {"a": 1}}, []))
    monkeypatch.setattr(shape, "read_debts", dict)
    assert shape.main([]) == 1
    assert "rule: a (1, listed 0)" in capsys.readouterr().out


def test_tree_holds_the_bars():
    found = shape.measured()
    assert shape.complaints(found.offences, shape.read_debts()) == []
    assert any(re.match(r"test lines for each line of code: \d", line) for line in found.figures)
