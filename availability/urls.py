from django.urls import path

from availability.hours import views as hours
from availability.pages import views
from availability.week import views as week_views

app_name = "availability"

urlpatterns = [
    path("", views.home, name="home"),
    path("doctors/<int:doctor_id>/", views.doctor, name="doctor"),
    path("doctors/<int:doctor_id>/times/", views.doctor_times, name="doctor_times"),
    path("my-slots/", views.my_slots, name="my_slots"),
    path("week/", week_views.show, name="week"),
    path("week/publish/", week_views.publish, name="week_publish"),
    path("week/slots/<int:slot_id>/move/", week_views.move, name="week_move"),
    path("week/slots/<int:slot_id>/withdraw/", week_views.withdraw, name="week_withdraw"),
    path("create-slot/", views.create_slot, name="create_slot"),
    path("hours/", hours.hours, name="hours"),
    path("hours/add/", hours.add_hours, name="add_hours"),
    path("hours/<int:hours_id>/edit/", hours.edit_hours, name="edit_hours"),
    path("hours/<int:hours_id>/end/", hours.end_hours, name="end_hours"),
    path("extra-hours/add/", hours.add_extra, name="add_extra"),
    path("extra-hours/<int:extra_id>/edit/", hours.edit_extra, name="edit_extra"),
    path("extra-hours/<int:extra_id>/delete/", hours.delete_extra, name="delete_extra"),
    path("time-off/add/", hours.add_time_off, name="add_time_off"),
    path("time-off/<int:time_off_id>/edit/", hours.edit_time_off, name="edit_time_off"),
    path("time-off/<int:time_off_id>/delete/", hours.delete_time_off, name="delete_time_off"),
    path("slots/<int:slot_id>/edit/", views.edit_slot, name="edit_slot"),
    path("slots/<int:slot_id>/delete/", views.delete_slot, name="delete_slot"),
]
