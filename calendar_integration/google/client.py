"""Google, seen from here: consent, tokens and events in a person's primary calendar.

The only place that imports Google's libraries. They are imported inside the functions: they
take 30 MB and 200 ms, and most processes never talk to Google. Nothing of HTTP leaves this
module; what can go wrong is one of the errors below.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings

SCOPES = ["https://www.googleapis.com/auth/calendar.events.owned"]
TIMEOUT = 10
# Names our events, so that they can be found again without reading anybody's other events.
OUR_PROPERTY = "hms"
DEFAULT_TOKEN_LIFE = 3600
LONGEST_RETRY_AFTER = 3600.0
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
RATE_REASONS = {
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
    "dailyLimitExceeded",
    "RATE_LIMIT_EXCEEDED",
}
SCOPE_REASONS = {"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
# Ours to repair, not the person's: the API is off, the client's secret is wrong.
OPERATOR_REASONS = {"accessNotConfigured", "SERVICE_DISABLED"}


class GoogleError(Exception):
    """Anything Google did not do. `answer` is what it said, in a word or two, for staff."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer[:200]


class TryLater(GoogleError):
    """Not now. `retry_after`: seconds Google asked to wait, if it said so."""

    def __init__(self, answer: str, *, retry_after: float | None = None) -> None:
        super().__init__(answer)
        self.retry_after = retry_after


class Unavailable(TryLater):
    """Down, slow, unreachable, or misconfigured on our side."""


class RateLimited(TryLater):
    """Too many calls."""


class TokenExpired(GoogleError):
    """The access token is not, or no longer, valid: refresh it once."""


class Broken(GoogleError):
    """The connection is over until its owner connects again. `reason`: GoogleAccount.Trouble."""

    def __init__(self, answer: str, *, reason: str) -> None:
        super().__init__(answer)
        self.reason = reason


class Refused(GoogleError):
    """Google will never do this, however often it is asked."""


class Duplicate(GoogleError):
    """An event with this id was made before; it may be deleted by now."""


class NotFound(GoogleError):
    """No event with this id was ever here."""


class Gone(GoogleError):
    """The event was here and is deleted."""


class ConsentFailed(GoogleError):
    """The code that came back from the consent page is worth nothing."""


class MissingScope(GoogleError):
    """Consent came without what we asked for. `token` is the half-hearted one, to give back."""

    def __init__(self, answer: str, *, token: str) -> None:
        super().__init__(answer)
        self.token = token


@dataclass(frozen=True)
class Tokens:
    """What Google gives for a code or a refresh token; `refresh` is empty for the latter."""

    access: str
    refresh: str
    expires_at: datetime
    scopes: str


def client_config() -> dict[str, Any]:
    """Google's client secrets, without their outer `web`; empty when Google is not configured."""
    config: dict[str, Any] = settings.GOOGLE_CLIENT_CONFIG or {}
    inner: dict[str, Any] = config.get("web") or config.get("installed") or {}
    return inner


def is_configured() -> bool:
    return bool(client_config())


# -- consent and tokens ------------------------------------------------------------------------


def _flow(redirect_uri: str, **options: Any) -> Any:
    from google_auth_oauthlib.flow import Flow

    address = urlsplit(client_config()["token_uri"])
    if address.scheme == "http" and address.hostname in LOOPBACK:
        # oauthlib knows no finer switch. Reached only with a stand-in on this machine.
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    flow = Flow.from_client_config(
        {"web": client_config()}, SCOPES, redirect_uri=redirect_uri, **options
    )
    flow.oauth2session.max_redirects = 0
    return flow


def consent_address(*, redirect_uri: str) -> tuple[str, str, str]:
    """Where to send the person, and the state and PKCE verifier to keep until they return."""
    flow = _flow(redirect_uri, autogenerate_code_verifier=True)
    # prompt=consent: only a fresh consent comes with a refresh token.
    address, state = flow.authorization_url(access_type="offline", prompt="consent")
    return address, state, flow.code_verifier


def exchange_code(*, code: str, verifier: str, redirect_uri: str) -> Tokens:
    """The tokens behind a code. Raises ConsentFailed, MissingScope, Unavailable."""
    from oauthlib.oauth2 import OAuth2Error  # type: ignore[import-untyped]

    flow = _flow(redirect_uri, code_verifier=verifier)
    try:
        given = flow.fetch_token(code=code, timeout=TIMEOUT)
    except OAuth2Error as error:
        raise ConsentFailed(str(error.error)) from error
    except requests.RequestException as error:
        raise Unavailable(type(error).__name__) from error
    except Warning as warning:
        # How oauthlib says that other scopes were granted than asked for.
        given = getattr(warning, "token", {})
    granted = set(given.get("scope") or SCOPES)
    if not granted.issuperset(SCOPES):
        raise MissingScope("missing scope", token=given.get("access_token", ""))
    if not given.get("refresh_token"):
        raise ConsentFailed("no refresh token")
    return _tokens(given, scopes=" ".join(sorted(granted)))


def _tokens(given: dict[str, Any], *, scopes: str) -> Tokens:
    seconds = int(given.get("expires_in") or DEFAULT_TOKEN_LIFE)
    return Tokens(
        access=given["access_token"],
        refresh=given.get("refresh_token") or "",
        expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
        scopes=scopes,
    )


