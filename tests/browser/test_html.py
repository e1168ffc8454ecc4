"""The Nu HTML checker finds nothing in any page as the server sent it."""

import json
import subprocess
from pathlib import Path

import pytest

from hms.dev import tools
from hms.dev.screenshots import PAGES
from tests.browser.test_pages import refused


def check(folder: Path) -> dict[str, list[str]]:
    """Errors and warnings by the file they stand in; one call, since Java starts slowly."""
    answer = subprocess.run(
        [tools.named("HMS_JAVA"), "-jar", tools.CHECKER, "--format", "json", folder],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,  # it ends with 1 for what it says
    )
    found: dict[str, list[str]] = {}
    for message in json.loads(answer.stderr)["messages"]:
        kind = message.get("subType", message["type"])
        if kind != "info":
            words = f"{kind}: {message['message']} {message.get('extract', '').strip()[:160]}"
            found.setdefault(Path(message["url"]).stem, []).append(words)
    return found


@pytest.mark.slow
@refused
def test_the_html_checker_finds_nothing(new_page, new_walk, tmp_path):
    pages, walks = tmp_path / "pages", []
    pages.mkdir()
    for role in PAGES:
        walks.append(walk := new_walk(role))
        for shot, answer in walk:
            (pages / f"{role}-{shot.name}.html").write_bytes(answer.body())
    assert not any(walk.wrong for walk in walks), "\n".join(walk.report() for walk in walks)
    found = check(pages)
    assert not found, "\n".join(f"{page}: {words}" for page in found for words in found[page])


@pytest.mark.slow
def test_the_html_checker_sees_what_is_wrong(tmp_path):
    start = '<!DOCTYPE html><html lang="en"><title>A page</title><h1>A page</h1>'
    (tmp_path / "error.html").write_text(f"{start}<p><div></p>")
    (tmp_path / "warning.html").write_text(f'{start}<nav role="navigation"></nav>')
    (tmp_path / "right.html").write_text(f"{start}<p>Right<br>")
    assert set(check(tmp_path)) == {"error", "warning"}
