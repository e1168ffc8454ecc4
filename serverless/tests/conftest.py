import sys
from pathlib import Path

import pytest

# The function is a separate program that imports its modules by bare names.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mail_helpers import KEY, MailServer, free_port


@pytest.fixture
def mail_server():
    server = MailServer(port=free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """All settings of the function; no SMTP server listens at the given port."""
    for name in ("DEDUPE_TABLE", "SMTP_USER", "SMTP_PASS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("SMTP_PORT", str(free_port()))
    monkeypatch.setenv("MAIL_FROM", "HMS <no-reply@hms.test>")
    monkeypatch.setenv("MAIL_DOMAIN", "mail.hms.test")
    monkeypatch.setenv("ALLOWED_LINK_PREFIX", "https://hms.test")
    monkeypatch.setenv("EMAIL_SIGNING_KEYS", KEY)
    monkeypatch.setenv("DEDUPE_FILE", str(tmp_path / "dedupe.sqlite3"))


@pytest.fixture
def connected(monkeypatch, mail_server):
    """The mail server that the function is configured to use."""
    monkeypatch.setenv("SMTP_PORT", str(mail_server.port))
    return mail_server
