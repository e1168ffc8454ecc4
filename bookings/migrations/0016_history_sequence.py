from django.db import migrations, models


class Migration(migrations.Migration):
    """Nullable, so that no row is rewritten and the release before can still write entries."""

    dependencies = [("bookings", "0015_call")]

    operations = [
        migrations.AddField(
            model_name="historyentry",
            name="sequence",
            field=models.PositiveIntegerField(
                verbose_name="sequence",
                null=True,
                editable=False,
                help_text="the booking’s sequence after this change",
            ),
        ),
    ]
