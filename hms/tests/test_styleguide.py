"""The style guide: whom it is for, and that it shows what there is."""

import re
from collections import Counter
from pathlib import Path

import pytest

from users.tests.factories import make_patient, make_staff

COMPONENTS = Path(__file__).parents[2] / "static/css/components"
URL = "/styleguide/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def guide(client):
    client.force_login(make_staff())
    return client.get(URL).content.decode()


def test_it_is_for_staff(client):
    assert client.get(URL).status_code == 302
    client.force_login(make_patient().user)
    assert client.get(URL).status_code == 403
    client.force_login(make_staff())
    assert client.get(URL).status_code == 200


def test_with_debug_it_is_for_every_account(client, settings):
    settings.DEBUG = True
    client.force_login(make_patient().user)
    assert client.get(URL).status_code == 200


def test_each_specimen_is_shown_light_and_dark(guide):
    themes = Counter(re.findall(r'class="specimen stack" data-theme="(\w+)"', guide))
    assert themes["light"] == themes["dark"] > 10


def test_the_copies_share_no_id_and_labels_refer_to_their_own_field(guide):
    ids = Counter(re.findall(r'\bid="([^"]+)"', guide))
    assert [one for one, number in ids.items() if number > 1] == []
    tied = re.findall(r'\b(?:for|aria-labelledby|aria-describedby)="([^"]+)"', guide)
    assert {one for group in tied for one in group.split()} <= set(ids)


# Components of every page, or with a page of their own.
ELSEWHERE = {"account-nav", "filters", "footer", "freshness", "header", "languages", "menu"}
ELSEWHERE |= {"direction", "icon", "utilities", "visit", "week-calendar"}


def test_times_are_shown_in_each_state(guide):
    states = re.findall(r"^\.chip--(\w+)", (COMPONENTS / "chip.css").read_text(), re.MULTILINE)
    assert set(states) == {"open", "held", "booked", "past"}
    assert {state for state in states if f"chip--{state}" in guide} == set(states)


@pytest.mark.parametrize(
    "name", sorted({path.stem for path in COMPONENTS.glob("*.css")} - ELSEWHERE)
)
def test_every_component_is_shown(guide, name):
    block = re.search(r"^\.([\w-]+)", (COMPONENTS / f"{name}.css").read_text(), re.MULTILINE)
    assert block, name
    assert re.search(rf'class="[^"]*\b{block[1]}\b', guide), f"{name}: .{block[1]}"
