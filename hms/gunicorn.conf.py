"""Settings of gunicorn. A flag on gunicorn's command line overrides them."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

# gunicorn executes this file before it adds the folder of --chdir to sys.path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from hms import environment as env

worker_class = "gthread"
workers = env.integer("WEB_CONCURRENCY", max(2, min(os.cpu_count() or 2, 8)), minimum=1)
threads = env.integer("WEB_THREADS", 4, minimum=1)
# Load the code once, before forking: a crashed worker is replaced within milliseconds.
preload_app = env.boolean("WEB_PRELOAD", True)
# Longer than the 60 s of common proxies: the proxy, not gunicorn, must close idle connections.
keepalive = 65
timeout = 30
graceful_timeout = 20
# The heartbeat file of a worker must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
control_socket_disable = True
# Trust no proxy by its address: Django reads the headers by TRUSTED_PROXY_COUNT.
forwarded_allow_ips = ""


def when_ready(server: Any) -> None:
    """Accept a connection only when its first data arrives (TCP_DEFER_ACCEPT, Linux only).

    Browsers open connections in advance, and each would block a thread for five seconds.
    """
    for listener in server.LISTENERS:
        if hasattr(socket, "TCP_DEFER_ACCEPT") and listener.sock.family != socket.AF_UNIX:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, keepalive)
