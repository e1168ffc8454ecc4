"""What others book shows on an open doctor page, and nothing that the reader does is lost by it."""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect

from hms.dev.stack.running import RunningStack, wait_until
from tests.browser.people import log_in

pytestmark = pytest.mark.slow

# The promise, from the booking's answer to the other reader's eye.
PROMISED_MS = 2_000
# After an outage: until the part is up again, and a page's longest pause before it asks.
RECOVERED_MS = 60_000
PASSWORD = "a-long-and-quiet-night-shift"
MAKE = """
import itertools, json, secrets
from datetime import time
from django.contrib.auth.hashers import make_password
from django.test import override_settings
from availability.tests.factories import make_slot
from availability.tests.helpers import in_days
from users.tests import factories
# Beside what other tests have made on this stack.
factories._numbers = itertools.count(secrets.randbelow(10**9))
made, password = [], make_password("%s")
# The real hasher takes a second each time, on purpose.
with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
    for _ in range(%d):
        doctor = factories.make_doctor(clinics=[factories.make_clinic()])
        hours = [time(7 + n // 2, 30 * (n %% 2)) for n in range(5)]
        slots = [make_slot(doctor=doctor, starts_at=in_days(40, hour)).pk for hour in hours]
        user = factories.make_patient().user
        user.password = password
        user.save()
        made.append([doctor.pk, slots, user.username])
print("MADE", json.dumps(made))
"""
SCENES = 18


@dataclass(frozen=True)
class Scene:
    stack: RunningStack
    doctor: int
    slots: list[int]
    booker: Page

    @property
    def path(self) -> str:
        return f"/doctors/{self.doctor}/"

    def book(self, slot: int) -> None:
        """The other person takes a time, in their own browser."""
        self.booker.goto(self.path)
        self.booker.locator(f"#slot-{slot} button").click()
        expect(self.booker.get_by_text("Your appointment is booked.")).to_be_visible()

    def streams(self) -> int:
        """How many streams the live process holds open."""
        port = f"{self.stack.ports['live']:04X}"
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(1 for row in rows if row[1].endswith(f":{port}") and row[3] == "01")


@pytest.fixture(scope="module")
def cast(stack) -> list:
    """Doctors with five free times on one day and a patient each, one for every test."""
    printed = stack.manage("shell", "-c", MAKE % (PASSWORD, SCENES))
    return json.loads(re.search(r"MADE (.*)", printed)[1])


@pytest.fixture
def scene(stack, new_page, cast) -> Scene:
    """A doctor with five free times from 07:00 to 09:00, and a patient who is signed in."""
    doctor, slots, username = cast.pop()
    booker = new_page()
    log_in(booker, username, PASSWORD)
    return Scene(stack, doctor, slots, booker)


def live(page: Page) -> None:
    expect(page.locator("[data-fresh-connection=live]")).to_be_visible(timeout=RECOVERED_MS)
    expect(page.get_by_text("Updates automatically.")).to_be_visible()


def taken(page: Page, slot: int, timeout: float = PROMISED_MS) -> None:
    expect(page.locator(f"#slot-{slot}")).to_contain_text("booked", timeout=timeout)


def test_what_another_books_shows_and_nothing_else_moves(scene, new_page):
    reader = new_page(viewport={"width": 360, "height": 500})
    reader.goto(scene.path)
    live(reader)
    expect(reader.get_by_text("Refresh")).to_be_hidden()
    kept, gone = scene.slots[3], scene.slots[1]
    reader.evaluate(
        """(kept) => {
          document.querySelector(".day-strip").scrollLeft = 120;
          const link = document.querySelector(`#slot-${kept} a`);
          link.focus();
          link.scrollIntoView({ block: "center" });
          link.isTheSame = true;
          const note = document.createElement("textarea");
          note.setAttribute("aria-label", "Note");
          document.querySelector("main").append(note);
          note.value = "half a thou";
        }""",
        kept,
    )
    before = reader.evaluate(LOOK, kept)
    scene.book(gone)
    taken(reader, gone)
    assert reader.evaluate(LOOK, kept) == before
    assert before[:2] == [True, True]
    expect(reader.locator("[data-fresh-news]")).to_have_text("07:30 was just taken.")


