"""gunicorn's settings; a flag on its command line wins over them."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

# gunicorn reads this file before it puts the folder of --chdir on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from hms import environment as env

worker_class = "gthread"
workers = env.integer("WEB_CONCURRENCY", max(2, min(os.cpu_count() or 2, 8)), least=1)
threads = env.integer("WEB_THREADS", 4, least=1)
# Loaded once and shared: a worker that fell is replaced in milliseconds.
preload_app = env.boolean("WEB_PRELOAD", True)
# The browser keeps its connection between two clicks; a proxy in front wants more than its own 60.
keepalive = 65
timeout = 30
graceful_timeout = 20
# The heartbeat file of each worker must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
control_socket_disable = True
# Whoever stands in front is counted by TRUSTED_PROXY_COUNT, not believed by its address.
forwarded_allow_ips = ""


def when_ready(server: Any) -> None:
    """Leave a connection that says nothing to the kernel (tcp(7), Linux only).

    Browsers open some ahead of a click, and each would hold a thread for five seconds.
    """
    for listener in server.LISTENERS:
        if hasattr(socket, "TCP_DEFER_ACCEPT") and listener.sock.family != socket.AF_UNIX:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, keepalive)
