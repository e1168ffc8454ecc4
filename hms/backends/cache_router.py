"""Sends the cache table to its own connection (see DATABASES["cache"])."""


class CacheRouter:
    app_label = "django_cache"

    def db_for_read(self, model, **hints):
        return "cache" if model._meta.app_label == self.app_label else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        """One database behind two aliases: everything is made through `default`, once."""
        return db == "default"
