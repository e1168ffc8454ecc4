"""The doctor's week: by keyboard and without a script as a table, by mouse as a calendar."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import log_in

pytestmark = pytest.mark.slow
# The demo doctor publishes a few weeks ahead; each test takes a week of its own far behind them.
FAR_AHEAD = date.today() + timedelta(days=180)  # noqa: DTZ011 -- a day more or less is no matter
TABLE = {"name": "week_view", "value": "table", "domain": "localhost", "path": "/week/"}
BERLIN_FORWARD, BERLIN_BACK = 3, 10  # the months on whose last Sunday the clocks are changed


def monday(weeks: int) -> date:
    day = FAR_AHEAD + timedelta(weeks=weeks)
    return day - timedelta(days=day.weekday())


def last_sunday(month: int) -> date:
    """Of the next such month that lies wholly ahead."""
    today = datetime.now(UTC).date()
    year = today.year + (today.month >= month)
    following = date(year, month + 1, 1)
    return following - timedelta(days=(following.weekday() + 1) % 7 or 7)


def week_url(day: date) -> str:
    year, number, _weekday = day.isocalendar()
    return f"/week/?week={year}-W{number:02}"


def open_week(page: Page, day: date) -> None:
    """The week of that day, as the demo doctor sees it, once the calendar has come."""
    if page.url == "about:blank":
        log_in(page, "doctor", "walk-right-in-2026")
    page.goto(week_url(day))
    expect(page.locator(".fc-timegrid-col").first).to_be_visible()


def at(page: Page, day: date, clock: str) -> tuple[float, float]:
    """Where on the screen the calendar has that time, in the middle of its five minutes."""
    column = page.locator(f'.fc-timegrid-col[data-date="{day}"]').bounding_box()
    row = page.locator(f'.fc-timegrid-slot-lane[data-time="{clock}:00"]').bounding_box()
    assert column
    assert row
    return column["x"] + column["width"] / 2, row["y"] + row["height"] / 2


def until(page: Page, day: date, clock: str) -> tuple[float, float]:
    """In the five minutes before that time."""
    x, y = at(page, day, clock)
    return x, y - 6


def grip(page: Page, words: str) -> tuple[float, float]:
    """Where one takes hold of a slot to drag it: its first five minutes."""
    box = event(page, words).bounding_box()
    assert box
    return box["x"] + 20, box["y"] + 3


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], drop=True) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(*(a + (b - a) * step / 8 for a, b in zip(start, end, strict=True)))
    if drop:
        page.mouse.up()


def event(page: Page, words: str) -> Locator:
    return page.locator(".week-event").filter(has_text=words)


def said(page: Page) -> Locator:
    return page.locator("[data-week-message]")


def publish(page: Page, day: date, start: str, end: str) -> None:
    """Drag over free space and say yes to one slot."""
    drag(page, at(page, day, start), until(page, day, end))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{start}–{end}")
    dialog.get_by_label("one slot").check()
    dialog.get_by_role("button", name="Publish").click()
    expect(said(page)).to_contain_text("is published")


@pytest.fixture
def page(new_page) -> Page:
    return new_page(viewport={"width": 1360, "height": 1400})


def test_the_calendar_publishes_moves_resizes_and_undoes(page):
    week = monday(0)
    tuesday, thursday = week + timedelta(days=1), week + timedelta(days=3)
    open_week(page, week)
    publish(page, tuesday, "09:00", "09:30")
    expect(event(page, "09:00–09:30")).to_have_count(1)

    drag(page, grip(page, "09:00–09:30"), at(page, thursday, "14:00"))
    expect(said(page)).to_contain_text("The slot is now Thu")
    expect(event(page, "14:00–14:30")).to_have_count(1)
    expect(page.locator(f'[id="day-{thursday}"] [data-start="{thursday}T14:00"]')).to_have_count(1)

    event(page, "14:00–14:30").hover()
    handle = event(page, "14:00–14:30").locator(".fc-event-resizer-end").bounding_box()
    start = (handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    drag(page, start, (start[0], until(page, thursday, "15:00")[1]))
    expect(said(page)).to_contain_text("14:00–15:00")
    page.get_by_role("button", name="Undo").click()
    expect(said(page)).to_contain_text("14:00–14:30")

    # A reload shows what the server has, not what the screen remembers.
    page.reload()
    expect(event(page, "14:00–14:30")).to_have_count(1)
    publish(page, tuesday, "10:00", "10:30")
    page.get_by_role("button", name="Undo").click()
    expect(said(page)).to_contain_text("is withdrawn")
    expect(event(page, "10:00–10:30")).to_have_count(0)


def test_a_row_is_published_from_one_drag(page):
    week = monday(1)
    open_week(page, week)
    drag(page, at(page, week, "09:00"), until(page, week, "12:00"))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("several slots")).to_be_checked()
    dialog.get_by_label("Length of a slot").fill("30")
    dialog.get_by_label("Pause between slots").fill("15")
    dialog.get_by_role("button", name="Publish").click()
    expect(said(page)).to_have_text("4 slots are published.")
    expect(page.locator(".week-event--open")).to_have_count(4)


def test_what_stands_in_the_way_is_said_before_the_drop(page):
    week = monday(2)
    open_week(page, week)
    publish(page, week, "09:00", "09:30")
    publish(page, week, "11:00", "11:30")

    drag(page, grip(page, "11:00–11:30"), at(page, week, "09:15"), drop=False)
    expect(said(page)).to_contain_text("This overlaps another slot")
    expect(said(page)).to_contain_text("09:00–09:30")
    expect(event(page, "09:00–09:30")).to_have_class(re.compile("week-event--in-the-way"))
    page.mouse.up()
    expect(event(page, "11:00–11:30")).to_have_count(1)
    expect(page.locator(".week-event--in-the-way")).to_have_count(0)

    drag(page, at(page, week, "08:30"), until(page, week, "09:15"))
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.allow_console("Failed to load resource")
def test_what_the_server_refuses_snaps_back(page, new_page):
    week = monday(3)
    open_week(page, week)
    publish(page, week, "09:00", "09:30")
    # Deaf to what others do: as if their change came in the very moment of the drop.
    page.route("**/week/?*part=1*", lambda route: route.abort())
    other = new_page(java_script_enabled=False)
    log_in(other, "doctor", "walk-right-in-2026")
    other.goto(f"/create-slot/?day={week}&starts=13:00&ends=13:30")
    other.get_by_role("button", name="Publish").click()

    drag(page, grip(page, "09:00–09:30"), at(page, week, "13:00"))
    expect(said(page)).to_contain_text("This overlaps the slot")
    expect(event(page, "09:00–09:30")).to_have_count(1)
    expect(page.get_by_role("link", name="Use the form")).to_be_visible()


def test_a_booked_slot_is_not_dragged_and_leads_to_its_visit(page):
    log_in(page, "doctor", "walk-right-in-2026")
    page.goto("/dashboard/doctor/")
    visit = page.locator('main a[href^="/bookings/"]').first.get_attribute("href")
    weeks = (date.today() + timedelta(weeks=n) for n in range(3))  # noqa: DTZ011
    for day in weeks:
        open_week(page, day)
        if (booked := page.locator("a.week-event--booked")).count():
            break
    assert visit
    expect(booked.first).to_contain_text("booked")
    before = booked.first.bounding_box()
    words = booked.first.inner_text()
    booked.first.scroll_into_view_if_needed()
    box = booked.first.bounding_box()
    drag(page, (box["x"] + 20, box["y"] + 6), (box["x"] + 20, box["y"] + 200))
    expect(said(page)).to_contain_text("A patient has booked this slot")
    assert booked.first.inner_text() == words
    assert before["x"] == booked.first.bounding_box()["x"]
    booked.first.click()
    expect(page).to_have_url(re.compile("/bookings/[A-Z0-9]{8}/"))


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize("month", [BERLIN_FORWARD, BERLIN_BACK])
def test_the_clinics_clock_is_shown_whatever_the_browsers_is(new_page, zone, month):
    page = new_page(viewport={"width": 1360, "height": 1400}, timezone_id=zone)
    sunday = last_sunday(month)
    log_in(page, "doctor", "walk-right-in-2026")
    # An early slot, so that the calendar begins before the change.
    early, late = ("00:30", "01:00") if zone.startswith("Pacific") else ("01:00", "01:30")
    page.goto(f"/create-slot/?day={sunday}&starts={early}&ends={late}")
    page.get_by_role("button", name="Publish").click()
    open_week(page, sunday)
    expect(event(page, f"{early}–{late}")).to_have_count(1)
    expect(page.locator(".week-gap")).to_contain_text(
        "doesn’t exist" if month == BERLIN_FORWARD else "occurs twice"
    )
    start = "09:00" if zone.startswith("Pacific") else "10:00"
    end = start.replace(":00", ":30")
    publish(page, sunday, start, end)
    shown = event(page, f"{start}–{end}")
    expect(shown).to_have_count(1)
    assert abs(shown.bounding_box()["y"] + 3 - at(page, sunday, start)[1]) < 3
    expect(page.locator(f'[data-start="{sunday}T{start}"]')).to_have_count(1)
    offset = "+02:00" if month == BERLIN_FORWARD else "+01:00"
    expect(page.locator(f'[datetime="{sunday}T{start}:00{offset}"]').first).to_be_attached()


def test_the_table_stays_one_press_away_and_is_remembered(page):
    week = monday(4)
    open_week(page, week)
    page.get_by_role("button", name="Table").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="The slots of the week")).to_be_visible()
    expect(page.locator(".fc-timegrid-col").first).to_be_hidden()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.reload()
    expect(page.get_by_role("table", name="The slots of the week")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert [url for url in requests if "fullcalendar" in url] == []
    page.get_by_role("button", name="Calendar").click()
    expect(page.locator(".fc-timegrid-col").first).to_be_visible()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has that name has the focus, and see that one sees it."""
    for _press in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
              const here = document.activeElement, style = getComputedStyle(here);
              return [here.innerText.replace(/\\s+/g, " ").replace(/ ,/g, ","), style.outlineStyle];
            }"""
        )
        if name in focused[0]:
            assert focused[1] != "none"
            return
    pytest.fail(f"Tab never came to {name}")


def test_the_week_is_kept_by_keyboard_alone(page):
    week = monday(5)
    wednesday = week + timedelta(days=2)
    log_in(page, "doctor", "walk-right-in-2026")
    page.context.add_cookies([TABLE])
    page.goto(week_url(week))
    tab_to(page, f"Publish here, {wednesday:%a} {wednesday.day} {wednesday:%b}")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Day", exact=True)).to_have_value(wednesday.isoformat())
    expect(page.get_by_label("From", exact=True)).to_have_value("09:00")
    page.get_by_label("To", exact=True).focus()
    tab_to(page, "Publish")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(week_url(week))))
    tab_to(page, "09:00–09:30 free")
    page.keyboard.press("Enter")
    page.get_by_label("To", exact=True).fill("10:00")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The slot is changed.")).to_be_visible()
    tab_to(page, f"Delete {wednesday:%a}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Delete a slot")).to_be_visible()
    tab_to(page, "Delete this slot")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The slot is deleted.")).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape(week_url(week))))


@pytest.mark.parametrize("width", [320, 360])
def test_a_phone_without_a_script_lists_the_days(new_page, width):
    page = new_page(viewport={"width": width, "height": 740}, java_script_enabled=False)
    log_in(page, "doctor", "walk-right-in-2026")
    friday = monday(6 + (width == 360)) + timedelta(days=4)
    page.goto(week_url(friday))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    expect(page.get_by_role("button", name="Calendar")).to_be_hidden()
    day = page.locator(f'[id="day-{friday}"]')
    day.get_by_role("link", name="Afternoon").click()
    page.get_by_role("button", name="Publish").click()
    slot = page.locator(f'[id="day-{friday}"]').get_by_role("link", name="13:00–13:30 free")
    expect(slot).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    slot.click()
    page.get_by_label("To", exact=True).fill("14:00")
    page.get_by_role("button", name="Save the change").click()
    page.get_by_role("link", name=re.compile("Delete .* 13:00–14:00")).click()
    page.get_by_role("button", name="Delete this slot").click()
    expect(page.get_by_text("The slot is deleted.")).to_be_visible()


def test_on_paper_the_week_is_the_table(page):
    open_week(page, monday(7))
    page.emulate_media(media="print")
    expect(page.get_by_role("table", name="The slots of the week")).to_be_visible()
    expect(page.locator(".fc-timegrid-col").first).to_be_hidden()
    expect(page.get_by_role("link", name="Publish a day")).to_be_hidden()


def test_the_calendar_follows_the_pages_direction(page):
    week = monday(8)
    page.add_init_script(
        "document.onreadystatechange = () => { document.documentElement.dir = 'rtl'; }"
    )
    open_week(page, week)
    days = page.locator(".fc-timegrid-col[data-date]")
    expect(days).to_have_count(7)
    first, last = (days.nth(n).bounding_box() for n in (0, 6))
    assert first["x"] > last["x"]
    publish(page, week, "09:00", "09:30")
    assert abs(event(page, "09:00–09:30").bounding_box()["x"] - first["x"]) < 12
