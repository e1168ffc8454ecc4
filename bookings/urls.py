from django.urls import path, register_converter

from bookings.pages import booking, call, dashboards, outcome, request, reschedule
from bookings.pages.converters import ReferenceConverter
from bookings.pages.old_urls import renamed_to

register_converter(ReferenceConverter, "reference")

app_name = "bookings"

urlpatterns = [
    path("bookings/create/<int:slot_id>/", booking.create, name="create"),
    path("bookings/<reference:reference>/", booking.detail, name="detail"),
    path("bookings/<reference:reference>/cancel/", booking.cancel, name="cancel"),
    path("bookings/<reference:reference>/reschedule/", reschedule.reschedule, name="reschedule"),
    path(
        "bookings/<reference:reference>/reschedule/time/",
        reschedule.to_time,
        name="reschedule_to_time",
    ),
    path(
        "bookings/<reference:reference>/move/",
        renamed_to("bookings:reschedule", reschedule.reschedule),
    ),
    path(
        "bookings/<reference:reference>/move/time/",
        renamed_to("bookings:reschedule_to_time", reschedule.to_time),
    ),
    path("bookings/<reference:reference>/confirm/", request.confirm, name="confirm"),
    path("bookings/<reference:reference>/mark/", outcome.mark, name="mark"),
    path(
        "bookings/<reference:reference>/patient/",
        outcome.patient_visits,
        name="patient_visits",
    ),
    path("bookings/<reference:reference>/called/<int:sequence>/", call.called, name="called"),
    path("bookings/<reference:reference>/sent/", booking.sent, name="sent"),
    path("bookings/<reference:reference>/join/", booking.join, name="join"),
    path(
        "bookings/<reference:reference>/calendar.ics", booking.calendar_file, name="calendar_file"
    ),
    path("dashboard/", dashboards.dashboard, name="dashboard"),
    path("dashboard/patient/", dashboards.patient, name="patient_dashboard"),
    path("dashboard/patient/next.json", dashboards.next_visit, name="next_visit"),
    path("dashboard/doctor/", dashboards.doctor, name="doctor_dashboard"),
]
