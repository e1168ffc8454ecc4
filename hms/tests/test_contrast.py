"""The colours of tokens.css have enough contrast on the worst background below the glass."""

import re
from itertools import permutations
from pathlib import Path

import pytest

CSS = (Path(__file__).parents[2] / "static/css/tokens.css").read_text()
# The :root block, before any media query.
ROOT = CSS[: CSS.index('[data-theme="light"]')]

Colour = tuple[float, float, float, float]


def colour(text: str) -> Colour:
    if text.startswith("#"):
        digits = text[1:] if len(text) == 7 else "".join(c * 2 for c in text[1:])
        red, green, blue = (int(digits[i : i + 2], 16) for i in (0, 2, 4))
        return red, green, blue, 1.0
    red, green, blue, alpha = re.fullmatch(r"rgb\((\d+) (\d+) (\d+) / ([\d.]+)\)", text).groups()  # type: ignore[union-attr]
    return int(red), int(green), int(blue), float(alpha)


def tokens(theme: str) -> dict[str, Colour]:
    one = r"(#[0-9a-f]{3,6}|rgb\([^)]*\))"
    found = {}
    for name, light, dark, plain in re.findall(
        rf"--([\w-]+):\s*(?:light-dark\({one}, {one}\)|{one});", ROOT
    ):
        found[name] = colour(plain or (light if theme == "light" else dark))
    return found


def over(top: Colour, below: Colour) -> Colour:
    red, green, blue = (top[i] * top[3] + below[i] * (1 - top[3]) for i in range(3))
    return red, green, blue, 1.0


def saturated(given: Colour, by: float = 1.6) -> Colour:
    """CSS's saturate(), which the glass applies to its background."""
    grey = 0.213 * given[0] + 0.715 * given[1] + 0.072 * given[2]
    red, green, blue = (min(255, max(0, grey + by * (given[i] - grey))) for i in range(3))
    return red, green, blue, 1.0


def luminance(given: Colour) -> float:
    parts = [given[i] / 255 for i in range(3)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def surfaces(t: dict[str, Colour]) -> dict[str, Colour]:
    """All backgrounds of text and controls, in their worst variants."""
    meshes = [t[f"mesh-{name}"] for name in ("indigo", "blue", "pink")]
    grounds = [t["ground"], *(over(mesh, t["ground"]) for mesh in meshes)]
    grounds += [over(a, over(b, t["ground"])) for a, b in permutations(meshes, 2)]
    found = {}
    for number, ground in enumerate(grounds):
        sheet = over(t["veil"], ground)
        glass = over(t["glass"], saturated(sheet))
        found |= {
            f"sheet {number}": sheet,
            f"glass {number}": glass,
            f"glass without its filter {number}": over(t["glass"], sheet),
            f"quiet on sheet {number}": over(t["glass-quiet"], sheet),
            f"quiet on glass {number}": over(t["glass-quiet"], glass),
            f"strong glass {number}": over(t["glass-strong"], saturated(sheet)),
        }
    for name in ("indigo", "blue", "pink"):
        hero = over(t["glass-hero"], t[name])
        found |= {f"hero {name}": hero, f"quiet on hero {name}": over(t["glass-quiet"], hero)}
    return found


def worst(ink: Colour, under: dict[str, Colour]) -> tuple[float, str]:
    return min((round(contrast(ink, below), 2), name) for name, below in under.items())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "ink-muted", "link", "error-ink"])
def test_text_is_readable_on_every_surface(theme, ink):
    t = tokens(theme)
    assert worst(t[ink], surfaces(t)) >= (4.5, "")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "ink-muted"])
def test_text_is_readable_in_a_field(theme, ink):
    t = tokens(theme)
    fields = {name: over(t["field"], below) for name, below in surfaces(t).items()}
    assert worst(t[ink], fields) >= (4.5, "")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_soft_accent_is_readable_on_every_surface(theme):
    t = tokens(theme)
    soft = {name: over(t["accent-soft"], below) for name, below in surfaces(t).items()}
    assert worst(t["accent-soft-ink"], soft) >= (4.5, "")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_toasts_text_is_readable(theme):
    t = tokens(theme)
    assert contrast(t["on-toast"], t["toast"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("state", ["open", "held", "booked", "past", "info", "error"])
def test_a_states_text_is_readable_on_its_tint(theme, state):
    t = tokens(theme)
    assert contrast(t[f"{state}-ink"], t[f"{state}-tint"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("button", ["accent", "accent-deep", "accent-blue", "danger"])
def test_a_buttons_text_is_readable(theme, button):
    t = tokens(theme)
    assert contrast(t["on-accent"], t[button]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("edge", ["line-control", "focus"])
def test_the_edge_of_a_control_and_the_focus_ring_are_visible(theme, edge):
    t = tokens(theme)
    assert worst(t[edge], surfaces(t)) >= (3.0, "")
