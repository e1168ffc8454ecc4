"""Routes the cache table to its own connection (see DATABASES["cache"])."""

from typing import Any

from django.db.models import Model


class CacheRouter:
    app_label = "django_cache"

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return "cache" if model._meta.app_label == self.app_label else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Both aliases are one database, so migrations run through `default` only."""
        return db == "default"
