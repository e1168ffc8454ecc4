"""Public holidays by country, from the `holidays` package: staff choose which ones apply."""

import re
from datetime import date
from functools import lru_cache

# Only names are read here; a country's own module is loaded when it is needed.
from holidays.registry import COUNTRIES


@lru_cache
def countries() -> dict[str, str]:
    """English names by ISO 3166 code, in the order of the names."""
    # In the registry a name is a Python class: `UnitedStates`.
    names = {
        code: re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name) for name, code, *_ in COUNTRIES.values()
    }
    return dict(sorted(names.items(), key=lambda item: item[1]))


def subdivisions(country: str) -> tuple[str, ...]:
    """Codes of the states, provinces or cantons that have holidays of their own."""
    if country not in countries():
        return ()
    from holidays import country_holidays  # heavy: a module for each country

    return tuple(country_holidays(country, years=2000).subdivisions)


def in_year(country: str, subdivision: str, year: int, language: str) -> list[tuple[date, str]]:
    """Date and name of each holiday, in order of time; empty for an unknown country.

    Names are in `language` where the package has it, else in English, else in the country's own.
    Raises NotImplementedError for a subdivision that the country doesn't have.
    """
    if country not in countries():
        return []
    from holidays import country_holidays

    known = country_holidays(country, years=year).supported_languages
    found = country_holidays(
        country,
        subdiv=subdivision or None,
        years=year,
        language=_best(known, language),
    )
    return sorted(found.items())


def _best(known: tuple[str, ...], language: str) -> str | None:
    for preferred in (language, "en"):
        for code in known:
            if code.replace("_", "-").lower().split("-")[0] == preferred.lower().split("-")[0]:
                return code
    return None
