from hms.lib.urls import absolute, absolute_url


def test_absolute_url_is_on_the_configured_site(settings):
    settings.SITE_URL = "https://clinic.example"
    assert absolute("/x/") == "https://clinic.example/x/"
    assert absolute_url("users:profile") == "https://clinic.example/users/profile/"
