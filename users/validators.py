"""The path by which migrations import the validators; other code uses `users.people`."""

from users.people.validators import validate_birth_date, validate_person_name, validate_phone

__all__ = ["validate_birth_date", "validate_person_name", "validate_phone"]
