from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from calendar_integration.google import client
from hms.dev.google import server as standin


@pytest.fixture(autouse=True)
def empty_queue(request) -> None:
    """Delete jobs of earlier transactional tests: procrastinate's tables are not flushed."""
    if request.node.get_closest_marker("django_db"):
        request.getfixturevalue("_django_db_helper")
        ProcrastinateJob.objects.all().delete()


@pytest.fixture
def google(settings, tmp_path: Path, monkeypatch) -> Iterator[standin.GoogleServer]:
    """The stand-in for Google, with the settings to use it."""
    with standin.running(tmp_path / "google") as server:
        redirect_uri = f"{settings.SITE_URL}/calendar/oauth2callback/"
        settings.GOOGLE_CLIENT_CONFIG = standin.client_secrets(server.base_url, redirect_uri)
        settings.GOOGLE_API_BASE = server.base_url
        settings.GOOGLE_REVOKE_URL = f"{server.base_url}/revoke"
        # client.py sets it for a loopback endpoint; other tests must not see it.
        monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
        monkeypatch.setattr(client, "TIMEOUT", 2)
        yield server
