"""What the documents say about the tree is true: paths exist, the list of decisions is complete."""

import re
from pathlib import Path

import pytest

from hms.dev.layout import ROOT

ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
INDEX = ROOT / "docs" / "adr" / "README.md"
ENTRY = re.compile(r"^- \[(?P<number>\d{4})\]\((?P<file>[^)]+)\): (?P<title>.+)$", re.MULTILINE)
# `bookings/rules/` and `.env.example`; no commands, URLs, functions or globs.
PATH = re.compile(r"`(?P<path>[\w.-]+(?:/[\w.-]*)+|[\w.-]+\.(?:py|toml|sh|md))`")
# Made by ./run.sh, ./test.sh and .ci/run, or by whoever installs HMS.
MADE = (".hms/", ".env", "locale/<", "static_collected/")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/glossary.md")


def named_paths(text: str) -> set[str]:
    """Paths in backquotes whose first folder is one of ours; bare file names are left out."""
    ours = {path.name for path in ROOT.iterdir()}
    found = {match["path"] for match in PATH.finditer(text)}
    return {path for path in found if path.partition("/")[0] in ours and not path.startswith(MADE)}


def answers() -> dict[str, set[str]]:
    """The table "Where is …?" of docs/architecture.md: question -> paths of its answer."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+\?) \| (.+) \|$", text.partition("## Where is …?")[2], re.MULTILINE)
    return {question: set(re.findall("`([^`]+)`", answer)) for question, answer in rows}


def titles() -> dict[str, str]:
    """Each decision's file -> its title, without number."""
    lines = {path.name: path.read_text(encoding="utf-8").partition("\n")[0] for path in ADRS}
    return {name: line.removeprefix(f"# {int(name[:4])}. ") for name, line in lines.items()}


def test_at_least_twenty_questions_have_an_answer():
    assert len(answers()) >= 20


@pytest.mark.parametrize(("question", "paths"), answers().items())
def test_answer_names_files_that_exist(question, paths):
    assert paths
    assert {path for path in paths if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_in_a_document_exist(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    assert {path for path in named_paths(text) if not (ROOT / path).exists()} == set()


def test_a_wrong_path_is_noticed():
    assert named_paths(
        "in `bookings/no_such.py`, `/users/login/`, `pip install x/y`, `doctor-7`"
    ) == {"bookings/no_such.py"}


@pytest.mark.parametrize(
    "file",
    [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda file: file.name,
)
def test_links_between_documents_lead_somewhere(file):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", file.read_text(encoding="utf-8"))
    assert [link for link in links if not (file.parent / link).exists()] == []


def test_list_of_decisions_is_complete_with_the_same_titles():
    listed = {match["file"]: match["title"] for match in ENTRY.finditer(INDEX.read_text("utf-8"))}
    assert listed == titles()


def test_list_of_decisions_gives_each_number_once_and_in_order():
    text = INDEX.read_text(encoding="utf-8")
    numbers = [match["number"] for match in ENTRY.finditer(text)]
    assert numbers == sorted(set(numbers))
    assert all(match["file"].startswith(match["number"]) for match in ENTRY.finditer(text))


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.name)
def test_decision_starts_with_its_number(path: Path):
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    assert first.startswith(f"# {int(path.name[:4])}. ")