LOOK = """(kept) => {
  const link = document.querySelector(`#slot-${kept} a`);
  return [link.isTheSame, document.activeElement === link, scrollY,
    document.querySelector(".day-strip").scrollLeft,
    document.querySelector("[aria-label=Note]").value];
}"""


def test_the_focus_stays_at_the_time_that_is_taken_from_under_it(scene, new_page):
    reader = new_page()
    reader.goto(scene.path)
    live(reader)
    reader.locator(f"#slot-{scene.slots[0]} a").focus()
    scene.book(scene.slots[0])
    taken(reader, scene.slots[0])
    assert reader.evaluate("document.activeElement.id") == f"slot-{scene.slots[0]}"


def test_publishing_moving_deleting_and_cancelling_show_too(scene, new_page):
    reader = new_page()
    reader.goto(scene.path)
    live(reader)
    news = reader.locator("[data-fresh-news]")
    scene.book(scene.slots[2])
    taken(reader, scene.slots[2])
    scene.booker.get_by_role("link", name="Cancel appointment").click()
    scene.booker.get_by_role("button", name="Yes, cancel the appointment").click()
    expect(scene.booker.get_by_text("This appointment is cancelled.").first).to_be_visible()
    expect(reader.locator(f"#slot-{scene.slots[2]} a")).to_be_visible(timeout=PROMISED_MS)
    expect(news).to_have_text("08:00 is free now.")
    acts = f"""
from availability import actions
from availability.models import TimeSlot
slot = TimeSlot.objects.get(pk={scene.slots[4]})
actions.delete_slot(slot_id=slot.pk, by=slot.doctor.user)
"""
    scene.stack.manage("shell", "-c", acts)
    expect(reader.locator(f"#slot-{scene.slots[4]}")).to_have_count(0)
    expect(news).to_have_text("09:00 is no longer offered.")


AFTER_TIMES = '<div class="freshness'  # an element that every version of the part contains


def add_to_part(reader: Page, path: str, now: str, later: str) -> None:
    """Open the doctor's page with `now` added to its part; every newer part has `later`."""

    def with_later(route):
        answer = route.fetch()
        assert AFTER_TIMES in answer.text()
        body = answer.text().replace(AFTER_TIMES, later + AFTER_TIMES)
        route.fulfill(response=answer, body=body)

    reader.route(re.compile("/times/"), with_later)
    reader.goto(path)
    reader.evaluate(
        "(html) => document.querySelector('.freshness').insertAdjacentHTML('beforebegin', html)",
        now,
    )
    live(reader)


ENTRIES = '<p id="entry"><input id="note" aria-label="Note"><details id="more">…</details></p>'


def test_what_is_typed_or_unfolded_inside_the_part_stays(scene, new_page):
    """The part has no form controls today; whoever adds one need not think of updates."""
    reader = new_page()
    add_to_part(reader, scene.path, ENTRIES, ENTRIES)
    reader.locator("#note").fill("half a thou")
    reader.evaluate("document.querySelector('#more').open = true")
    scene.book(scene.slots[0])
    taken(reader, scene.slots[0])
    expect(reader.locator("#note")).to_have_value("half a thou")
    expect(reader.locator("#note")).to_be_focused()
    assert reader.evaluate("document.querySelector('#more').open")


CONTROLS = """<div id="controls">
  <input id="typed" aria-label="Typed" value="{value}">
  <input id="untouched" aria-label="Untouched" value="{value}">
  <textarea id="written" aria-label="Written">{value}</textarea>
  <input id="ticked" aria-label="Ticked" type="checkbox" value="yes">
  <select id="chosen" aria-label="Chosen">
    <option selected>{value}</option><option>b</option>
  </select>
  <details id="folded" open><summary>Details</summary>…</details>
  <div id="tip" popover="manual">A popover</div>
  <dialog id="question">A dialog</dialog>
</div>"""


