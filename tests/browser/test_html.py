"""The Nu HTML checker, which test_proofs.py asks about every page as the server sent it."""

import json
import subprocess
from pathlib import Path

import pytest

from hms.dev.checks import tools

# Django's own: its field that asks the server for choices while one types holds the chosen one
# alone, if any, and its frame round the field marks it as required all the same. A script draws
# what the checker misses.
ADMIN = "staff-admin"
DJANGOS = (
    "The first “option” element in a “select” element with a “required”",
    "A “select” element with a “required” attribute",
)


def check(folder: Path) -> dict[str, list[str]]:
    """Errors and warnings by the file they stand in; one call, since Java starts slowly."""
    answer = subprocess.run(
        [tools.program("HMS_JAVA"), "-jar", tools.CHECKER, "--format", "json", folder],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,  # it ends with 1 for what it says
    )
    found: dict[str, list[str]] = {}
    for message in json.loads(answer.stderr)["messages"]:
        kind = message.get("subType", message["type"])
        page, said = Path(message["url"]).stem, message["message"]
        if kind != "info" and not (page.startswith(ADMIN) and said.startswith(DJANGOS)):
            words = f"{kind}: {said} {message.get('extract', '').strip()[:160]}"
            found.setdefault(page, []).append(words)
    return found


@pytest.mark.slow
def test_the_html_checker_sees_what_is_wrong(tmp_path):
    start = '<!DOCTYPE html><html lang="en"><title>A page</title><h1>A page</h1>'
    (tmp_path / "error.html").write_text(f"{start}<p><div></p>")
    (tmp_path / "warning.html").write_text(f'{start}<nav role="navigation"></nav>')
    (tmp_path / "right.html").write_text(f"{start}<p>Right<br>")
    assert set(check(tmp_path)) == {"error", "warning"}
