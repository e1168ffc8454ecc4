"""The whole system as ./run.sh starts it: its output, parts that end, second starts."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from hms.dev.layout import PORTS, ROOT
from hms.dev.stack.leftovers import marked_processes, start_time
from hms.dev.stack.ports import free_offset
from hms.dev.stack.processes import STATE_VARIABLE
from hms.dev.stack.running import RunningStack, fetch_json, wait_until

PARTS = ("db", "web", "live", "worker", "lambda", "mail", "google")


def status(url: str) -> int:
    """The status of the response; 0 without one."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def second_stack(stack: RunningStack, state: Path, *arguments: str):
    return subprocess.run(
        [
            *(sys.executable, "-m", "hms.dev.stack", "--python", sys.executable),
            *("--state", str(state), *arguments),
        ],
        cwd=ROOT,
        env=stack._env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_output_has_the_addresses_and_how_to_stop(stack):
    output = stack.output_text()
    for text in (stack.url, stack.inbox, stack.google, "Ctrl-C", "Full reset"):
        assert text in output
    assert status(f"{stack.url}/readyz") == 200


def test_everything_listens_on_loopback_only(stack):
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows += Path("/proc/net/tcp6").read_text().splitlines()[1:]
    ours = {f"{stack.ports[name]:04X}" for name in PORTS}
    listening = [row.split()[1] for row in rows if row.split()[3] == "0A"]
    hosts = {address.split(":")[0] for address in listening if address.split(":")[1] in ours}
    assert hosts == {"0100007F"}


def test_the_mail_function_gets_no_secret_of_the_website(stack):
    environment = Path(f"/proc/{stack.pid('lambda')}/environ").read_bytes()
    names = {entry.split(b"=")[0] for entry in environment.split(b"\0")}
    assert b"EMAIL_SIGNING_KEYS" in names
    assert not names & {b"SECRET_KEY", b"DB_PASSWORD", b"DATABASE_URL", b"FIELD_ENCRYPTION_KEYS"}


def test_secrets_are_readable_by_their_owner_only(stack):
    for name in ("secrets.env", "run/django.json"):
        assert (stack.state / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["worker", "web", "live", "lambda", "mail", "db"])
def test_a_killed_part_is_restarted_with_a_message(stack, name):
    before = stack.output_text().count("restarting it")
    old = stack.kill(name)
    wait_until(lambda: stack.pid(name) != old, 15, f"a new {name} process")
    wait_until(
        lambda: stack.output_text().count("is running again") > 0,
        60,
        "the message that it is running again",
    )
    wait_until(
        lambda: stack.output_text().count("restarting it") > before, 1, "the message of the restart"
    )
    wait_until(lambda: status(f"{stack.url}/readyz") == 200, 30, "readiness")


def test_a_second_start_on_the_same_state_is_refused(stack):
    result = second_stack(stack, stack.state)
    assert result.returncode == 1
    assert "already runs from this state folder" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert status(f"{stack.url}/healthz") == 200


def test_a_taken_port_stops_the_start_with_one_message(stack, stack_folder):
    state = stack_folder / "other"
    result = second_stack(stack, state, "--port-offset", str(stack.ports.offset))
    assert result.returncode == 1
    assert f"Port {stack.ports['web']}" in result.stderr
    assert "--port-offset" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    # Nothing was created: no database, no process.
    assert not (state / "postgres").exists()
    assert not marked_processes(STATE_VARIABLE, state.resolve())


def test_management_commands_use_the_running_system(stack):
    assert "No changes detected" in stack.manage("makemigrations", "--check", "--dry-run")


def test_an_email_goes_through_the_mail_function_to_the_inbox(stack):
    """A password reset sends an email to an unknown address too: by worker, function and SMTP."""
    address = f"nobody{os.getpid()}@example.org"
    stack.manage(
        "shell",
        "-c",
        "from django.test import Client; c = Client(HTTP_HOST='localhost'); "
        f"print(c.post('/users/password/reset/', {{'email': '{address}'}}).status_code)",
    )
    mail = stack.wait_for_mail(address, seconds=30)
    assert stack.url in mail["text"]
    assert mail["message_id"]


@pytest.mark.slow
def test_after_kill_9_no_process_is_left_and_the_next_start_recovers(
    stack_folder, clean_environment
):
    state = stack_folder / "killed"
    running = RunningStack(
        state,
        port_offset=free_offset(11000),
        env=clean_environment,
        arguments=("--no-demo",),
    )
    running.start()
    pids = {name: running.pid(name) for name in PARTS}
    assert running.process is not None
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    running.start()
    try:
        for name, pid in pids.items():
            assert start_time(pid) is None or running.pid(name) != pid, name
        assert status(f"{running.url}/readyz") == 200
    finally:
        seconds = running.stop(signal.SIGINT)
    assert seconds < 5
    assert not marked_processes(STATE_VARIABLE, state.resolve())


@pytest.mark.slow
def test_stopping_during_the_start_leaves_no_process(stack_folder, clean_environment):
    state = stack_folder / "interrupted"
    running = RunningStack(
        state,
        port_offset=free_offset(11000),
        env=clean_environment,
        arguments=("--no-demo",),
    )
    running.launch()
    wait_until(
        lambda: "Database migrations and demo data" in running.output_text(), 60, "the migrations"
    )
    assert running.stop() < 5
    assert not marked_processes(STATE_VARIABLE, state.resolve())
    running.start()
    assert running.stop() < 5


def test_the_inbox_answers_for_local_host_names_only(stack):
    request = urllib.request.Request(f"{stack.inbox}/api/messages", headers={"Host": "evil.test"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=5)
    assert isinstance(fetch_json(f"{stack.inbox}/api/messages"), list)
