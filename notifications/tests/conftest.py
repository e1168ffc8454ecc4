import pytest

from notifications.tests.lambda_server import LambdaServer


@pytest.fixture
def mail_function(settings):
    """The mail function's place, answering `sent` until told otherwise."""
    server = LambdaServer()
    settings.SERVERLESS_EMAIL_URL = server.url
    yield server
    server.stop()
