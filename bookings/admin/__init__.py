from bookings.admin import booking  # noqa: F401  (Django looks for an app's admin here)
