"""Admin for procrastinate jobs: filters by status, queue and task; no inline styles (CSP)."""

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob

MAX_ARGUMENTS_LENGTH = 2000


class JobAdmin(ProcrastinateJobAdmin):
    list_filter = ["status", "queue_name", "task_name"]
    search_fields = ["=id"]
    search_help_text = _("Job number")
    ordering = ["-pk"]

    @admin.display(description=_("arguments"))
    def pretty_args(self, instance: ProcrastinateJob) -> str:
        text = json.dumps(instance.args, indent=2 if len(instance.args) > 1 else None)
        return format_html('<pre class="job-arguments">{}</pre>', text[:MAX_ARGUMENTS_LENGTH])


admin.site.unregister(ProcrastinateJob)
admin.site.register(ProcrastinateJob, JobAdmin)
