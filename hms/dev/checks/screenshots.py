"""Take pictures of every page, for every role, at three widths, light and dark.

    python -m hms.dev.checks.screenshots [--url URL] [--state DIR] [--only READER]

Needs a running stack with its demo data, and the tests' packages (`./test.sh` installs them).
Writes the pictures and an index.html to STATE/screenshots, in place of those of an earlier run.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Response, sync_playwright

from hms.dev.checks.browser import on_machine
from hms.dev.layout import ROOT, SetupProblem, StateFolder
from hms.dev.screen import print_line

WIDTHS = (360, 768, 1440)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHORTEST = 740  # px, a phone's height
LONGEST = 6000  # px, for pages of any length
# Faster than PNG, whose compression takes longer than drawing the page.
JPEG: Any = {"type": "jpeg", "quality": 85}
# Waits for the transitions of the admin's colours between themes.
FADED = """
() => Promise.all(document.getAnimations()
  .filter((animation) => animation instanceof CSSTransition)
  .map((animation) => animation.finished.catch(() => null)))
"""
STYLE = """
body { font: 16px system-ui, sans-serif; margin: 1rem; background: #888; color: #000 }
section { display: flex; gap: 1rem; overflow-x: auto; align-items: start; padding-block: .5rem }
img { height: 30rem; border: 1px solid #000; background: #fff }
"""


@dataclass(frozen=True)
class Shot:
    """A page in one state.

    From `path`, the first link or button of each selector in `follow` leads to the page. `fill`
    are selectors of fields and the text to type into them; `press` is the selector of the button
    to press then, for example to show an error. `status` is the expected HTTP status. A `rare`
    page is used by few and similar to others; only the slow tests open it.
    """

    name: str
    path: str
    follow: tuple[str, ...] = ()
    fill: tuple[tuple[str, str], ...] = ()
    press: str = ""
    status: int = 200
    rare: bool = False


# The patient's appointments after the next one, which may be taking place now.
COMING = '[aria-labelledby=coming] a[href^="/bookings/"]'
BOOKING = 'main a[href^="/bookings/"]'
# The doctor's next appointment, which may begin at any moment, and the requests to answer.
NEXT = '[aria-labelledby=next] a[href^="/bookings/"]'
REQUEST = '[aria-labelledby=requests] a[href^="/bookings/"]'
SUBMIT = "main form[method=post] button"
ADMIN_SAVE = "[name=_save]"
TODAY = date.today()  # noqa: DTZ011 -- two days ahead is in the future in every zone
IN_TWO_DAYS, IN_A_MONTH = ((TODAY + timedelta(days=n)).isoformat() for n in (2, 30))
HOLIDAYS = f"/admin/availability/closure/suggestions/?clinic=1&year={TODAY.year + 1}"
A_WEEK_AGO = TODAY - timedelta(days=7)
# Nothing begins there before the walk is over, whatever day it is at the clinic by now. On a
# Wednesday there are free times.
NEXT_WEEK = f"/week/?week={TODAY + timedelta(days=8):%G-W%V}"
WEDNESDAY = TODAY + timedelta(days=(1 - TODAY.weekday()) % 7 + 1)
VISIT_OF_WEEK = "main a.chip--booked"
JOBS = "/admin/procrastinate/procrastinatejob/"
ROW = ("#result_list tbody th a",)


def desk(name: str, path: str, *pages: str) -> tuple[Shot, ...]:
    """The list of a model in the admin and, of `pages`, "change" (its first row) and "add"."""
    shots = {
        "list": Shot(f"admin-{name}-list", f"/admin/{path}/", rare=True),
        "change": Shot(f"admin-{name}-change", f"/admin/{path}/", ROW, rare=True),
        "add": Shot(f"admin-{name}-add", f"/admin/{path}/add/", rare=True),
    }
    return tuple(shots[page] for page in ("list", *pages))


PUBLIC = (
    Shot("home", "/"),
    Shot("home-nothing-found", "/?name=nobody-has-this-name"),
    Shot("doctor", "/", ('main a[href^="/doctors/"]',)),
)
ACCOUNT = (
    Shot("profile", "/users/profile/"),
    Shot("calendar", "/calendar/"),
    Shot("email", "/users/email/"),
    Shot("password", "/users/password/change/"),
    Shot("reauthenticate", "/users/reauthenticate/"),
    Shot("logout", "/users/logout/"),
)
# All pages by role, for the pictures and for the browser tests.
PAGES: dict[str, tuple[Shot, ...]] = {
    "anonymous": (
        *PUBLIC,
        Shot("login", "/users/login/"),
        Shot("login-refused", "/users/login/", press=SUBMIT),
        Shot("signup", "/users/signup/"),
        Shot("signup-refused", "/users/signup/", press=SUBMIT),
        Shot("password-reset", "/users/password/reset/"),
        Shot("password-reset-sent", "/users/password/reset/done/"),
        Shot("password-reset-stale", "/users/password/reset/key/1-stale/"),
        Shot("password-reset-done", "/users/password/reset/key/done/"),
        Shot("inactive", "/users/inactive/"),
        Shot("404", "/no-such-page/", status=404),
        Shot("offline", "/offline/"),
    ),
    "patient": (
        *PUBLIC,
        Shot("book", f"/?day={WEDNESDAY}", ('[formaction^="/bookings/create/"]',)),
        Shot("dashboard", "/dashboard/patient/"),
        Shot("booking", "/dashboard/patient/", (BOOKING,)),
        Shot("cancel", "/dashboard/patient/", (COMING, 'main a[href$="/cancel/"]')),
        Shot("move", "/dashboard/patient/", (COMING, 'main a[href$="/reschedule/"]')),
        *ACCOUNT,
        Shot("profile-saved", "/users/profile/", press=SUBMIT),
        Shot(
            "password-refused",
            "/users/password/change/",
            fill=(("[name=password1]", "123"), ("[name=password2]", "123")),
            press=SUBMIT,
        ),
        Shot("403", "/my-slots/", status=403),
    ),
    "pending": (
        *PUBLIC,
        Shot("dashboard-waiting", "/dashboard/doctor/"),
        *ACCOUNT,
    ),
    "doctor": (
        *PUBLIC,
        Shot("dashboard", "/dashboard/doctor/"),
        Shot("booking", "/dashboard/doctor/", (NEXT,)),
        Shot("cancel", NEXT_WEEK, (VISIT_OF_WEEK, 'main a[href$="/cancel/"]')),
        Shot("move", NEXT_WEEK, (VISIT_OF_WEEK, 'main a[href$="/reschedule/"]')),
        Shot(
            "move-to-time",
            NEXT_WEEK,
            (VISIT_OF_WEEK, 'main a[href$="/reschedule/"]', 'main a[href$="/reschedule/time/"]'),
        ),
        Shot("patient-visits", "/dashboard/doctor/", (NEXT, 'main a[href$="/patient/"]')),
        Shot("request", "/dashboard/doctor/", (REQUEST,)),
        Shot("decline", "/dashboard/doctor/", (REQUEST, 'main a[href$="/cancel/"]')),
        Shot("week", "/week/"),
        Shot("week-past", f"/week/?week={A_WEEK_AGO:%G-W%V}"),
        Shot("my-slots", "/my-slots/"),
        Shot("my-slots-past", "/my-slots/?past=1"),
        Shot("create-slot", "/create-slot/"),
        Shot("create-slot-refused", "/create-slot/", press=SUBMIT),
        Shot("create-day", "/create-slot/?shape=row"),
        Shot(
            "create-day-preview",
            "/create-slot/?shape=row",
            fill=(("[name=day]", IN_A_MONTH), ("[name=starts]", "06:00"), ("[name=ends]", "07:00")),
            press=SUBMIT,
        ),
        Shot("hours", "/hours/"),
        Shot("add-hours", "/hours/add/"),
        Shot("add-hours-refused", "/hours/add/", press=SUBMIT),
        Shot("edit-hours", "/hours/", ('main a[href^="/hours/"][href$="/edit/"]',)),
        Shot("end-hours", "/hours/", ('main a[href$="/end/"]',)),
        Shot("add-extra-hours", "/extra-hours/add/"),
        Shot("edit-extra-hours", "/hours/", ('main a[href^="/extra-hours/"][href$="/edit/"]',)),
        Shot("delete-extra-hours", "/hours/", ('main a[href^="/extra-hours/"][href$="/delete/"]',)),
        Shot("add-time-off", "/time-off/add/"),
        Shot(
            "add-time-off-preview",
            "/time-off/add/",
            fill=(("[name=starts_on]", IN_TWO_DAYS), ("[name=ends_on]", IN_A_MONTH)),
            press=SUBMIT,
        ),
        Shot("edit-time-off", "/hours/", ('main a[href^="/time-off/"][href$="/edit/"]',)),
        Shot("delete-time-off", "/hours/", ('main a[href^="/time-off/"][href$="/delete/"]',)),
        Shot("edit-slot", NEXT_WEEK, ('main a[href^="/slots/"][href*="/edit/"]',)),
        Shot("delete-slot", NEXT_WEEK, ('main a[href^="/slots/"][href*="/delete/"]',)),
        *ACCOUNT,
    ),
    "staff": (
        *PUBLIC,
        Shot("status", "/status/"),
        Shot("styleguide", "/styleguide/"),
        *ACCOUNT,
        Shot("admin", "/admin/"),
        Shot("admin-refused", "/admin/?first=2026-02-02&last=2026-02-01"),
        Shot("admin-bookings", "/admin/bookings/booking/"),
        Shot("admin-booking", "/admin/bookings/booking/", ROW),
        # Sorted so that the first row is the last appointment, which has not begun.
        Shot(
            "admin-move",
            "/admin/bookings/booking/?state=coming&o=-2",
            ("#result_list tbody th a", 'a[href*="/booking/reschedule/"]'),
        ),
        Shot(
            "admin-move-to-time",
            "/admin/bookings/booking/?state=coming&o=-2",
            (
                "#result_list tbody th a",
                'a[href*="/booking/reschedule/"]',
                'a[href*="/booking/reschedule/"][href$="/time/"]',
            ),
        ),
        Shot("admin-jobs", JOBS),
        Shot("admin-job", JOBS, ROW),
        Shot("admin-doctors", "/admin/users/doctorprofile/"),
        Shot("admin-doctor", "/admin/users/doctorprofile/", ROW),
        Shot("admin-hours", "/admin/availability/weeklyhours/"),
        Shot(
            "admin-hours-change", "/admin/availability/weeklyhours/", ("#result_list tbody th a",)
        ),
        Shot(
            "admin-hours-preview",
            "/admin/availability/weeklyhours/",
            ("#result_list tbody th a",),
            fill=(("[name=length]", "25"),),
            press=ADMIN_SAVE,
        ),
        Shot(
            "admin-hours-delete",
            "/admin/availability/weeklyhours/",
            (*ROW, "a.deletelink"),
            rare=True,
        ),
        Shot("admin-closures", "/admin/availability/closure/"),
        Shot("admin-closure-add", "/admin/availability/closure/add/"),
        Shot(
            "admin-closure-preview",
            "/admin/availability/closure/add/?clinic=1",
            fill=(
                ("[name=name]", "Moving to a new building"),
                ("[name=starts_on]", IN_TWO_DAYS),
                ("[name=ends_on]", IN_A_MONTH),
            ),
            press=ADMIN_SAVE,
        ),
        Shot("admin-holidays", HOLIDAYS),
        Shot("admin-booking-add", "/admin/bookings/booking/add/", rare=True),
        Shot(
            "admin-cancel",
            "/admin/bookings/booking/?state=coming&o=-2",
            (*ROW, 'a[href*="/booking/cancel/"]'),
            rare=True,
        ),
        Shot("admin-hours-add", "/admin/availability/weeklyhours/add/", rare=True),
        *desk("emails", "notifications/email", "change"),
        *desk("calls", "bookings/call", "change"),
        *desk("slots", "availability/timeslot", "change", "add"),
        *desk("extra-hours", "availability/extrahours", "change", "add"),
        *desk("time-off", "availability/timeoff", "change", "add"),
        *desk("patients", "users/patientprofile", "change", "add"),
        *desk("clinics", "users/clinic", "change", "add"),
        *desk("specialties", "users/specialty", "change", "add"),
        *desk("users", "users/user", "change"),
        # The demo data have no connected calendar, so there is no row.
        *desk("events", "calendar_integration/calendarevent"),
        *desk("google-accounts", "calendar_integration/googleaccount"),
    ),
}


def log_in(page: Page, login: str, password: str) -> None:
    page.goto("/users/login/")
    page.locator("[name=login]").fill(login)
    page.locator("[name=password]").fill(password)
    page.locator("main [type=submit], main form button").first.click()
    page.wait_for_load_state()
    if urlsplit(page.url).path == "/users/login/":
        raise SetupProblem(f"The demo account {login} can't log in at {page.url}.")


def address(page: Page, shot: Shot) -> str:
    """The address of the shot. Raises SetupProblem if a link to it is missing."""
    place: str | None = shot.path
    for step in shot.follow:
        page.goto(place or "")
        found = page.locator(step)
        if not found.count():
            raise SetupProblem(f"{shot.name}: nothing on {place} is a {step}")
        place = found.first.get_attribute("href") or found.first.get_attribute("formaction")
    return place or ""


def open_shot(page: Page, shot: Shot, place: str = "") -> Response:
    """Open the shot, at the address `place` if given, and bring it into its state.

    Returns the response of the page. Raises SetupProblem if it has another status or address.
    """
    place = place or address(page, shot)
    answer = page.goto(place)
    for field, text in shot.fill:
        page.locator(field).first.fill(text)
    if shot.press:
        with page.expect_navigation() as navigation:
            page.locator(shot.press).first.click()
        answer = navigation.value
    page.evaluate("document.fonts.ready.then(() => true)")
    if answer is None or answer.status != shot.status:
        raise SetupProblem(
            f"{shot.name}: {place} answered {answer.status if answer else 'nothing'}"
        )
    if urlsplit(page.url).path != urlsplit(place).path:
        raise SetupProblem(f"{shot.name}: {place} leads to {page.url}")
    return answer


def take(page: Page, target: Path, name: str) -> None:
    """Write pictures of the open page, in all widths and themes, to `target`."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": SHORTEST})
        height = page.evaluate("document.documentElement.scrollHeight")
        # As tall as the page, so that fixed elements are at the edge of the picture.
        page.set_viewport_size({"width": width, "height": max(SHORTEST, min(height, LONGEST))})
        page.screenshot(**JPEG)  # the first one after a resize can be incomplete
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.evaluate(FADED)
            page.screenshot(path=target / f"{name}-{width}-{theme}.jpg", **JPEG)


