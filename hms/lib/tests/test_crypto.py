import pytest

from hms.lib.crypto import DecryptionError, decrypt, encrypt, is_current

OLD, NEW = {"k1": b"1" * 32}, {"k2": b"2" * 32}


def test_decrypt_gives_back_what_was_encrypted(settings):
    settings.FIELD_ENCRYPTION_KEYS = OLD
    token = encrypt("1//refresh-ü", aad="google:7:refresh")
    assert decrypt(token, aad="google:7:refresh") == "1//refresh-ü"
    assert "refresh" not in token


def test_encrypt_never_repeats_itself(settings):
    settings.FIELD_ENCRYPTION_KEYS = OLD
    assert encrypt("same", aad="a") != encrypt("same", aad="a")


def test_decrypt_refuses_a_token_moved_to_another_row(settings):
    settings.FIELD_ENCRYPTION_KEYS = OLD
    token = encrypt("secret", aad="google:7:refresh")
    with pytest.raises(DecryptionError):
        decrypt(token, aad="google:8:refresh")


@pytest.mark.parametrize("token", ["", "k1", "k1.", "k1.%%%", "k9.AAAA", "k1.AAAA", "k1.é"])
def test_decrypt_refuses_garbage(settings, token):
    settings.FIELD_ENCRYPTION_KEYS = OLD
    with pytest.raises(DecryptionError):
        decrypt(token, aad="a")


def test_an_old_key_still_reads_after_a_new_one_writes(settings):
    settings.FIELD_ENCRYPTION_KEYS = OLD
    token = encrypt("secret", aad="a")
    settings.FIELD_ENCRYPTION_KEYS = NEW | OLD
    assert decrypt(token, aad="a") == "secret"
    assert not is_current(token)
    assert is_current(encrypt("secret", aad="a"))
