"""Who may change which account: asked by the actions, the admin and its forms alike."""

from users.models import User


def may_change(*, by: User, user: User) -> bool:
    """Whether `by` may change the account `user`.

    A superuser may change any. Other staff with the permission may change their own account and
    the accounts of people who are not staff.
    """
    if not by.is_active or not by.is_staff:
        return False
    if by.is_superuser:
        return True
    is_own_or_not_staff = user.pk == by.pk or not (user.is_staff or user.is_superuser)
    return is_own_or_not_staff and by.has_perm("users.change_user")


def may_change_login(*, by: User) -> bool:
    """Whether `by` may set other people's user name, email address and password.

    Only superusers may. It is not a permission that a group can have: a link to a new password
    goes to the address, so whoever sets the address can log in as that person.
    """
    return by.is_active and by.is_staff and by.is_superuser


def may_set_role(*, by: User, user: User) -> bool:
    """Whether `by` may set the role of `user`: never their own, never a superuser's."""
    return may_change(by=by, user=user) and user.pk != by.pk and not user.is_superuser


def may_change_email(*, by: User, user: User) -> bool:
    """Whether `by` may change the email address of `user`: never their own in this way."""
    return may_change_login(by=by) and user.pk != by.pk


def may_decide_on_doctors(*, by: User) -> bool:
    """Whether `by` may approve and reject doctors, apart from their own account."""
    return by.is_active and by.is_staff and by.has_perm("users.approve_doctorprofile")
