"""Tables for spreadsheets: streamed, readable with accents, and unable to run as formulas."""

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

# Excel reads UTF-8 only behind this mark; everything else skips it.
BYTE_ORDER_MARK = "\ufeff"
# What Excel, LibreOffice or Google Sheets take for the beginning of a formula, also full-width.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠|")

Cell = str | int | float | None


def harmless(cell: Cell) -> Cell:
    """The cell; text that a spreadsheet might calculate gets an apostrophe before it."""
    if isinstance(cell, str) and cell.lstrip(" \u00a0").startswith(_FORMULA):
        return f"'{cell}"
    return cell


def csv_response(rows: Iterable[Sequence[Cell]], name: str) -> StreamingHttpResponse:
    """Sends the rows, the first of them the heading, as the file `name` (ASCII, without quotes)."""
    response = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Echo:
    """A file whose every line comes back at once."""

    def write(self, line: str) -> str:
        return line


def _lines(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK
    for row in rows:
        yield writer.writerow([harmless(cell) for cell in row])
