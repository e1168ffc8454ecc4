from users.login.allauth_private import BackendWithOneTry


class AuthenticationBackend(BackendWithOneTry):
    """Named in settings and in every session, so its path must not change."""
