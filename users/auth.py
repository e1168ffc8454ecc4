from users.login.allauth_private import BackendWithOneTry


class AuthenticationBackend(BackendWithOneTry):
    """Every session stores this class by its path: if that changes, everybody is logged out."""
