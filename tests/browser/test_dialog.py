"""Questions that open over the page they are asked from, and the pages behind them."""

import pytest
from playwright.sync_api import Page, expect

from hms.dev.checks.screenshots import accounts, log_in
from hms.dev.layout import StateFolder

pytestmark = pytest.mark.slow


def slots_page(new_page, stack, **options) -> Page:
    page = new_page(**options)
    account = accounts(StateFolder(stack.state))["doctor"]
    log_in(page, account[0], account[-1])
    page.goto("/my-slots/")
    return page


def delete_link(page: Page):
    return page.get_by_role("link", name="Delete").first


def test_a_question_opens_over_its_page_and_gives_the_focus_back(new_page, stack):
    page = slots_page(new_page, stack)
    delete_link(page).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete a slot")
    expect(dialog.get_by_role("button", name="Delete this slot")).to_be_visible()
    expect(dialog.get_by_role("heading", name="Delete a slot")).to_be_focused()
    # What lies behind cannot be reached while it is open.
    for _press in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(delete_link(page)).to_be_focused()
    assert page.url.endswith("/my-slots/")


@pytest.mark.parametrize("way", ["Close", "Keep it"])
def test_it_closes_without_doing_anything(new_page, stack, way):
    page = slots_page(new_page, stack)
    before = page.get_by_role("link", name="Delete").count()
    delete_link(page).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Delete this slot")).to_be_visible()
    dialog.get_by_text(way, exact=True).click()
    expect(dialog).to_have_count(0)
    page.reload()
    assert page.get_by_role("link", name="Delete").count() == before


def test_what_it_asks_is_done_where_its_own_page_does_it(new_page, stack):
    page = slots_page(new_page, stack)
    with page.expect_request(lambda request: request.method == "POST") as posted:
        delete_link(page).click()
        page.get_by_role("dialog").get_by_role("button", name="Delete this slot").click()
    assert posted.value.url.endswith("/delete/")
    expect(page.get_by_text("The slot is deleted.")).to_be_visible()


def test_grey_bars_stand_in_until_the_question_is_there(new_page, stack):
    page = slots_page(new_page, stack)
    waiting = []
    page.route("**/delete/*", lambda route: waiting.append(route))
    delete_link(page).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Loading")).to_be_attached()
    expect(dialog.locator("[aria-busy=true] .skeleton")).to_be_visible()
    page.wait_for_timeout(50)
    waiting[0].continue_()
    expect(dialog.get_by_role("button", name="Delete this slot")).to_be_visible()
    expect(dialog.locator(".skeleton")).to_have_count(0)


@pytest.mark.allow_console("Failed to load resource")
def test_what_cannot_be_asked_here_opens_its_own_page(new_page, stack):
    page = slots_page(new_page, stack)
    once = []

    def answer(route):
        once.append(route)
        if len(once) == 1:
            route.fulfill(status=503, body="")
        else:
            route.continue_()

    page.route("**/delete/", answer)
    delete_link(page).click()
    expect(page.get_by_role("heading", level=1, name="Delete a slot")).to_be_visible()
    assert page.url.endswith("/delete/")


def test_without_a_script_the_question_has_its_page(new_page, stack):
    page = slots_page(new_page, stack, java_script_enabled=False)
    delete_link(page).click()
    expect(page.get_by_role("heading", level=1, name="Delete a slot")).to_be_visible()
    page.get_by_role("link", name="Keep it").click()
    expect(page.get_by_role("heading", level=1, name="My slots")).to_be_visible()
