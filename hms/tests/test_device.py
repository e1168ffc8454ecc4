"""What a phone is given to keep: the app's card, its worker, the page without a net."""

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
def test_the_card_has_what_makes_it_installable(client):
    card = manifest(client)
    assert {"name", "short_name", "icons", "start_url", "id", "scope"} <= set(card)
    assert card["display"] == "standalone"
    assert (card["id"], card["scope"]) == ("/", "/")
    # Whoever opens the app is led on, at most to the login page.
    assert client.get(card["start_url"]).status_code == 302
    for shortcut in card["shortcuts"]:
        assert client.get(shortcut["url"]).status_code in (200, 302)


@pytest.mark.django_db
def test_each_icon_is_as_large_as_the_card_says(client):
    icons = manifest(client)["icons"]
    drawn = [icon for icon in icons if icon["type"] == "image/png"]
    for icon in drawn:
        with Image.open(ROOT / icon["src"].lstrip("/")) as image:
            assert f"{image.width}x{image.height}" == icon["sizes"]
            # A phone cuts a maskable icon itself: nothing of it may be see-through.
            if icon.get("purpose") == "maskable":
                assert image.convert("RGBA").getextrema()[3] == (255, 255)
    sizes = {(icon["sizes"], icon.get("purpose", "any")) for icon in drawn}
    assert sizes == {(f"{n}x{n}", use) for n in (192, 512) for use in ("any", "maskable")}


@pytest.mark.django_db
def test_the_card_speaks_the_browsers_language(client):
    card = manifest(client, **{"accept-language": "ar"})
    assert (card["lang"], card["dir"]) == ("ar", "rtl")


def test_the_cards_and_heads_colours_are_the_tokens():
    light, dark = re.search(r"--ground: light-dark\((#\w+), (#\w+)\)", TOKENS).groups()  # type: ignore[union-attr]
    assert (light, f"--indigo: {device.ACCENT};" in TOKENS) == (device.GROUND, True)
    head = (ROOT / "templates/_head.html").read_text()
    assert re.findall(r'name="theme-color" content="(#\w+)"', head) == [light, dark]


@pytest.mark.django_db
def test_every_page_names_the_card_and_the_icons(client):
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
def test_the_worker_is_a_script_that_is_asked_for_anew(client):
    response, _kept = worker(client)
    # From the root, so it sees every page without the header that would widen its scope.
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_the_worker_keeps_the_page_and_static_files_alone(client):
    _response, kept = worker(client)
    assert kept["page"] == "/offline/?language=en"
    assert {file.split("/")[1] for file in kept["files"]} == {"static"}
    html = client.get(kept["page"]).content.decode()
    # The page's own files are all there; the card and the phone's icon are the browser's to fetch.
    wanted = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', html))
    wanted -= {"/static/img/apple-touch-icon.png"}
    assert wanted <= set(kept["files"])


@pytest.mark.django_db
def test_another_page_makes_another_worker(client, monkeypatch):
    _response, before = worker(client)
    assert worker(client)[1] == before
    monkeypatch.setattr(device, "render_to_string", lambda name: "changed")
    assert worker(client)[1]["name"] != before["name"]


@pytest.mark.django_db
@pytest.mark.parametrize(("asked", "given"), [("ar", "ar"), ("xx", "en"), ("../", "en")])
def test_the_page_comes_in_the_language_asked_for_if_it_is_ours(client, asked, given):
    assert worker(client, asked)[1]["page"] == f"/offline/?language={given}"
    assert f'<html lang="{given}"' in client.get("/offline/", {"language": asked}).content.decode()


@pytest.mark.django_db
def test_the_page_without_a_net_is_the_same_for_everybody(client):
    patient = make_booking().patient
    stranger = client.get("/offline/").content
    client.force_login(patient.user)
    assert client.get("/offline/").content == stranger


@pytest.mark.django_db
def test_logging_out_clears_the_device_and_nothing_else_does(client):
    client.force_login(make_patient().user)
    assert "Clear-Site-Data" not in client.get("/dashboard/patient/").headers
    assert client.post("/users/logout/").headers["Clear-Site-Data"] == '"storage"'
    assert "Clear-Site-Data" not in client.get("/").headers
