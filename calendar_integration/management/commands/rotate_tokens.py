from typing import Any

from django.core.management.base import BaseCommand, CommandError

from calendar_integration import actions
from calendar_integration.models import GoogleAccount, Revocation
from hms.lib.crypto import DecryptionError, is_current


class Command(BaseCommand):
    help = (
        "Encrypt every Google token with the first key of FIELD_ENCRYPTION_KEYS. Put a new key "
        "first, restart, run this command, then remove the old key. Safe to repeat: tokens that "
        "have the first key already stay as they are."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = lost = 0
        for account in GoogleAccount.objects.order_by("pk").iterator():
            sealed = [account.sealed_refresh_token, account.sealed_access_token]
            if all(is_current(token) for token in sealed if token):
                continue
            try:
                done += actions.reseal_account(pk=account.pk)
            except DecryptionError:
                lost += 1
                self.stderr.write(f"Google connection {account.pk}: no configured key decrypts it.")
        for revocation in Revocation.objects.order_by("pk").iterator():
            if is_current(revocation.sealed_token):
                continue
            try:
                done += actions.reseal_revocation(pk=revocation.pk)
            except DecryptionError:
                lost += 1
                self.stderr.write(f"Revocation {revocation.pk}: no configured key decrypts it.")
        self.stdout.write(f"{done} encrypted with the first key.")
        if lost:
            raise CommandError(
                f"{lost} could not be decrypted: do not remove the key that encrypted them."
            )
