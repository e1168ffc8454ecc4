"""Which users may open a view. Others get a 403 page with a sentence that says why."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from users.models import User

View = Callable[..., HttpResponseBase]
# The sentence for a user who may not open the view; None for one who may.
WhyNot = Callable[[User], str | Promise | None]


def _only(why_not: WhyNot) -> Callable[[View], View]:
    def decorator(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            # LoginRequiredMiddleware has already sent anonymous visitors to the login page.
            sentence = why_not(request.user) if request.user.is_authenticated else _not_logged_in
            if sentence:
                raise PermissionDenied(str(sentence))
            return view(request, *args, **kwargs)

        return wrapped

    return decorator


_not_logged_in = _("Please log in first.")


def _no_patient(user: User) -> str | Promise | None:
    return None if user.is_patient else _("This page is for patients.")


def _no_doctor(user: User) -> str | Promise | None:
    return None if user.is_doctor else _("This page is for doctors.")


def _no_approved_doctor(user: User) -> str | Promise | None:
    if not user.is_doctor:
        return _no_doctor(user)
    if user.doctor_profile.refused_at:
        return _("The clinic did not approve your account. Contact its staff.")
    if not user.doctor_profile.is_approved:
        return _("Your account is waiting for the clinic’s approval. We will email you.")
    return None


def _no_staff(user: User) -> str | Promise | None:
    return None if user.is_staff else _("This page is for the clinic’s staff.")


patient_required = _only(_no_patient)
doctor_required = _only(_no_doctor)
approved_doctor_required = _only(_no_approved_doctor)
staff_required = _only(_no_staff)
