"""In Arabic, from right to left, by somebody who reads nothing else; and the length of German."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from hms.dev.checks.screenshots import PAGES, WIDTHS
from hms.dev.stack.running import RunningStack
from tests.browser.accessibility import DESK, PHONE, violations
from tests.browser.people import PASSWORD, code_from, new_address, press
from tests.browser.test_pages import first_seen_by, refused
from tests.browser.walk import SMALLEST, beyond, frame, sideways, spilt

ARABIC, GERMAN = "العربيّة", "Deutsch"


def choose(page: Page, language: str) -> None:
    """Press a language's own name in the menu of the header, which a wide window has."""
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    menu = page.locator(".language-menu")
    menu.locator("summary").click()
    press(menu.get_by_role("button", name=language))


def looks_right(page: Page) -> None:
    assert frame(page) + sideways(page, SMALLEST) + violations(page, PHONE, "light") == []


def test_a_visit_in_arabic_from_the_search_to_its_end(new_page, stack: RunningStack, backstage):
    backstage.doctor("Dr. Yara Benali", free_at="09:20")
    page, email = new_page(viewport={"width": 360, "height": 740}), new_address("patient")

    page.goto("/")
    press(page.locator(".site-footer").get_by_role("button", name=ARABIC))
    expect(page.locator("html[lang=ar][dir=rtl]")).to_have_count(1)
    expect(page.get_by_role("heading", name="ابحث عن طبيب")).to_be_visible()
    page.get_by_label("الاسم").fill("Benali")
    press(page.get_by_role("button", name="بحث"))
    looks_right(page)
    press(page.get_by_role("link", name=re.compile("احجز .*09:20")))
    looks_right(page)

    press(page.get_by_role("main").get_by_role("link", name="أنشئ حسابًا"))
    page.get_by_label("مريض").check()
    for field, words in (("name", "ليلى منصور"), ("email", email)):
        page.locator(f"[name={field}]").fill(words)
    page.locator("[name=password1]").fill(PASSWORD)
    page.locator("[name=password2]").fill(PASSWORD)
    looks_right(page)
    page.get_by_role("main").get_by_role("button", name="إنشاء حساب").click()
    expect(page.get_by_role("heading", name="تفقّد بريدك")).to_be_visible()
    page.locator("[name=code]").fill(code_from(stack, email, "رمزك في HMS"))
    press(page.get_by_role("button", name="تأكيد"))

    expect(page.get_by_role("heading", name="حجز موعد مع")).to_be_visible()
    looks_right(page)
    press(page.get_by_role("button", name=re.compile("احجز .*09:20")))
    expect(page.get_by_text("تم حجز موعدك.")).to_be_visible()
    looks_right(page)
    booked = stack.wait_for_mail(email, "تم حجز موعدك")
    assert "مرحبًا ليلى منصور،" in booked["text"]
    assert "\u2068Dr. Yara Benali\u2069" in booked["text"]
    assert "من 09:20 إلى 09:40" in booked["text"]
    assert '<html lang="ar" dir="rtl">' in booked["html"]

    page.get_by_role("link", name="ألغِ الموعد").click()
    press(page.get_by_role("button", name="نعم، ألغِ الموعد"))
    expect(page.get_by_text("أُلغي هذا الموعد.")).to_be_visible()
    looks_right(page)
    stack.wait_for_mail(email, "أُلغي موعدك")


@pytest.fixture
def new_walk_in(new_walk) -> Iterator:
    """A walk of a demo account that reads a language for as long as the test runs."""
    walks = []

    def walk_in(role: str, language: str):
        walk = new_walk(role, first_seen_by(role))
        walks.append(walk)
        walk.page.goto("/")
        choose(walk.page, language)
        return walk

    yield walk_in
    for walk in walks:
        walk.page.goto("/")
        choose(walk.page, "English")


@pytest.mark.slow
@refused
@pytest.mark.parametrize("role", PAGES)
def test_every_page_holds_in_arabic(role, new_walk_in):
    walk = new_walk_in(role, ARABIC)
    for shot, _answer in walk:
        walk.note(shot, frame(walk.page))
        walk.note(shot, sideways(walk.page, SMALLEST))
        walk.note(shot, violations(walk.page, PHONE, "light"))
        for width in WIDTHS:
            walk.note(shot, spilt(walk.page, width))
        walk.note(shot, beyond(walk.page, WIDTHS[-1]))
        assert walk.page.locator("html").get_attribute("dir") == "rtl"
    assert not walk.wrong, walk.report()


@pytest.mark.slow
@refused
@pytest.mark.parametrize("role", PAGES)
def test_long_german_words_fit_a_phone(role, new_walk_in):
    walk = new_walk_in(role, GERMAN)
    for shot, _answer in walk:
        walk.note(shot, sideways(walk.page, PHONE[0]))
        walk.note(shot, sideways(walk.page, SMALLEST))
        for width in WIDTHS:
            walk.note(shot, spilt(walk.page, width))
        walk.note(shot, beyond(walk.page, WIDTHS[-1]))
    assert not walk.wrong, walk.report()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en-GB", "de-DE", "ar"])
def test_the_header_is_one_row_on_a_phone(language, new_page):
    page = new_page(locale=language, viewport={"width": PHONE[0], "height": PHONE[1]})
    page.goto("/")
    assert page.locator(f"html[lang={language[:2]}] .site-header").bounding_box()["height"] < 80
