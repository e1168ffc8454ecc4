import pytest

from hms.lib.texts import one_line


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("", ""),
        ("  a\t b\r\nc\u2028d\x85e ", "a b c d e"),
        ("a\x00b\x07\u202ec", "abc"),
        ("علی\u200cرضا", "علی\u200cرضا"),
    ],
)
def test_one_line_keeps_what_can_be_read(typed, line):
    assert one_line(typed) == line
