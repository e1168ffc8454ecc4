from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations


class Migration(migrations.Migration):
    """Doctors are found by any part of their name, in any case, with or without its accents."""

    dependencies = [("availability", "0001_initial"), ("users", "0001_initial")]

    operations = [
        UnaccentExtension(),
        TrigramExtension(),
        # unaccent() itself is only STABLE, because its dictionary could be replaced; an index
        # needs the promise that it isn't. The body is parsed here, so no search_path decides later.
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION hms_fold(text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            RETURN lower(unaccent('unaccent'::regdictionary, $1))
            """,
            reverse_sql="DROP FUNCTION hms_fold(text)",
        ),
        migrations.RunSQL(
            sql="""
            CREATE INDEX doctor_by_folded_name
            ON users_doctorprofile USING gin (hms_fold(name) gin_trgm_ops)
            """,
            reverse_sql="DROP INDEX doctor_by_folded_name",
        ),
    ]
