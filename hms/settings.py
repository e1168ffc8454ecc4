"""Django settings. Their values come from the environment or from `.env`."""

from operator import methodcaller
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from hms import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- this installation --------------------------------------------------------------------------
SECRET_KEY = env.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.comma_separated("SECRET_KEY_FALLBACKS", "")
DEBUG = env.boolean("DEBUG", False)
SITE_URL = env.site("SITE_URL", "http://localhost:8000")
SITE_HOST = urlsplit(SITE_URL).hostname or ""
HTTPS = SITE_URL.startswith("https://")
ALLOWED_HOSTS = env.comma_separated("ALLOWED_HOSTS", f"{SITE_HOST},localhost,127.0.0.1")
# Number of our proxies in front of the web server: selects the X-Forwarded-For entry to trust.
TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXY_COUNT", 0)

# --- rules that a clinic may choose -------------------------------------------------------------
DOCTOR_SIGNUP = env.choice("DOCTOR_SIGNUP", ("approval", "open", "closed"), "approval")
PUBLIC_DIRECTORY = env.boolean("PUBLIC_DIRECTORY", True)
SLOT_HORIZON_DAYS = env.integer("SLOT_HORIZON_DAYS", 366, minimum=1)
PUBLISH_WEEKS = env.integer("PUBLISH_WEEKS", 12, minimum=1)
MAX_OPEN_BOOKINGS = env.integer("MAX_OPEN_BOOKINGS", 10, minimum=1)
MAX_OPEN_BOOKINGS_PER_DOCTOR = env.integer("MAX_OPEN_BOOKINGS_PER_DOCTOR", 10, minimum=1)
MAX_RESCHEDULES = env.integer(env.renamed("MAX_RESCHEDULES", old="MAX_MOVES"), 10, minimum=1)
MAX_CANCELLATIONS = env.integer("MAX_CANCELLATIONS", 10, minimum=1)
CANCELLATIONS_WITHIN_DAYS = env.integer("CANCELLATIONS_WITHIN_DAYS", 7, minimum=1)
NEW_ACCOUNT_DAYS = env.integer("NEW_ACCOUNT_DAYS", 0)
NEW_ACCOUNT_MAX_OPEN_BOOKINGS = env.integer("NEW_ACCOUNT_MAX_OPEN_BOOKINGS", 2, minimum=1)

# --- live updates of open pages -----------------------------------------------------------------
# Public address of the live process (hms.live). Empty: open pages are not updated.
LIVE_URL = env.url("LIVE_URL", "")
LIVE_MOST_WATCHERS = env.integer("LIVE_MOST_WATCHERS", 5000, minimum=1)

