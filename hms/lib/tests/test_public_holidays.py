from datetime import date

import pytest

from hms.lib import public_holidays


def test_countries_are_named_by_code():
    names = public_holidays.countries()
    assert (names["DE"], names["US"], names["IN"]) == ("Germany", "United States", "India")
    assert list(names.values()) == sorted(names.values())


@pytest.mark.parametrize(
    ("language", "name"), [("de", "Frauentag"), ("en", "Women's Day"), ("fr", "Women's Day")]
)
def test_a_part_of_a_country_has_holidays_of_its_own(language, name):
    berlin = dict(public_holidays.in_year("DE", "BE", 2027, language))
    assert berlin[date(2027, 3, 8)].lower().endswith(name.lower())
    assert date(2027, 3, 8) not in dict(public_holidays.in_year("DE", "", 2027, language))
    assert list(berlin) == sorted(berlin)


def test_subdivisions_are_codes():
    assert "BE" in public_holidays.subdivisions("DE")
    assert "KA" in public_holidays.subdivisions("IN")
    assert public_holidays.subdivisions("") == ()


@pytest.mark.parametrize("country", ["", "XX", "../etc"])
def test_an_unknown_country_has_none(country):
    assert public_holidays.in_year(country, "", 2027, "en") == []
