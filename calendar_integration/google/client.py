"""The client of Google: consent, tokens, and events in a user's primary calendar.

The only module that imports Google's libraries. It imports them inside functions, because they
take 30 MB and 200 ms and most processes never call Google. Callers see neither HTTP nor these
libraries: every failure is one of the errors below.
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
TIMEOUT = 10  # seconds
# A property of our events, by which we list them without reading any other event.
OUR_PROPERTY = "hms"
DEFAULT_TOKEN_LIFE = 3600  # seconds
LONGEST_RETRY_AFTER = 3600.0  # seconds
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
RATE_REASONS = {
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
    "dailyLimitExceeded",
    "RATE_LIMIT_EXCEEDED",
}
SCOPE_REASONS = {"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
# The operator can correct these, the user can't: the API is not enabled.
OPERATOR_REASONS = {"accessNotConfigured", "SERVICE_DISABLED"}


class GoogleError(Exception):
    """Something that Google did not do. `answer` is a short text for staff."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer[:200]


class TryLater(GoogleError):
    """It may work later. `retry_after` is the seconds that Google asks to wait, or None."""

    def __init__(self, answer: str, *, retry_after: float | None = None) -> None:
        super().__init__(answer)
        self.retry_after = retry_after


class GoogleUnavailable(TryLater):
    """Google is down, slow or unreachable, or HMS is configured wrongly."""


class RateLimited(TryLater):
    """Google received too many calls."""


class TokenExpired(GoogleError):
    """Google does not accept the access token: refresh it once."""


class Broken(GoogleError):
    """Only its owner can repair the connection, by connecting again.

    `reason` is a value of GoogleAccount.Trouble.
    """

    def __init__(self, answer: str, *, reason: str) -> None:
        super().__init__(answer)
        self.reason = reason


class GoogleRefused(GoogleError):
    """Google will never do this; another try is pointless."""


class Duplicate(GoogleError):
    """An event with this id exists, perhaps a deleted one."""


class NotFound(GoogleError):
    """The calendar never had an event with this id."""


class Gone(GoogleError):
    """The event was deleted."""


class ConsentFailed(GoogleError):
    """Google gives no usable tokens for the code from its consent page."""


class MissingScope(GoogleError):
    """The user did not allow what we need. `token` is the one to revoke; it may be empty."""

    def __init__(self, answer: str, *, token: str) -> None:
        super().__init__(answer)
        self.token = token


@dataclass(frozen=True)
class Tokens:
    """Tokens from Google, in plain text. `refresh` is empty after a refresh."""

    access: str
    refresh: str
    expires_at: datetime
    scopes: str


def client_config() -> dict[str, Any]:
    """The inner part of Google's client secrets; empty if Google is not configured."""
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
        # oauthlib has no narrower switch. Only a local stand-in for Google has such an address.
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    flow = Flow.from_client_config(
        {"web": client_config()}, SCOPES, redirect_uri=redirect_uri, **options
    )
    flow.oauth2session.max_redirects = 0
    return flow


def consent_address(*, redirect_uri: str) -> tuple[str, str, str]:
    """The address of Google's consent page, and the state and PKCE verifier for the call-back."""
    flow = _flow(redirect_uri, autogenerate_code_verifier=True)
    # Without prompt=consent, Google gives no refresh token to a user who has consented before.
    address, state = flow.authorization_url(access_type="offline", prompt="consent")
    return address, state, flow.code_verifier


def exchange_code(*, code: str, verifier: str, redirect_uri: str) -> Tokens:
    """The tokens for a code from the consent page.

    Raises ConsentFailed, MissingScope, GoogleUnavailable.
    """
    from oauthlib.oauth2 import OAuth2Error  # type: ignore[import-untyped]

    flow = _flow(redirect_uri, code_verifier=verifier)
    try:
        given = flow.fetch_token(code=code, timeout=TIMEOUT)
    except OAuth2Error as error:
        raise ConsentFailed(str(error.error)) from error
    except requests.RequestException as error:
        raise GoogleUnavailable(type(error).__name__) from error
    except Warning as warning:
        # oauthlib raises a Warning if the granted scopes differ from the requested ones.
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
        raise GoogleUnavailable(type(error).__name__) from error
    try:
        body = response.json()
    except ValueError:
        body = {}
    return response.status_code, body if isinstance(body, dict) else {}, response


