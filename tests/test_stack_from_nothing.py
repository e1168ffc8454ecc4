"""Start the system from a new copy of the project: with one command, and step by step."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest

from hms.dev.checks import browser
from hms.dev.layout import ROOT, SetupProblem, StateFolder
from hms.dev.stack import install, postgres
from hms.dev.stack.keys import load_secrets
from hms.dev.stack.leftovers import marked_processes
from hms.dev.stack.ports import free_offset, free_port, is_answering
from hms.dev.stack.processes import STATE_VARIABLE
from hms.dev.stack.running import fetch_json, wait_until

pytestmark = pytest.mark.slow

NOBODY = 65534
FIRST_START, LATER_START = 240, 30  # seconds, on a busy machine with cold caches


@pytest.fixture(scope="module")
def place():
    """A folder that every account may enter, with a space and a bracket in its path."""
    folder = Path(tempfile.mkdtemp(prefix="hms ("))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def copy_of_the_project(target: Path) -> Path:
    """Copy the files of a clone, with changes that are not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def as_ordinary_user(*command: str | Path) -> list[str]:
    """The command, run by an unprivileged account if root runs the tests."""
    dropped = [
        shutil.which("setpriv") or "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
    ]
    return [*(dropped if os.geteuid() == 0 else []), *(str(part) for part in command)]


def give_to_ordinary_user(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def python_for_everybody() -> str:
    """A Python that an ordinary account may run; root's may be in root's home folder."""
    for name in ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable):
        code = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"
        try:
            if not subprocess.run(as_ordinary_user(name, "-c", code), check=False).returncode:
                return name
        except OSError:
            continue
    pytest.fail("this machine has no Python that an ordinary account can run")


@pytest.fixture(scope="module")
def bare_path(place):
    """A folder with Python and a shell, without Node or PostgreSQL, to be used as PATH."""
    folder = place / "bin"
    folder.mkdir()
    for name in ("bash", "sh", "env", "dirname"):
        (folder / name).symlink_to(shutil.which(name) or name)
    (folder / "python3").symlink_to(python_for_everybody())
    return folder


