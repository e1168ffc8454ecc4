from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    """Our words and our mail queue in allauth's hooks; each hook calls one action."""
