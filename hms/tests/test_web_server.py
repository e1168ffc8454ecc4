"""The hook in gunicorn.conf.py."""

import runpy
import select
import socket
from types import SimpleNamespace

import pytest

from hms.dev.layout import ROOT


@pytest.mark.skipif(not hasattr(socket, "TCP_DEFER_ACCEPT"), reason="needs Linux")
def test_a_connection_without_data_blocks_no_thread():
    settings = runpy.run_path(str(ROOT / "hms" / "gunicorn.conf.py"))
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket() as silent,
        socket.socket() as active,
    ):
        settings["when_ready"](SimpleNamespace(LISTENERS=[SimpleNamespace(sock=listener)]))
        for client in (silent, active):
            client.connect(listener.getsockname())
        active.sendall(b"GET / HTTP/1.1\r\n")
        assert select.select([listener], [], [], 5)[0]
        accepted, address = listener.accept()
        accepted.close()
        assert address == active.getsockname()
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_unix_socket_is_not_changed(tmp_path):
    settings = runpy.run_path(str(ROOT / "hms" / "gunicorn.conf.py"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "web"))
        settings["when_ready"](SimpleNamespace(LISTENERS=[SimpleNamespace(sock=listener)]))
