"""Folders and ports of the local stack, and the error for problems that the user can solve."""

import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Packages, modules and static files of this checkout, shared by all state folders.
LOCAL_FOLDER = ROOT / ".hms"
HOST = "127.0.0.1"

# All ports are below 32768, where the kernel's range for outgoing connections begins.
PORTS = {
    "web": 8000,
    "live": 8001,
    "lambda": 3000,
    "lambda_control": 3002,
    "db": 15432,
    "smtp": 1025,
    "inbox": 8025,
    "google": 8090,
}
HIGHEST_OFFSET = 32767 - max(PORTS.values())


class SetupProblem(Exception):
    """A problem that the user can solve. Its text, at most two sentences, is shown as it is."""


@dataclass(frozen=True)
class Ports:
    """The ports of one running stack, all shifted by the same offset."""

    offset: int = 0

    def __getitem__(self, name: str) -> int:
        return PORTS[name] + self.offset


@dataclass(frozen=True)
class StateFolder:
    """The folder with all data of one stack; creates it. Deleting it is a full reset."""

    folder: Path

    def __post_init__(self) -> None:
        for path in (self.folder, self.logs, self.run):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def run(self) -> Path:
        """The folder of process ids, locks and other files of the running stack."""
        return self.folder / "run"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets.env"

    @property
    def demo_file(self) -> Path:
        """The demo accounts as JSON. Written by `hms.dev.stack.prepare`."""
        return self.run / "demo.json"

    def demo_accounts(self) -> list[tuple[str, str]]:
        """Role and login of each demo account; empty if there are none."""
        try:
            return [(role, login) for role, login in json.loads(self.demo_file.read_text())]
        except (OSError, ValueError):
            return []

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def part_folder(self, name: str) -> Path:
        """The data folder of one part; creates it."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def display_path(path: Path) -> str:
    """The path relative to the project's root, or in full if it lies outside."""
    try:
        return str(path.relative_to(ROOT))
    except ValueError:
        return str(path)