def test_an_update_leaves_what_the_reader_has_changed_and_updates_the_rest(scene, new_page):
    reader = new_page()
    add_to_part(reader, scene.path, CONTROLS.format(value="old"), CONTROLS.format(value="new"))
    reader.locator("#typed").fill("half a thou")
    reader.locator("#written").fill("half a sent")
    reader.locator("#ticked").check()
    reader.locator("#chosen").select_option("b")
    reader.evaluate(
        """() => {
          document.querySelector("#folded").open = false;
          document.querySelector("#tip").showPopover();
          document.querySelector("#question").show();
        }"""
    )
    scene.book(scene.slots[0])
    taken(reader, scene.slots[0])
    live(reader)
    expect(reader.locator("#untouched")).to_have_value("new")
    expect(reader.locator("#typed")).to_have_value("half a thou")
    expect(reader.locator("#written")).to_have_value("half a sent")
    expect(reader.locator("#ticked")).to_be_checked()
    expect(reader.locator("#chosen")).to_have_value("b")
    assert not reader.evaluate("document.querySelector('#folded').open")
    expect(reader.locator("#tip")).to_be_visible()
    expect(reader.locator("#question")).to_be_visible()


MOVING = '<p id="moving"><button type="button">Moves</button></p>'
HERE = f'<div id="here">{MOVING}</div><div id="there"></div>'
THERE = f'<div id="here"></div><div id="there">{MOVING}</div>'


def test_the_focus_stays_on_an_element_that_moves(scene, new_page):
    """As a slot does between two days of the week, in a browser without `moveBefore`."""
    reader = new_page()
    reader.add_init_script("delete Element.prototype.moveBefore;")
    add_to_part(reader, scene.path, HERE, THERE)
    reader.get_by_role("button", name="Moves").focus()
    scene.book(scene.slots[0])
    taken(reader, scene.slots[0])
    expect(reader.locator("#there button")).to_be_focused()


def test_one_page_is_one_stream_and_a_hidden_one_none(scene, new_page):
    there = scene.streams()
    reader = new_page()
    reader.goto(scene.path)
    live(reader)
    assert scene.streams() == there + 1
    scene.book(scene.slots[0])
    taken(reader, scene.slots[0])
    # The other's page was open for a moment and is gone.
    wait_until(lambda: scene.streams() == there + 1, 10, "one stream for one page")
    turn(reader, hidden=True)
    wait_until(lambda: scene.streams() == there, 10, "no stream for a hidden page")
    scene.book(scene.slots[1])
    assert "booked" not in reader.locator(f"#slot-{scene.slots[1]}").inner_text()
    turn(reader, hidden=False)
    taken(reader, scene.slots[1])
    wait_until(lambda: scene.streams() == there + 1, 10, "a stream again")


def test_a_page_that_is_put_away_and_comes_back_catches_up(scene, new_page):
    """As a browser does that keeps the page for the way back."""
    there = scene.streams()
    reader = new_page()
    reader.goto(scene.path)
    live(reader)
    reader.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    wait_until(lambda: scene.streams() == there, 10, "no stream for a page that was left")
    scene.book(scene.slots[0])
    reader.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    taken(reader, scene.slots[0])
    wait_until(lambda: scene.streams() == there + 1, 10, "a stream again")


