"""What a first visit costs somebody on a slow line: bytes over the wire, requests, compression."""

import pytest

from hms.dev.checks.screenshots import PAGES, address
from tests.browser.accessibility import DESK, PHONE

pytestmark = pytest.mark.slow
MOST_BYTES = 150_000  # without the font
MOST_REQUESTS = 12
# Below this a middleware or a server may leave as it is what it can hardly make smaller.
WORTH_COMPRESSING = 500
WORDS = ("text/", "application/javascript", "application/json", "image/svg+xml")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("name", ["home", "doctor"])
def test_a_first_view_is_light(name, size, new_page):
    shot = next(shot for shot in PAGES["anonymous"] if shot.name == name)
    place = address(new_page(), shot)
    page, bare, cost = new_page(viewport={"width": size[0], "height": size[1]}), [], {}
    answers = []
    page.on("requestfinished", lambda request: answers.append(request))
    page.goto(place, wait_until="load")
    page.wait_for_timeout(500)
    for request in answers:
        headers = request.response().all_headers()
        sizes = request.sizes()
        cost[request.url] = sizes["responseBodySize"] + sizes["responseHeadersSize"]
        size = sizes["responseBodySize"]
        is_words = headers.get("content-type", "").startswith(WORDS)
        if is_words and size > WORTH_COMPRESSING and "content-encoding" not in headers:
            bare.append(request.url)
    assert bare == []
    assert len(cost) <= MOST_REQUESTS, "\n".join(cost)
    light = {url: size for url, size in cost.items() if not url.endswith(".woff2")}
    assert sum(light.values()) <= MOST_BYTES, light
