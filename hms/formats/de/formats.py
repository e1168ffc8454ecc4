"""German."""

DATE_FORMAT = "l, j. F Y"  # Dienstag, 3. März 2026
SHORT_DATE_FORMAT = "D, j. N Y"
MONTH_DAY_FORMAT = "D, j. N"
YEAR_MONTH_FORMAT = "F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "D, j. N Y, H:i"
SHORT_DATETIME_FORMAT = "D, j. N, H:i"
FIRST_DAY_OF_WEEK = 1  # Monday
