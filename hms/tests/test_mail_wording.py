"""What the rooms above have told must have words in the mail function."""

from users.login.adapter import EMAILS, NOTICES


def test_mail_function_has_words_for_all_that_happens_to_accounts(monkeypatch, settings):
    monkeypatch.syspath_prepend(str(settings.BASE_DIR / "serverless"))
    import validation

    assert set(NOTICES.values()) <= set(validation.NOTICES)
    assert {email.action for email in EMAILS.values()} <= set(validation.ACTIONS)
