import csv
import io

import pytest

from hms.lib.csv_file import BYTE_ORDER_MARK, csv_response, without_formula


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "|calc"]
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert without_formula(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["Dr. Ana", "", None, -3, 0.5, "a=b", "O'Brien"])
def test_other_cells_stay(cell):
    assert without_formula(cell) == cell


def read(response) -> str:
    return b"".join(response.streaming_content).decode()


def test_the_file_is_streamed_utf8_with_the_mark_that_excel_wants():
    rows = [["Doctor", "Hours"], ['Dr. "Müller", MD\nBerlin', 1.5], ["=HYPERLINK(1)", -2]]
    response = csv_response(iter(rows), "use.csv")
    assert response.streaming
    text = read(response)
    assert text.startswith(BYTE_ORDER_MARK)
    assert list(csv.reader(io.StringIO(text[1:], newline=""))) == [
        ["Doctor", "Hours"],
        ['Dr. "Müller", MD\nBerlin', "1.5"],
        ["'=HYPERLINK(1)", "-2"],
    ]
    assert response.headers["Content-Disposition"] == 'attachment; filename="use.csv"'
