"""Google's OAuth endpoints: consent, codes, tokens and revocation, with PKCE."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import urlencode, urlsplit

from hms.dev.google import pages
from hms.dev.google.faults import Fault
from hms.dev.google.http import (
    GoogleRequest,
    GoogleResponse,
    StandIn,
    first_value,
    json_response,
    redirect,
)
from hms.dev.google.state import AuthorizationCode

CLIENT_ID = "hms-local.apps.googleusercontent.com"
# Not a secret: both programs that use it run on this machine.
CLIENT_SECRET = "no-secret-on-loopback"  # noqa: S105
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
# Parameters of the consent request that the form sends along.
CONSENT_FIELDS = (
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


def _is_redirect_allowed(standin: StandIn, address: str) -> bool:
    if standin.redirect_uris:
        return address in standin.redirect_uris
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


def _consent_error(standin: StandIn, parameters: dict[str, list[str]]) -> str:
    """The error for which Google shows its own page, without a redirect; empty if there is none."""
    if first_value(parameters, "client_id") != CLIENT_ID:
        return "invalid_client"
    if not _is_redirect_allowed(standin, first_value(parameters, "redirect_uri")):
        return "redirect_uri_mismatch"
    if first_value(parameters, "response_type") != "code":
        return "unsupported_response_type"
    if not first_value(parameters, "scope").split():
        return "invalid_request: scope is missing"
    if (
        first_value(parameters, "code_challenge")
        and first_value(parameters, "code_challenge_method") != "S256"
    ):
        return "invalid_request: only S256 is accepted here"
    return ""


def consent_page(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    """GET /o/oauth2/auth: the form that asks for consent."""
    error = _consent_error(standin, request.query)
    if error:
        return pages.error(error)
    fields = {name: first_value(request.query, name) for name in CONSENT_FIELDS}
    with standin.state.lock:
        accounts = list(standin.state.accounts)
    return pages.consent(fields, accounts, first_value(request.query, "login_hint"))


def consent_answer(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    """POST /o/oauth2/auth: Allow or Deny; redirects to the application."""
    form = request.form
    error = _consent_error(standin, form)
    if error:
        return pages.error(error)
    back = {"state": first_value(form, "state")} if first_value(form, "state") else {}
    if first_value(form, "decision") != "allow":
        return redirect(
            _with_query(first_value(form, "redirect_uri"), back | {"error": "access_denied"})
        )
    account = (first_value(form, "email").strip() or first_value(form, "account")).lower()
    if not ADDRESS.fullmatch(account):
        fields = {name: first_value(form, name) for name in CONSENT_FIELDS}
        with standin.state.lock:
            accounts = list(standin.state.accounts)
        return pages.consent(fields, accounts, account, problem="Choose or type an account.")
    scopes = first_value(form, "scope").split()
    granted = " ".join(scope for scope in scopes if scope in form.get("granted", []))
    first = first_value(form, "prompt") == "consent" or not standin.state.has_grant(account)
    standin.state.add_account(account)
    code = standin.state.new_code(
        AuthorizationCode(
            account=account,
            scope=granted,
            redirect_uri=first_value(form, "redirect_uri"),
            challenge=first_value(form, "code_challenge"),
            # Google issues a refresh token only for offline access and only with a new consent.
            refresh=first_value(form, "access_type") == "offline" and first,
        )
    )
    return redirect(
        _with_query(
            first_value(form, "redirect_uri"),
            back | {"code": code, "scope": granted, "prompt": "consent"},
        )
    )


def _with_query(address: str, values: dict[str, str]) -> str:
    return address + ("&" if "?" in address else "?") + urlencode(values)


def token_error(status: int, error: str, description: str = "") -> GoogleResponse:
    return json_response({"error": error, "error_description": description or error}, status)


def _is_client_valid(request: GoogleRequest) -> bool:
    given = (first_value(request.form, "client_id"), first_value(request.form, "client_secret"))
    header = request.headers.get("authorization", "")
    if header.startswith("Basic "):
        try:
            name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        except ValueError:
            return False
        given = (name, secret)
    return given == (CLIENT_ID, CLIENT_SECRET)


def _is_verifier_valid(challenge: str, verifier: str) -> bool:
    if not challenge:
        return not verifier
    expected = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(expected.decode(), challenge)


def token(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    """POST /token: exchange a code or a refresh token for an access token."""
    if not _is_client_valid(request):
        return token_error(401, "invalid_client", "The OAuth client was not found.")
    kinds = {
        "authorization_code": ("token", _exchange_code),
        "refresh_token": ("refresh", _exchange_refresh_token),
    }
    if first_value(request.form, "grant_type") not in kinds:
        return token_error(400, "unsupported_grant_type")
    call, act = kinds[first_value(request.form, "grant_type")]
    account = standin.state.account_of(first_value(request.form, "refresh_token")) or ""
    return standin.call_with_faults(call, account, lambda: act(standin, request), _refuse)


def _refuse(fault: Fault) -> GoogleResponse:
    return token_error(fault.status, fault.token_error(), fault.message)


def _exchange_code(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    form = request.form
    code = standin.state.take_code(first_value(form, "code"))
    if code is None:
        return token_error(400, "invalid_grant", "Malformed auth code.")
    if not _is_verifier_valid(code.challenge, first_value(form, "code_verifier")):
        return token_error(400, "invalid_grant", "Invalid code verifier.")
    if first_value(form, "redirect_uri") != code.redirect_uri:
        return token_error(400, "redirect_uri_mismatch", "Bad Request")
    answer = _access(standin, code.account, code.scope)
    if code.refresh:
        answer["refresh_token"] = standin.state.new_refresh_token(code.account, code.scope)
    return json_response(answer)


def _exchange_refresh_token(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    with standin.state.lock:
        grant = standin.state.refresh_tokens.get(first_value(request.form, "refresh_token"))
    if grant is None:
        return token_error(400, "invalid_grant", "Token has been expired or revoked.")
    return json_response(_access(standin, grant["account"], grant["scope"]))


def _access(standin: StandIn, account: str, scope: str) -> dict[str, object]:
    return {
        "access_token": standin.state.new_access_token(account, scope),
        "expires_in": standin.state.token_seconds,
        "scope": scope,
        "token_type": "Bearer",
    }


def revoke(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    """POST /revoke: revoke the whole grant, by an access token or a refresh token."""
    given = first_value(request.form, "token") or first_value(request.query, "token")
    account = standin.state.account_of(given)
    return standin.call_with_faults(
        "revoke", account or "", lambda: _revoked(standin, account), _refuse
    )


def _revoked(standin: StandIn, account: str | None) -> GoogleResponse:
    if account is None:
        return token_error(400, "invalid_token", "Token expired or revoked")
    standin.state.revoke(account)
    return json_response({})
