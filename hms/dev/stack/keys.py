"""The local stack's own secrets: made once, kept in the state folder, readable by its owner."""

import os
import secrets
from base64 import b64encode
from pathlib import Path

from hms.dev.layout import SetupProblem, display_path


def _fresh() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "EMAIL_SIGNING_KEYS": secrets.token_urlsafe(32),
        "FIELD_ENCRYPTION_KEYS": f"local1:{b64encode(secrets.token_bytes(32)).decode()}",
        "DB_PASSWORD": secrets.token_urlsafe(24),
        "DB_SUPERUSER_PASSWORD": secrets.token_urlsafe(24),
    }


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that a reader, or a power cut, meets all of it or none."""
    half = path.with_name(f"{path.name}.{os.getpid()}.half")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def load_secrets(path: Path) -> dict[str, str]:
    """The secrets of this state folder; a value that an older version did not know is added."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    known = dict(line.split("=", 1) for line in lines if "=" in line)
    if lines and not known:
        raise SetupProblem(
            f"{display_path(path)} is damaged: delete the state folder to start afresh."
        )
    complete = _fresh() | known
    if complete != known:
        text = "".join(f"{name}={value}\n" for name, value in complete.items())
        write_atomically(path, text)
    return complete
