"""CSV files for spreadsheets: streamed, in UTF-8, with no cell that runs as a formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

# Excel reads UTF-8 only after this mark; other programs skip it.
BYTE_ORDER_MARK = "\ufeff"
# Where Excel, LibreOffice and Google Sheets see a formula, full-width characters included.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠|")

Cell = str | int | float | None


def without_formula(cell: Cell) -> Cell:
    """The cell, with an apostrophe before text that a spreadsheet might calculate."""
    if isinstance(cell, str) and cell.lstrip(" \u00a0").startswith(_FORMULA):
        return f"'{cell}"
    return cell


def csv_response(rows: Iterable[Sequence[Cell]], name: str) -> StreamingHttpResponse:
    """A download of the rows as `name` (ASCII, without quotes); the first row is the heading."""
    response = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Echo:
    """A file for csv.writer whose `write` returns the line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def _lines(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK
    for row in rows:
        yield writer.writerow([without_formula(cell) for cell in row])