def ready_in(folder: Path, environment: dict[str, str], log: Path) -> float:
    """Start ./run.sh there, check its pages and stop it; returns the seconds of the start."""
    offset = free_offset(12000)
    with log.open("w") as output:
        process = subprocess.Popen(
            as_ordinary_user("./run.sh", "--port-offset", str(offset)),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    ready = folder / ".hms" / "run" / "ready"
    try:
        wait_until(lambda: ready.exists() or process.poll() is not None, 600, "the stack")
        assert process.poll() is None, log.read_text()
        for port in (8000, 8025, 8090):
            with urllib.request.urlopen(f"http://localhost:{port + offset}/", timeout=20) as page:
                assert page.status == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert process.returncode == 0, log.read_text()
    assert not marked_processes(STATE_VARIABLE, folder / ".hms")
    started = re.search(r"started in ([\d.]+) s", log.read_text())
    assert started is not None
    return float(started.group(1))


def test_an_ordinary_user_starts_a_new_copy_with_an_empty_environment(place, bare_path, capsys):
    folder = copy_of_the_project(place / "the clinic's copy")
    home = place / "home"
    home.mkdir()
    for owned in (folder, home):
        give_to_ordinary_user(owned)
    environment = {"PATH": str(bare_path), "HOME": str(home)}
    first = ready_in(folder, environment, place / "first.log")
    second = ready_in(folder, environment, place / "second.log")
    with capsys.disabled():
        print(f"\nfirst start {first:.1f} s, second start {second:.1f} s")
    assert first < FIRST_START
    assert second < LATER_START
    # A git repository, as a clone has.
    status = subprocess.run(
        ["git", "init", "-q", "."], cwd=folder, capture_output=True, check=False
    )
    assert status.returncode == 0
    tested = subprocess.run(
        as_ordinary_user("./test.sh", "tests/test_stack_running.py", "-q", "-k", "inbox_answers"),
        cwd=folder,
        env={"PATH": f"{bare_path}:{os.defpath}", "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert "1 passed" in tested.stdout, tested.stdout + tested.stderr


def test_without_a_network_the_message_says_so_and_no_half_installation_stays(place, bare_path):
    folder = copy_of_the_project(place / "offline")
    environment = {
        "PATH": str(bare_path),
        "HOME": str(place),
        # Nothing listens there, as on a machine without a network.
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_NO_CACHE_DIR": "1",
        "npm_config_registry": "http://127.0.0.1:9/",
    }
    result = subprocess.run(
        ["./run.sh", "--port-offset", str(free_offset(12000))],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 1
    assert "Connect this machine to the network" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (folder / ".hms" / "venv").exists()
    assert not (folder / ".hms" / "postgres").exists()
    assert not (folder / "serverless" / "node_modules").exists()


DRAW_TEXT = """
import sys
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    chromium = playwright.chromium.launch(executable_path=sys.argv[1], chromium_sandbox=False)
    page = chromium.new_page()
    page.set_content("<h1>Hello</h1>")
    print(page.locator("h1").bounding_box()["height"])
"""


def test_the_chromium_from_npm_draws_text_on_a_machine_without_fonts(stack_folder):
    import asyncio

    state = StateFolder(stack_folder / "chromium")
    packages = install.PythonPackages(state)

    async def install_chromium():
        node = install.node_on_path() or await install.node_from_pypi(packages)
        return await browser.from_npm(node, Path(sys.executable), state)

    program = asyncio.run(install_chromium())
    fonts = {"FONTCONFIG_PATH": str(program.parent / "unpacked" / "fonts")}
    result = subprocess.run(
        [sys.executable, "-c", DRAW_TEXT, program],
        env=os.environ | fonts,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) > 0


# --- by hand ------------------------------------------------------------------------------------


class ByHand:
    """A copy of the project with its own virtual environment, for the commands of the README."""

    def __init__(self, folder: Path, mail: int, inbox: int) -> None:
        self.folder = folder
        self.web, self.function = free_port(21000, 22000), free_port(22000, 23000)
        self.mail, self.inbox = mail, inbox
        self.bin = folder / ".venv" / "bin"
        self.keys = load_secrets(folder / "keys.env")
        passed_on = ("LANG", "HOME", "PIP_CONFIG_FILE", "SSL_CERT_FILE", "PIP_CERT")
        self.environment = {name: os.environ[name] for name in passed_on if name in os.environ}
        self.environment["PATH"] = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        self.processes: list[subprocess.Popen[bytes]] = []

    def run(self, *command: str | Path, cwd: str = ".", **env: str) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder / cwd,
            env={**self.environment, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"

    def start(self, *command: str | Path, cwd: str = ".", **env: str) -> None:
        with (self.folder / "by-hand.log").open("ab") as output:
            self.processes.append(
                subprocess.Popen(
                    command,
                    cwd=self.folder / cwd,
                    env={**self.environment, **env},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

    def stop(self) -> None:
        for process in self.processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def write_env(self, database: dict[str, str]) -> None:
        """Write `.env` from .env.example with values for its empty lines, as the README says."""
        values = {
            "SECRET_KEY": self.keys["SECRET_KEY"],
            "DEBUG": "True",
            "SITE_URL": f"http://localhost:{self.web}",
            "SERVERLESS_EMAIL_URL": f"http://127.0.0.1:{self.function}/send",
            "EMAIL_SIGNING_KEYS": self.keys["EMAIL_SIGNING_KEYS"],
            "FIELD_ENCRYPTION_KEYS": self.keys["FIELD_ENCRYPTION_KEYS"],
            **database,
        }
        text = (self.folder / ".env.example").read_text()
        for name, value in values.items():
            text, found = re.subn(rf"(?m)^{name}=.*$", f"{name}={value}", text)
            assert found == 1, name
        (self.folder / ".env").write_text(text)

    def function_settings(self) -> dict[str, str]:
        return {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.mail),
            "MAIL_FROM": "HMS <no-reply@hms.example>",
            "MAIL_DOMAIN": "hms.example",
            "EMAIL_SIGNING_KEYS": self.keys["EMAIL_SIGNING_KEYS"],
            "ALLOWED_LINK_PREFIX": f"http://localhost:{self.web}",
            "DEDUPE_FILE": str(self.folder / "sent.sqlite3"),
        }


@pytest.fixture
def database_by_hand(django_db_setup, django_db_blocker):
    """An empty database on the tests' server."""
    import psycopg
    from django.conf import settings

    given = settings.DATABASES["default"]
    address = {
        "host": given["HOST"],
        "port": given["PORT"],
        "user": given["USER"],
        "password": given["PASSWORD"],
    }
    name = f"byhand{os.getpid()}"
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield {
        "DB_NAME": name,
        "DB_USER": given["USER"],
        "DB_PASSWORD": given["PASSWORD"],
        "DB_HOST": given["HOST"],
        "DB_PORT": str(given["PORT"]),
    }
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def by_hand(database_by_hand):
    folder = Path(tempfile.mkdtemp(prefix="hms-by-hand-"))
    mail, inbox = free_port(23000, 24000), free_port(24000, 25000)
    hand = ByHand(copy_of_the_project(folder), mail, inbox)
    hand.write_env(database_by_hand)
    try:
        yield hand
    finally:
        hand.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_it_runs_by_hand_with_the_commands_of_the_readme(by_hand):
    hand, python = by_hand, by_hand.bin / "python"
    hand.run(sys.executable, "-m", "venv", ".venv")
    hand.run(hand.bin / "pip", "install", "-q", "-r", "requirements.txt")
    hand.run(python, "manage.py", "migrate", "-v", "0")
    account = {"DJANGO_SUPERUSER_PASSWORD": "a long enough password 7"}
    hand.run(
        *(python, "manage.py", "createsuperuser", "--noinput"),
        *("--username", "ada", "--email", "ada@example.org"),
        **account,
    )
    node = install.node_on_path()
    assert node is not None, "this test needs a Node 20.19 or newer on PATH"
    hand.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd="serverless")
    hand.start(python, "manage.py", "runserver", "--noreload", f"localhost:{hand.web}")
    hand.start(python, "manage.py", "procrastinate", "worker")
    function = ("--httpPort", str(hand.function), "--lambdaPort", str(free_port(25000, 26000)))
    hand.start(
        "npx", "serverless", "offline", *function, cwd="serverless", **hand.function_settings()
    )
    hand.start(
        *(sys.executable, "-m", "hms.dev.mail.catcher", "--state", hand.folder / "mail"),
        *("--smtp-port", str(hand.mail), "--http-port", str(hand.inbox)),
    )
    for port in (hand.web, hand.function, hand.mail, hand.inbox):
        wait_until(lambda port=port: is_answering(port), 60, f"port {port}")
    reset_password(f"http://localhost:{hand.web}", "ada@example.org")
    mails = f"http://localhost:{hand.inbox}/api/messages?to=ada@example.org"
    wait_until(lambda: bool(fetch_json(mails)), 30, "the mail")
    assert f"http://localhost:{hand.web}/users/" in fetch_json(mails)[0]["text"]


def reset_password(site: str, address: str) -> None:
    """Submit the form of the page as a browser would, with its cookie and its token."""
    from http.cookiejar import CookieJar
    from urllib.parse import urlencode

    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    url = f"{site}/users/password/reset/"
    with opener.open(url, timeout=20) as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token is not None
    form = urlencode({"csrfmiddlewaretoken": token.group(1), "email": address}).encode()
    request = urllib.request.Request(url, data=form, headers={"Referer": url})
    with opener.open(request, timeout=20) as page:
        assert page.status == 200


def test_without_any_postgresql_the_problem_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "version", lambda binaries: 0)
    with pytest.raises(SetupProblem, match="install PostgreSQL 14 or newer"):
        postgres.find_binaries(tmp_path)


def test_a_postgresql_of_the_machine_is_used_where_the_package_does_not_run(tmp_path, monkeypatch):
    (tmp_path / "postgres").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "version", lambda path: 15 if path == tmp_path else 0)
    assert postgres.find_binaries(tmp_path / "no-wheel") == tmp_path
