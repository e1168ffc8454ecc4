"""Through every page there is, as each kind of reader (hms.dev.checks.screenshots.PAGES)."""

from collections.abc import Callable, Iterator, Sequence

from playwright.sync_api import Page, Response

from hms.dev.checks.screenshots import PAGES, Shot, accounts, address, log_in, open_shot
from hms.dev.layout import SetupProblem, StateFolder
from hms.dev.stack.running import RunningStack

SMALLEST = 320  # px: 1280 px at 400 %


class Walk:
    """One reader's way through their pages, in a page of a test's browser."""

    def __init__(
        self,
        page: Page,
        stack: RunningStack,
        role: str,
        places: dict,
        shots: Sequence[Shot] | None = None,
    ) -> None:
        self.page, self.role = page, role
        self.shots = PAGES[role] if shots is None else shots
        self._places: dict[tuple[str, Shot], str] = places
        # What was found wrong, by page, and which pages could not be reached.
        self.wrong: dict[str, list[str]] = {}
        if account := accounts(StateFolder(stack.state))[role]:
            log_in(page, account[0], account[-1])

    def __iter__(self) -> Iterator[tuple[Shot, Response]]:
        for shot in self.shots:
            try:
                answer = open_shot(self.page, shot, self.place(shot))
            except SetupProblem as problem:
                self.note(shot, [str(problem)])
                continue
            yield shot, answer

    def place(self, shot: Shot) -> str:
        """Its address, looked up once for all walks: the demo data stay where they are."""
        key = (self.role, shot)
        if key not in self._places:
            self._places[key] = address(self.page, shot)
        return self._places[key]

    def note(self, shot: Shot, found: list[str]) -> None:
        if found:
            self.wrong.setdefault(f"{self.role} {shot.name} {self.page.url}", []).extend(found)

    def report(self) -> str:
        """What was found wrong, a page and its findings below it."""
        return "\n".join("\n  ".join((f"{page}:", *found)) for page, found in self.wrong.items())


FRAME = """
() => {
  const root = document.documentElement;
  const heads = [...document.querySelectorAll("h1")].filter((head) => head.checkVisibility());
  const wrong = [];
  if (heads.length !== 1) wrong.push(`${heads.length} h1`);
  if (!document.title.trim() || document.title.trim().startsWith("·")) wrong.push("no title");
  if (!root.lang) wrong.push("no lang");
  if (!["ltr", "rtl"].includes(root.dir)) wrong.push("no dir");
  return wrong;
}
"""
# The first elements that reach out of the page, so that one knows where to look.
SIDEWAYS = """
() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const out = [...document.querySelectorAll("body *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width && (box.right > root.clientWidth + 1 || box.left < -1);
  });
  const named = out.slice(0, 3).map((element) => element.outerHTML.slice(0, 90));
  return [`${root.scrollWidth} px wide at ${root.clientWidth}: ${named.join(" | ")}`];
}
"""
# Words that a box hides, or the box that holds it.
CUT = """
() => [...document.querySelectorAll("body *")].filter((element) => {
  const style = getComputedStyle(element);
  const clips = (way) => ["hidden", "clip"].includes(way);
  const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!words || !element.checkVisibility() || element.closest(".visually-hidden")) return false;
  for (let box = element; box && box !== document.body; box = box.parentElement) {
    const own = getComputedStyle(box);
    if (clips(own.overflowX) && box.scrollWidth > box.clientWidth + 1) return true;
    if (clips(own.overflowY) && box.scrollHeight > box.clientHeight + 1) return true;
  }
  return style.textOverflow === "ellipsis" && element.scrollWidth > element.clientWidth + 1;
}).map((element) => `cut off: ${element.outerHTML.slice(0, 120)}`).slice(0, 5)
"""

# Words that stand out of a box of their own at its side, over what is next to it.
SPILT = """
() => [...document.querySelectorAll(".chip, .badge, .button")].filter((box) => {
  if (!box.checkVisibility()) return false;
  const edge = box.getBoundingClientRect();
  const texts = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (!text.data.trim() || text.parentElement.closest(".visually-hidden")) continue;
    range.selectNodeContents(text);
    for (const line of range.getClientRects()) {
      if (line.left < edge.left - 1 || line.right > edge.right + 1) return true;
    }
  }
  return false;
}).map((box) => `${innerWidth} px, words outside of: ${box.outerHTML.slice(0, 160)}`).slice(0, 5)
"""

# Columns of an admin's list that one has to scroll to.
BEYOND = """
() => [...document.querySelectorAll("#changelist .results")]
  .filter((box) => box.scrollWidth > box.clientWidth)
  .map((box) => `${innerWidth} px: a list of ${box.scrollWidth} px in ${box.clientWidth}`)
"""


def frame(page: Page) -> list[str]:
    """One visible h1, a title, a language and a direction."""
    return page.evaluate(FRAME)


def sideways(page: Page, width: int) -> list[str]:
    """Whether the page scrolls sideways in a window of this width."""
    page.set_viewport_size({"width": width, "height": 740})
    return sideways_now(page)


def spilt(page: Page, width: int) -> list[str]:
    """Chips, badges and buttons whose words do not stay within them in a window of this width."""
    page.set_viewport_size({"width": width, "height": 740})
    return page.evaluate(SPILT)


def beyond(page: Page, width: int) -> list[str]:
    """Whether a list of the admin hides some of its columns in a window of this width."""
    page.set_viewport_size({"width": width, "height": 900})
    return page.evaluate(BEYOND)


def sideways_now(page: Page) -> list[str]:
    return page.evaluate(SIDEWAYS)


def loss(page: Page) -> list[str]:
    """Words of the open page that are cut off, and whether it scrolls sideways."""
    page.wait_for_load_state()
    return [f"{page.url}: {words}" for words in (*page.evaluate(CUT), *sideways_now(page))]


NewWalk = Callable[..., Walk]
