"""The services beside PostgreSQL: command, environment, and how to see that each is ready."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from hms.dev.layout import HOST, ROOT, Ports, StateFolder
from hms.dev.stack.configuration import Configuration, python_environment
from hms.dev.stack.install import Node
from hms.dev.stack.processes import Service

# Stopping everything takes five seconds at most, PostgreSQL included.
GRACE_SECONDS = 2
JOBS_AT_ONCE = 4


def http_probe(
    port: int, path: str = "/", *, status: int | None = None
) -> Callable[[], Awaitable[bool]]:
    """A function that tells whether an HTTP server answers on the port, with `status` if given."""

    async def is_answering() -> bool:
        writer = None
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
            request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            line = await asyncio.wait_for(reader.readline(), 10)
            code = int(line.split()[1])
        except (OSError, TimeoutError, ValueError, IndexError):
            return False
        finally:
            if writer is not None:
                writer.close()
        return status is None or code == status

    return is_answering


def web(python: Path, env: dict[str, str], ports: Ports, *, debug: bool) -> Service:
    command: list[str | Path] = [
        *(python, "-m", "gunicorn", "hms.wsgi:application", "--config", "hms/gunicorn.conf.py"),
        *("--bind", f"{HOST}:{ports['web']}", "--graceful-timeout", str(GRACE_SECONDS)),
    ]
    return Service(
        name="web",
        title="website",
        command=[*command, "--reload"] if debug else command,
        env={**env, "WEB_PRELOAD": str(not debug)},
        cwd=ROOT,
        ready=http_probe(ports["web"], "/readyz", status=200),
    )


def worker(python: Path, env: dict[str, str], *, logs_when_ready: bool) -> Service:
    return Service(
        name="worker",
        title="job worker",
        command=[
            *(python, "manage.py", "procrastinate", "worker", "--fetch-job-polling-interval", "1"),
            *("--concurrency", str(JOBS_AT_ONCE)),
            *("--shutdown-graceful-timeout", str(GRACE_SECONDS)),
        ],
        env=env,
        cwd=ROOT,
        ready_text="Starting worker" if logs_when_ready else "",
    )


def live(python: Path, env: dict[str, str], ports: Ports) -> Service:
    return Service(
        name="live",
        title="live process",
        command=[python, "-m", "hms.live", "--bind", f"{HOST}:{ports['live']}"],
        env=env,
        cwd=ROOT,
        ready=http_probe(ports["live"], "/healthz", status=200),
    )


def mail_function(
    node: Node,
    python: Path,
    configuration: Configuration,
    state: StateFolder,
    ports: Ports,
    secrets: dict[str, str],
) -> Service:
    path = os.pathsep.join((str(python.parent), str(node.node.parent), os.defpath))
    env = configuration.mail_function(state, ports, secrets, path)
    return Service(
        name="lambda",
        title="mail function",
        command=[
            node.node,
            *("node_modules/serverless/bin/serverless.js", "offline"),
            *("--httpPort", str(ports["lambda"]), "--lambdaPort", str(ports["lambda_control"])),
        ],
        env=env,
        cwd=ROOT / "serverless",
        ready=http_probe(ports["lambda"]),
    )


def mail_catcher(python: Path, state: StateFolder, ports: Ports) -> Service:
    return Service(
        name="mail",
        title="mail catcher",
        command=[
            *(python, "-m", "hms.dev.mail.catcher", "--state", state.part_folder("mail")),
            *("--smtp-port", str(ports["smtp"]), "--http-port", str(ports["inbox"])),
        ],
        env=python_environment(),
        cwd=ROOT,
        ready=http_probe(ports["inbox"]),
    )


def google(python: Path, state: StateFolder, ports: Ports) -> Service:
    return Service(
        name="google",
        title="Google stand-in",
        command=[
            *(python, "-m", "hms.dev.google.server"),
            *("--port", str(ports["google"]), "--state", state.part_folder("google")),
        ],
        env=python_environment(),
        cwd=ROOT,
        ready=http_probe(ports["google"]),
    )
