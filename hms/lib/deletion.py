"""A bounded delete confirmation for Django's admin: a clinic may have a million slots."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import NestedObjects, quote
from django.db import router
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import ngettext

MOST_OF_EACH = 20


class FirstOfEach(NestedObjects):
    """Collects at most MOST_OF_EACH related rows per model for the delete confirmation."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cut: set[type[Model]] = set()  # models with more rows than were collected

    def related_objects(
        self, related_model: type[Model], related_fields: Iterable[Field], objs: Any
    ) -> QuerySet:
        found: QuerySet = super().related_objects(related_model, related_fields, objs)
        # __str__ may read related rows: fetch them here, not in one query for each row.
        ones = [field.name for field in related_model._meta.concrete_fields if field.is_relation]
        found = found.select_related(None).select_related(*ones).order_by()[:MOST_OF_EACH]
        if len(found) == MOST_OF_EACH:
            self.cut.add(related_model)
        return found


class BoundedDeletion(admin.ModelAdmin):
    """An admin whose delete confirmation names only the first related rows of each model."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        if not objs:
            return [], {}, set(), []
        collector = FirstOfEach(using=router.db_for_write(self.model), origin=objs)
        collector.collect(objs)
        missing_permissions: set[str] = set()

        def named(row: Model) -> str:
            if not self._may_delete(request, row):
                missing_permissions.add(str(row._meta.verbose_name))
            return self._named(row)

        to_delete = collector.nested(named)
        protected = [named(row) for row in collector.protected]
        if collector.cut:
            words = ngettext(
                "Only the first of each kind is listed.",
                "Only the first %(n)s of each kind are listed.",
                MOST_OF_EACH,
            ) % {"n": MOST_OF_EACH}
            to_delete = [*to_delete, words]
            protected = [*protected, words] if protected else []
        rows_of: dict[Any, set[Any]] = collector.model_objs
        counts = {
            model._meta.verbose_name_plural: f"{len(rows)}+"
            if model in collector.cut
            else len(rows)
            for model, rows in rows_of.items()
        }
        return to_delete, counts, missing_permissions, protected

    def _may_delete(self, request: HttpRequest, row: Model) -> bool:
        model, site = type(row), self.admin_site
        if not site.is_registered(model):
            return True
        return site.get_model_admin(model).has_delete_permission(request, row)

    def _named(self, row: Model) -> str:
        """The row's name, as a link if the admin has a page for it."""
        opts = row._meta
        kind = capfirst(opts.verbose_name)
        try:
            name = f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_change"
            url = reverse(name, args=(quote(row.pk),))
        except NoReverseMatch:
            return f"{kind}: {row}"
        return format_html('{}: <a href="{}">{}</a>', kind, url, row)
