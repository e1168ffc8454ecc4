import pytest
from django.utils import translation

from hms.lib.texts import isolated, one_line


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


@pytest.mark.parametrize(
    ("language", "name", "apart"),
    [
        ("en", "Ana", False),
        ("en", "سارة", True),
        ("ar", "Ana", True),
        ("ar", "سارة", False),
        ("ar", "09:20", False),
    ],
)
def test_a_name_is_set_apart_where_it_runs_the_other_way(language, name, apart):
    with translation.override(language):
        assert isolated(name) == (f"\u2068{name}\u2069" if apart else name)
