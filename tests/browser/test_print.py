"""On paper: what the doctor takes along in the morning, what the patient pins to the door."""

import re

import pytest
from playwright.sync_api import Page, expect

from hms.dev.checks.screenshots import accounts, log_in
from hms.dev.layout import StateFolder

pytestmark = pytest.mark.slow
BOOKING = 'main a[href^="/bookings/"]'


def signed_in(new_page, stack, role: str) -> Page:
    # Whoever reads in the dark prints on white all the same.
    page = new_page(color_scheme="dark")
    account = accounts(StateFolder(stack.state))[role]
    log_in(page, account[0], account[-1])
    return page


def pages(page: Page) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", prefer_css_page_size=True)))


def on_white(page: Page) -> bool:
    """Whether neither the sheet nor what lies on it has a colour of its own."""
    return page.evaluate(
        """() => [document.documentElement, document.body, ...document.querySelectorAll(".card")]
          .map((part) => getComputedStyle(part).backgroundColor)
          .every((colour) => ["rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"].includes(colour))"""
    )


def test_the_doctors_day_is_a_list_of_visits_on_one_page(new_page, stack):
    page = signed_in(new_page, stack, "doctor")
    page.goto("/dashboard/doctor/")
    visits = page.locator(".timeline__booked")
    assert visits.count() > 0
    page.emulate_media(media="print")
    for row in visits.all():
        expect(row).to_be_visible()
    for name in ("Print the day", "Publish times"):
        expect(page.get_by_text(name)).to_be_hidden()
    for heading in ("The next days", "New bookings"):
        expect(page.get_by_role("heading", name=heading)).to_be_hidden()
    for part in ("header.site-header", "footer", ".timeline__open, .timeline__past", ".toasts"):
        assert not any(found.is_visible() for found in page.locator(part).all()), part
    assert on_white(page)
    assert pages(page) == 1


def test_a_visit_on_paper_says_what_who_when_and_where(new_page, stack):
    page = signed_in(new_page, stack, "patient")
    page.goto("/dashboard/patient/")
    page.goto(page.locator(BOOKING).first.get_attribute("href") or "")
    page.emulate_media(media="print")
    for words in ("When", "Where", "Reference"):
        expect(page.get_by_text(words, exact=True)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for heading in ("Add to calendar", "Messages to you", "History"):
        expect(page.get_by_role("heading", name=heading)).to_be_hidden()
    assert page.locator("main .button:visible").count() == 0
    assert on_white(page)
    assert pages(page) == 1
