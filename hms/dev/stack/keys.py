"""The local stack's secrets: created once, in the state folder, readable by its owner only."""

import os
import secrets
from base64 import b64encode
from pathlib import Path

from hms.dev.layout import SetupProblem, display_path


def _new_secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "EMAIL_SIGNING_KEYS": secrets.token_urlsafe(32),
        "FIELD_ENCRYPTION_KEYS": f"local1:{b64encode(secrets.token_bytes(32)).decode()}",
        "DB_PASSWORD": secrets.token_urlsafe(24),
        "DB_SUPERUSER_PASSWORD": secrets.token_urlsafe(24),
    }


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file completely or not at all, also if the power fails. `mode` is its permissions."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.half")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_secrets(path: Path) -> dict[str, str]:
    """Read the secrets from `path`; creates the file, and values that it lacks.

    Raises SetupProblem if the file is damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    known = dict(line.split("=", 1) for line in lines if "=" in line)
    if lines and not known:
        raise SetupProblem(
            f"{display_path(path)} is damaged. Delete the state folder to start again without data."
        )
    complete = _new_secrets() | known
    if complete != known:
        text = "".join(f"{name}={value}\n" for name, value in complete.items())
        write_atomically(path, text)
    return complete