# --- maintenance --------------------------------------------------------------------------------
# While this file exists, every page shows its text instead (hms/pages/maintenance.py).
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
    # Pads each page by a random length, so that its size reveals no secrets (BREACH attack).
    "django.middleware.gzip.GZipMiddleware",
    "hms.middleware.canonical_host",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "hms.middleware.browser_language",
    # After the static files, which its page needs; before all middleware that uses the database.
    "hms.pages.maintenance.closed_for_maintenance",
    "availability.finding.freshness.answer_alike",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "hms.middleware.account_preferences",
    "hms.middleware.no_store_when_logged_in",
    "hms.middleware.clear_device_on_logout",
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
_database_options = _database.pop("OPTIONS")
# A request that waits longer than this ends with an error page.
_timeouts = "-c lock_timeout=3s -c statement_timeout=15s -c idle_in_transaction_session_timeout=30s"
DATABASES = {
    "default": {
        "ENGINE": "hms.backends.postgresql",
        **_database,
        # A connection pool in each process: opening a connection takes longer than a booking.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "pool": {
                "min_size": 1,
                "max_size": env.integer("DB_POOL_MAX", 8, minimum=1),
                "timeout": 3,
                # Seconds. psycopg doubles its pause after each failed attempt to connect. After
                # this time it gives up, and the next request connects without a pause.
                "reconnect_timeout": 2,
            },
            "connect_timeout": 3,
            **_database_options,
            # Options in DATABASE_URL come last and override ours.
            "options": f"{_timeouts} {_database_options.get('options', '')}".strip(),
        },
        "TEST": {"NAME": env.text("DB_TEST_NAME", f"test_{_database['NAME']}")},
    }
}
# Rate-limit counters are in the cache table. They must survive a rollback of the request that
# they count, so the cache has its own connection.
DATABASES["cache"] = {**DATABASES["default"], "TEST": {"MIRROR": "default"}}
DATABASE_ROUTERS = ["hms.backends.cache_router.CacheRouter"]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        # The default, 300, is too low: an attacker could push out counters that are still needed.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# --- accounts (django.contrib.auth) -------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
# Only one: a second backend would hash every wrong password again.
AUTHENTICATION_BACKENDS = ["users.auth.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "users.people.validators.ContextWordsValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "bookings:dashboard"
PASSWORD_RESET_TIMEOUT = 3600

# --- accounts (django-allauth): our choices -----------------------------------------------------
ACCOUNT_ADAPTER = "users.login.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "users.login.forms.SafeSignupForm",
    "login": "users.login.forms.LoginForm",
}
ACCOUNT_SIGNUP_FORM_CLASS = "users.login.signup_form.SignupDetailsForm"
# Our user names are random, so the name of a person is shown.
ACCOUNT_USER_DISPLAY = methodcaller("get_full_name")
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 600
# SUPPORTS_CHANGE stays off: the page for an address that already has an account could not offer
# to change the address, and the difference would reveal the account.
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 3
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = False
# A whole hospital may share one IP address, so the limits by IP address are generous. Failed
# logins to one account are limited by IP address and, five times as high, over all addresses.
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "20/m/ip,5/300s/key",
    "login_failed_anywhere": "25/300s/key",
    # Prevents flooding somebody's mailbox.
    "confirm_email": "1/10s/key,10/h/key",
    "reset_password": "20/m/ip,3/m/key,10/h/key",
}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

# --- accounts (django-allauth): defaults, repeated because our security depends on them ----------
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False

# --- sessions, cookies, headers -----------------------------------------------------------------
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
if HTTPS:
    # Browsers accept the __Host- prefix only over https, and only for this exact host.
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
# Our forms are small. Only a doctor's photo is larger; it is written to a temporary file.
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = [
    "users.photos.uploads.LimitedUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- language and time --------------------------------------------------------------------------
LANGUAGE_CODE = "en"
# Each language in its own name.
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

# --- email: the mail function writes and sends each row of notifications.Email ------------------
SERVERLESS_EMAIL_URL = env.url("SERVERLESS_EMAIL_URL")
EMAIL_SIGNING_KEYS = env.signing_keys("EMAIL_SIGNING_KEYS")
LOCAL_INBOX_URL = env.url("LOCAL_INBOX_URL", "")

# --- encryption of stored secrets ---------------------------------------------------------------
FIELD_ENCRYPTION_KEYS = env.encryption_keys("FIELD_ENCRYPTION_KEYS")

# --- Google Calendar ----------------------------------------------------------------------------
GOOGLE_API_BASE = env.url("GOOGLE_API_BASE", "https://www.googleapis.com")
GOOGLE_REVOKE_URL = env.url("GOOGLE_REVOKE_URL", "https://oauth2.googleapis.com/revoke")
_client_secrets_file = env.ENV_FILE.with_name("client_secrets.json")
_client_secrets = env.text(
    "GOOGLE_CLIENT_SECRETS",
    _client_secrets_file.read_text() if _client_secrets_file.exists() else "",
)
# None: not configured. The pages say so; everything else works.
GOOGLE_CLIENT_CONFIG = env.json_object(
    "GOOGLE_CLIENT_SECRETS (or client_secrets.json)", _client_secrets
)

# --- jobs ---------------------------------------------------------------------------------------
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
PROCRASTINATE_IMPORT_PATHS = ["hms.jobs"]
PROCRASTINATE_ON_APP_READY = "hms.backends.job_queue.defer_through_django"
# The jobs of a killed worker start again within 20 s: after 10 s without a heartbeat they count as
# stalled, and hms.jobs.rescue_stalled runs every 5 s.
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
