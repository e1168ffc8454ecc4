"""Where the apps above connect: see `AppConfig.ready` in bookings."""

from hms.lib.hooks import Hook

# A user (by id) connected a calendar, which is to show what comes. Called in the transaction that
# stores the connection.
calendar_connected: Hook[[int], None] = Hook()
