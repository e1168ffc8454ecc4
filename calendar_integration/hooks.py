"""Call-backs to higher apps, which connect them in `AppConfig.ready`."""

from hms.lib.hooks import Hook

# Called with the id of a user who has connected a calendar, in the transaction that stores the
# connection.
calendar_connected: Hook[[int], None] = Hook()
