from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from hms.pages.status import google_status, queue_status
from users.tests.factories import make_staff


@pytest.fixture
def run_sql(db):
    def run(sql: str, *parameters):
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)

    return run


def defer(**when):
    return app.configure_task("hms.jobs.prune_finished", **when).defer(timestamp=0)


@pytest.mark.django_db
def test_queue_without_workers_needs_attention():
    assert not queue_status().is_well


def test_queue_with_a_running_worker_is_ok(run_sql):
    run_sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert queue_status().is_well


def test_queue_with_a_worker_without_heartbeat_needs_attention(run_sql):
    run_sql("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 min')")
    assert queue_status().workers == 0


def test_queue_with_a_job_waiting_too_long_needs_attention(run_sql):
    run_sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
    defer()
    status = queue_status(now=timezone.now() + timedelta(seconds=9))
    assert (status.due, status.is_well) == (1, True)
    run_sql("UPDATE procrastinate_events SET at = now() - interval '6 min'")
    status = queue_status()
    assert status.oldest_due > timedelta(minutes=5)
    assert not status.is_well


@pytest.mark.django_db
def test_queue_does_not_count_a_retry_scheduled_for_later():
    defer(schedule_at=timezone.now() + timedelta(hours=1))
    assert queue_status().due == 0


def test_queue_with_a_failed_job_needs_attention(run_sql):
    run_sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
    defer()
    run_sql("UPDATE procrastinate_jobs SET status = 'failed'")
    status = queue_status()
    assert (status.failed, status.is_well) == (1, False)
    assert ProcrastinateJob.objects.count() == 1


@pytest.mark.django_db
def test_google_not_configured_is_ok(settings):
    settings.GOOGLE_CLIENT_CONFIG = None
    status = google_status()
    assert (status.configured, status.is_well) == (False, True)


@pytest.mark.django_db
def test_status_page_shows_what_needs_attention(client, monkeypatch):
    monkeypatch.setattr("notifications.lambda_client.is_reachable", lambda: False)
    client.force_login(make_staff())
    page = client.get("/status/").content.decode()
    assert "not responding" in page
    assert "Needs attention" in page


@pytest.mark.django_db
def test_status_page_makes_a_fixed_number_of_queries(
    client, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr("notifications.lambda_client.is_reachable", lambda: True)
    client.force_login(make_staff())
    for number in range(3):
        defer(queueing_lock=str(number))
    with django_assert_max_num_queries(10):
        client.get("/status/")
