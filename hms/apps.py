from django.contrib.admin.apps import AdminConfig


class DeskConfig(AdminConfig):
    """Django's admin with a site of ours (hms.desk_site)."""

    default_site = "hms.desk_site.DeskSite"

    def ready(self) -> None:
        super().ready()
        # After every app's admin: it takes the place of a library's.
        from hms import job_admin  # noqa: F401
