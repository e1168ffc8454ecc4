"""The installable app: its manifest, its service worker and its offline page."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from bookings.tests.factories import make_booking
from hms.pages import device
from users.tests.factories import make_patient

ROOT = Path(__file__).parents[2]
TOKENS = (ROOT / "static/css/tokens.css").read_text()


def manifest(client, **headers):
    response = client.get("/manifest.webmanifest", headers=headers)
    assert response.headers["Content-Type"] == "application/manifest+json"
    return response.json()


@pytest.mark.django_db
def test_the_manifest_makes_the_app_installable(client):
    content = manifest(client)
    assert {"name", "short_name", "icons", "start_url", "id", "scope"} <= set(content)
    assert content["display"] == "standalone"
    assert (content["id"], content["scope"]) == ("/", "/")
    # The start page redirects, to the login page or to the dashboard of the role.
    assert client.get(content["start_url"]).status_code == 302
    for shortcut in content["shortcuts"]:
        assert client.get(shortcut["url"]).status_code in (200, 302)


@pytest.mark.django_db
def test_each_icon_has_the_size_in_the_manifest(client):
    icons = manifest(client)["icons"]
    drawn = [icon for icon in icons if icon["type"] == "image/png"]
    for icon in drawn:
        with Image.open(ROOT / icon["src"].lstrip("/")) as image:
            assert f"{image.width}x{image.height}" == icon["sizes"]
            # Phones crop a maskable icon: it must be opaque up to its edges.
            if icon.get("purpose") == "maskable":
                assert image.convert("RGBA").getextrema()[3] == (255, 255)
    sizes = {(icon["sizes"], icon.get("purpose", "any")) for icon in drawn}
    assert sizes == {(f"{n}x{n}", use) for n in (192, 512) for use in ("any", "maskable")}


@pytest.mark.django_db
def test_the_manifest_is_in_the_browsers_language(client):
    content = manifest(client, **{"accept-language": "ar"})
    assert (content["lang"], content["dir"]) == ("ar", "rtl")


def test_the_colours_of_manifest_and_head_are_those_of_the_tokens():
    light, dark = re.search(r"--ground: light-dark\((#\w+), (#\w+)\)", TOKENS).groups()  # type: ignore[union-attr]
    assert (light, f"--indigo: {device.ACCENT};" in TOKENS) == (device.BACKGROUND, True)
    head = (ROOT / "templates/_head.html").read_text()
    assert re.findall(r'name="theme-color" content="(#\w+)"', head) == [light, dark]


@pytest.mark.django_db
def test_every_page_links_the_manifest_and_the_icons(client):
    html = client.get("/users/login/").content.decode()
    for part in ('rel="manifest"', 'rel="apple-touch-icon"', 'type="image/svg+xml"'):
        assert part in html
    assert client.get("/favicon.ico").url.endswith("/img/favicon.ico")


def worker(client, language="en"):
    response = client.get("/service-worker.js", {"language": language})
    assert response.status_code == 200
    first, second = response.content.decode().splitlines()
    assert second == 'importScripts("/static/js/service-worker.js");'
    return response, json.loads(first.removeprefix("self.KEPT = ").removesuffix(";"))


@pytest.mark.django_db
def test_the_service_worker_is_a_script_that_browsers_revalidate(client):
    response, _cached = worker(client)
    # Served from the root, so it needs no header that widens its scope.
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_the_service_worker_caches_only_the_offline_page_and_its_files(client):
    _response, cached = worker(client)
    assert cached["page"] == "/offline/?language=en"
    assert {file.split("/")[1] for file in cached["files"]} == {"static"}
    html = client.get(cached["page"]).content.decode()
    # All files of the page are cached, except the phone's icon, which the browser fetches itself.
    linked = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', html))
    linked -= {"/static/img/apple-touch-icon.png"}
    assert linked <= set(cached["files"])


@pytest.mark.django_db
def test_a_changed_page_changes_the_cache_name(client, monkeypatch):
    _response, before = worker(client)
    assert worker(client)[1] == before
    monkeypatch.setattr(device, "render_to_string", lambda name: "changed")
    assert worker(client)[1]["name"] != before["name"]


@pytest.mark.django_db
@pytest.mark.parametrize(("requested", "used"), [("ar", "ar"), ("xx", "en"), ("../", "en")])
def test_the_page_is_in_the_requested_language_if_there_is_one(client, requested, used):
    assert worker(client, requested)[1]["page"] == f"/offline/?language={used}"
    assert (
        f'<html lang="{used}"' in client.get("/offline/", {"language": requested}).content.decode()
    )


@pytest.mark.django_db
def test_the_offline_page_is_the_same_for_everyone(client):
    patient = make_booking().patient
    anonymous = client.get("/offline/").content
    client.force_login(patient.user)
    assert client.get("/offline/").content == anonymous


@pytest.mark.django_db
def test_only_logging_out_clears_the_device(client):
    client.force_login(make_patient().user)
    assert "Clear-Site-Data" not in client.get("/dashboard/patient/").headers
    assert client.post("/users/logout/").headers["Clear-Site-Data"] == '"storage"'
    assert "Clear-Site-Data" not in client.get("/").headers
