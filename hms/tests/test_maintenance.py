"""The maintenance page, and the addresses that still answer during maintenance."""

import pytest
from django.test import Client
from django.utils import translation

from hms.pages import maintenance


@pytest.fixture
def maintenance_file(settings, tmp_path):
    """The maintenance file, which exists; tests may write a text into it."""
    settings.MAINTENANCE_FILE = tmp_path / "maintenance"
    settings.MAINTENANCE_FILE.touch()
    return settings.MAINTENANCE_FILE


# None of these tests has a database mark: a query would fail it.
@pytest.mark.parametrize("url", ["/", "/users/login/", "/dashboard/", "/admin/", "/no-such-page/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_page_is_the_maintenance_page_without_a_query(maintenance_file, url, method):
    # With a session cookie: the session must not be looked up.
    response = getattr(Client(headers={"cookie": "sessionid=abcdefghijklmnop"}), method)(url)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == maintenance.RETRY_AFTER
    assert "no-store" in response.headers["Cache-Control"]
    assert b"<h1>Down for maintenance</h1>" in response.content
    assert b"/static/css/hms.css" in response.content


def test_the_page_carries_the_security_headers(maintenance_file, client):
    headers = client.get("/").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_healthz_answers_during_maintenance(maintenance_file, client):
    assert client.get("/healthz").content == b"ok"


@pytest.mark.django_db
def test_readyz_answers_during_maintenance(maintenance_file, client):
    assert client.get("/readyz").json()["database"] == "ok"


def test_the_page_shows_the_files_text_escaped_and_cut(maintenance_file, client):
    maintenance_file.write_text("Open again at <b>14:00</b>. " + "x" * 1000)
    html = client.get("/").content.decode()
    assert "Open again at &lt;b&gt;14:00&lt;/b&gt;." in html
    assert "x" * maintenance.MAX_NOTICE_LENGTH not in html


def test_the_page_is_in_the_browsers_language(maintenance_file, client):
    response = client.get("/", headers={"accept-language": "ar"})
    assert b'<html lang="ar" dir="rtl">' in response.content
    assert translation.get_language() == "en"


@pytest.mark.django_db
def test_without_the_file_there_is_no_maintenance(maintenance_file, client):
    maintenance_file.unlink()
    assert client.get("/").status_code == 200
