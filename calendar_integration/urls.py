app_name = "calendar_integration"

urlpatterns: list = []
