from django.urls import path

from availability import views, week_views

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
    path("slots/<int:slot_id>/edit/", views.edit_slot, name="edit_slot"),
    path("slots/<int:slot_id>/delete/", views.delete_slot, name="delete_slot"),
]
