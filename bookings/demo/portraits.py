"""Abstract pictures in place of photos, so that no real person's face is shown."""

import random
from io import BytesIO

from PIL import Image, ImageDraw, ImageFilter

SIDE = 512
# Background and shapes, from the palette of the pages.
PALETTES = [
    ("#312e81", "#6366f1", "#f9a8d4"),
    ("#0c4a6e", "#38bdf8", "#fde68a"),
    ("#831843", "#f472b6", "#c7d2fe"),
    ("#134e4a", "#2dd4bf", "#fecdd3"),
    ("#3b0764", "#a855f7", "#bae6fd"),
    ("#1e3a8a", "#0ea5e9", "#fbcfe8"),
]


def portrait(name: str) -> bytes:
    """The same PNG, a square, for the same name; as good as an upload."""
    chance = random.Random(name)  # noqa: S311  (a picture, not a secret)
    ground, near, bright = chance.choice(PALETTES)
    image = Image.new("RGB", (SIDE, SIDE), ground)
    draw = ImageDraw.Draw(image)
    for colour in (near, bright, near):
        x, y = chance.randint(60, SIDE - 60), chance.randint(60, SIDE - 60)
        reach = chance.randint(90, 190)
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)
    image = image.filter(ImageFilter.GaussianBlur(46))
    draw = ImageDraw.Draw(image)
    # A head and shoulders, so that it still reads as a person.
    draw.ellipse((176, 116, 336, 276), fill=bright)
    draw.ellipse((86, 316, 426, 676), fill=bright)
    out = BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()