def _post(address: str, form: dict[str, str]) -> tuple[int, dict[str, Any], requests.Response]:
    try:
        response = requests.post(address, data=form, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        raise Unavailable(type(error).__name__) from error
    try:
        body = response.json()
    except ValueError:
        body = {}
    return response.status_code, body if isinstance(body, dict) else {}, response


def refresh(refresh_token: str) -> Tokens:
    """A new access token. Raises Broken when the grant is over, TryLater for anything else.

    Asked directly and once: google-auth would retry with sleeps inside, and the job that asks
    has a better idea of when to come back.
    """
    config = client_config()
    if not config:
        raise Unavailable("not configured")
    status, body, response = _post(
        config["token_uri"],
        {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": config["client_id"],
            "client_secret": config["client_secret"],
        },
    )
    if status == 200 and body.get("access_token"):
        return _tokens(body, scopes=str(body.get("scope") or ""))
    answer = f"token {status} {body.get('error', '')}".strip()
    if body.get("error") == "invalid_grant":
        raise Broken(answer, reason="revoked")
    if status == 429:
        raise RateLimited(answer, retry_after=_retry_after(response.headers.get("Retry-After")))
    raise Unavailable(answer, retry_after=_retry_after(response.headers.get("Retry-After")))


def revoke(token: str) -> None:
    """Give a grant back. Nothing to give back counts as done. Raises TryLater."""
    status, body, response = _post(settings.GOOGLE_REVOKE_URL, {"token": token})
    if status == 200 or (status == 400 and body.get("error") in {"invalid_token", "invalid_grant"}):
        return
    raise Unavailable(
        f"revoke {status}", retry_after=_retry_after(response.headers.get("Retry-After"))
    )


def _retry_after(value: str | None) -> float | None:
    """Seconds out of a Retry-After header, which is a number or a date; an hour at most."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


# -- events ------------------------------------------------------------------------------------


class Calendar:
    """The primary calendar behind an access token. One per use: the service is not thread-safe.

    Every method raises TokenExpired, Broken, RateLimited, Unavailable or Refused, and what its
    own words name.
    """

    def __init__(self, access_token: str) -> None:
        import httplib2
        from google.oauth2.credentials import Credentials
        from google_auth_httplib2 import AuthorizedHttp
        from googleapiclient.discovery import build

        http = httplib2.Http(timeout=TIMEOUT)
        http.follow_redirects = False
        self._service = build(
            "calendar",
            "v3",
            # Refreshing is ours (tokens.py): it is shared between workers and saved.
            http=AuthorizedHttp(Credentials(access_token), http=http, refresh_status_codes=()),
            static_discovery=True,
            client_options={"api_endpoint": f"{settings.GOOGLE_API_BASE}/calendar/v3/"},
        )
        self._events = self._service.events()

    def close(self) -> None:
        self._service.close()

    def name(self) -> str:
        """What Google calls this calendar; asks for none of its events but ours."""
        page = self._execute(
            self._events.list(
                calendarId="primary", privateExtendedProperty=f"{OUR_PROPERTY}=1", maxResults=1
            )
        )
        return str(page.get("summary") or "")

    def insert(self, event_id: str, body: dict[str, Any]) -> None:
        """Make the event. Raises Duplicate."""
        self._execute(self._events.insert(calendarId="primary", body=body | {"id": event_id}))

    def get(self, event_id: str) -> dict[str, Any]:
        """The event as Google has it, a deleted one too. Raises NotFound, Gone."""
        return self._execute(self._events.get(calendarId="primary", eventId=event_id))

    def patch(self, event_id: str, body: dict[str, Any]) -> None:
        """Make the event say this. Raises NotFound, Gone."""
        self._execute(self._events.patch(calendarId="primary", eventId=event_id, body=body))

    def delete(self, event_id: str) -> None:
        """Take the event out. Raises NotFound, Gone."""
        self._execute(self._events.delete(calendarId="primary", eventId=event_id))

    def _execute(self, request: Any) -> dict[str, Any]:
        import httplib2
        from google.auth.exceptions import GoogleAuthError
        from googleapiclient.errors import Error, HttpError

        try:
            # No retries in here: the job that called comes back later, and sleeps nowhere.
            answer = request.execute(num_retries=0)
        except HttpError as error:
            raise _translated(error) from None
        except (Error, GoogleAuthError, httplib2.HttpLib2Error, OSError, ValueError) as error:
            # Timeouts and TLS trouble are OSErrors, a body that is no JSON is a ValueError.
            raise Unavailable(type(error).__name__) from error
        return answer if isinstance(answer, dict) else {}


@contextmanager
def opened(access_token: str) -> Iterator[Calendar]:
    """A Calendar that is closed afterwards."""
    calendar = Calendar(access_token)
    try:
        yield calendar
    finally:
        calendar.close()


def _reason(error: Any) -> str:
    """The machine-readable word in Google's answer, in its old place or its new one."""
    details = error.error_details
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and detail.get("reason"):
            return str(detail["reason"])
    return ""


def _translated(error: Any) -> GoogleError:
    status, reason = error.status_code, _reason(error)
    answer = f"{status} {reason}".strip()
    wait = _retry_after(error.resp.get("retry-after"))
    if status == 401:
        return TokenExpired(answer)
    if status == 403 and reason in SCOPE_REASONS:
        return Broken(answer, reason="scope")
    if status == 429 or (status == 403 and reason in RATE_REASONS):
        return RateLimited(answer, retry_after=wait)
    if status >= 500 or status < 400 or status == 408 or reason in OPERATOR_REASONS:
        return Unavailable(answer, retry_after=wait)
    known = {404: NotFound, 409: Duplicate, 410: Gone}
    return known.get(status, Refused)(answer)
