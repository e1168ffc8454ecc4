"""axe finds nothing on any page that anybody can open, on a phone and on a desk."""

from pathlib import Path

import pytest

from hms.dev.layout import State
from hms.dev.screenshots import PAGES, accounts, address, sign_in

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
RUN = """
async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const result = await axe.run(document, { runOnly: tags, preload: false, resultTypes: ["violations"] });
  return result.violations.map((found) => `${found.id}: ${found.nodes[0].html.slice(0, 160)}`);
}
"""
# Django's own admin pages are looked at where they are changed.
ROLES = {
    role: [shot for shot in shots if "/admin/" not in shot.path] for role, shots in PAGES.items()
}
SCREENS = {
    "phone, light": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
    "desk, dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
}


# Pages that refuse are asked for on purpose, and Chromium notes each in its console.
@pytest.mark.allow_console("Failed to load resource")
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("role", ROLES)
def test_axe_finds_nothing(role, screen, stack, new_page):
    page = new_page(reduced_motion="reduce", **SCREENS[screen])
    if account := accounts(State(stack.state))[role]:
        sign_in(page, account[0], account[-1])
    found, unreachable = {}, []
    for shot in ROLES[role]:
        place = address(page, shot)
        if place is None:
            unreachable.append(shot.name)
            continue
        page.goto(place)
        page.evaluate(AXE)
        if violations := page.evaluate(RUN):
            found[f"{shot.name} {place}"] = violations
    assert (found, unreachable) == ({}, [])
