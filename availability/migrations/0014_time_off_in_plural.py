from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("availability", "0013_blocks_tell_watchers")]

    operations = [
        migrations.AlterModelOptions(
            name="timeoff",
            options={"verbose_name": "time off", "verbose_name_plural": "time off"},
        ),
    ]