def shoot(
    browser: Browser,
    url: str,
    role: str,
    account: list[str],
    target: Path,
    look: Callable[[Page, str], None] | None = None,
) -> list[str]:
    """Take the pictures of one role's pages and return why some could not be opened.

    `account` is the role's login (first) and password (last), empty for anonymous. `look` is
    called with each page and its name after its pictures were taken.
    """
    context = browser.new_context(base_url=url, reduced_motion="reduce", locale="en-GB")
    page = context.new_page()
    if account:
        log_in(page, account[0], account[-1])
    missing = []
    for shot in PAGES[role]:
        name = f"{role}-{shot.name}"
        try:
            open_shot(page, shot)
        except SetupProblem as problem:
            missing.append(f"{role} {problem}")
            continue
        take(page, target, name)
        if look:
            look(page, name)
    context.close()
    return missing


def write_index(target: Path) -> None:
    """Write index.html: a row for each page, with links to its pictures."""
    rows: dict[str, list[str]] = {}
    for file in sorted(target.glob("*.jpg")):
        rows.setdefault(file.stem.rsplit("-", 2)[0], []).append(file.name)
    body = ""
    for name, files in rows.items():
        pictures = "".join(
            f'<a href="{file}"><img src="{file}" alt="{file}" loading="lazy"></a>'
            for file in sorted(files, key=lambda file: (file.rsplit("-", 1)[1], len(file), file))
        )
        body += f"<h2>{name}</h2><section>{pictures}</section>\n"
    (target / "index.html").write_text(
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>HMS, every page</title>'
        f"<style>{STYLE}</style><h1>Every page</h1>\n{body}</html>\n"
    )


