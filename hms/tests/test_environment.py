import re
import runpy
from base64 import b64encode
from pathlib import Path

import pytest
from allauth.account import app_settings
from django.core.exceptions import ImproperlyConfigured

from hms import environment as env

ROOT = Path(__file__).parents[2]
KEY = b64encode(b"k" * 32).decode()


@pytest.fixture
def given(monkeypatch):
    def set_value(value):
        monkeypatch.setenv("SETTING", value)

    monkeypatch.delenv("SETTING", raising=False)
    return set_value


def test_photos_are_files_unless_a_bucket_is_named(monkeypatch):
    monkeypatch.delenv("MEDIA_S3_BUCKET", raising=False)
    assert env.media_storage() == {"BACKEND": "django.core.files.storage.FileSystemStorage"}


def test_photos_go_into_the_bucket_that_is_named(monkeypatch):
    monkeypatch.setattr(env, "find_spec", lambda name: object())
    monkeypatch.setenv("MEDIA_S3_BUCKET", "photos")
    monkeypatch.setenv("MEDIA_S3_ENDPOINT", "https://s3.example/")
    assert env.media_storage() == {
        "BACKEND": "hms.backends.bucket.Bucket",
        "OPTIONS": {
            "bucket_name": "photos",
            "endpoint_url": "https://s3.example",
            "region_name": None,
            "location": "",
        },
    }


def test_photos_in_a_bucket_without_its_library_are_refused(monkeypatch):
    monkeypatch.setattr(env, "find_spec", lambda name: None)
    monkeypatch.setenv("MEDIA_S3_BUCKET", "photos")
    with pytest.raises(ImproperlyConfigured, match=r"install requirements-s3\.txt"):
        env.media_storage()


def test_missing_text_names_the_setting(given):
    with pytest.raises(ImproperlyConfigured, match=r"Set SETTING; \.env\.example lists"):
        env.text("SETTING")


def test_text_empty_counts_as_missing(given):
    given("  ")
    assert env.text("SETTING", "default") == "default"


@pytest.mark.parametrize("value", ["true", "1", "yes", "FALSE", "Flase"])
def test_boolean_invalid_is_refused(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured, match="must be one of True, False"):
        env.boolean("SETTING", False)


@pytest.mark.parametrize("value", ["-1", "ten", "1.5", "²"])
def test_integer_invalid_is_refused(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured, match="whole number"):
        env.integer("SETTING", 1)


def test_a_renamed_variable_is_still_read_with_a_warning(monkeypatch):
    monkeypatch.setenv("OLD_SETTING", "7")
    with pytest.warns(FutureWarning, match="OLD_SETTING is now called NEW_SETTING"):
        assert env.integer(env.renamed("NEW_SETTING", old="OLD_SETTING"), 1) == 7


def test_a_renamed_variable_wins_over_its_old_name(monkeypatch):
    monkeypatch.setenv("OLD_SETTING", "7")
    monkeypatch.setenv("NEW_SETTING", "8")
    assert env.integer(env.renamed("NEW_SETTING", old="OLD_SETTING"), 1) == 8


@pytest.mark.parametrize("value", ["localhost:8000", "ftp://x", "http://", "x"])
def test_url_invalid_is_refused(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured, match="must be an address"):
        env.url("SETTING")


def test_url_may_be_empty_if_its_default_is(given):
    assert env.url("SETTING", "") == ""


@pytest.mark.parametrize("value", ["short", "a" * 60])
def test_secret_that_is_easy_to_guess_is_refused(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured, match="too easy to guess"):
        env.secret("SETTING")


@pytest.mark.parametrize("value", [",", "k" * 32 + ",short"])
def test_signing_keys_short_or_none_are_refused(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured, match="32 characters"):
        env.signing_keys("SETTING")


def test_encryption_keys_keep_their_order(given):
    given(f"new:{KEY}, old:{KEY}")
    assert list(env.encryption_keys("SETTING")) == ["new", "old"]


@pytest.mark.parametrize(
    "value",
    [",", "k1", "k1:", "k1:abc", "k1:ü", f":{KEY}", f"k-1:{KEY}", f"k1:{KEY},k1:{KEY}"],
)
def test_encryption_keys_invalid_are_refused(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured, match="id:key"):
        env.encryption_keys("SETTING")


