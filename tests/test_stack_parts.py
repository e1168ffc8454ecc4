"""The modules of the local stack, one by one."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hms.dev import failures
from hms.dev.layout import ROOT, Ports, SetupProblem, StateFolder
from hms.dev.stack import install, keys, leftovers, ports, postgres
from hms.dev.stack.processes import STATE_VARIABLE, Child, PidFile, Service
from hms.dev.stack.running import RunningStack, wait_until


def test_kill_waits_until_a_part_that_ended_is_restarted(state, tmp_path):
    """The worker ends together with PostgreSQL and restarts after a pause."""
    ended = subprocess.Popen(("true",))
    pid_file = PidFile(state.run / "children.json")
    pid_file.add("worker", ended.pid)
    ended.wait()
    successor = subprocess.Popen(("sleep", "60"))
    try:
        started = threading.Timer(0.3, pid_file.add, ("worker", successor.pid))
        started.start()
        assert RunningStack(state.folder, port_offset=0).kill("worker") == successor.pid
        assert successor.wait(timeout=5) == -signal.SIGKILL
        started.join()
    finally:
        successor.kill()


@pytest.fixture
def state(tmp_path):
    return StateFolder(tmp_path / "state")


def alive(pid: int) -> bool:
    return leftovers.start_time(pid) is not None


def python_service(tmp_path: Path, code: str, **values) -> Service:
    program = tmp_path / "part.py"
    program.write_text(code)
    return Service(
        name="part",
        title="part",
        command=(sys.executable, "-u", program),
        env={"PATH": os.defpath},
        cwd=tmp_path,
        **values,
    )


PARENT_OF_ONE = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open("grandchild", "w").write(str(child.pid))
print("begun")
time.sleep(60)
"""


def test_a_part_that_ends_is_restarted_with_a_message(state, tmp_path, capsys):
    code = 'print("begun"); open("runs", "a").write("x"); import sys; sys.exit(3)'
    service = python_service(tmp_path, "import time; time.sleep(0.3)\n" + code)

    async def watch():
        child = Child(service, state, PidFile(state.run / "children.json"))
        await child.start()
        await asyncio.sleep(2.5)
        await child.stop(grace=1)

    asyncio.run(watch())
    # It ends after 0.3 s and restarts after 0.5 s, then 1 s: two or three runs in this time.
    assert 2 <= len((tmp_path / "runs").read_text()) <= 3
    output = capsys.readouterr().out
    assert "The part stopped with exit code 3; restarting it in 0.5 s" in output
    assert "restarting it in 1 s" in output


def test_a_part_that_ends_while_starting_is_a_problem_with_its_last_log_line(state, tmp_path):
    service = python_service(tmp_path, 'raise SystemExit("no such table")', ready_text="begun")

    async def start():
        await Child(service, state, PidFile(state.run / "children.json")).start()

    with pytest.raises(SetupProblem, match="exit code 1: no such table"):
        asyncio.run(start())


def test_stopping_a_part_ends_the_processes_that_it_started(state, tmp_path):
    async def start_and_stop():
        service = python_service(tmp_path, PARENT_OF_ONE, ready_text="begun")
        child = Child(service, state, PidFile(state.run / "children.json"))
        await child.start()
        grandchild = int((tmp_path / "grandchild").read_text())
        assert alive(grandchild)
        await child.stop(grace=2)
        return grandchild

    grandchild = asyncio.run(start_and_stop())
    wait_until(lambda: not alive(grandchild), 3, "the grandchild to end")


def test_a_part_that_ignores_the_signal_is_killed_in_time(state, tmp_path):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('begun'); time.sleep(60)"

    async def start_and_stop():
        child = Child(
            python_service(tmp_path, code, ready_text="begun"),
            state,
            PidFile(state.run / "children.json"),
        )
        await child.start()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await child.stop(grace=0.5)
        return loop.time() - began

    assert asyncio.run(start_and_stop()) < 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a death signal for processes")
