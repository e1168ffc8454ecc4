"""One settings file, read from top to bottom. Values come from the environment or `.env`."""

from operator import methodcaller
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from hms import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- what this installation is ------------------------------------------------------------------
SECRET_KEY = env.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", "")
DEBUG = env.boolean("DEBUG", False)
SITE_URL = env.site("SITE_URL", "http://localhost:8000")
SITE_HOST = urlsplit(SITE_URL).hostname or ""
HTTPS = SITE_URL.startswith("https://")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", f"{SITE_HOST},localhost,127.0.0.1")
# How many proxies of ours stand before us: decides which X-Forwarded-For entry is believed.
TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXY_COUNT", 0)

# --- the house rules a clinic may choose --------------------------------------------------------
DOCTOR_SIGNUP = env.choice("DOCTOR_SIGNUP", ("approval", "open", "closed"), "approval")
PUBLIC_DIRECTORY = env.boolean("PUBLIC_DIRECTORY", True)
SLOT_HORIZON_DAYS = env.integer("SLOT_HORIZON_DAYS", 366, least=1)
PUBLISH_WEEKS = env.integer("PUBLISH_WEEKS", 12, least=1)
MAX_OPEN_BOOKINGS = env.integer("MAX_OPEN_BOOKINGS", 10, least=1)
MAX_OPEN_BOOKINGS_PER_DOCTOR = env.integer("MAX_OPEN_BOOKINGS_PER_DOCTOR", 10, least=1)
MAX_RESCHEDULES = env.integer(env.renamed("MAX_RESCHEDULES", old="MAX_MOVES"), 10, least=1)
MAX_CANCELLATIONS = env.integer("MAX_CANCELLATIONS", 10, least=1)
CANCELLATIONS_WITHIN_DAYS = env.integer("CANCELLATIONS_WITHIN_DAYS", 7, least=1)
NEW_ACCOUNT_DAYS = env.integer("NEW_ACCOUNT_DAYS", 0)
NEW_ACCOUNT_MAX_OPEN_BOOKINGS = env.integer("NEW_ACCOUNT_MAX_OPEN_BOOKINGS", 2, least=1)

# --- pages that stay fresh ----------------------------------------------------------------------
# Where browsers reach the live process (hms.live); empty: pages are as fresh as they were loaded.
LIVE_URL = env.url("LIVE_URL", "")
LIVE_MOST_WATCHERS = env.integer("LIVE_MOST_WATCHERS", 5000, least=1)

# --- closed for a while -------------------------------------------------------------------------
# While this file exists, every page says so; what it holds is shown (hms/pages/maintenance.py).
MAINTENANCE_FILE = Path(env.text("MAINTENANCE_FILE", str(BASE_DIR / "maintenance")))

# --- applications -------------------------------------------------------------------------------
INSTALLED_APPS = [
    "hms.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "procrastinate.contrib.django",
    "csp",
    "notifications",
    "users",
    "calendar_integration",
    "availability",
    "bookings",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    # Pads each page by a random length, so that its size tells nothing of its secrets (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "hms.middleware.canonical_host",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "hms.middleware.browser_language",
    # After the static files that its page is made of, before everything that asks a database.
    "hms.pages.maintenance.closed_for_maintenance",
    "availability.finding.freshness.answer_alike",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "hms.middleware.reader_preferences",
    "hms.middleware.private_pages_are_not_stored",
    "hms.middleware.devices_forget",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "hms.urls"
WSGI_APPLICATION = "hms.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "users.pages.context.local_inbox",
            ],
            "libraries": {"hms_tags": "hms.lib.templatetags.hms_tags"},
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "hms.lib.templatetags.hms_tags",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.append("django.forms")

