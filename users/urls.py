from django.urls import path

from users import views

app_name = "users"

urlpatterns = [
    path("users/profile/", views.profile, name="profile"),
    path("doctors/<int:doctor_id>/photo/", views.photo, name="photo"),
]
