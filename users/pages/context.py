from django.conf import settings
from django.http import HttpRequest


def local_inbox(request: HttpRequest) -> dict[str, str]:
    """The address of the page with all emails on a local stack; empty in production."""
    return {"local_inbox_url": settings.LOCAL_INBOX_URL}
