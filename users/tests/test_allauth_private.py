"""What HMS uses of allauth beyond its documented interface: that it is there, and used once."""

import ast
import inspect
import re
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend

ROOT = Path(__file__).parents[2]
GATHERED = ROOT / "users" / "login" / "allauth_private.py"

FUNCTIONS = {
    "allauth.account.internal.flows.login.get_authentication_records": ["request", "user"],
    "allauth.account.internal.flows.reauthentication.did_recently_reauthenticate": ["request"],
    "allauth.account.internal.flows.signup.prevent_enumeration": ["request", "email", "phone"],
    "allauth.account.internal.userkit.did_user_login": ["user"],
    "allauth.account.internal.userkit.filter_users_by_email": [
        "email",
        "is_active",
        "prefer_verified",
        "for_login",
    ],
    "allauth.account.internal.userkit.get_user_by_username": ["username"],
    "allauth.core.internal.ratelimit.consume": [
        "request",
        "app",
        "action",
        "config",
        "key",
        "user",
        "dry_run",
        "limit_get",
        "raise_exception",
    ],
}
METHODS = {
    (DefaultAccountAdapter, "_get_login_attempts_cache_key"): ["self", "request", "credentials"],
    (DefaultAccountAdapter, "_rollback_login_failed_rl_usage"): ["self"],
    (AuthenticationBackend, "_authenticate"): ["self", "request", "credentials"],
    (AuthenticationBackend, "_check_password"): ["self", "user", "password"],
}


@pytest.mark.parametrize("path", FUNCTIONS)
def test_private_function_takes_the_arguments_that_we_know(path):
    module, _, name = path.rpartition(".")

    parameters = inspect.signature(getattr(import_module(module), name)).parameters
    assert list(parameters) == FUNCTIONS[path]


@pytest.mark.parametrize(("owner", "name"), METHODS)
def test_private_method_takes_the_arguments_that_we_know(owner, name):
    assert list(inspect.signature(getattr(owner, name)).parameters) == METHODS[owner, name]


def test_every_private_symbol_of_the_one_file_is_named_here():
    source = GATHERED.read_text()
    imported = {
        f"{statement.module}.{alias.name}"
        for statement in ast.walk(ast.parse(source))
        if isinstance(statement, ast.ImportFrom) and ".internal" in (statement.module or "")
        for alias in statement.names
    }
    methods = set(re.findall(r"(?:    def |self\.|super\(\)\.)(_[a-z]\w+)\(", source))

    assert imported <= {*FUNCTIONS, "allauth.core.internal.ratelimit"}
    assert methods == {name for _owner, name in METHODS}


def test_no_other_file_uses_private_parts_of_allauth():
    apps = ("hms", "notifications", "users", "availability", "calendar_integration", "bookings")
    names = "|".join(name for _owner, name in METHODS)
    private = re.compile(rf"allauth\S*\.internal|\b({names})\b")

    users = [
        path
        for app in apps
        for path in (ROOT / app).rglob("*.py")
        if "tests" not in path.parts and private.search(path.read_text())
    ]
    assert users == [GATHERED]


def test_allauth_is_pinned_to_the_minor_that_is_tested():
    [pinned] = re.findall(
        r"^django-allauth~=(\d+\.\d+)\.\d+ ", (ROOT / "requirements.in").read_text(), re.M
    )

    assert version("django-allauth").startswith(f"{pinned}.")
