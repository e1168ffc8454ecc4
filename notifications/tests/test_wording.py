import pytest

from hms.lib.errors import Refusal
from notifications.errors import NotificationCode
from notifications.wording import sentence


@pytest.mark.parametrize("code", NotificationCode)
def test_every_refusal_has_a_sentence(code):
    assert sentence(Refusal(code)).endswith(".")
