"""Reading queued emails in tests."""

from notifications.models import Email
from notifications.sending import message


def latest(action: str, to: str) -> dict[str, str]:
    """The data of the newest email of that action, codes and links included."""
    return message(Email.objects.filter(action=action, to=to).latest("pk"))["data"]


def latest_code(to: str) -> str:
    return latest("EMAIL_CODE", to)["code"]
