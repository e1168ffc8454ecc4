"""English, with the 24-hour clock like all our languages."""

DATE_FORMAT = "l, j F Y"  # Tuesday, 3 March 2026
SHORT_DATE_FORMAT = "D j M Y"  # Tue 3 Mar 2026
MONTH_DAY_FORMAT = "D j M"  # Tue 3 Mar
YEAR_MONTH_FORMAT = "F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "D j M Y, H:i"
SHORT_DATETIME_FORMAT = "D j M, H:i"
FIRST_DAY_OF_WEEK = 1  # Monday
