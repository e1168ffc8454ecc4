"""What people do in a browser, in their words; used by the journeys."""

import re
import secrets

from playwright.sync_api import Locator, Page, expect

from hms.dev.stack.running import RunningStack

PASSWORD = "a-long-and-quiet-night-shift"


def new_address(who: str) -> str:
    return f"{who}-{secrets.token_hex(4)}@journey.example"


def press(target: Locator) -> None:
    """Press a link or button, and wait until the page that follows is there.

    A click alone returns while the page before still stands, or none does.
    """
    with target.page.expect_navigation():
        target.click()


def find(page: Page, doctor: str) -> None:
    """The page of those who bear the name."""
    page.goto("/")
    page.get_by_label("Name").fill(doctor)
    press(page.get_by_role("button", name="Search"))


def sign_up(
    page: Page, stack: RunningStack, *, name: str, email: str, doctor: bool = False
) -> None:
    """Fill in the sign-up page that `page` shows, and the code that comes by mail."""
    page.get_by_label("a doctor" if doctor else "a patient").check()
    page.get_by_label("Your name").fill(name)
    page.get_by_label("mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    page.get_by_label("Code").fill(code_from(stack, email))
    page.get_by_role("button", name="Confirm").click()


def code_from(stack: RunningStack, email: str, subject: str = "code") -> str:
    mail = stack.wait_for_mail(email, subject)
    found = re.search(r"^\s*([A-Z0-9-]{6,})\s*$", mail["text"], re.MULTILINE)
    assert found, mail["text"]
    return found[1]


def log_in(page: Page, username: str, password: str) -> None:
    page.goto("/users/login/")
    page.get_by_label("mail").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log in")).to_have_count(0)
    # Until the scripts of the page that follows have run, too.
    page.wait_for_load_state()


def connect_calendar(page: Page, google_address: str) -> None:
    """From the calendar page through Google's consent and back."""
    page.goto("/calendar/")
    press(page.get_by_role("link", name="Connect Google Calendar"))
    if "reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        press(page.get_by_role("button", name="Continue"))
        press(page.get_by_role("link", name="Connect Google Calendar"))
    page.get_by_label("mail address").fill(google_address)
    page.get_by_role("button", name="Allow").click()
    expect(page).to_have_url(re.compile("/calendar/"))
