import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="email",
            name="queued_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now, help_text="when the day of tries began"
            ),
        ),
    ]
