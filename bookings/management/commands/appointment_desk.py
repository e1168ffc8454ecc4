from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.groups import NAME, appointment_desk
from users.models import User


class Command(BaseCommand):
    help = f"Make or refresh the group “{NAME}” and put people into it as staff."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("usernames", nargs="*", metavar="USER")

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["usernames"]
        users = list(User.objects.filter(username__in=names))
        if missing := set(names) - {user.username for user in users}:
            raise CommandError(f"There is no account called {', '.join(sorted(missing))}.")
        group = appointment_desk()
        for user in users:
            user.is_staff = True
            user.save(update_fields=["is_staff"])
            user.groups.add(group)
        self.stdout.write(
            f"{NAME}: {group.permissions.count()} permissions, {group.user_set.count()} people."
        )
