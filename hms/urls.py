from django.contrib import admin
from django.urls import include, path

from hms import views

urlpatterns = [
    path("", include("availability.urls")),
    path("", include("bookings.urls")),
    path("", include("users.urls")),
    path("users/", include("users.account_urls")),
    path("calendar/", include("calendar_integration.urls")),
    path("admin/", admin.site.urls),
    path("language/", views.choose_language, name="choose_language"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("status/", views.status, name="status"),
    path("csp-report/", views.csp_report, name="csp_report"),
]

handler500 = "hms.views.server_error"
