"""Arabic, with Western digits (docs/adr/0016)."""

DATE_FORMAT = "l، j F Y"  # الثلاثاء، 3 مارس 2026
SHORT_DATE_FORMAT = "l j F Y"
MONTH_DAY_FORMAT = "l j F"
YEAR_MONTH_FORMAT = "F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "l j F Y، H:i"
SHORT_DATETIME_FORMAT = "l j F، H:i"
FIRST_DAY_OF_WEEK = (
    1  # Monday, as in the other languages: a clinic has the same week for all readers
)
DECIMAL_SEPARATOR = "."  # with Western digits
THOUSAND_SEPARATOR = ","