def test_database_from_an_address(monkeypatch):
    monkeypatch.setenv(
        "DATABASE_URL", "postgresql://u:p%40ss@db:5433/hms?sslmode=require&sslrootcert=/etc/ca.pem"
    )
    assert env.database() == {
        "NAME": "hms",
        "USER": "u",
        "PASSWORD": "p@ss",
        "HOST": "db",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require", "sslrootcert": "/etc/ca.pem"},
    }


@pytest.mark.parametrize(
    "address", ["postgresql://u:p@db:5433/hms?sslmod=require", "postgresql://u:p@db", "hms"]
)
def test_database_address_invalid_is_refused(monkeypatch, address):
    monkeypatch.setenv("DATABASE_URL", address)
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must look like"):
        env.database()


def test_database_port_invalid_is_refused(monkeypatch):
    for name, value in {"NAME": "hms", "USER": "u", "HOST": "db", "PORT": "5432x"}.items():
        monkeypatch.setenv(f"DB_{name}", value)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(ImproperlyConfigured, match="DB_PORT is '5432x'"):
        env.database()


def test_site_has_the_spelling_of_browsers(given):
    given("HTTPS://Clinic.example/")
    assert env.site("SETTING", "") == "https://clinic.example"


@pytest.mark.parametrize("value", ["https://a.example/hms", "https://a.example?x", "https://u@a.b"])
def test_site_with_more_than_a_host_is_refused(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured, match="without a path"):
        env.site("SETTING", "")


def test_json_object_is_read():
    assert env.json_object("SETTING", "") is None
    assert env.json_object("SETTING", '{"web": {}}') == {"web": {}}


@pytest.mark.parametrize("value", ["{", "5", "[]", '"x"'])
def test_json_object_invalid_is_refused(value):
    with pytest.raises(ImproperlyConfigured, match="SETTING must be the JSON"):
        env.json_object("SETTING", value)


def test_gunicorn_reads_its_numbers_like_all_settings(monkeypatch):
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    monkeypatch.setenv("WEB_THREADS", "")
    settings = runpy.run_path(str(ROOT / "hms" / "gunicorn.conf.py"))
    assert (settings["workers"], settings["threads"]) == (3, 4)
    monkeypatch.setenv("WEB_THREADS", "many")
    with pytest.raises(ImproperlyConfigured, match="WEB_THREADS is 'many'"):
        runpy.run_path(str(ROOT / "hms" / "gunicorn.conf.py"))


def test_gunicorn_refuses_a_invalid_switch(monkeypatch):
    monkeypatch.setenv("WEB_PRELOAD", "no")
    with pytest.raises(ImproperlyConfigured, match="WEB_PRELOAD is 'no'"):
        runpy.run_path(str(ROOT / "hms" / "gunicorn.conf.py"))


def test_settings_that_repeat_defaults_of_allauth_equal_them(settings):
    text = (ROOT / "hms" / "settings.py").read_text()
    block = text.split("(django-allauth): defaults, repeated")[1].split("\n# ---")[0]
    names = re.findall(r"^ACCOUNT_(\w+) =", block, re.M)
    ours = [getattr(settings, f"ACCOUNT_{name}") for name in names]
    for name in names:
        delattr(settings, f"ACCOUNT_{name}")
    assert [getattr(app_settings, name) for name in names] == ours
    assert len(names) == 4


def test_every_setting_that_django_reads_is_in_the_example():
    read = "".join(
        (ROOT / "hms" / name).read_text()
        for name in ("settings.py", "environment.py", "gunicorn.conf.py")
    )
    names = set(re.findall(r'(?:env\.\w+|text|integer|boolean|url)\(\s*"([A-Z0-9_]+)"', read))
    listed = set(re.findall(r"^(?:# )?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M))
    # DB_TEST_NAME is only for tests.
    assert names - {"DB_TEST_NAME"} <= listed
    # The others belong to the mail function, which has its own environment.
    assert listed - names == {
        *("SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_PASS", "MAIL_FROM", "MAIL_DOMAIN")
    }
