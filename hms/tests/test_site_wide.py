"""Probes, headers and error pages."""

import pytest
from django.db import OperationalError
from django.test import Client, override_settings
from django.urls import path

from hms.pages import views
from hms.urls import urlpatterns as site_urls
from users.tests.factories import make_staff


def broken(request):
    raise RuntimeError("canary-trace")


def without_database(request):
    raise OperationalError("canary-trace: connection refused")


broken.login_required = without_database.login_required = False
urlpatterns = [*site_urls, path("broken", broken), path("without-database", without_database)]
handler500 = "hms.pages.views.server_error"


@pytest.fixture
def quiet_client():
    return Client(raise_request_exception=False)


def test_healthz_makes_no_query(client):
    # No database mark on this test: a query would fail it.
    assert client.get("/healthz").content == b"ok"


@pytest.mark.django_db
def test_readyz_is_ready_with_all_migrations(client):
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        200,
        {"database": "ok", "migrations": "ok"},
    )


@pytest.mark.django_db
def test_readyz_reports_a_missing_migration(client, monkeypatch):
    monkeypatch.setattr(
        views.MigrationExecutor, "migration_plan", lambda self, targets: ["0002_missing"]
    )
    response = client.get("/readyz")
    assert (response.status_code, response.json()["migrations"]) == (503, "missing")


@pytest.mark.django_db
def test_readyz_reports_an_unreachable_database(client, monkeypatch):
    def away(connection):
        raise OperationalError("connection refused")

    monkeypatch.setattr(views, "MigrationExecutor", away)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"database": "away"})


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_an_unexpected_error_is_a_500_page(quiet_client):
    response = quiet_client.get("/broken")
    assert response.status_code == 500
    assert b"canary-trace" not in response.content


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_an_unreachable_database_is_a_503_with_retry_after(quiet_client):
    response = quiet_client.get("/without-database")
    assert (response.status_code, response.headers["Retry-After"]) == (503, views.RETRY_AFTER)
    assert b"canary-trace" not in response.content


@pytest.mark.django_db
def test_a_nul_in_a_cookie_is_a_400(quiet_client):
    response = quiet_client.get("/", headers={"cookie": 'sessionid="\\000abcdefghijkl"'})
    assert response.status_code == 400


@pytest.mark.django_db
def test_a_nul_in_an_admin_filter_is_a_400(quiet_client):
    quiet_client.force_login(make_staff(superuser=True))
    assert quiet_client.get("/admin/notifications/email/?action=%00").status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/", "/no-such-page", "/users/login/"])
def test_every_response_has_the_security_headers(client, url):
    headers = client.get(url).headers
    assert set(headers["Content-Security-Policy"].split("; ")) == {
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "report-uri /csp-report/",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "camera=()" in headers["Permissions-Policy"]


def test_a_foreign_host_name_is_refused(client):
    assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.django_db
@override_settings(SITE_URL="http://localhost:8000", SITE_HOST="localhost")
def test_127_0_0_1_is_redirected_to_localhost(client):
    response = client.get("/doctors/1/?day=2027-01-01", headers={"host": "127.0.0.1:8000"})
    assert response.url == "http://localhost:8000/doctors/1/?day=2027-01-01"
    assert response.status_code == 307


def test_csp_report_needs_no_token():
    client = Client(enforce_csrf_checks=True)
    body = {"csp-report": {"effective-directive": "script-src", "document-uri": "x"}}
    response = client.post("/csp-report/", body, content_type="application/json")
    assert response.status_code == 204


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"csp-report": 1}', "\x00"])
def test_csp_report_that_is_malformed_is_refused(client, body):
    response = client.post("/csp-report/", body, content_type="application/json")
    assert response.status_code == 400


@pytest.mark.django_db
def test_pages_are_compressed(client):
    response = client.get("/users/login/", headers={"accept-encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(response.content) < 0.5 * len(client.get("/users/login/").content)
