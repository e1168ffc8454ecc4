"""Closed for a while: what everybody gets, and what still answers."""

import pytest
from django.test import Client
from django.utils import translation

from hms.pages import maintenance


@pytest.fixture
def closed(settings, tmp_path):
    """The file that closes the house, there already; its words may be changed."""
    settings.MAINTENANCE_FILE = tmp_path / "maintenance"
    settings.MAINTENANCE_FILE.touch()
    return settings.MAINTENANCE_FILE


# None of these tests has a database mark: a query would fail it.
@pytest.mark.parametrize("url", ["/", "/users/login/", "/dashboard/", "/admin/", "/no-such-page/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_page_says_so_and_asks_no_database(closed, url, method):
    # A session cookie as well: nobody looks the session up.
    response = getattr(Client(headers={"cookie": "sessionid=abcdefghijklmnop"}), method)(url)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == maintenance.RETRY_AFTER
    assert "no-store" in response.headers["Cache-Control"]
    assert b"<h1>We are closed for a moment</h1>" in response.content
    assert b"/static/css/hms.css" in response.content


def test_the_page_carries_the_security_headers(closed, client):
    headers = client.get("/").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_probe_answers_as_always(closed, client):
    assert client.get("/healthz").content == b"ok"


@pytest.mark.django_db
def test_readiness_is_asked_as_always(closed, client):
    assert client.get("/readyz").json()["database"] == "ok"


def test_the_operators_words_stand_on_the_page_escaped_and_short(closed, client):
    closed.write_text("Open again at <b>14:00</b>. " + "x" * 1000)
    html = client.get("/").content.decode()
    assert "Open again at &lt;b&gt;14:00&lt;/b&gt;." in html
    assert "x" * maintenance.MOST_WORDS not in html


def test_the_page_comes_in_the_browsers_language(closed, client):
    response = client.get("/", headers={"accept-language": "ar"})
    assert b'<html lang="ar" dir="rtl">' in response.content
    assert translation.get_language() == "en"


@pytest.mark.django_db
def test_without_the_file_the_house_is_open(closed, client):
    closed.unlink()
    assert client.get("/").status_code == 200
