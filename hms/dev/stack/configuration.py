"""What the reader configured, and so which parts are started here and with which settings."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hms.dev.google.server import client_secrets
from hms.dev.layout import HOME, HOST, ROOT, Ports, Problem, State

ASK = """
import json, sys, sysconfig
from dotenv import dotenv_values
print(json.dumps([dotenv_values(sys.argv[1]), sysconfig.get_path("purelib")]))
"""
# What would bend the Python of the parts, or keep it from caching what it compiled.
BENDING = ("PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
LOOPBACK = ("localhost", HOST)
# What else a mail server of one's own needs.
WITH_SMTP_HOST = ("SMTP_PORT", "MAIL_FROM", "MAIL_DOMAIN")
# Every setting that names a service, a secret or a mode of somebody's own.
CONFIGURED = (
    *("DATABASE_URL", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_POOL_MAX"),
    *("DB_TEST_NAME", "SECRET_KEY", "EMAIL_SIGNING_KEYS", "FIELD_ENCRYPTION_KEYS", "SITE_URL"),
    *("LIVE_URL", "LIVE_MOST_WATCHERS"),
    *("ALLOWED_HOSTS", "DEBUG", "LOG_LEVEL", "LOCAL_INBOX_URL", "SERVERLESS_EMAIL_URL"),
    *("SECRET_KEY_FALLBACKS", "TRUSTED_PROXY_COUNT", "DOCTOR_SIGNUP", "PUBLIC_DIRECTORY"),
    *("SLOT_HORIZON_DAYS", "MAX_OPEN_BOOKINGS", "WEB_CONCURRENCY", "WEB_THREADS", "WEB_PRELOAD"),
    *("MAX_OPEN_BOOKINGS_PER_DOCTOR", "MAX_RESCHEDULES", "MAX_MOVES", "MAX_CANCELLATIONS"),
    *("CANCELLATIONS_WITHIN_DAYS", "NEW_ACCOUNT_DAYS", "NEW_ACCOUNT_MAX_OPEN_BOOKINGS"),
    *("PUBLISH_WEEKS", "MAINTENANCE_FILE", "MAIL_FROM", "MAIL_DOMAIN"),
    *("SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_PASS", "STATIC_ROOT", "MEDIA_ROOT"),
    *("MEDIA_S3_BUCKET", "MEDIA_S3_PREFIX", "MEDIA_S3_REGION", "MEDIA_S3_ENDPOINT"),
    *("GOOGLE_CLIENT_SECRETS", "GOOGLE_API_BASE", "GOOGLE_REVOKE_URL"),
)


def env_file() -> Path:
    return Path(os.environ.get("HMS_ENV_FILE") or ROOT / ".env")


def plain_environment() -> dict[str, str]:
    """The reader's environment for our Python processes."""
    kept = {name: value for name, value in os.environ.items() if name not in BENDING}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def unconfigured_environment() -> dict[str, str]:
    """As above, without anybody's settings: tests and measurements never meet real services."""
    kept = {name: value for name, value in plain_environment().items() if name not in CONFIGURED}
    return {**kept, "HMS_ENV_FILE": os.devnull}


