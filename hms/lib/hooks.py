"""Call-backs from a lower app to the apps above it, which it must not import."""

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Hook(Generic[P, R]):
    """Functions of higher apps, called where something happened in a lower one.

    The lower app defines the hook with its types; a higher app connects its function in its
    AppConfig's `ready`. They run in the caller's transaction; what one raises reaches the caller.
    """

    def __init__(self) -> None:
        self._receivers: list[Callable[P, R]] = []

    def connect(self, receiver: Callable[P, R]) -> None:
        """Add a function; connecting it twice calls it once."""
        if receiver not in self._receivers:
            self._receivers.append(receiver)

    def disconnect(self, receiver: Callable[P, R]) -> None:
        """Remove a function that `connect` added. Raises ValueError for any other."""
        self._receivers.remove(receiver)

    def call(self, *args: P.args, **kwargs: P.kwargs) -> list[R]:
        """What each connected function returns, in the order in which they were connected."""
        return [receiver(*args, **kwargs) for receiver in self._receivers]
