"""What @action promises: one transaction, one kind of error, no fault of ours hidden."""

import logging
from enum import StrEnum

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from psycopg import errors as pg

from hms.lib.actions import action
from hms.lib.errors import Refusal, Refused


class Code(StrEnum):
    BUSY = "busy"
    TAKEN = "taken"
    LATE = "late"


class GroupError(Refused):
    busy = Code.BUSY
    constraints = {"auth_group_name_key": Refusal(Code.TAKEN, field="name")}


@action(refuses=GroupError)
def add_group(*, name):
    return Group.objects.create(name=name)


@pytest.mark.django_db
def test_known_constraint_becomes_its_refusal():
    add_group(name="first")
    with pytest.raises(GroupError) as caught:
        add_group(name="first")
    [refusal] = caught.value.refusals
    assert (refusal.code, refusal.field) == (Code.TAKEN, "name")
    assert caught.value.has(Code.LATE, Code.TAKEN)
    assert str(caught.value) == "taken"
    # The caller's own transaction goes on.
    assert Group.objects.count() == 1


@pytest.mark.django_db
def test_unknown_constraint_is_raised_and_logged(caplog):
    with caplog.at_level(logging.ERROR), pytest.raises(IntegrityError):
        add_group(name=None)
    [record] = caplog.records
    assert (record.message, record.action) == ("unexpected constraint", "add_group")


@pytest.mark.django_db
@pytest.mark.parametrize("cause", [pg.LockNotAvailable, pg.DeadlockDetected])
def test_lost_lock_is_busy(cause):
    @action(refuses=GroupError)
    def lose(*, name):
        raise OperationalError from cause()

    with pytest.raises(GroupError) as caught:
        lose(name="a")
    assert caught.value.code == Code.BUSY


class OtherCode(StrEnum):
    BUSY = "busy"
    LATE = "late"


class OtherError(Refused):
    busy = OtherCode.BUSY


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "raised"), [(OtherCode.BUSY, GroupError), (OtherCode.LATE, OtherError)]
)
def test_lost_lock_of_another_apps_action_is_busy(code, raised):
    @action(refuses=OtherError)
    def inner():
        raise OtherError(Refusal(code))

    @action(refuses=GroupError)
    def outer():
        inner()

    with pytest.raises(raised) as caught:
        outer()
    assert caught.value.code == code


@pytest.mark.django_db
def test_other_database_errors_are_raised():
    @action(refuses=GroupError)
    def fail(*, name):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    with pytest.raises(DatabaseError):
        fail(name="a")


@pytest.mark.django_db
def test_refusal_takes_back_what_was_written():
    @action(refuses=GroupError)
    def write_then_refuse(*, name):
        Group.objects.create(name=name)
        raise GroupError(Refusal(Code.LATE))

    with pytest.raises(GroupError):
        write_then_refuse(name="a")
    assert not Group.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_durable_action_refuses_a_transaction_around_it():
    @action(refuses=GroupError, durable=True)
    def claim(*, name):
        return Group.objects.create(name=name)

    claim(name="a")
    with transaction.atomic(), pytest.raises(RuntimeError):
        claim(name="b")
    assert list(Group.objects.values_list("name", flat=True)) == ["a"]


def test_positional_argument_is_an_error():
    with pytest.raises(TypeError, match="slot must be keyword-only"):

        @action(refuses=GroupError)
        def verb(slot):
            pass


@pytest.mark.parametrize(
    "verb",
    [lambda *, by, slot: None, lambda *, now, by: None, lambda *, now=None, slot: None],
)
def test_by_and_now_come_last(verb):
    with pytest.raises(TypeError, match="must come last"):
        action(refuses=GroupError)(verb)


def test_refused_needs_a_reason():
    with pytest.raises(ValueError, match="says why"):
        GroupError()
