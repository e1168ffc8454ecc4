import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_migrate


def limits() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
        )
        return list(cursor.fetchone())


@pytest.mark.django_db
def test_migrations_have_no_statement_timeout_but_a_lock_timeout():
    seen = []

    def look(**_kwargs):
        seen.append(limits())

    pre_migrate.connect(look)
    try:
        call_command("migrate", verbosity=0)
    finally:
        pre_migrate.disconnect(look)
    assert seen[-1] == ["0", "3s"]
    assert limits() == ["15s", "3s"]
