"""The path by which migrations import the languages; other code uses `users.people`."""

from users.people.languages import of_pages

__all__ = ["of_pages"]
