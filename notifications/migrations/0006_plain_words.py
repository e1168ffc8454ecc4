import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """Plain words for people to read; no SQL."""

    dependencies = [
        ("notifications", "0005_named_fields"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="email",
            options={"verbose_name": "email", "verbose_name_plural": "emails"},
        ),
        migrations.AlterField(
            model_name="email",
            name="about",
            field=models.CharField(max_length=80, verbose_name="subject"),
        ),
        migrations.AlterField(
            model_name="email",
            name="queued_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="start of the 24 hours in which sending is tried",
                verbose_name="queued at",
            ),
        ),
        migrations.AlterField(
            model_name="email",
            name="sealed",
            field=models.TextField(
                blank=True,
                help_text="codes and links, encrypted, deleted once the email is sent",
                verbose_name="sealed data",
            ),
        ),
        migrations.AlterField(
            model_name="email",
            name="sequence",
            field=models.PositiveIntegerField(
                default=0,
                help_text="version of the subject that the email is about",
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
                    ("dropped", "dropped, replaced by a later one"),
                    ("expired", "expired"),
                ],
                default="queued",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="email",
            name="urgent",
            field=models.BooleanField(
                default=False, help_text="someone is waiting for this email", verbose_name="urgent"
            ),
        ),
    ]
