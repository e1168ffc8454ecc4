"""The email function has a text for what the apps send."""

import re
from pathlib import Path

from notifications.email_kinds import EMAIL_KINDS
from users import actions
from users.login.adapter import EMAILS, NOTICES


def test_every_email_about_logging_in_exists():
    assert {email.action for email in EMAILS.values()} <= set(EMAIL_KINDS)


def test_account_notices_that_exist_are_those_that_are_sent():
    source = Path(actions.__file__).read_text()
    sent = {*NOTICES.values(), *re.findall(r'what="(\w+)"', source)}

    assert sent == set(EMAIL_KINDS["ACCOUNT_NOTICE"].fields["what"])
