"""Rules for all templates, and the partials for forms."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.template.loader import render_to_string

TEMPLATES = Path(__file__).parents[2] / "templates"
ERRORS = ["400", "403", "403_csrf", "404", "429", "500", "503"]


def every_template():
    return sorted(TEMPLATES.rglob("*.html"))


def test_no_template_holds_inline_style_or_script():
    inline = re.compile(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:")
    assert {p.name for p in every_template() if inline.search(p.read_text())} == set()


def test_every_partial_begins_with_a_comment_about_its_context():
    partials = [p for p in every_template() if p.name.startswith("_")]
    assert [p.name for p in partials if not p.read_text().startswith("{# ")] == []


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_page_uses_no_request_and_no_database(name):
    # No `db` fixture: a query would fail the test. No request: nobody is logged in or out.
    html = render_to_string(f"{name}.html")
    assert html.count("<h1>") == 1
    assert 'href="/' in html
    assert "Traceback" not in html


def test_the_403_page_shows_the_reason_escaped():
    html = render_to_string("403.html", {"exception": "Only <b>doctors</b> publish."})
    assert "<p>Only &lt;b&gt;doctors&lt;/b&gt; publish.</p>" in html


class ExampleForm(forms.Form):
    day = forms.DateField(help_text="In the clinic's own time.")
    kind = forms.ChoiceField(choices=[("a", "In person"), ("b", "Video")], widget=forms.RadioSelect)
    note = forms.CharField(required=False)
    agreed = forms.BooleanField()
    secret = forms.CharField(widget=forms.HiddenInput, required=False)


class Elements(HTMLParser):
    """Every element's attributes, and the ids there are."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.ids = {attrs["id"] for _, attrs in self.found if "id" in attrs}

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


@pytest.fixture
def refused():
    return Elements(
        render_to_string("_form.html", {"form": ExampleForm({"note": "kept"}), "submit": "Save"})
    )


def test_form_shows_the_entered_values_again(refused):
    assert [i["value"] for i in refused.of("input") if i["name"] == "note"] == ["kept"]


def test_form_connects_hint_and_error_to_their_field(refused):
    (day,) = (i for i in refused.of("input") if i["name"] == "day")
    assert (day["aria-invalid"], day["aria-describedby"]) == (
        "true",
        "id_day_helptext id_day_error",
    )
    assert {"id_day_helptext", "id_day_error", "id_kind_error", "id_agreed_error"} <= refused.ids


def test_form_summary_has_the_focus_and_links_to_each_field(refused):
    (summary,) = (d for d in refused.of("div") if d.get("class") == "error-summary")
    assert (summary["role"], summary["tabindex"], "autofocus" in summary) == ("alert", "-1", True)
    links = [a["href"] for a in refused.of("a")]
    assert links == ["#id_day", "#id_kind_0", "#id_agreed"]
    assert {link[1:] for link in links} <= refused.ids


def test_form_gives_every_visible_control_a_label(refused):
    labelled = {label["for"] for label in refused.of("label")}
    visible = {i["id"] for i in refused.of("input") if i.get("type") != "hidden"}
    assert labelled == visible


def test_form_without_errors_has_no_summary():
    html = render_to_string("_form.html", {"form": ExampleForm(), "submit": "Save"})
    assert "error-summary" not in html
    assert "aria-invalid" not in html


def test_a_select_renders_like_djangos():
    """Our template is a single file, for speed; its output must be the same."""
    zones = [("", "—"), ("Europe", [("Europe/Rome", "Rome & <all>")]), (7, "seven")]
    form = forms.Form({"zone": "7"})
    form.fields["zone"] = forms.ChoiceField(
        choices=zones, widget=forms.Select({"autofocus": True, "x": "y"})
    )
    ours = str(form["zone"])
    form.renderer = DjangoTemplates()

    def without_breaks(html):
        return re.sub(r"\s+", " ", re.sub(r">\s+<", "><", html)).strip()

    assert without_breaks(ours) == without_breaks(str(form["zone"]))
    assert "Rome &amp; &lt;all&gt;" in ours
