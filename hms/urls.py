from django.contrib import admin
from django.urls import include, path

from hms.pages import device, styleguide, views

urlpatterns = [
    path("", include("availability.urls")),
    path("", include("bookings.urls")),
    path("", include("users.urls")),
    path("users/", include("users.login.urls")),
    path("calendar/", include("calendar_integration.urls")),
    path("admin/", admin.site.urls),
    path("manifest.webmanifest", device.manifest, name="manifest"),
    path("service-worker.js", device.service_worker, name="service_worker"),
    path("offline/", device.offline, name="offline"),
    path("language/", views.choose_language, name="choose_language"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("status/", views.status, name="status"),
    path("csp-report/", views.csp_report, name="csp_report"),
]

handler500 = "hms.pages.views.server_error"
