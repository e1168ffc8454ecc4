"""What may import what, held by import-linter: planted imports make it fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hms.dev.layout import ROOT

ROOT_PACKAGES = (
    "hms",
    "notifications",
    "users",
    "availability",
    "calendar_integration",
    "bookings",
)


@pytest.fixture
def copy(tmp_path) -> Path:
    """The Python files of the root packages, without tests, beside the linter's settings."""
    for package in ROOT_PACKAGES:
        for source in (ROOT / package).rglob("*.py"):
            name = source.relative_to(ROOT)
            if "tests" not in name.parts:
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, tmp_path / name)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def plant(copy: Path, line: str, path: str) -> None:
    file = copy / path
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")


def lint(copy: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--no-cache"], cwd=copy, capture_output=True, text=True, check=False, timeout=120
    )


def broken(copy: Path) -> set[str]:
    """The names of the contracts that the linter reports as broken."""
    result = lint(copy)
    names = {
        line.partition(" BROKEN")[0] for line in result.stdout.splitlines() if " BROKEN" in line
    }
    assert bool(names) == bool(result.returncode), result.stdout[-4000:] + result.stderr
    return names


@pytest.mark.parametrize(
    ("line", "path", "contract"),
    [
        (
            "from hms.middleware import PROBES",
            "notifications/status.py",
            "Apps import nothing of hms but hms.lib",
        ),
        (
            "from hms.dev.layout import ROOT",
            "hms/backends/static_files.py",
            "Nothing but tests imports hms.dev",
        ),
    ],
)
def test_planted_import_breaks_its_contract(copy, line, path, contract):
    assert broken(copy) == set()
    plant(copy, line, path)
    assert contract in broken(copy)


def test_every_other_contract_can_break_too(copy):
    plant(copy, "from bookings.models import Booking", "users/models.py")
    plant(copy, "from hms import settings", "hms/lib/clock.py")
    plant(copy, "import googleapiclient", "bookings/links.py")
    plant(copy, "from hms.lib import days", "hms/lib/clock.py")
    plant(copy, "from hms.lib import clock", "hms/lib/days.py")
    assert broken(copy) >= {
        "Apps import only the apps below them",
        "Modules and folders of hms form no circles",
        "hms.lib imports nothing else of hms",
        "Only calendar_integration imports Google's libraries",
    }


def test_new_module_of_hms_has_to_be_put_on_a_level(copy):
    (copy / "hms" / "a_new_module.py").write_text("")
    result = lint(copy)
    assert result.returncode
    assert "a_new_module" in result.stdout + result.stderr
