"""Emails on a phone of 320 px, in light and dark mode."""

import re

import pytest
from mail_helpers import BOOKING, EXAMPLES
from test_mail_messages import compose

from tests.browser.accessibility import violations
from tests.browser.walk import SMALLEST, loss

PHONE = (SMALLEST, 740)
LONG = {
    "name": "Donaudampfschifffahrtsgesellschaftskapitän",
    "other": "Prof. Dr. med. Maximiliane Freifrau von Hohenlohe-Waldenburg-Schillingsfürst",
    "address": "Rindfleischetikettierungsüberwachungsaufgabenstraße 12\n10115 Berlin",
}
MAILS = {action: {"action": action} for action in EXAMPLES} | {
    "LONG_WORDS": {"action": "BOOKING_CONFIRMATION", "data": BOOKING | LONG}
}
SHADES = "() => getComputedStyle(document.querySelector('.page')).backgroundImage"
PLAIN = """
(shade) => document.querySelector(".page").style.setProperty("background", shade, "important")
"""


@pytest.fixture(scope="module")
def page(browser):
    context = browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    yield context.new_page()
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de", "ar"])
@pytest.mark.parametrize("name", MAILS)
def test_an_email_fits_a_phone(page, name, language):
    page.set_content(compose(**MAILS[name], language=language).html)
    found = loss(page)
    for theme in ("light", "dark"):
        found += violations(page, PHONE, theme, only=("color-contrast", "link-in-text-block"))
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_enough_contrast_on_every_background(page, theme):
    page.set_content(compose().html)
    page.emulate_media(color_scheme=theme)
    shades = re.findall(r"rgb\([^)]*\)", page.evaluate(SHADES))
    assert len(shades) == 3
    for shade in shades:
        # axe knows the contrast with one colour, not with a gradient.
        page.evaluate(PLAIN, shade)
        assert violations(page, PHONE, theme, only=("color-contrast",)) == [], shade


@pytest.mark.slow
def test_the_checks_find_what_is_wrong_with_an_email(page):
    page.set_content(compose().html)
    page.add_style_tag(content=".text { color: #c3c3e0 !important; min-inline-size: 30rem }")
    assert any('cut off: <p class="text"' in words for words in loss(page))
    assert violations(page, PHONE, "light", only=("color-contrast",))
    assert violations(page, PHONE, "dark", only=("color-contrast",)) == []
