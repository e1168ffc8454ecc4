"""The mail catcher: emails sent to it are on disk, in its inbox and in its JSON."""

import json
import smtplib
import subprocess
import sys
import urllib.error
import urllib.request
from email.message import EmailMessage

import pytest

from hms.dev.layout import ROOT
from hms.dev.stack.ports import free_port, is_answering
from hms.dev.stack.running import fetch_json, wait_until


class Catcher:
    def __init__(self, state, smtp, http):
        self.state, self.smtp, self.url = state, smtp, f"http://localhost:{http}"

    def send(self, *, to="ana@example.org", subject="Appointment", html="<p>Hello</p>"):
        message = EmailMessage()
        message["To"], message["From"], message["Subject"] = to, "HMS <no-reply@x.org>", subject
        message["Message-ID"] = "<one@x.org>"
        message.set_content("Hello, see http://localhost:8000/x\n")
        message.add_alternative(html, subtype="html")
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=10) as smtp:
            smtp.send_message(message)

    def mails(self, query=""):
        return fetch_json(f"{self.url}/api/messages{query}")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    state = tmp_path_factory.mktemp("mail")
    smtp = free_port(20000, 25000)
    http = free_port(25000, 30000)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "hms.dev.mail.catcher", "--state", state),
            *("--smtp-port", str(smtp), "--http-port", str(http)),
        ],
        cwd=ROOT,
    )
    wait_until(lambda: is_answering(smtp) and is_answering(http), 20, "the mail catcher")
    yield Catcher(state, smtp, http)
    process.terminate()
    assert process.wait(5) == 0


@pytest.fixture
def catcher(running):
    urllib.request.urlopen(
        urllib.request.Request(f"{running.url}/api/messages", method="DELETE"), timeout=5
    ).close()
    fetch_json(f"{running.url}/_faults", {"mode": "ok"})
    return running


def page(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode(), answer.headers


def test_an_email_is_stored_completely(catcher):
    catcher.send(subject="Grüße – 10:30")
    (mail,) = catcher.mails()
    assert mail["subject"] == "Grüße – 10:30"
    assert mail["to"] == "ana@example.org"
    assert mail["message_id"] == "<one@x.org>"
    assert "Hello" in mail["text"]
    assert "<p>Hello</p>" in mail["html"]
    assert mail["headers"]["From"] == "HMS <no-reply@x.org>"
    assert len(list((catcher.state / "messages").glob("*.mail"))) == 1


def test_emails_are_listed_newest_first_and_filtered_by_address(catcher):
    catcher.send(to="ana@example.org", subject="first")
    catcher.send(to="Ben@example.org", subject="second")
    assert [mail["subject"] for mail in catcher.mails()] == ["second", "first"]
    assert [mail["subject"] for mail in catcher.mails("?to=ben@EXAMPLE.org")] == ["second"]


def test_the_pages_show_an_email_and_run_none_of_its_scripts(catcher):
    catcher.send(subject="<script>1</script>", html="<script>alert(1)</script><p>Hi</p>")
    listed, _ = page(catcher.url)
    assert "<script>1" not in listed
    mail_id = catcher.mails()[0]["id"]
    html, _ = page(f"{catcher.url}/messages/{mail_id}")
    assert '<a href="http://localhost:8000/x">' in html
    _, headers = page(f"{catcher.url}/messages/{mail_id}/html")
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize(("mode", "code"), [("temporary", 451), ("permanent", 550), ("busy", 421)])
def test_a_fault_refuses_as_many_emails_as_set(catcher, mode, code):
    fetch_json(f"{catcher.url}/_faults", {"mode": mode, "times": 1})
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        catcher.send()
    assert refused.value.smtp_code == code
    catcher.send()
    assert len(catcher.mails()) == 1


def test_a_lost_response_stores_the_email(catcher):
    fetch_json(f"{catcher.url}/_faults", {"mode": "lose_answer", "times": 1})
    with pytest.raises(smtplib.SMTPServerDisconnected):
        catcher.send()
    assert len(catcher.mails()) == 1


@pytest.mark.parametrize(
    "body", [{"mode": "sideways"}, {"mode": "slow", "seconds": -1}, {"mode": "ok", "times": 0}, []]
)
def test_an_invalid_fault_is_refused(catcher, body):
    with pytest.raises(urllib.error.HTTPError, match="400"):
        fetch_json(f"{catcher.url}/_faults", body)


def test_another_site_can_neither_read_nor_delete_emails(catcher):
    catcher.send()
    for headers in ({"Host": "evil.test"}, {"Origin": "http://evil.test"}):
        request = urllib.request.Request(f"{catcher.url}/empty", data=b"", headers=headers)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=5)
    assert len(catcher.mails()) == 1


def test_a_path_outside_the_folder_is_not_found(catcher):
    (catcher.state / "secret.mail").write_text(json.dumps({}))
    with pytest.raises(urllib.error.HTTPError, match="404"):
        page(f"{catcher.url}/messages/..%2Fsecret")
