"""Migrate the database and add demo data, in one Django process.

    python -m hms.dev.stack.prepare [--demo] [--note FILE]

Exit code 2 means a problem that the user can solve; the last line of the output explains it.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from hms.dev.stack.keys import write_atomically

WAIT_SECONDS = 10


def _connect() -> None:
    """Wait for a server that is starting. Raises OperationalError after WAIT_SECONDS."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.ensure_connection()
            return
        except OperationalError as error:
            refused = "refused" in str(error) or "starting up" in str(error)
            if not refused or time.monotonic() > until:
                raise
            time.sleep(0.2)


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=1)


def prepare(*, demo: bool) -> list[tuple[str, str]]:
    """Apply missing migrations and, with `demo`, add demo data to an empty database.

    Returns the role and the login of each demo account in the database. Raises OperationalError,
    ProgrammingError or CommandError.
    """
    django.setup()
    _connect()
    _migrate()
    if demo:
        call_command("demo_data", if_empty=True)
    return _demo_accounts()


def _demo_accounts() -> list[tuple[str, str]]:
    from bookings.demo.accounts import ACCOUNTS, PASSWORD
    from users.models import User

    names = [username for _, username, _ in ACCOUNTS]
    existing = set(User.objects.filter(username__in=names).values_list("username", flat=True))
    return [(title, f"{name} / {PASSWORD}") for title, name, _ in ACCOUNTS if name in existing]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hms.dev.stack.prepare", description=__doc__)
    parser.add_argument("--demo", action="store_true", help="add demo data to an empty database")
    parser.add_argument("--note", type=Path, help="where to write the demo accounts as JSON")
    return parser.parse_args()


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms.settings")
    try:
        options = _options()
        accounts = prepare(demo=options.demo)
    except ImproperlyConfigured as error:
        print(error)
        return 2
    except CommandError as error:
        print(error)
        return 2
    except OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        print(f"The database can't be reached. Check DB_HOST or DATABASE_URL: {reason}")
        return 2
    except ProgrammingError as error:
        if "permission denied" not in str(error):
            raise
        print(
            "The database user is not allowed to create tables. Make it the owner of the database."
        )
        return 2
    if options.note:
        write_atomically(options.note, json.dumps(accounts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
