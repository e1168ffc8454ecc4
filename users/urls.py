from django.urls import path

from users.pages import views

app_name = "users"

urlpatterns = [
    path("users/profile/", views.profile, name="profile"),
    path(
        "doctors/<int:doctor_id>/photo/<str:key>/<int:side>.<str:kind>", views.photo, name="photo"
    ),
]
