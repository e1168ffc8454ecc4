"""What the tests that walk through every page share."""

import pytest

from tests.browser.walk import NewWalk, Walk


@pytest.fixture(scope="session")
def places() -> dict:
    """Where each reader's pages are, filled in by the first walk that needs one."""
    return {}


@pytest.fixture
def new_walk(new_page, stack, places) -> NewWalk:
    """Start a reader's walk through their pages: `new_walk(role, **context_options)`."""
    return lambda role, **options: Walk(new_page(**options), stack, role, places)
