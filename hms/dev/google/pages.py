"""The stand-in's pages for people: the consent form and the calendars of all accounts."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from hms.dev.google.http import GoogleResponse

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; background: Canvas; color: CanvasText; }
header { padding: .5rem 1rem; background: #7c2d12; color: #fff; }
main { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
main.wide { max-width: 64rem; }
fieldset, table, section { margin: 0 0 1.5rem; }
fieldset { border: 1px solid GrayText; border-radius: .5rem; }
label { display: block; padding: .35rem 0; overflow-wrap: anywhere; }
input[type=email] { font: inherit; padding: .4rem; width: 100%; box-sizing: border-box; }
button { font: inherit; padding: .5rem 1.25rem; border-radius: .5rem; cursor: pointer; }
button.main { background: #1a56db; color: #fff; border: 1px solid #1a56db; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; padding: .4rem; vertical-align: top; overflow-wrap: anywhere; }
tr { border-bottom: 1px solid GrayText; }
.deleted { text-decoration: line-through; opacity: .7; }
.problem { border-inline-start: .3rem solid #dc2626; padding-inline-start: .75rem; }
.scroll { overflow-x: auto; }
"""
BANNER = "This page imitates Google on this machine. No real Google account or calendar is used."


def style() -> GoogleResponse:
    return GoogleResponse(200, STYLE.encode(), "text/css; charset=utf-8")


def page(title: str, body: str, *, status: int = 200, wide: bool = False) -> GoogleResponse:
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/style.css">'
        '<link rel="icon" href="data:,"></head><body>'
        f"<header>{BANNER}</header><main{' class=wide' if wide else ''}>"
        f"<h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return GoogleResponse(status, html.encode(), "text/html; charset=utf-8")


def error(reason: str) -> GoogleResponse:
    """Google's own error page, shown instead of a redirect to the application."""
    body = f"<p class=problem>Error 400: {escape(reason)}</p><p>The request is not valid.</p>"
    return page("Access blocked", body, status=400)


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def consent(
    fields: dict[str, str], accounts: list[str], hint: str, problem: str = ""
) -> GoogleResponse:
    """The consent form: account, permissions, Allow and Deny.

    `fields` are the parameters of the request, sent along as hidden fields; `hint` is the
    account to select; `problem` is an error to show.
    """
    choices = "".join(
        f'<label><input type="radio" name="account" value="{escape(account)}"'
        f"{' checked' if account == hint else ''}> {escape(account)}</label>"
        for account in accounts
    )
    typed = "" if hint in accounts else hint
    scopes = "".join(
        f'<label><input type="checkbox" name="granted" value="{escape(scope)}" checked> '
        f"{escape(scope)}</label>"
        for scope in fields["scope"].split()
    )
    body = (
        (f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else "")
        + "<p>HMS requests access to your Google account.</p>"
        + '<form method="post" action="/o/oauth2/auth">'
        + "".join(_hidden(name, value) for name, value in fields.items() if value)
        + f"<fieldset><legend>Account</legend>{choices}"
        + '<label for="email">'
        + ("Or another email address" if accounts else "Email address of the account")
        + f'</label><input type="email" id="email" name="email" value="{escape(typed)}"'
        + ' placeholder="someone@gmail.test" autocomplete="email"></fieldset>'
        + f"<fieldset><legend>What HMS may do</legend>{scopes}</fieldset>"
        + '<button class="main" name="decision" value="allow">Allow</button> '
        + '<button name="decision" value="deny" formnovalidate>Deny</button></form>'
    )
    return page("Log in with Google", body, status=400 if problem else 200)


def _when(event: dict[str, Any]) -> str:
    start, end = event.get("start", {}), event.get("end", {})
    if "date" in start:
        return f"{start['date']} – {end['date']}"
    begins, ends = (datetime.fromisoformat(side["dateTime"]) for side in (start, end))
    if start.get("timeZone"):
        zone = ZoneInfo(start["timeZone"])
        begins, ends = begins.astimezone(zone), ends.astimezone(zone)
    where = start.get("timeZone") or begins.strftime("%z")
    return f"{begins:%a %d %b %Y, %H:%M}–{ends:%H:%M} {where}"


def _row(event: dict[str, Any]) -> str:
    deleted = event["status"] == "cancelled"
    link = (event.get("source") or {}).get("url", "")
    cells = [
        escape(_when(event)),
        escape(event.get("summary", "(no title)")),
        escape(event.get("location", "")),
        escape(event.get("description", "")).replace("\n", "<br>"),
        f'<a href="{escape(link)}">open</a>' if link else "",
        "deleted" if deleted else escape(event["status"]),
    ]
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr id="{escape(event["id"])}"{" class=deleted" if deleted else ""}>{row}</tr>'


def calendars(events: dict[str, list[dict[str, Any]]], connected: set[str]) -> GoogleResponse:
    """The calendar of each account, with a button that revokes the access of HMS."""
    sections = []
    for account, items in events.items():
        rows = "".join(_row(event) for event in items)
        table = (
            '<div class="scroll"><table><thead><tr><th>When</th><th>Title</th><th>Where</th>'
            f"<th>Description</th><th>Link</th><th>State</th></tr></thead>{rows}</table></div>"
            if rows
            else "<p>No events yet.</p>"
        )
        access = (
            '<form method="post" action="/_revoke">'
            f"{_hidden('account', account)}<button>Revoke the access of HMS</button></form>"
            if account in connected
            else "<p>HMS has no access to this account.</p>"
        )
        sections.append(f"<section><h2>{escape(account)}</h2>{table}{access}</section>")
    body = "".join(sections) or "<p>No account yet. Connect a calendar in HMS first.</p>"
    return page("Calendars", body, wide=True)
