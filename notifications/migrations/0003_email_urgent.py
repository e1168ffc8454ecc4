from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_email_queued_at")]

    operations = [
        migrations.AddField(
            model_name="email",
            name="urgent",
            field=models.BooleanField(default=False, help_text="somebody is waiting for it"),
        ),
    ]
