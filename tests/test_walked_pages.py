"""The links that the browser tests follow exist in the demo data at any hour of any day.

The browser tests and the screenshots follow the links of `hms.dev.checks.screenshots.PAGES`. These
tests look for the same links in the pages' source, without a browser and at many times.
"""

import re
import runpy
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from bookings.demo.accounts import ACCOUNTS
from hms.dev.checks import screenshots
from users.models import User
from users.photos.renditions import SIDES, TYPES

# Elements without an end, which are nobody's parent.
EMPTY = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "wbr",
}
PART = re.compile(
    r"(?P<sign>[#.])(?P<word>[\w-]+)"
    r'|\[(?P<name>[\w-]+)(?P<how>[*^$]?)="?(?P<value>.*?)"?\]'
)
MATCHES = {
    "": lambda there, wanted: there == wanted,
    "^": str.startswith,
    "$": str.endswith,
    "*": str.__contains__,
}
MOMENTS = [
    "2026-11-30 14:40",  # a Monday
    "2027-03-28 00:30",  # Berlin's clocks go forward in half an hour
    *(
        pytest.param(moment, marks=pytest.mark.slow)
        for moment in (
            *(
                f"2027-07-13 {hour:02}:30" for hour in (2, 4, 6, 10, 14, 18, 21, 22, 23)
            ),  # a Tuesday
            "2027-03-27 23:50",  # ten to one on the Sunday whose clocks go forward
            "2027-03-28 21:50",
            "2027-10-31 00:30",  # the first of Berlin's two 02:30
            "2027-10-31 01:30",
            "2027-11-07 05:30",  # the first of New York's two 01:30
            "2028-02-29 12:30",
            "2026-12-31 22:50",  # ten to midnight in Berlin
            "2026-12-31 23:50",
            "2027-01-01 16:30",
        )
    ),
]


class Links(HTMLParser):
    """Finds the addresses of a page's elements that a selector of PAGES names, in their order."""

    def __init__(self, selector: str) -> None:
        super().__init__()
        self.wanted = [self.parsed(part) for part in selector.split()]
        self.open: list[tuple[str, dict]] = []
        self.found: list[str] = []

    @staticmethod
    def parsed(simple: str) -> tuple[str, list[tuple[str, str, str]]]:
        rest = [
            ({"#": "id", ".": "class"}[part["sign"]], "", part["word"])
            if part["sign"]
            else (part["name"], part["how"], part["value"])
            for part in PART.finditer(simple)
        ]
        return re.match(r"\w*", simple)[0], rest

    @staticmethod
    def fits(element: tuple[str, dict], wanted: tuple[str, list]) -> bool:
        return wanted[0] in ("", element[0]) and all(
            (name == "class" and value in element[1].get("class", "").split())
            or MATCHES[how](element[1].get(name) or "", value)
            for name, how, value in wanted[1]
        )

    def handle_starttag(self, tag: str, attrs: list) -> None:
        element = (tag, dict(attrs))
        *outer, last = self.wanted
        if self.fits(element, last):
            parents = iter(self.open)
            if all(any(self.fits(parent, one) for parent in parents) for one in outer):
                self.found.append(element[1].get("href") or element[1].get("formaction") or "")
        if tag not in EMPTY:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while any(tag == name for name, _ in self.open) and self.open.pop()[0] != tag:
            pass


def links(page: str, selector: str) -> list[str]:
    parser = Links(selector)
    parser.feed(page)
    return parser.found


@pytest.fixture
def _no_pictures(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    sizes = {(side, kind): b"picture" for side in SIDES for kind in TYPES}
    monkeypatch.setattr("bookings.demo.build.portrait", lambda name: b"drawing")
    monkeypatch.setattr("bookings.demo.build.renditions", lambda upload, size: sizes)


def missing(get: Callable[[str], HttpResponse], shot: screenshots.Shot) -> Iterator[str]:
    place = shot.path
    for step in shot.follow:
        found = links(get(place).content.decode(), step)
        if not found:
            yield f"{shot.name}: nothing on {place} is a {step}"
            return
        place = found[0]
    status = get(place).status_code
    if shot.status != status:
        yield f"{shot.name}: {place} answered {status}"


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_pictures")
@pytest.mark.parametrize("moment", MOMENTS)
def test_every_page_of_a_walk_is_found(time_machine, moment):
    time_machine.move_to(f"{moment}:00+00:00", tick=False)
    call_command("demo_data", stdout=StringIO())
    # New tables have no statistics yet, without which a list can take seconds.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    names = {title.split()[0]: name for title, name, _ in ACCOUNTS}
    # As they are on this day: some name one.
    pages = runpy.run_path(screenshots.__file__)["PAGES"]
    wrong = []
    for role, shots in pages.items():
        client = Client()
        if role in names:
            client.force_login(User.objects.get(username=names[role]))
        get = cache(client.get)
        for shot in shots:
            if shot.follow:
                wrong += [f"{role} {words}" for words in missing(get, shot)]
    assert not wrong, "\n".join(wrong)


def test_links_are_found_as_a_browser_would():
    page = '<main><p id="a" class="b c"><br><a href="/x/move/">1</a></p></main><a href="/y/move/">'
    assert links(page, 'main a[href$="/move/"]') == ["/x/move/"]
    assert links(page, 'a[href*="/move"]') == ["/x/move/", "/y/move/"]
    assert links(page, "#a .c a") == []
    assert links(page, "#a a") == links(page, "p.c a") == ["/x/move/"]
    assert links(page, 'p a[href^="/y"]') == []
