from django.db import migrations, models

import users.languages


class Migration(migrations.Migration):
    """The languages come from the settings, so that a further one needs no migration."""

    dependencies = [("users", "0004_photos_in_sizes")]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="language",
            field=models.CharField(choices=users.languages.of_pages, default="en", max_length=10),
        ),
    ]