def accounts(state: StateFolder) -> dict[str, list[str]]:
    """The first demo account of each role: a list with the login first and the password last."""
    found: dict[str, list[str]] = {"anonymous": []}
    for title, login in state.demo_accounts():
        role = next((role for role in PAGES if role in title.lower()), None)
        if role:
            found.setdefault(role, [part for part in login.split() if len(part) > 1])
    return found


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m hms.dev.checks.screenshots", description=__doc__
    )
    parser.add_argument("--url", default="http://localhost:8000", help="address of the website")
    parser.add_argument(
        "--state", type=Path, default=ROOT / ".hms", help="state folder of the stack"
    )
    parser.add_argument("--only", choices=PAGES, help="this role only")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse(sys.argv[1:])
    state = StateFolder(options.state)
    chromium = on_machine()
    if chromium is None:
        raise SetupProblem("There is no Chromium. Install one, or set HMS_CHROMIUM to one.")
    people = accounts(state)
    roles = [options.only] if options.only else list(PAGES)
    if missing := [role for role in roles if role not in people]:
        raise SetupProblem(f"There is no demo account for: {', '.join(missing)}.")
    target = state.folder / "screenshots"
    if not options.only:
        shutil.rmtree(target, ignore_errors=True)
    target.mkdir(exist_ok=True)
    # Chromium's sandbox does not work for root; all pages are the project's own.
    flags = ["--disable-background-networking", *(["--no-sandbox"] * (os.geteuid() == 0))]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=flags)
        missing = []
        for role in roles:
            print_line(f"  {role}")
            missing += shoot(browser, options.url, role, people[role], target)
        browser.close()
    write_index(target)
    print_line(f"  {len(list(target.glob('*.jpg')))} pictures: {target / 'index.html'}")
    for reason in missing:
        print_line(f"  left out: {reason}")
    return len(missing) > 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupProblem as problem:
        sys.exit(str(problem))
