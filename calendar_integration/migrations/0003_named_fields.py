import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import hms.lib.ids


class Migration(migrations.Migration):
    """Names for people to read, in their own language; no SQL."""

    dependencies = [
        ("calendar_integration", "0002_health_claims_and_revocations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="calendarevent",
            name="about",
            field=models.CharField(max_length=80, verbose_name="what it is about"),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="attempts"),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="claimed_until",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="claimed until"
            ),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="ends_at",
            field=models.DateTimeField(
                help_text="end of the event as it was last wanted, also when it must go",
                null=True,
                verbose_name="ends at",
            ),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="event_id",
            field=models.CharField(
                default=hms.lib.ids.new_event_id,
                editable=False,
                max_length=64,
                unique=True,
                verbose_name="event id",
            ),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="last_answer",
            field=models.CharField(blank=True, max_length=200, verbose_name="last answer"),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="sequence",
            field=models.PositiveIntegerField(default=0, verbose_name="sequence"),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="shown",
            field=models.BooleanField(
                default=False,
                help_text="whether Google has confirmed it at least once",
                verbose_name="shown",
            ),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "on its way"),
                    ("synced", "in the calendar"),
                    ("removed", "taken out of the calendar"),
                    ("failed", "failed"),
                    ("detached", "no longer updated, calendar disconnected"),
                ],
                default="pending",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="updated_at",
            field=models.DateTimeField(auto_now=True, verbose_name="updated at"),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="calendar_events",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="wanted",
            field=models.JSONField(
                help_text="what the event should say; empty when it must not exist",
                null=True,
                verbose_name="wanted",
            ),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="access_token_expires_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="access token expires at"
            ),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="broken_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="broken at"),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="broken_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("revoked", "access was taken back at Google, or ran out"),
                    ("refused", "Google refused a fresh token"),
                    ("scope", "the permission to write events is missing"),
                    ("unreadable", "the stored tokens can’t be decrypted"),
                ],
                max_length=60,
                verbose_name="broken reason",
            ),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="calendar_name",
            field=models.CharField(
                blank=True,
                help_text="what Google calls the calendar, usually the account’s address",
                max_length=254,
                verbose_name="calendar name",
            ),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="connected_at",
            field=models.DateTimeField(verbose_name="connected at"),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="refreshing_until",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="refreshing until"
            ),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="scopes",
            field=models.TextField(blank=True, editable=False, verbose_name="scopes"),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="sealed_access_token",
            field=models.TextField(blank=True, editable=False, verbose_name="sealed access token"),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="sealed_refresh_token",
            field=models.TextField(blank=True, editable=False, verbose_name="sealed refresh token"),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="user",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="google_account",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
        migrations.AlterField(
            model_name="revocation",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="attempts"),
        ),
        migrations.AlterField(
            model_name="revocation",
            name="created_at",
            field=models.DateTimeField(auto_now_add=True, verbose_name="created at"),
        ),
        migrations.AlterField(
            model_name="revocation",
            name="last_answer",
            field=models.CharField(blank=True, max_length=200, verbose_name="last answer"),
        ),
        migrations.AlterField(
            model_name="revocation",
            name="sealed_token",
            field=models.TextField(editable=False, verbose_name="sealed token"),
        ),
        migrations.AlterField(
            model_name="revocation",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
    ]
