from django.urls import path, register_converter

from bookings import dashboards, move_views, outcome_views, request_views, views
from bookings.converters import ReferenceConverter

register_converter(ReferenceConverter, "reference")

app_name = "bookings"

urlpatterns = [
    path("bookings/create/<int:slot_id>/", views.create, name="create"),
    path("bookings/<reference:reference>/", views.detail, name="detail"),
    path("bookings/<reference:reference>/cancel/", views.cancel, name="cancel"),
    path("bookings/<reference:reference>/move/", move_views.move, name="move"),
    path("bookings/<reference:reference>/move/time/", move_views.to_time, name="move_to_time"),
    path("bookings/<reference:reference>/confirm/", request_views.confirm, name="confirm"),
    path("bookings/<reference:reference>/mark/", outcome_views.mark, name="mark"),
    path(
        "bookings/<reference:reference>/patient/",
        outcome_views.patient_visits,
        name="patient_visits",
    ),
    path("bookings/<reference:reference>/sent/", views.sent, name="sent"),
    path("bookings/<reference:reference>/join/", views.join, name="join"),
    path("bookings/<reference:reference>/calendar.ics", views.calendar_file, name="calendar_file"),
    path("dashboard/", dashboards.dashboard, name="dashboard"),
    path("dashboard/patient/", dashboards.patient, name="patient_dashboard"),
    path("dashboard/patient/next.json", dashboards.next_visit, name="next_visit"),
    path("dashboard/doctor/", dashboards.doctor, name="doctor_dashboard"),
]
