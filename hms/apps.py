from typing import Any

from django.contrib.admin.apps import AdminConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class DeskConfig(AdminConfig):
    """Django's admin with a site of ours (hms.desk.site)."""

    default_site = "hms.desk.site.DeskSite"

    def ready(self) -> None:
        super().ready()
        # After every app's admin: it takes the place of a library's.
        from hms.desk import job_admin  # noqa: F401

        pre_migrate.connect(_take_the_time_it_needs)
        post_migrate.connect(_hurry_again)


def _take_the_time_it_needs(using: str, **_kwargs: Any) -> None:
    """A migration may fill a table of millions; it is still refused a lock it does not get soon."""
    with connections[using].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")


def _hurry_again(using: str, **_kwargs: Any) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("RESET statement_timeout")
