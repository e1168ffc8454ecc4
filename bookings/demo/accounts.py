"""Who can log in to the demo hospital. A plain module: the screen of ./run.sh reads it too."""

PASSWORD = "walk-right-in-2026"  # noqa: S105  (published on purpose; the command refuses elsewhere)
DOMAIN = "demo.hms.example"

# What the account is for, its user name, its address.
ACCOUNTS = [
    ("patient", "patient", f"patient@{DOMAIN}"),
    ("doctor", "doctor", f"doctor@{DOMAIN}"),
    ("pending doctor", "pending", f"pending@{DOMAIN}"),
    ("staff", "staff", f"staff@{DOMAIN}"),
]
