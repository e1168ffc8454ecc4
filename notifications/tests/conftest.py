import pytest

from notifications.tests.lambda_server import LambdaServer


@pytest.fixture
def mail_function(settings):
    """An HTTP server in place of the email function; answers `sent` by default."""
    server = LambdaServer()
    settings.SERVERLESS_EMAIL_URL = server.url
    yield server
    server.stop()