@dataclass(frozen=True)
class Configuration:
    """The reader's settings, from the environment and `.env`, without the empty ones."""

    given: dict[str, str]
    site_packages: Path

    @classmethod
    def read(cls, python: Path) -> "Configuration":
        """Read with the installed python-dotenv, so that it means what Django will read."""
        answer = subprocess.run(
            [python, "-c", ASK, env_file()],
            capture_output=True,
            text=True,
            check=False,
            env=plain_environment(),
        )
        if answer.returncode:
            raise Problem(
                f"{env_file().name} can't be read: {answer.stderr.strip().splitlines()[-1:]}"
            )
        values, site_packages = json.loads(answer.stdout)
        merged = {**values, **os.environ}
        given = {name: value.strip() for name, value in merged.items() if value and value.strip()}
        return cls(given, Path(site_packages))

    def demand_whole(self) -> None:
        """Raise Problem where the mail function would have a server and not know who is sending."""
        missing = [name for name in WITH_SMTP_HOST if name not in self.given]
        if self.local_lambda and not self.local_mail and missing:
            raise Problem(f"SMTP_HOST is set: set {', '.join(missing)} as well (.env.example).")

    @property
    def local_db(self) -> bool:
        return not {"DATABASE_URL", "DB_HOST"} & self.given.keys()

    @property
    def local_lambda(self) -> bool:
        return "SERVERLESS_EMAIL_URL" not in self.given

    @property
    def local_mail(self) -> bool:
        return self.local_lambda and "SMTP_HOST" not in self.given

    @property
    def local_google(self) -> bool:
        return "GOOGLE_CLIENT_SECRETS" not in self.given and not (
            env_file().with_name("client_secrets.json").exists()
        )

    @property
    def logs_info(self) -> bool:
        return self.given.get("LOG_LEVEL", "INFO") in ("DEBUG", "INFO")

    def is_all_ours(self, ports: Ports) -> bool:
        """Whether nobody but this machine's people can meet what is put into the database."""
        return self.local_db and urlsplit(self.site_url(ports)).hostname in LOOPBACK

    def wanted_ports(self) -> dict[str, str]:
        """The ports that will be opened, by name, each with what it is for."""
        wanted = {"web": "the website", "live": "the live process"}
        if self.local_db:
            wanted["db"] = "PostgreSQL"
        if self.local_lambda:
            wanted |= {"lambda": "the Lambda", "lambda_control": "the Lambda's control port"}
        if self.local_mail:
            wanted |= {"smtp": "the mail catcher", "inbox": "the inbox"}
        if self.local_google:
            wanted["google"] = "the Google stand-in"
        return wanted

    def site_url(self, ports: Ports) -> str:
        """The configured address; a loopback one follows the port that is really served."""
        given = self.given.get("SITE_URL", "").rstrip("/")
        if given and urlsplit(given).hostname not in LOOPBACK:
            return given
        return f"http://localhost:{ports['web']}"

    def django(
        self, state: State, ports: Ports, secrets: dict[str, str], *, debug: bool
    ) -> dict[str, str]:
        """The environment of every Django process: what is not configured gets values of ours."""
        ours = {
            "SECRET_KEY": secrets["SECRET_KEY"],
            "FIELD_ENCRYPTION_KEYS": secrets["FIELD_ENCRYPTION_KEYS"],
            # Of the checkout, not of the state: collecting costs more than all else at a start.
            "STATIC_ROOT": str(HOME / "static"),
            "MEDIA_ROOT": str(state.folder / "media"),
        }
        if urlsplit(self.site_url(ports)).hostname in LOOPBACK:
            ours["LIVE_URL"] = f"http://localhost:{ports['live']}"
        if self.local_lambda:
            ours["EMAIL_SIGNING_KEYS"] = secrets["EMAIL_SIGNING_KEYS"]
            ours["SERVERLESS_EMAIL_URL"] = f"http://{HOST}:{ports['lambda']}/send"
        if self.local_mail:
            ours["LOCAL_INBOX_URL"] = f"http://localhost:{ports['inbox']}"
        if self.local_google:
            base = f"http://localhost:{ports['google']}"
            callback = f"{self.site_url(ports)}/calendar/oauth2callback/"
            ours["GOOGLE_CLIENT_SECRETS"] = json.dumps(client_secrets(base, callback))
            ours["GOOGLE_API_BASE"] = base
            ours["GOOGLE_REVOKE_URL"] = f"{base}/revoke"
        chosen = {"SITE_URL": self.site_url(ports)} | ({"DEBUG": "True"} if debug else {})
        return {**ours, **plain_environment(), **self._known(ours), **chosen}

    def _known(self, ours: dict[str, str]) -> dict[str, str]:
        # The real Google is never asked with the stand-in's client, whatever .env.example left.
        stand_in = {"GOOGLE_API_BASE", "GOOGLE_REVOKE_URL"} & ours.keys()
        return {k: v for k, v in ours.items() if k in stand_in or k not in self.given}

    def mail_function(
        self, state: State, ports: Ports, secrets: dict[str, str], path: str
    ) -> dict[str, str]:
        """The Lambda's environment: what it needs and nothing else, no key to the house."""
        smtp = {"SMTP_HOST": HOST, "SMTP_PORT": str(ports["smtp"])}
        if not self.local_mail:
            names = ("SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_PASS")
            smtp = {name: self.given[name] for name in names if name in self.given}
        certificates = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "LANG")
        return {
            **{name: os.environ[name] for name in certificates if name in os.environ},
            **smtp,
            "PATH": path,
            # serverless keeps notes in its home; the reader's own stays as it is.
            "HOME": str(state.part("lambda")),
            "SLS_TELEMETRY_DISABLED": "1",
            "SLS_NOTIFICATIONS_MODE": "off",
            "PYTHONUNBUFFERED": "1",
            "MAIL_FROM": self.given.get("MAIL_FROM", "HMS <no-reply@hms.example>"),
            "MAIL_DOMAIN": self.given.get("MAIL_DOMAIN", "hms.example"),
            "EMAIL_SIGNING_KEYS": self.given.get(
                "EMAIL_SIGNING_KEYS", secrets["EMAIL_SIGNING_KEYS"]
            ),
            "ALLOWED_LINK_PREFIX": self.site_url(ports),
            "DEDUPE_FILE": str(state.part("lambda") / "sent.sqlite3"),
        }
