import pytest

from hms.lib.hooks import Hook


@pytest.fixture
def hook():
    return Hook()


def test_hook_calls_each_function_once_in_order(hook):
    hook.connect(first := lambda number: number + 1)
    hook.connect(lambda number: number + 2)
    hook.connect(first)
    assert hook.call(1) == [2, 3]


def test_hook_without_functions_returns_nothing(hook):
    assert hook.call() == []


def test_error_reaches_the_caller(hook):
    hook.connect(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        hook.call()


def test_disconnected_function_is_not_called(hook):
    hook.connect(receiver := lambda: 1)
    hook.disconnect(receiver)
    assert hook.call() == []