def test_a_part_ends_with_a_killed_supervisor(state, tmp_path):
    supervisor = tmp_path / "supervisor.py"
    supervisor.write_text(f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from hms.dev.stack.processes import start_process
async def main():
    process = await start_process([sys.executable, "-c", "import time; time.sleep(60)"],
                          env={{}}, cwd=Path("/"), log=Path({str(tmp_path / "log")!r}))
    print(process.pid, flush=True)
    await process.wait()
asyncio.run(main())
""")
    process = subprocess.Popen([sys.executable, supervisor], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    # Wait until tether.py has executed the command: the test is about the command.
    wait_until(lambda: b"time.sleep" in Path(f"/proc/{child}/cmdline").read_bytes(), 5, "exec")
    process.kill()
    process.wait()
    process.stdout.close()
    wait_until(lambda: not alive(child), 5, "the part to end")


def test_leftovers_are_found_by_pid_file_and_environment_and_ended(state):
    entered = subprocess.Popen(["sleep", "60"], start_new_session=True)
    marked = subprocess.Popen(
        ["sleep", "60"],
        env={STATE_VARIABLE: str(state.folder), "PATH": os.defpath},
        start_new_session=True,
    )
    pid_file = PidFile(state.run / "children.json")
    pid_file.add("web", entered.pid)
    wait_until(
        lambda: marked.pid in leftovers.marked_processes(STATE_VARIABLE, state.folder),
        5,
        "the mark",
    )
    ended = leftovers.end_leftovers(state, pid_file.path, STATE_VARIABLE)
    assert (entered.wait(5), marked.wait(5)) == (-signal.SIGKILL, -signal.SIGKILL)
    assert ended == 2
    assert not pid_file.path.exists()


def test_a_process_that_reuses_an_id_is_not_ended(state):
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        pid_file = state.run / "children.json"
        pid_file.write_text(json.dumps({"web": {"pid": stranger.pid, "start_time": "12"}}))
        assert leftovers.end_leftovers(state, pid_file, STATE_VARIABLE) == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_stack_on_one_state_folder_is_refused(state):
    with (
        leftovers.lock_state(state),
        pytest.raises(SetupProblem, match=f"already runs.*{os.getpid()}"),
        leftovers.lock_state(state),
    ):
        pass


def test_a_taken_port_is_a_problem_that_names_the_program_and_what_to_do():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupProblem) as result:
            ports.require_free(port, "the website")
    assert f"Port {port}" in str(result.value)
    assert str(os.getpid()) in str(result.value)
    assert "--port-offset" in str(result.value)


def test_all_ports_are_below_those_for_outgoing_connections():
    assert max(Ports(10000)[name] for name in ("web", "db", "google", "inbox")) < 32768


def test_secrets_are_created_once_and_readable_by_their_owner_only(tmp_path):
    path = tmp_path / "secrets.env"
    first = keys.load_secrets(path)
    assert keys.load_secrets(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(set(first.values())) == len(first)


def test_a_missing_secret_is_added(tmp_path):
    path = tmp_path / "secrets.env"
    path.write_text("SECRET_KEY=existing\n")
    assert keys.load_secrets(path)["SECRET_KEY"] == "existing"
    assert "DB_PASSWORD=" in path.read_text()


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("NewConnectionError: Temporary failure in name resolution", "network"),
        ("npm error code ENOTFOUND", "network"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for x", "No matching distribution"),
    ],
)
def test_a_failed_installation_is_a_problem_that_names_what_to_do(tmp_path, output, advice):
    log = tmp_path / "install.log"
    log.write_text(output)
    assert advice in str(install.installation_problem("Python packages", log))


def test_a_full_disk_is_reported_before_anything_is_installed(tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(SetupProblem, match="disk is nearly full: free"):
        install.require_disk_space(tmp_path)


def test_a_disk_that_becomes_full_is_reported_in_a_sentence(capsys):
    error = ExceptionGroup("tasks", [OSError(28, "No space left on device")])
    assert failures.report_failure(error, "HMS") == 1
    assert "The disk is full" in capsys.readouterr().err


def test_an_unexpected_error_is_raised_again():
    with pytest.raises(KeyError):
        failures.report_failure(KeyError("x"), "HMS")


def test_an_environment_of_another_folder_or_lock_file_is_not_complete(state, monkeypatch):
    venv = state.folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    monkeypatch.setattr(install, "VENV", venv)
    packages = install.PythonPackages(state)
    assert not packages.is_complete(install.RUN_FILES)
    stamp = {"maker": {"place": str(venv)}, "files": packages._digests(install.RUN_FILES)}
    (venv / "complete.json").write_text(json.dumps(stamp))
    assert packages.is_complete(install.RUN_FILES)
    (venv / "complete.json").write_text(json.dumps({**stamp, "maker": {"place": "/moved"}}))
    assert not packages.is_complete(install.RUN_FILES)
    stamp["files"]["requirements.txt"] = "older"
    (venv / "complete.json").write_text(json.dumps(stamp))
    assert not packages.is_complete(install.RUN_FILES)


def bash(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f". hms/dev/python.sh; {script}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_python_that_fails_or_is_too_old_is_skipped(tmp_path):
    for name, code in (("python3", "exit 127"), ("python3.13", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{code}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python3.12").symlink_to(sys.executable)
    found = bash('find_python && echo "$python"', PATH=f"{tmp_path}:{os.defpath}")
    assert found.stdout.strip() == "python3.12"


def test_without_a_python_the_message_says_what_to_do():
    result = bash("command() { return 1; }; find_python")
    assert result.returncode == 1
    assert "Python 3.11 or newer" in result.stderr
    assert "Install it" in result.stderr


def test_help_explains_the_options():
    result = subprocess.run(
        ["./run.sh", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for word in ("--port-offset", "--state", "--debug", "--no-demo", "Ctrl-C", "full reset"):
        assert word in result.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another account")
def test_root_creates_the_cluster_where_its_account_may_enter(tmp_path, monkeypatch):
    outside = tmp_path.parent / "outside"
    monkeypatch.setattr(postgres, "CLUSTERS_OF_ROOT", outside)
    for folder in (*tmp_path.parents[:2], tmp_path):
        folder.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    state = StateFolder(closed / "state")
    site_packages = Path(postgres.__file__).parents[2]
    cluster = postgres.Cluster(
        state,
        binaries=postgres.find_binaries(site_packages),
        port=1,
        secrets=keys.load_secrets(state.secrets),
    )
    assert (state.folder / "postgres").is_symlink()
    assert cluster.data.is_relative_to(outside)
    assert cluster.data.parent.stat().st_uid != 0
