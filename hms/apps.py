from typing import Any

from django.contrib.admin.apps import AdminConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class DeskConfig(AdminConfig):
    """Django's admin with our own site (hms.desk.site)."""

    default_site = "hms.desk.site.DeskSite"

    def ready(self) -> None:
        super().ready()
        # Imported after all apps' admin modules: it replaces the admin of a library.
        from hms.desk import job_admin  # noqa: F401

        pre_migrate.connect(_disable_statement_timeout)
        post_migrate.connect(_reset_statement_timeout)


def _disable_statement_timeout(using: str, **_kwargs: Any) -> None:
    """For data migrations of large tables. lock_timeout still applies."""
    with connections[using].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")


def _reset_statement_timeout(using: str, **_kwargs: Any) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("RESET statement_timeout")