def test_nothing_changes_while_a_press_is_under_way(scene, new_page, cast):
    reader = new_page()
    log_in(reader, cast.pop()[2], PASSWORD)
    reader.goto(scene.path)
    live(reader)
    # As hms.js marks it. Of a real press the browser would be asked nothing until its answer.
    form = reader.locator(f"form:has(#slot-{scene.slots[0]})")
    form.evaluate("form => { form.dataset.sending = ''; }")
    with reader.expect_response(re.compile("/times/")) as newer:
        scene.book(scene.slots[0])
    newer.value.finished()
    reader.wait_for_timeout(500)
    expect(reader.locator(f"#slot-{scene.slots[0]}")).to_contain_text("free")
    form.evaluate("form => { delete form.dataset.sending; }")
    scene.book(scene.slots[1])
    for slot in scene.slots[:2]:
        taken(reader, slot)


def test_an_answer_that_was_overtaken_does_not_come_last(scene, new_page):
    reader, held = new_page(), []
    reader.goto(scene.path)
    live(reader)

    def keep_the_first(route):
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    reader.route("**/times/**", keep_the_first)
    scene.book(scene.slots[0])
    while not held:
        reader.wait_for_timeout(50)
    scene.book(scene.slots[1])
    reader.wait_for_timeout(PROMISED_MS)
    route, response = held[0]
    route.fulfill(response=response)
    reader.wait_for_timeout(500)
    taken(reader, scene.slots[0])
    taken(reader, scene.slots[1])


def turn(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_without_a_script_the_page_says_when_it_was_made(scene, new_page):
    reader = new_page(java_script_enabled=False)
    reader.goto(scene.path)
    expect(reader.get_by_text(re.compile(r"Last updated \d\d:\d\d"))).to_be_visible()
    expect(reader.get_by_text("Updates automatically.")).to_be_hidden()
    expect(reader.get_by_text("Automatic updates are paused.")).to_be_hidden()
    scene.book(scene.slots[0])
    expect(reader.locator(f"#slot-{scene.slots[0]}")).to_contain_text("free")
    reader.get_by_role("link", name="Refresh").click()
    taken(reader, scene.slots[0])


# What could not be loaded is noted in the console, by the browser itself.
@pytest.mark.allow_console("Failed to load resource")
@pytest.mark.allow_console("net::ERR")
def test_while_the_live_process_is_away_the_page_says_so_and_catches_up(scene, new_page):
    reader = new_page()
    # The last of all who come back: its turn to catch up is four seconds away.
    reader.add_init_script("Math.random = () => 0.999")
    reader.goto(scene.path)
    live(reader)
    with scene.stack.without("live"):
        expect(reader.get_by_text("Automatic updates are paused.")).to_be_visible(timeout=10_000)
        expect(reader.get_by_role("link", name="Refresh")).to_be_visible()
        scene.book(scene.slots[0])
    taken(reader, scene.slots[0], RECOVERED_MS)
    live(reader)
    scene.book(scene.slots[1])
    taken(reader, scene.slots[1])


@pytest.mark.allow_console("Failed to load resource")
@pytest.mark.allow_console("net::ERR")
@pytest.mark.parametrize("part", ["db", "web"])
def test_a_page_is_live_again_after_a_killed_part(scene, new_page, part):
    reader = new_page()
    reader.goto(scene.path)
    live(reader)
    old = scene.stack.pid(part)
    scene.stack.kill(part)
    wait_until(lambda: scene.stack.pid(part) != old, 40, f"a new {part}")
    book_when_possible(scene, scene.slots[0])
    taken(reader, scene.slots[0], RECOVERED_MS)
    live(reader)
    scene.book(scene.slots[1])
    taken(reader, scene.slots[1])


def book_when_possible(scene: Scene, slot: int) -> None:
    until = time.monotonic() + RECOVERED_MS / 1000
    place = scene.booker.locator(f"#slot-{slot}")
    while time.monotonic() < until:
        try:
            scene.booker.goto(scene.path)
            if "booked" in place.inner_text(timeout=2_000):
                return
            place.get_by_role("button").click(timeout=2_000)
            scene.booker.wait_for_url("/bookings/**", timeout=10_000)
        except Error:  # nobody answers yet, or with words about being away
            time.sleep(0.3)
    raise TimeoutError("nothing could be booked after the outage")
