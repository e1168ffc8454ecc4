from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_email_urgent")]

    operations = [
        migrations.AddIndex(
            model_name="email",
            index=models.Index(
                condition=models.Q(
                    action__in=[
                        "ACCOUNT_ALREADY_EXISTS",
                        "EMAIL_CODE",
                        "PASSWORD_RESET",
                        "UNKNOWN_ACCOUNT",
                    ]
                ),
                fields=["to", "created_at"],
                name="email_asked_for",
            ),
        ),
        migrations.AddIndex(
            model_name="email",
            index=models.Index(
                condition=models.Q(expires_at__isnull=False, state__in=["queued", "sending"]),
                fields=["expires_at"],
                name="email_expiring",
            ),
        ),
    ]