def refresh(refresh_token: str) -> Tokens:
    """A new access token. Raises Broken if the grant has ended, TryLater for any other failure.

    Not through google-auth, which would retry and sleep here; the job decides when to retry.
    """
    config = client_config()
    if not config:
        raise GoogleUnavailable("not configured")
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
    raise GoogleUnavailable(answer, retry_after=_retry_after(response.headers.get("Retry-After")))


def revoke(token: str) -> None:
    """Revoke a token; one that is no longer valid counts as revoked. Raises TryLater."""
    status, body, response = _post(settings.GOOGLE_REVOKE_URL, {"token": token})
    if status == 200 or (status == 400 and body.get("error") in {"invalid_token", "invalid_grant"}):
        return
    raise GoogleUnavailable(
        f"revoke {status}", retry_after=_retry_after(response.headers.get("Retry-After"))
    )


def _retry_after(value: str | None) -> float | None:
    """Seconds from a Retry-After header (a number or a date), at most LONGEST_RETRY_AFTER."""
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
    """The primary calendar of an access token. Make one for each use: it is not thread-safe.

    Each method raises TokenExpired, Broken, RateLimited, GoogleUnavailable or GoogleRefused, and
    what its docstring adds.
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
            # Tokens are refreshed in tokens.py, where workers share and store the new one.
            http=AuthorizedHttp(Credentials(access_token), http=http, refresh_status_codes=()),
            static_discovery=True,
            client_options={"api_endpoint": f"{settings.GOOGLE_API_BASE}/calendar/v3/"},
        )
        self._events = self._service.events()

    def close(self) -> None:
        self._service.close()

    def name(self) -> str:
        """Google's name of the calendar; empty if it has none. Reads no events but ours."""
        page = self._execute(
            self._events.list(
                calendarId="primary", privateExtendedProperty=f"{OUR_PROPERTY}=1", maxResults=1
            )
        )
        return str(page.get("summary") or "")

    def insert(self, event_id: str, body: dict[str, Any]) -> None:
        """Create an event. Raises Duplicate."""
        self._execute(self._events.insert(calendarId="primary", body=body | {"id": event_id}))

    def get(self, event_id: str) -> dict[str, Any]:
        """The event at Google, also a deleted one. Raises NotFound, Gone."""
        return self._execute(self._events.get(calendarId="primary", eventId=event_id))

    def patch(self, event_id: str, body: dict[str, Any]) -> None:
        """Replace the given fields of an event. Raises NotFound, Gone."""
        self._execute(self._events.patch(calendarId="primary", eventId=event_id, body=body))

    def delete(self, event_id: str) -> None:
        """Delete an event. Raises NotFound, Gone."""
        self._execute(self._events.delete(calendarId="primary", eventId=event_id))

    def _execute(self, request: Any) -> dict[str, Any]:
        import httplib2
        from google.auth.exceptions import GoogleAuthError
        from googleapiclient.errors import Error, HttpError

        try:
            # No retries here, because they would sleep: the calling job is retried later.
            answer = request.execute(num_retries=0)
        except HttpError as error:
            raise _translated(error) from None
        except (Error, GoogleAuthError, httplib2.HttpLib2Error, OSError, ValueError) as error:
            # Time-outs and TLS errors are OSErrors, an invalid JSON body is a ValueError.
            raise GoogleUnavailable(type(error).__name__) from error
        return answer if isinstance(answer, dict) else {}


@contextmanager
def opened(access_token: str) -> Iterator[Calendar]:
    """A Calendar that is closed at the end of the block."""
    calendar = Calendar(access_token)
    try:
        yield calendar
    finally:
        calendar.close()


def _reason(error: Any) -> str:
    """Google's machine-readable reason, in either of its formats; empty if there is none."""
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
        return GoogleUnavailable(answer, retry_after=wait)
    known = {404: NotFound, 409: Duplicate, 410: Gone}
    return known.get(status, GoogleRefused)(answer)
