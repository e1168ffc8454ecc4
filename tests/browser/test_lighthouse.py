"""Lighthouse, as on a phone: what does not depend on this machine's speed must be perfect."""

import json
import os
import subprocess

import pytest

from hms.dev.checks import tools
from hms.dev.checks.screenshots import PAGES
from hms.dev.layout import LOCAL_FOLDER
from tests.browser.walk import Walk

REPORT = LOCAL_FOLDER / "report" / "lighthouse.txt"
# The pages that people see most. Those behind a login are not kept from search engines by a word
# of theirs: who is not signed in is sent away, so the whole of Lighthouse's SEO holds for them.
LOOKED_AT = {
    "anonymous": ("home", "doctor", "login"),
    "patient": ("book", "booking", "dashboard"),
    "doctor": ("dashboard",),
}
TRIES = 3  # the best counts
MUST_BE_PERFECT = ("accessibility", "best-practices", "seo")


def asked_for(walk: Walk) -> list[dict]:
    """The reader's pages as Lighthouse is told of them, with the cookies that sign in."""
    return [
        {
            "name": f"{walk.role} {shot.name}",
            "url": walk.page.evaluate("place => new URL(place, location).href", walk.place(shot)),
            "cookies": walk.page.context.cookies(),
        }
        for shot in PAGES[walk.role]
        if shot.name in LOOKED_AT[walk.role]
    ]


def audit(chromium, pages: list[dict], tries: int = TRIES) -> dict[str, dict]:
    flags = ["--disable-background-networking", *(["--no-sandbox"] * (os.geteuid() == 0))]
    order = {"chromium": str(chromium), "flags": flags, "tries": tries, "pages": pages}
    answer = subprocess.run(
        [tools.program("HMS_NODE"), tools.LIGHTHOUSE / "audit.mjs"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def told(found: dict[str, dict]) -> str:
    """A line a page: the scores, and what depends on the machine that measured it."""
    lines = [f"{'page':20} a11y  best   seo  perf   LCP ms  TBT ms    CLS      kB"]
    for name, page in found.items():
        scores = "".join(f"{score:6}" for score in page["scores"].values())
        times = f"{page['paint']:9.0f}{page['blocked']:8.0f}{page['shift']:7.3f}"
        lines.append(f"{name:19}{scores}{times}{page['bytes'] / 1000:8.1f}")
    return "\n".join(lines)


@pytest.mark.slow
def test_lighthouse_finds_nothing(chromium, new_walk, capsys):
    pages = []
    for role in LOOKED_AT:
        walk = new_walk(role)
        walk.page.goto("/")
        pages += asked_for(walk)
    found = audit(chromium, pages)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(told(found) + "\n")
    with capsys.disabled():
        print(f"\n{told(found)}")
    assert len(found) == sum(map(len, LOOKED_AT.values()))
    assert {name: page["url"] for name, page in found.items()} == {
        page["name"]: page["url"] for page in pages
    }, "another page was looked at"
    for name, page in found.items():
        wrong = {area: page["failed"][area] for area in MUST_BE_PERFECT}
        assert {area: page["scores"][area] for area in MUST_BE_PERFECT} == dict.fromkeys(
            MUST_BE_PERFECT, 100
        ), f"{name}: {wrong}"
        assert page["shift"] == 0, f"{name} moves while it loads"


@pytest.mark.slow
def test_a_try_that_breaks_off_is_made_again(chromium, stack, tmp_path):
    died = tmp_path / "died"
    mortal = tmp_path / "chromium"
    mortal.write_text(
        f'#!/bin/sh\n[ -e {died} ] || {{ : > {died}; exit 1; }}\nexec {chromium} "$@"\n'
    )
    mortal.chmod(0o755)
    home = {"name": "home", "url": stack.url, "cookies": []}
    assert audit(mortal, [home], tries=1)["home"]["scores"]["accessibility"] == 100
    assert died.exists()


@pytest.mark.slow
def test_a_browser_that_never_lives_is_said(tmp_path):
    stillborn = tmp_path / "chromium"
    stillborn.write_text("#!/bin/sh\nexit 1\n")
    stillborn.chmod(0o755)
    with pytest.raises(AssertionError, match="home: no try succeeded"):
        audit(stillborn, [{"name": "home", "url": "http://localhost:9/", "cookies": []}])
