"""axe finds nothing on any page that anybody can open, on a phone and on a desk."""

from pathlib import Path

import pytest

from hms.dev.layout import State
from hms.dev.screenshots import PAGES, accounts, address, sign_in

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
# Without preload: it would fetch stylesheets anew and write them inline, which the policy refuses.
RUN = """
async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const options = { runOnly: tags, preload: false, resultTypes: ["violations"] };
  const result = await axe.run(document, options);
  return result.violations.map((found) => `${found.id}: ${found.nodes[0].html.slice(0, 160)}`);
}
"""
# Django's own admin pages are looked at where they are changed.
ROLES = {
    role: [shot for shot in shots if "/admin/" not in shot.path] for role, shots in PAGES.items()
}
SCREENS = [((360, 740), "light"), ((1280, 800), "dark")]


def violations(page) -> list[str]:
    page.evaluate(AXE)
    found = []
    for (width, height), theme in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        found += [f"{width} px, {theme}: {words}" for words in page.evaluate(RUN)]
    return found


# Pages that refuse are asked for on purpose, and Chromium notes each in its console.
@pytest.mark.allow_console("Failed to load resource")
@pytest.mark.parametrize("role", ROLES)
def test_axe_finds_nothing(role, stack, new_page):
    page = new_page(reduced_motion="reduce")
    if account := accounts(State(stack.state))[role]:
        sign_in(page, account[0], account[-1])
    found, unreachable = {}, []
    for shot in ROLES[role]:
        place = address(page, shot)
        if place is None:
            unreachable.append(shot.name)
            continue
        page.goto(place)
        if wrong := violations(page):
            found[f"{shot.name} {place}"] = wrong
    assert (found, unreachable) == ({}, [])


def test_axe_sees_what_is_wrong(new_page):
    page = new_page()
    page.goto("/users/login/")
    page.evaluate("document.querySelector('label').remove()")
    assert {words.split(": ")[1] for words in violations(page)} == {"label", "label-title-only"}
