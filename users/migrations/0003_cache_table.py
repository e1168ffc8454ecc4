from django.db import migrations


class Migration(migrations.Migration):
    """The table behind CACHES, so that `migrate` alone makes a database that people can log in to.

    As `createcachetable` makes it, which finds it there and leaves it alone.
    """

    dependencies = [("users", "0002_rules_of_people")]

    operations = [
        migrations.RunSQL(
            sql="""
            CREATE TABLE IF NOT EXISTS cache (
                cache_key varchar(255) NOT NULL PRIMARY KEY,
                value text NOT NULL,
                expires timestamp with time zone NOT NULL
            );
            CREATE INDEX IF NOT EXISTS cache_expires ON cache (expires);
            """,
            reverse_sql="DROP TABLE IF EXISTS cache",
        )
    ]
