"""The path by which migrations name the languages; the code imports `users.people.languages`."""

from users.people.languages import of_pages

__all__ = ["of_pages"]
