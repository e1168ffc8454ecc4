"""Which of a developer's settings the stack and the tests use."""

import os
import re
from pathlib import Path

import pytest

from hms.dev.layout import ROOT, SetupProblem
from hms.dev.stack.configuration import Configuration, unconfigured_environment

COMPLETE = {
    "SMTP_HOST": "smtp.example",
    "SMTP_PORT": "587",
    "MAIL_FROM": "Clinic <desk@clinic.example>",
    "MAIL_DOMAIN": "clinic.example",
}


def configuration(**given: str) -> Configuration:
    return Configuration(given, Path())


@pytest.mark.parametrize("missing", ["SMTP_PORT", "MAIL_FROM", "MAIL_DOMAIN"])
def test_a_mail_server_without_its_other_settings_is_a_problem(missing):
    given = {name: value for name, value in COMPLETE.items() if name != missing}
    with pytest.raises(SetupProblem, match=rf"SMTP_HOST is set: set {missing} as well"):
        configuration(**given).require_complete()


@pytest.mark.parametrize(
    "given", [{}, COMPLETE, {"SERVERLESS_EMAIL_URL": "https://f", "SMTP_HOST": "x"}]
)
def test_complete_and_remote_settings_are_accepted(given):
    configuration(**given).require_complete()


def test_tests_do_not_use_a_developers_settings(monkeypatch):
    example = (ROOT / ".env.example").read_text()
    names = set(re.findall(r"^(?:# )?([A-Z0-9_]+)=", example, re.M)) | {"DB_TEST_NAME"}
    assert len(names) > 30
    for name in names:
        monkeypatch.setenv(name, "somebody's own")
    assert not names & unconfigured_environment().keys()


def test_tests_do_not_use_a_developers_google_client(monkeypatch, tmp_path):
    (tmp_path / "client_secrets.json").write_text("{}")
    monkeypatch.setenv("HMS_ENV_FILE", str(tmp_path / ".env"))
    assert "google" not in configuration().needed_ports()
    assert not configuration().local_google
    monkeypatch.setenv("HMS_ENV_FILE", unconfigured_environment()["HMS_ENV_FILE"])
    assert (os.devnull, configuration().local_google) == (os.environ["HMS_ENV_FILE"], True)
