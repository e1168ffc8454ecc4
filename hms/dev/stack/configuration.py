"""The developer's settings: which parts the stack starts, and the environment of each."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hms.dev import shifted_clock
from hms.dev.google.server import client_secrets
from hms.dev.layout import HOST, LOCAL_FOLDER, ROOT, Ports, SetupProblem, StateFolder

READ_CONFIGURATION = """
import json, sys, sysconfig
from dotenv import dotenv_values
print(json.dumps([dotenv_values(sys.argv[1]), sysconfig.get_path("purelib")]))
"""
# Removed from the environment: they change which modules Python finds, or stop its bytecode cache.
PYTHON_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
LOOPBACK = ("localhost", HOST)
PORT_USERS = {
    "web": "the website",
    "live": "the live process",
    "lambda": "the mail function",
    "lambda_control": "the mail function's control port",
    "db": "PostgreSQL",
    "smtp": "the mail catcher",
    "inbox": "the inbox",
    "google": "the Google stand-in",
}
# Required as well when SMTP_HOST is set.
REQUIRED_WITH_SMTP_HOST = ("SMTP_PORT", "MAIL_FROM", "MAIL_DOMAIN")
# Every setting that a developer may have made for this checkout.
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


def python_environment() -> dict[str, str]:
    """This process's environment for the stack's Python processes."""
    environment = {
        name: value for name, value in os.environ.items() if name not in PYTHON_VARIABLES
    }
    return {**environment, "PYTHONUNBUFFERED": "1"}


def unconfigured_environment() -> dict[str, str]:
    """As `python_environment`, without a developer's settings and `.env`.

    For tests and measurements, so that they never use a real service.
    """
    environment = {
        name: value for name, value in python_environment().items() if name not in CONFIGURED
    }
    return {**environment, "HMS_ENV_FILE": os.devnull}


@dataclass(frozen=True)
class Configuration:
    """The developer's settings, from the environment and `.env`, without empty ones."""

    given: dict[str, str]
    site_packages: Path

    @classmethod
    def read(cls, python: Path) -> "Configuration":
        """Read the settings by `python`'s python-dotenv, so that they are the same as Django's.

        Raises SetupProblem if `.env` can't be read.
        """
        answer = subprocess.run(
            [python, "-c", READ_CONFIGURATION, env_file()],
            capture_output=True,
            text=True,
            check=False,
            env=python_environment(),
        )
        if answer.returncode:
            raise SetupProblem(
                f"{env_file().name} can't be read: {answer.stderr.strip().splitlines()[-1:]}"
            )
        values, site_packages = json.loads(answer.stdout)
        merged = {**values, **os.environ}
        given = {name: value.strip() for name, value in merged.items() if value and value.strip()}
        return cls(given, Path(site_packages))

    def require_complete(self) -> None:
        """Raise SetupProblem if a mail server is set without the settings that it needs."""
        missing = [name for name in REQUIRED_WITH_SMTP_HOST if name not in self.given]
        if self.local_lambda and not self.local_mail and missing:
            raise SetupProblem(
                f"SMTP_HOST is set: set {', '.join(missing)} as well (see .env.example)."
            )

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

    def is_local_only(self, ports: Ports) -> bool:
        """Whether database and website are on this machine only, so that demo data are safe."""
        return self.local_db and urlsplit(self.site_url(ports)).hostname in LOOPBACK

    def needed_ports(self) -> list[str]:
        """The names of the ports that the stack opens."""
        return [
            *("web", "live"),
            *(("db",) if self.local_db else ()),
            *(("lambda", "lambda_control") if self.local_lambda else ()),
            *(("smtp", "inbox") if self.local_mail else ()),
            *(("google",) if self.local_google else ()),
        ]

    def site_url(self, ports: Ports) -> str:
        """SITE_URL; if it is not set or on loopback, the address with the stack's own port."""
        given = self.given.get("SITE_URL", "").rstrip("/")
        if given and urlsplit(given).hostname not in LOOPBACK:
            return given
        return f"http://localhost:{ports['web']}"

    def django(
        self, state: StateFolder, ports: Ports, secrets: dict[str, str], *, debug: bool
    ) -> dict[str, str]:
        """The environment of the Django processes, with local values for what is not configured."""
        defaults = {
            "SECRET_KEY": secrets["SECRET_KEY"],
            "FIELD_ENCRYPTION_KEYS": secrets["FIELD_ENCRYPTION_KEYS"],
            # Shared by all state folders: collecting is the slowest step of a start.
            "STATIC_ROOT": str(LOCAL_FOLDER / "static"),
            "MEDIA_ROOT": str(state.folder / "media"),
        }
        if urlsplit(self.site_url(ports)).hostname in LOOPBACK:
            defaults["LIVE_URL"] = f"http://localhost:{ports['live']}"
        if self.local_lambda:
            defaults["EMAIL_SIGNING_KEYS"] = secrets["EMAIL_SIGNING_KEYS"]
            defaults["SERVERLESS_EMAIL_URL"] = f"http://{HOST}:{ports['lambda']}/send"
        if self.local_mail:
            defaults["LOCAL_INBOX_URL"] = f"http://localhost:{ports['inbox']}"
        if self.local_google:
            base = f"http://localhost:{ports['google']}"
            callback = f"{self.site_url(ports)}/calendar/oauth2callback/"
            defaults["GOOGLE_CLIENT_SECRETS"] = json.dumps(client_secrets(base, callback))
            defaults["GOOGLE_API_BASE"] = base
            defaults["GOOGLE_REVOKE_URL"] = f"{base}/revoke"
        chosen = {"SITE_URL": self.site_url(ports)} | ({"DEBUG": "True"} if debug else {})
        return {**defaults, **python_environment(), **self._without_configured(defaults), **chosen}

    def _without_configured(self, defaults: dict[str, str]) -> dict[str, str]:
        # The stand-in's addresses win over .env: its client must not be used with the real Google.
        stand_in = {"GOOGLE_API_BASE", "GOOGLE_REVOKE_URL"} & defaults.keys()
        return {k: v for k, v in defaults.items() if k in stand_in or k not in self.given}

    def mail_function(
        self, state: StateFolder, ports: Ports, secrets: dict[str, str], path: str
    ) -> dict[str, str]:
        """The environment of the mail function: what it needs, without the website's secrets."""
        smtp = {"SMTP_HOST": HOST, "SMTP_PORT": str(ports["smtp"])}
        if not self.local_mail:
            names = ("SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_PASS")
            smtp = {name: self.given[name] for name in names if name in self.given}
        certificates = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "LANG")
        return {
            **{name: os.environ[name] for name in certificates if name in os.environ},
            **smtp,
            **shifted_clock.inherited(),
            "PATH": path,
            # serverless writes into its home folder; this keeps the developer's unchanged.
            "HOME": str(state.part_folder("lambda")),
            "SLS_TELEMETRY_DISABLED": "1",
            "SLS_NOTIFICATIONS_MODE": "off",
            "PYTHONUNBUFFERED": "1",
            "MAIL_FROM": self.given.get("MAIL_FROM", "HMS <no-reply@hms.example>"),
            "MAIL_DOMAIN": self.given.get("MAIL_DOMAIN", "hms.example"),
            "EMAIL_SIGNING_KEYS": self.given.get(
                "EMAIL_SIGNING_KEYS", secrets["EMAIL_SIGNING_KEYS"]
            ),
            "ALLOWED_LINK_PREFIX": self.site_url(ports),
            "DEDUPE_FILE": str(state.part_folder("lambda") / "sent.sqlite3"),
        }
