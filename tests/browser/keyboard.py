"""Going through pages with the keys alone, watching at each step that the focus can be seen."""

from playwright.sync_api import Locator, Page, expect

FARTHEST = 150  # presses of Tab to anything on a page
# What a reader needs to see where they are: the thing lies in the window, nothing lies over it,
# and an outline of two pixels or more is round it, or round its label where the control itself
# is drawn by the label. A place that only a skip link or a refusal leads to needs no outline.
SEEN = """
(wanted) => {
  const element = document.activeElement;
  const arrived = element === wanted;
  if (!element || element === document.body) return { arrived, wrong: "" };
  if (element.tabIndex < 0) return { arrived, wrong: "" };
  const say = (what) => ({ arrived, wrong: `${what}: ${element.outerHTML.slice(0, 120)}` });
  const seen = [element, ...(element.labels || []), element.parentElement];
  const outlined = seen.some((one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
      && !/, 0\\)$|transparent/.test(style.outlineColor);
  });
  if (!outlined) return say("no outline round what has the focus");
  const box = [...element.getClientRects()].find((one) => one.width > 1 && one.height > 1)
    || element.labels?.[0]?.getBoundingClientRect();
  if (!box) return say("what has the focus is not drawn");
  const x = (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2;
  const y = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
  if (x < 0 || x > innerWidth || y < 0 || y > innerHeight) return say("the focus is out of sight");
  const there = document.elementFromPoint(x, y);
  const own = there && (element.contains(there) || there.contains(element)
    || there.closest("label")?.control === element);
  return own ? { arrived, wrong: "" } : say(`${there?.outerHTML.slice(0, 60)} lies over the focus`);
}
"""


class Keys:
    """One person's keyboard at one page; every stop on the way is looked at."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []

    def to(self, wanted: Locator) -> None:
        """Press Tab until it has the focus."""
        expect(wanted.first).to_be_visible()
        target = wanted.first.element_handle()
        for _press in range(FARTHEST):
            self.page.keyboard.press("Tab")
            step = self.page.evaluate(SEEN, target)
            if step["wrong"] and step["wrong"] not in self.wrong:
                self.wrong.append(f"{self.page.url}: {step['wrong']}")
            if step["arrived"]:
                return
        raise AssertionError(f"{FARTHEST} presses of Tab don't lead to {wanted}")

    def fill(self, label: str, words: str) -> None:
        """Type into the field with this label, in place of what it holds."""
        self.to(self.page.get_by_label(label, exact=True))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(words)

    def dial(self, label: str, digits: str) -> None:
        """Type a day (MMDDYYYY) or a time (HHMM, AM or PM) into the browser's own picker."""
        self.to(self.page.get_by_label(label, exact=True))
        self.page.keyboard.type(digits)

    def press(self, wanted: Locator, key: str = "Enter") -> None:
        """Go to it and press it, and wait for what comes of it."""
        self.to(wanted)
        self.page.keyboard.press(key)
        self.page.wait_for_load_state()

    def follow(self, name: object) -> None:
        self.press(self.page.get_by_role("link", name=name))  # type: ignore[arg-type]

    def push(self, name: object) -> None:
        self.press(self.page.get_by_role("button", name=name))  # type: ignore[arg-type]

    def log_in(self, username: str, password: str) -> None:
        """On the login page, which is open."""
        self.fill("Email address", username)
        self.fill("Password", password)
        # A page that has only just begun to come has no button either.
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("button", name="Log in")).to_have_count(0)
