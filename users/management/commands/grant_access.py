from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import has_verified_email, user_pk_to_url_str
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.login.adapter import AccountAdapter
from users.login.allauth_private import user_named, users_with_email
from users.models import User


class Command(BaseCommand):
    help = (
        "Print a link with which a user who is locked out can choose a new password. It works "
        "once, for an hour, and needs no email."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="user name or email address")
        parser.add_argument(
            "--confirm-email",
            action="store_true",
            help="also mark the address as confirmed, for when the code cannot be emailed",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = self._find(options["user"])
        if not user.is_active:
            raise CommandError("This account is deactivated; activate it in the admin first.")
        if options["confirm_email"]:
            user.trust_email()
        elif user.email and not has_verified_email(user):
            self.stderr.write(
                "The address is not confirmed, so the next login asks for a code; "
                "--confirm-email marks it as confirmed."
            )
        key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
        minutes = settings.PASSWORD_RESET_TIMEOUT // 60
        self.stderr.write(f"Works once, for {minutes} minutes:")
        self.stdout.write(AccountAdapter().get_reset_password_from_key_url(key))

    def _find(self, name: str) -> User:
        by_username = user_named(name)
        found = {by_username} if by_username else set(users_with_email(name))
        if len(found) != 1:
            raise CommandError("There is no such account.")
        return found.pop()
