"""Make the app's icons from static/img/favicon.svg.

    python -m hms.dev.checks.icons

Needs a Chromium (./test.sh installs one) and Pillow. Writes to static/img.
"""

import io
import os
import sys

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from hms.dev.checks.browser import on_machine
from hms.dev.layout import ROOT, SetupProblem

IMAGES = ROOT / "static" / "img"
TILE = '<rect x="1" y="1" width="38" height="38" rx="12"'
# Fills the square: phones cut a maskable icon to their own shape.
FULL = '<rect width="40" height="40"'
PLAIN, MASKABLE, APPLE = (192, 512), (192, 512), 180
FAVICON = (16, 32, 48)


def draw(page: Page, svg: str, size: int) -> Image.Image:
    page.set_viewport_size({"width": size, "height": size})
    page.set_content(
        f'<body style="margin:0">{svg.replace("<svg", f"<svg width={size}", 1)}</body>'
    )
    return Image.open(io.BytesIO(page.screenshot(omit_background=True)))


def write(page: Page) -> None:
    tile = (IMAGES / "favicon.svg").read_text()
    full = tile.replace(TILE, FULL)
    if full == tile:
        raise SetupProblem("static/img/favicon.svg has no background of the expected form (TILE).")
    pictures = {f"app-{size}.png": (tile, size) for size in PLAIN}
    pictures |= {f"app-maskable-{size}.png": (full, size) for size in MASKABLE}
    pictures["apple-touch-icon.png"] = (full, APPLE)
    for name, (svg, size) in pictures.items():
        draw(page, svg, size).save(IMAGES / name, optimize=True)
    sizes = [draw(page, tile, size) for size in FAVICON]
    sizes[-1].save(
        IMAGES / "favicon.ico",
        sizes=[(size, size) for size in FAVICON],
        append_images=sizes[:-1],
    )


def main() -> int:
    chromium = on_machine()
    if chromium is None:
        raise SetupProblem("There is no Chromium. Install one, or set HMS_CHROMIUM to one.")
    flags = ["--no-sandbox"] * (os.geteuid() == 0)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        write(browser.new_page())
        browser.close()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupProblem as problem:
        sys.exit(str(problem))
