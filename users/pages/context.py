from django.conf import settings
from django.http import HttpRequest


def local_inbox(request: HttpRequest) -> dict[str, str]:
    """Where mails can be read on a machine that only pretends to send them; else empty."""
    return {"local_inbox_url": settings.LOCAL_INBOX_URL}
