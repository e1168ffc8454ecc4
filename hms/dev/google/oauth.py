"""Consent, codes, tokens and revocation as Google's OAuth endpoints do them, PKCE included."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import urlencode, urlsplit

from hms.dev.google import pages
from hms.dev.google.faults import Fault
from hms.dev.google.http import Answer, Request, World, as_json, one, redirect
from hms.dev.google.state import Code

CLIENT_ID = "hms-local.apps.googleusercontent.com"
# Guards nothing: both sides of it run on this machine, for the person who started them.
CLIENT_SECRET = "no-secret-on-loopback"  # noqa: S105
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
KEPT = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "access_type",
    "prompt",
    "code_challenge",
    "code_challenge_method",
)


def _redirect_known(world: World, address: str) -> bool:
    if world.redirect_uris:
        return address in world.redirect_uris
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


def _consent_error(world: World, asked: dict[str, list[str]]) -> str:
    """Why Google would show its own error page instead of going back to the application."""
    if one(asked, "client_id") != CLIENT_ID:
        return "invalid_client"
    if not _redirect_known(world, one(asked, "redirect_uri")):
        return "redirect_uri_mismatch"
    if one(asked, "response_type") != "code":
        return "unsupported_response_type"
    if not one(asked, "scope").split():
        return "invalid_request: scope is missing"
    if one(asked, "code_challenge") and one(asked, "code_challenge_method") != "S256":
        return "invalid_request: only S256 is accepted here"
    return ""


def consent_page(world: World, request: Request) -> Answer:
    """GET /o/oauth2/auth: the question to the person."""
    error = _consent_error(world, request.query)
    if error:
        return pages.error(error)
    kept = {name: one(request.query, name) for name in KEPT}
    with world.state.lock:
        accounts = list(world.state.accounts)
    return pages.consent(kept, accounts, one(request.query, "login_hint"))


def consent_answer(world: World, request: Request) -> Answer:
    """POST /o/oauth2/auth: Allow or Deny, and back to the application."""
    form = request.form
    error = _consent_error(world, form)
    if error:
        return pages.error(error)
    back = {"state": one(form, "state")} if one(form, "state") else {}
    if one(form, "decision") != "allow":
        return redirect(_with(one(form, "redirect_uri"), back | {"error": "access_denied"}))
    account = (one(form, "email").strip() or one(form, "account")).lower()
    if not ADDRESS.fullmatch(account):
        kept = {name: one(form, name) for name in KEPT}
        with world.state.lock:
            accounts = list(world.state.accounts)
        return pages.consent(kept, accounts, account, problem="Choose or type an account.")
    asked = one(form, "scope").split()
    granted = " ".join(scope for scope in asked if scope in form.get("granted", []))
    first = one(form, "prompt") == "consent" or not world.state.has_grant(account)
    world.state.add_account(account)
    code = world.state.new_code(
        Code(
            account=account,
            scope=granted,
            redirect_uri=one(form, "redirect_uri"),
            challenge=one(form, "code_challenge"),
            # As Google: a refresh token only for offline access, and only with a fresh consent.
            refresh=one(form, "access_type") == "offline" and first,
        )
    )
    return redirect(
        _with(
            one(form, "redirect_uri"), back | {"code": code, "scope": granted, "prompt": "consent"}
        )
    )


def _with(address: str, values: dict[str, str]) -> str:
    return address + ("&" if "?" in address else "?") + urlencode(values)


def token_error(status: int, error: str, description: str = "") -> Answer:
    return as_json({"error": error, "error_description": description or error}, status)


def _client_known(request: Request) -> bool:
    given = (one(request.form, "client_id"), one(request.form, "client_secret"))
    header = request.headers.get("authorization", "")
    if header.startswith("Basic "):
        try:
            name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        except ValueError:
            return False
        given = (name, secret)
    return given == (CLIENT_ID, CLIENT_SECRET)


def _verifier_fits(challenge: str, verifier: str) -> bool:
    if not challenge:
        return not verifier
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(made.decode(), challenge)


def token(world: World, request: Request) -> Answer:
    """POST /token: a code or a refresh token becomes an access token."""
    if not _client_known(request):
        return token_error(401, "invalid_client", "The OAuth client was not found.")
    kinds = {"authorization_code": ("token", _by_code), "refresh_token": ("refresh", _by_refresh)}
    if one(request.form, "grant_type") not in kinds:
        return token_error(400, "unsupported_grant_type")
    call, act = kinds[one(request.form, "grant_type")]
    account = world.state.account_of(one(request.form, "refresh_token")) or ""
    return world.under_faults(call, account, lambda: act(world, request), _refuse)


def _refuse(fault: Fault) -> Answer:
    return token_error(fault.status, fault.token_error(), fault.message)


def _by_code(world: World, request: Request) -> Answer:
    form = request.form
    code = world.state.take_code(one(form, "code"))
    if code is None:
        return token_error(400, "invalid_grant", "Malformed auth code.")
    if not _verifier_fits(code.challenge, one(form, "code_verifier")):
        return token_error(400, "invalid_grant", "Invalid code verifier.")
    if one(form, "redirect_uri") != code.redirect_uri:
        return token_error(400, "redirect_uri_mismatch", "Bad Request")
    answer = _access(world, code.account, code.scope)
    if code.refresh:
        answer["refresh_token"] = world.state.new_refresh_token(code.account, code.scope)
    return as_json(answer)


def _by_refresh(world: World, request: Request) -> Answer:
    with world.state.lock:
        grant = world.state.refresh_tokens.get(one(request.form, "refresh_token"))
    if grant is None:
        return token_error(400, "invalid_grant", "Token has been expired or revoked.")
    return as_json(_access(world, grant["account"], grant["scope"]))


def _access(world: World, account: str, scope: str) -> dict[str, object]:
    return {
        "access_token": world.state.new_access_token(account, scope),
        "expires_in": world.state.token_seconds,
        "scope": scope,
        "token_type": "Bearer",
    }


def revoke(world: World, request: Request) -> Answer:
    """POST /revoke: either token ends the whole grant."""
    given = one(request.form, "token") or one(request.query, "token")
    account = world.state.account_of(given)
    return world.under_faults("revoke", account or "", lambda: _revoked(world, account), _refuse)


def _revoked(world: World, account: str | None) -> Answer:
    if account is None:
        return token_error(400, "invalid_token", "Token expired or revoked")
    world.state.revoke(account)
    return as_json({})
