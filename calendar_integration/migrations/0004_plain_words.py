from django.db import migrations, models


class Migration(migrations.Migration):
    """Plain words for people to read; no SQL."""

    dependencies = [
        ("calendar_integration", "0003_named_fields"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="revocation",
            options={
                "verbose_name": "pending revocation at Google",
                "verbose_name_plural": "pending revocations at Google",
            },
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="about",
            field=models.CharField(max_length=80, verbose_name="subject"),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="ends_at",
            field=models.DateTimeField(
                help_text="end of the event in its last content, also if it was removed",
                null=True,
                verbose_name="ends at",
            ),
        ),
        migrations.AlterField(
            model_name="calendarevent",
            name="shown",
            field=models.BooleanField(
                default=False,
                help_text="whether Google has confirmed the event at least once",
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
                    ("removed", "removed from the calendar"),
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
            name="wanted",
            field=models.JSONField(
                help_text="content of the event; empty if the calendar must not show it",
                null=True,
                verbose_name="wanted",
            ),
        ),
        migrations.AlterField(
            model_name="googleaccount",
            name="broken_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("revoked", "access was withdrawn at Google, or has expired"),
                    ("refused", "Google refused a new token"),
                    ("scope", "the permission to write events is missing"),
                    ("unreadable", "the stored tokens can’t be decrypted"),
                ],
                max_length=60,
                verbose_name="broken reason",
            ),
        ),
    ]
