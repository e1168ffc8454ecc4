"""The pages for when something is wrong that no address leads to: served in place of another."""

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from tests.browser.accessibility import DESK, PHONE, violations
from tests.browser.walk import SMALLEST, frame, sideways, spilt

PAGES = ("400", "403_csrf", "429", "500", "503", "maintenance")
ELSEWHERE = "/offline/"  # its answer lends them its headers, the policy among them


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de", "ar"])
@pytest.mark.parametrize("name", PAGES)
def test_an_error_page_holds(name, language, new_page):
    with translation.override(language):
        html = render_to_string(f"{name}.html", {"notice": "We move house, until about 14:00."})
    page = new_page()
    # Without its status, which Chromium would note in its console.
    page.route(f"**{ELSEWHERE}", lambda route: route.fulfill(response=route.fetch(), body=html))
    page.goto(ELSEWHERE)
    assert page.locator("html").get_attribute("lang") == language
    found = [*frame(page), *sideways(page, SMALLEST), *spilt(page, SMALLEST)]
    found += [*violations(page, PHONE, "light"), *violations(page, DESK, "dark")]
    assert not found, "\n".join(found)
    assert page.locator("main").evaluate("main => getComputedStyle(main).display") == "grid"
