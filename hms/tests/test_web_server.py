"""What gunicorn.conf.py does beside naming numbers."""

import runpy
import select
import socket
from types import SimpleNamespace

import pytest

from hms.dev.layout import ROOT


@pytest.mark.skipif(not hasattr(socket, "TCP_DEFER_ACCEPT"), reason="Linux alone can")
def test_a_connection_that_says_nothing_takes_no_thread():
    settings = runpy.run_path(str(ROOT / "hms" / "gunicorn.conf.py"))
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket() as silent,
        socket.socket() as speaking,
    ):
        settings["when_ready"](SimpleNamespace(LISTENERS=[SimpleNamespace(sock=listener)]))
        for client in (silent, speaking):
            client.connect(listener.getsockname())
        speaking.sendall(b"GET / HTTP/1.1\r\n")
        assert select.select([listener], [], [], 5)[0]
        accepted, address = listener.accept()
        accepted.close()
        assert address == speaking.getsockname()
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_socket_in_the_file_system_is_left_as_it_is(tmp_path):
    settings = runpy.run_path(str(ROOT / "hms" / "gunicorn.conf.py"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "web"))
        settings["when_ready"](SimpleNamespace(LISTENERS=[SimpleNamespace(sock=listener)]))
