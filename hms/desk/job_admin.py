"""The list of jobs under our policy, which lets no page style itself, and with the filters that
somebody asks for who looks why something did not happen."""

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob

LONGEST_ARGUMENTS = 2000


class JobAdmin(ProcrastinateJobAdmin):
    list_filter = ["status", "queue_name", "task_name"]
    search_fields = ["=id"]
    search_help_text = _("A job’s number")
    ordering = ["-pk"]

    @admin.display(description=_("arguments"))
    def pretty_args(self, instance: ProcrastinateJob) -> str:
        text = json.dumps(instance.args, indent=2 if len(instance.args) > 1 else None)
        return format_html('<pre class="job-arguments">{}</pre>', text[:LONGEST_ARGUMENTS])


admin.site.unregister(ProcrastinateJob)
admin.site.register(ProcrastinateJob, JobAdmin)
