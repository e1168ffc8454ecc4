"""An SMTP server that stores every email on this machine, and a web inbox that shows them.

python -m hms.dev.mail.catcher --smtp-port 1025 --http-port 8025 --state DIR
"""

import argparse
import asyncio
import signal
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

from aiosmtpd.smtp import SMTP, Envelope, Session

from hms.dev.layout import HOST
from hms.dev.mail.faults import MailFaults
from hms.dev.mail.inbox import inbox_server
from hms.dev.mail.store import MailStore

LARGEST_MAIL = 5_000_000


class MailCatcher:
    """aiosmtpd's handler: stores every email for any recipient, unless a fault is set."""

    def __init__(self, store: MailStore, faults: MailFaults) -> None:
        self._store = store
        self._faults = faults

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        fault = self._faults.take()
        await asyncio.sleep(fault.seconds)
        if fault.response:
            return fault.response
        content = envelope.original_content or b""
        recipients = [str(one) for one in envelope.rcpt_tos]
        mail_id = await asyncio.to_thread(
            self._store.add, envelope.mail_from or "", recipients, content
        )
        if fault.mode == "lose_answer" and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        print(f"stored email {mail_id}", file=sys.stderr, flush=True)
        return f"250 2.0.0 OK {mail_id}"


async def serve(smtp_port: int, http_port: int, folder: Path) -> None:
    """Serve SMTP and the inbox until SIGTERM or SIGINT. Emails are stored in `folder`."""
    store, faults = MailStore(folder / "messages"), MailFaults()
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    catcher = MailCatcher(store, faults)
    smtp = await loop.create_server(
        lambda: SMTP(
            catcher,
            hostname="localhost",
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            loop=loop,
        ),
        HOST,
        smtp_port,
    )
    web = inbox_server(HOST, http_port, store, faults)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    await stopped.wait()
    smtp.close()
    web.shutdown()


def _options() -> SimpleNamespace:
    parser = argparse.ArgumentParser(prog="python -m hms.dev.mail.catcher", description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder for the emails")
    return SimpleNamespace(**vars(parser.parse_args()))


def main() -> None:
    options = _options()
    asyncio.run(serve(options.smtp_port, options.http_port, options.state))


if __name__ == "__main__":
    main()