# --- database -----------------------------------------------------------------------------------
_database = env.database()
_asked = _database.pop("OPTIONS")
# A request that waits longer than this for a row or an answer is better refused in words.
_timeouts = "-c lock_timeout=3s -c statement_timeout=15s -c idle_in_transaction_session_timeout=30s"
DATABASES = {
    "default": {
        "ENGINE": "hms.backends.postgresql",
        **_database,
        # A pool of live connections per process: a new one costs more than a booking.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "pool": {
                "min_size": 1,
                "max_size": env.integer("DB_POOL_MAX", 8, least=1),
                "timeout": 3,
                # While the database is away each failed try doubles the pause before the next,
                # for as long as this: then the next request tries anew, at once.
                "reconnect_timeout": 2,
            },
            "connect_timeout": 3,
            **_asked,
            # What the address sets itself comes later and wins.
            "options": f"{_timeouts} {_asked.get('options', '')}".strip(),
        },
        "TEST": {"NAME": env.text("DB_TEST_NAME", f"test_{_database['NAME']}")},
    }
}
# Rate-limit counters live in the cache table and must survive the roll-back of the request
# that they count, so the cache writes through a connection of its own.
DATABASES["cache"] = {**DATABASES["default"], "TEST": {"MIRROR": "default"}}
DATABASE_ROUTERS = ["hms.backends.cache_router.CacheRouter"]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        # Beyond it counters are thrown away that still count: 300, the default, are soon typed.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# --- people -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
# This one alone: a second backend would hash every wrong password twice.
AUTHENTICATION_BACKENDS = ["users.login.backend.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "users.people.validators.NotOurWordsValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "bookings:dashboard"
ACCOUNT_ADAPTER = "users.login.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "users.login.forms.SafeSignupForm",
    "login": "users.login.forms.LoginForm",
}
ACCOUNT_SIGNUP_FORM_CLASS = "users.login.signup_form.SignupDetailsForm"
# The made-up user name means nothing to anybody.
ACCOUNT_USER_DISPLAY = methodcaller("get_full_name")
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 600
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS = 3
# A mistyped address cannot be changed on the code page: the page for an address that is taken
# could not offer the same, and so would tell.
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 3
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
# A whole hospital may stand behind one address, so what counts per address is generous; one
# account's failures count per address and, five times as many, from everywhere together.
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "20/m/ip,5/300s/key",
    "login_failed_anywhere": "25/300s/key",
    # Nobody's mailbox can be flooded through us.
    "confirm_email": "1/10s/key,10/h/key",
    "reset_password": "20/m/ip,3/m/key,10/h/key",
}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
PASSWORD_RESET_TIMEOUT = 3600

# --- sessions, cookies, headers -----------------------------------------------------------------
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
if HTTPS:
    # The prefix binds a cookie to this very host over TLS; browsers refuse it on plain http.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
    SECURE_HSTS_SECONDS = 63_072_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    if TRUSTED_PROXY_COUNT:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "report-uri": "/csp-report/",
    }
}
if LIVE_URL and not f"{LIVE_URL}/".startswith(f"{SITE_URL}/"):
    _live = urlsplit(LIVE_URL)
    CONTENT_SECURITY_POLICY["DIRECTIVES"]["connect-src"] = [
        SELF,
        f"{_live.scheme}://{_live.netloc}",
    ]
# A form of ours is small; only a doctor's photo is larger, and it goes to a file.
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = [
    "users.photos.uploads.LimitedUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- language and time --------------------------------------------------------------------------
LANGUAGE_CODE = "en"
# Each by its own name, for those who read no other.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ar", "العربيّة")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "hms.formats"
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE, LANGUAGE_COOKIE_SECURE = True, "Lax", HTTPS
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- files --------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(BASE_DIR / "static_collected")))
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = Path(env.text("MEDIA_ROOT", str(BASE_DIR / "media")))
STORAGES = {
    "default": env.media_storage(),
    "staticfiles": {"BACKEND": "hms.backends.static_files.JoinedManifestStaticFilesStorage"},
}

# --- mail: every message is a row, worded and sent by the function behind this address ----------
SERVERLESS_EMAIL_URL = env.url("SERVERLESS_EMAIL_URL")
EMAIL_SIGNING_KEYS = env.signing_keys("EMAIL_SIGNING_KEYS")
LOCAL_INBOX_URL = env.url("LOCAL_INBOX_URL", "")

# --- secrets at rest ----------------------------------------------------------------------------
FIELD_ENCRYPTION_KEYS = env.encryption_keys("FIELD_ENCRYPTION_KEYS")

# --- Google Calendar ----------------------------------------------------------------------------
GOOGLE_API_BASE = env.url("GOOGLE_API_BASE", "https://www.googleapis.com")
GOOGLE_REVOKE_URL = env.url("GOOGLE_REVOKE_URL", "https://oauth2.googleapis.com/revoke")
_client_secrets_file = env.ENV_FILE.with_name("client_secrets.json")
_client_secrets = env.text(
    "GOOGLE_CLIENT_SECRETS",
    _client_secrets_file.read_text() if _client_secrets_file.exists() else "",
)
# None: not configured; the pages say so and nothing else changes.
GOOGLE_CLIENT_CONFIG = env.json_object(
    "GOOGLE_CLIENT_SECRETS (or client_secrets.json)", _client_secrets
)
# --- jobs ---------------------------------------------------------------------------------------
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
PROCRASTINATE_IMPORT_PATHS = ["hms.jobs"]
PROCRASTINATE_ON_APP_READY = "hms.backends.job_queue.defer_through_django"
# A killed worker's jobs are taken up again within 20 s: heartbeat, stalled limit, rescue every 5 s.
PROCRASTINATE_WORKER_DEFAULTS = {
    "update_heartbeat_interval": 3.0,
    "stalled_worker_timeout": 10.0,
    "shutdown_graceful_timeout": 4.0,
}

# --- logs ---------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "hms.backends.json_logs.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {
        "handlers": ["console"],
        "level": env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
    },
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "googleapiclient": {"level": "WARNING"},
        "procrastinate.blueprints": {"level": "WARNING"},
        "procrastinate.periodic": {"level": "WARNING"},
    },
}
