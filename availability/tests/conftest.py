import pytest

from users.tests.factories import make_clinic, make_doctor


@pytest.fixture
def doctor(db):
    return make_doctor(name="Dr. Amélie Okafor", clinics=[make_clinic(name="Mitte")])


@pytest.fixture
def as_doctor(client, doctor):
    client.force_login(doctor.user)
    return client
