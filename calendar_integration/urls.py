from django.urls import path

from calendar_integration.pages import views

app_name = "calendar_integration"

urlpatterns = [
    path("", views.settings_page, name="settings"),
    path("auth/", views.auth, name="auth"),
    path("oauth2callback/", views.oauth2callback, name="oauth2callback"),
    path("disconnect/", views.disconnect, name="disconnect"),
]
