"""What migrations name of the application by its dotted path, and that it is still there.

A migration that has run somewhere is never edited, so what it names must stay importable at that
path. What moves is re-exported where it was, as `users/validators.py` does.
"""

import ast
import importlib
from pathlib import Path

import pytest
from django.utils.module_loading import import_string

from hms.dev.layout import ROOT

APPS = ("hms", "notifications", "users", "availability", "calendar_integration", "bookings")
USED = {
    "hms.lib.ids.new_event_id",
    "hms.lib.ids.new_reference",
    "hms.lib.ranges.TsTzRange",
    "users.languages.of_pages",
    "users.models.UserManager",
    "users.models.validate_zone",
    "users.validators.validate_birth_date",
    "users.validators.validate_person_name",
    "users.validators.validate_phone",
}
MIGRATIONS = sorted(
    path for app in APPS for path in (ROOT / app).glob("migrations/*.py") if path.stem[0].isdigit()
)


def named_paths(source: str) -> set[str]:
    """The dotted paths of the application that a migration uses, each as long as it is written."""
    paths = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            paths |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            paths.add(ast.unparse(node))
    ours = {path for path in paths if path.partition(".")[0] in APPS and path.count(".") > 1}
    return {path for path in ours if not any(other.startswith(f"{path}.") for other in ours)}


def test_paths_are_found_however_they_are_imported():
    source = (
        "import users.models\nfrom hms.lib.ids import new_reference\n"
        "x = [('m', users.models.UserManager()), (1, apps.get_model('users', 'User'))]\n"
    )
    assert named_paths(source) == {"users.models.UserManager", "hms.lib.ids.new_reference"}


def test_migrations_name_only_the_listed_paths():
    named = {path for file in MIGRATIONS for path in named_paths(file.read_text(encoding="utf-8"))}
    assert named == USED, (
        "Migrations import nothing of the application. Where Django wrote a path into one itself "
        "(a validator, default or manager), add it to USED; it has to stay there from then on."
    )


@pytest.mark.parametrize("path", sorted(USED))
def test_path_that_migrations_name_is_still_there(path):
    try:
        import_string(path)
    except ImportError as error:
        pytest.fail(f"{error}. Migrations name {path}: re-export it there from its new module.")


@pytest.mark.parametrize("file", MIGRATIONS, ids=lambda file: str(file.relative_to(ROOT)))
def test_migration_can_be_imported(file: Path):
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    try:
        importlib.import_module(name)
    except (ImportError, AttributeError) as error:
        pytest.fail(f"{name}: {error}. Re-export what it names from the new module.")
