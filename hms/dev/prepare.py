"""Bring the database up to date in one Django process: tables, cache table, demo data.

    python -m hms.dev.prepare [--demo]

Ends with exit code 2 and one sentence on its last line when the reader can cure what is wrong.
"""

import os
import sys
import time

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

WAIT_SECONDS = 10


def _connect() -> None:
    """Wait for a server that is just starting; one that stays away raises OperationalError."""
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


def prepare(*, demo: bool) -> None:
    """Do what is missing; on a database that is up to date this only looks."""
    django.setup()
    _connect()
    _migrate()
    call_command("createcachetable", verbosity=0)
    if demo:
        call_command("demo_data", if_empty=True)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms.settings")
    try:
        prepare(demo="--demo" in sys.argv[1:])
    except ImproperlyConfigured as error:
        print(error)
        return 2
    except CommandError as error:
        print(error)
        return 2
    except OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        print(f"The database can't be reached; check DB_HOST or DATABASE_URL: {reason}")
        return 2
    except ProgrammingError as error:
        if "permission denied" not in str(error):
            raise
        print("The database user may not create tables; make it the owner of the database.")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
