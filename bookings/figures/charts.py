"""Columns of a chart, as numbers for an SVG that is stretched to its place."""

from dataclasses import dataclass
from math import ceil, log10

from django.utils.functional import Promise

HEIGHT, SLOT = 1000, 100  # of the drawing, and the width of one place in it
GAP = 14


@dataclass(frozen=True)
class Column:
    """A rectangle in the drawing's own units, and what it stands for."""

    series: int
    x: int
    y: int
    width: int
    height: int
    words: str


@dataclass(frozen=True)
class Chart:
    """`ticks` from the top down, the last is 0; `labels` below, as many as there are places
    (`each_place`) or the first, the middle and the last one."""

    width: int
    columns: list[Column]
    ticks: list[str]
    labels: list[str]
    each_place: bool
    legend: list[str | Promise]
    description: str


@dataclass(frozen=True)
class Place:
    """One place on the axis: its label, a value for each series, and each in words."""

    label: str
    values: list[float]
    words: list[str]


def round_top(highest: float) -> int:
    """The next of 2, 4, 10, 20, 40, 100 … that holds the value: it halves without a remainder."""
    if highest <= 2:
        return 2
    power = 10 ** int(log10(highest))
    return next(
        int(step * power) for step in (1, 2, 4, 10) if step * power >= highest and step * power > 2
    )


def draw(
    places: list[Place],
    *,
    top: float,
    ticks: list[str],
    legend: list[str | Promise],
    description: str,
    each_place: bool,
) -> Chart:
    """Columns side by side in each place, as high as their part of `top`."""
    return Chart(
        width=SLOT * len(places),
        columns=[
            column for number, place in enumerate(places) for column in _columns(number, place, top)
        ],
        ticks=ticks,
        labels=[p.label for p in places] if each_place else _ends([p.label for p in places]),
        each_place=each_place,
        legend=legend,
        description=description,
    )


def _columns(number: int, place: Place, top: float) -> list[Column]:
    width = (SLOT - 2 * GAP) // len(place.values)
    found = []
    for series, (value, words) in enumerate(zip(place.values, place.words, strict=True)):
        # What is there at all shows as a line at least.
        height = max(ceil(HEIGHT * min(value / top, 1)), 12) if value else 0
        x = number * SLOT + GAP + series * width
        found.append(Column(series, x, HEIGHT - height, width, height, words))
    return found


def _ends(labels: list[str]) -> list[str]:
    if len(labels) < 3:
        return labels
    return [labels[0], labels[len(labels) // 2], labels[-1]]
