"""Where the local stack keeps things, which ports it takes, and its one kind of error."""

import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# What belongs to this checkout whatever the state folder is: packages, modules, static files.
LOCAL_FOLDER = ROOT / ".hms"
HOST = "127.0.0.1"

# Every port stays below 32768, where the kernel hands out ports for outgoing connections.
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
    """Something the reader can cure: one plain sentence or two, shown without a traceback."""


@dataclass(frozen=True)
class Ports:
    """The ports of one running stack, all shifted by the same offset."""

    offset: int = 0

    def __getitem__(self, name: str) -> int:
        return PORTS[name] + self.offset


@dataclass(frozen=True)
class StateFolder:
    """The folder that holds everything a stack has made; deleting it is a full reset."""

    folder: Path

    def __post_init__(self) -> None:
        for path in (self.folder, self.logs, self.run):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def run(self) -> Path:
        """Process ids, locks and stamps of the running stack."""
        return self.folder / "run"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets.env"

    @property
    def demo_file(self) -> Path:
        """Written by `hms.dev.stack.prepare`; read by `demo_accounts`."""
        return self.run / "demo.json"

    def demo_accounts(self) -> list[tuple[str, str]]:
        """Role and login of each demo account; empty where none was made."""
        try:
            return [(role, words) for role, words in json.loads(self.demo_file.read_text())]
        except (OSError, ValueError):
            return []

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def part_folder(self, name: str) -> Path:
        """The folder of one part, made when it is not there yet."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def display_path(path: Path) -> str:
    """The path as a person would type it from the project's root."""
    try:
        return str(path.relative_to(ROOT))
    except ValueError:
        return str(path)
