"""The path by which migrations name the validators; the code imports `users.people.validators`."""

from users.people.validators import validate_birth_date, validate_person_name, validate_phone

__all__ = ["validate_birth_date", "validate_person_name", "validate_phone"]
