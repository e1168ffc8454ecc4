"""The parts around the function: serverless-offline answers, and what AWS gets can be built."""

import json
import os
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
import requests
from mail_helpers import KEY, free_port, make_event, make_message

ROOT = Path(__file__).resolve().parents[1]
COMMAND = ROOT / "node_modules" / "serverless" / "bin" / "serverless.js"


@pytest.fixture
def serverless():
    """The start of a command line; its parts are never skipped, only missed with a sentence."""
    node = shutil.which("node")
    assert node, "Node is not on PATH: ./test.sh brings one."
    assert COMMAND.exists(), "serverless/node_modules is missing: run npm ci in serverless/."
    return [node, str(COMMAND)]


def bare_environment(**extra: str) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return passed_on | {"SLS_NOTIFICATIONS_MODE": "off", "SLS_TELEMETRY_DISABLED": "1"} | extra


def test_package_builds_and_ships_the_function_alone(serverless, tmp_path):
    subprocess.run(
        [*serverless, "package", "--package", str(tmp_path)],
        cwd=ROOT,
        env=bare_environment(),
        check=True,
        capture_output=True,
        timeout=120,
    )

    modules = {path.name for path in ROOT.glob("*.py")}
    with zipfile.ZipFile(tmp_path / "hms-mail.zip") as package:
        assert set(package.namelist()) == modules | {
            "emails.toml",
            "layout.html",
            "locale/ar/LC_MESSAGES/mail.mo",
            "locale/de/LC_MESSAGES/mail.mo",
        }
    template = json.loads((tmp_path / "cloudformation-template-update-stack.json").read_text())
    table = template["Resources"]["SentMails"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    function = template["Resources"]["SendLambdaFunction"]["Properties"]
    assert function["Runtime"] == "python3.13"


@pytest.fixture
def gateway(serverless, mail_server, tmp_path):
    port = free_port()
    environment = bare_environment(
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=str(mail_server.port),
        MAIL_FROM="HMS <no-reply@hms.test>",
        MAIL_DOMAIN="mail.hms.test",
        ALLOWED_LINK_PREFIX="https://hms.test",
        EMAIL_SIGNING_KEYS=KEY,
        DEDUPE_FILE=str(tmp_path / "dedupe.sqlite3"),
    )
    ports = ["--httpPort", str(port), "--lambdaPort", str(free_port())]
    log = (tmp_path / "offline.log").open("w")
    process = subprocess.Popen(
        [*serverless, "offline", *ports],
        cwd=ROOT,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}/send"
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def wait_until_it_answers(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "serverless offline has ended."
        try:
            requests.get(url, timeout=2)
        except requests.ConnectionError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("serverless offline did not answer within 60 s.")


def post(url: str, event: dict) -> tuple[int, dict]:
    answer = requests.post(url, data=event["body"], headers=event["headers"], timeout=30)
    return answer.status_code, answer.json()


def test_offline_sends_a_signed_mail_once(gateway, mail_server):
    message = make_message()

    answers = [post(gateway, make_event(message)) for _try in range(2)]
    unsigned = post(gateway, make_event(message) | {"headers": {"Content-Type": "text/plain"}})

    assert answers == [
        (200, {"status": "sent", "message_id": message["message_id"]}),
        (200, {"status": "already_sent", "message_id": message["message_id"]}),
    ]
    assert (unsigned[0], unsigned[1]["error"]) == (401, "bad_signature")
    assert [mail["Subject"] for mail in mail_server.mails] == [
        "Your appointment 7K2M9QXZ is booked"
    ]
