import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Names for people to read, in their own language; no SQL."""

    dependencies = [
        ("notifications", "0004_email_indexes_asked_for_and_expiring"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="email",
            name="about",
            field=models.CharField(max_length=80, verbose_name="what it is about"),
        ),
        migrations.AlterField(
            model_name="email",
            name="action",
            field=models.CharField(max_length=40, verbose_name="action"),
        ),
        migrations.AlterField(
            model_name="email",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="attempts"),
        ),
        migrations.AlterField(
            model_name="email",
            name="claimed_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="claimed until"),
        ),
        migrations.AlterField(
            model_name="email",
            name="created_at",
            field=models.DateTimeField(auto_now_add=True, verbose_name="created at"),
        ),
        migrations.AlterField(
            model_name="email",
            name="data",
            field=models.JSONField(default=dict, verbose_name="data"),
        ),
        migrations.AlterField(
            model_name="email",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="expires at"),
        ),
        migrations.AlterField(
            model_name="email",
            name="language",
            field=models.CharField(default="en", max_length=10, verbose_name="language"),
        ),
        migrations.AlterField(
            model_name="email",
            name="last_answer",
            field=models.CharField(blank=True, max_length=200, verbose_name="last answer"),
        ),
        migrations.AlterField(
            model_name="email",
            name="message_id",
            field=models.UUIDField(
                default=uuid.uuid4, editable=False, unique=True, verbose_name="message id"
            ),
        ),
        migrations.AlterField(
            model_name="email",
            name="queued_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="when the day of tries began",
                verbose_name="queued at",
            ),
        ),
        migrations.AlterField(
            model_name="email",
            name="recipient",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="emails",
                to=settings.AUTH_USER_MODEL,
                verbose_name="recipient",
            ),
        ),
        migrations.AlterField(
            model_name="email",
            name="sealed",
            field=models.TextField(
                blank=True,
                help_text="codes and links, encrypted, blanked once they are sent",
                verbose_name="sealed data",
            ),
        ),
        migrations.AlterField(
            model_name="email",
            name="sent_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="sent at"),
        ),
        migrations.AlterField(
            model_name="email",
            name="sequence",
            field=models.PositiveIntegerField(
                default=0,
                help_text="which version of the thing it tells of",
                verbose_name="sequence",
            ),
        ),
        migrations.AlterField(
            model_name="email",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "on its way"),
                    ("sending", "being sent"),
                    ("sent", "sent"),
                    ("failed", "failed"),
                    ("dropped", "dropped, overtaken by a later one"),
                    ("expired", "expired"),
                ],
                default="queued",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="email",
            name="to",
            field=models.EmailField(max_length=254, verbose_name="recipient’s address"),
        ),
        migrations.AlterField(
            model_name="email",
            name="urgent",
            field=models.BooleanField(
                default=False, help_text="somebody is waiting for it", verbose_name="urgent"
            ),
        ),
    ]
