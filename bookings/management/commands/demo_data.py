from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.demo.accounts import ACCOUNTS, PASSWORD
from users.models import User

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Command(BaseCommand):
    help = (
        "Fill the hospital with demo people, slots and visits. Can be run again: it adds what is "
        "missing and the days that came since."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--if-empty", action="store_true", help="do nothing where there is any account"
        )
        parser.add_argument(
            "--force", action="store_true", help="also where SITE_URL is not this machine"
        )
        parser.add_argument(
            "--accounts", action="store_true", help="only print who can log in, and how"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["accounts"]:
            for title, username, _ in ACCOUNTS:
                self.stdout.write(f"{title}: {username} / {PASSWORD}")
            return
        if options["if_empty"] and User.objects.exists():
            return
        if urlsplit(settings.SITE_URL).hostname not in LOOPBACK and not options["force"]:
            raise CommandError(
                f"SITE_URL is {settings.SITE_URL}: demo accounts have a published password. "
                "Use --force if you mean it."
            )
        # Pillow and the rest take a moment; the checks above do not need them.
        from bookings.demo.build import build

        added = build()
        self.stdout.write(", ".join(f"{number} {kind}" for kind, number in added.items()) + ".")
