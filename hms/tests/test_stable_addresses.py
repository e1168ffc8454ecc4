"""Names that others rely on: bookmarks, emails, queued jobs, deployed functions, `.env` files.

Each list holds the names themselves, not the code's constants, so that a renamed constant fails.
"""

import importlib
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.urls import resolve
from procrastinate.contrib.django import app as queue

from users.models import User

ROOT = Path(__file__).parents[2]

URLS = {
    "/users/signup/": "account_signup",
    "/users/login/": "account_login",
    "/users/logout/": "account_logout",
    "/dashboard/": "bookings:dashboard",
    "/my-slots/": "availability:my_slots",
    "/create-slot/": "availability:create_slot",
    "/bookings/create/1/": "bookings:create",
    "/calendar/auth/": "calendar_integration:auth",
    "/calendar/oauth2callback/": "calendar_integration:oauth2callback",
    "/admin/": "admin:index",
}
APPS = ["availability", "bookings", "calendar_integration", "notifications", "users"]
MAIL_ACTIONS = {
    "SIGNUP_WELCOME",
    "BOOKING_CONFIRMATION",
    "BOOKING_CANCELLED",
    "BOOKING_RESCHEDULED",
    "BOOKING_REQUESTED",
    "BOOKING_DECLINED",
    "DOCTOR_APPROVED",
    "DOCTOR_REFUSED",
    "CALENDAR_BROKEN",
    "EMAIL_CODE",
    "PASSWORD_RESET",
    "UNKNOWN_ACCOUNT",
    "ACCOUNT_ALREADY_EXISTS",
    "ACCOUNT_NOTICE",
}
# Jobs with these names may be in the queue while a new version is deployed.
TASKS = {
    "availability.jobs.publish_clinic",
    "availability.jobs.publish_doctor",
    "availability.jobs.publish_due",
    "bookings.jobs.expire_requests",
    "bookings.jobs.mirror_upcoming",
    "bookings.jobs.sum_up_days",
    "bookings.jobs.tell_about_booking",
    "calendar_integration.jobs.learn_name",
    "calendar_integration.jobs.replay",
    "calendar_integration.jobs.revoke",
    "calendar_integration.jobs.sync_event",
    "hms.jobs.clear_sessions",
    "hms.jobs.prune_finished",
    "hms.jobs.rescue_stalled",
    "notifications.jobs.expire_overdue",
    "notifications.jobs.send_email",
    "users.jobs.sweep_photos",
}
VARIABLES = {
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "DEBUG",
    "SITE_URL",
    "ALLOWED_HOSTS",
    "TRUSTED_PROXY_COUNT",
    "WEB_CONCURRENCY",
    "WEB_THREADS",
    "WEB_PRELOAD",
    "LOG_LEVEL",
    "MAINTENANCE_FILE",
    "STATIC_ROOT",
    "MEDIA_ROOT",
    "MEDIA_S3_BUCKET",
    "MEDIA_S3_PREFIX",
    "MEDIA_S3_REGION",
    "MEDIA_S3_ENDPOINT",
    "DATABASE_URL",
    "DB_NAME",
    "DB_USER",
    "DB_PASSWORD",
    "DB_HOST",
    "DB_PORT",
    "DB_POOL_MAX",
    "DOCTOR_SIGNUP",
    "PUBLIC_DIRECTORY",
    "SLOT_HORIZON_DAYS",
    "PUBLISH_WEEKS",
    "MAX_OPEN_BOOKINGS",
    "MAX_OPEN_BOOKINGS_PER_DOCTOR",
    "MAX_RESCHEDULES",
    "MAX_CANCELLATIONS",
    "CANCELLATIONS_WITHIN_DAYS",
    "NEW_ACCOUNT_DAYS",
    "NEW_ACCOUNT_MAX_OPEN_BOOKINGS",
    "LIVE_URL",
    "LIVE_MOST_WATCHERS",
    "SERVERLESS_EMAIL_URL",
    "EMAIL_SIGNING_KEYS",
    "LOCAL_INBOX_URL",
    "FIELD_ENCRYPTION_KEYS",
    "GOOGLE_CLIENT_SECRETS",
    "GOOGLE_API_BASE",
    "GOOGLE_REVOKE_URL",
    "SMTP_HOST",
    "SMTP_PORT",
    "SMTP_USER",
    "SMTP_PASS",
    "MAIL_FROM",
    "MAIL_DOMAIN",
}


@pytest.mark.parametrize(("url", "view"), URLS.items())
def test_urls_lead_to_their_view(url, view):
    assert resolve(url).view_name == view


def test_app_names():
    assert set(APPS) <= set(settings.INSTALLED_APPS)
    # Each session stores it: with another path everybody is logged out by an update.
    assert settings.AUTHENTICATION_BACKENDS == ["users.auth.AuthenticationBackend"]
    assert [apps.get_app_config(name).name for name in APPS] == APPS


def test_mail_actions(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "serverless"))
    assert set(importlib.import_module("validation").ACTIONS) >= MAIL_ACTIONS


def test_mail_function_serves_post_send():
    configuration = (ROOT / "serverless/serverless.yml").read_text()
    assert re.search(r"http:\s+path: send\s+method: post\b", configuration)


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["patient", "doctor"])
def test_create_user_takes_a_role(role):
    user = User.objects.create_user(username=role, email=f"{role}@example.org", role=role)
    assert user.role == role


def test_task_names():
    assert set(queue.tasks) >= TASKS


def test_variables_of_the_example():
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^(?:# )?([A-Z0-9_]+)=", example, re.MULTILINE)) >= VARIABLES
