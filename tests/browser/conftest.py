"""What the tests that walk through every page share."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import expect

from hms.dev.checks.screenshots import Shot
from tests.browser.backstage import Backstage
from tests.browser.walk import NewWalk, Walk

# A page may wait for its turn on a busy machine.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def backstage(stack) -> Iterator[Backstage]:
    """Puts people and times on the stack where how they came there is not the point."""
    backstage = Backstage(stack)
    yield backstage
    backstage.close()


@pytest.fixture(scope="session")
def places() -> dict:
    """Where each reader's pages are, filled in by the first walk that needs one."""
    return {}


@pytest.fixture
def new_walk(new_page, stack, places) -> NewWalk:
    """Start a reader's walk through their pages, or some: `new_walk(role, shots, **context)`."""

    def start(role: str, shots: Sequence[Shot] | None = None, **options: Any) -> Walk:
        return Walk(new_page(**options), stack, role, places, shots)

    return start
