"""Every email that Django sends has a text in the mail function."""

from users.login.adapter import LETTERS, NOTICES


def test_mail_function_has_a_text_for_every_account_email(monkeypatch, settings):
    monkeypatch.syspath_prepend(str(settings.BASE_DIR / "serverless"))
    import validation

    assert set(NOTICES.values()) <= set(validation.NOTICES)
    assert {letter.action for letter in LETTERS.values()} <= set(validation.ACTIONS)
