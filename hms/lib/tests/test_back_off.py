from hms.lib.back_off import FIRST_WAIT, LONGEST_WAIT, BackOff


def test_back_off_waits_longer_each_time_up_to_the_longest():
    waits = [BackOff().wait(KeyError("x"), attempts) or 0 for attempts in range(30)]
    assert FIRST_WAIT / 2 <= waits[0] <= FIRST_WAIT
    assert all(earlier < later for earlier, later in zip(waits[:7:2], waits[2:9:2], strict=True))
    assert all(LONGEST_WAIT / 2 <= wait <= LONGEST_WAIT for wait in waits[10:])


def test_back_off_does_not_bring_back_together_what_failed_together():
    assert len({BackOff().wait(KeyError("x"), 5) for _ in range(20)}) > 10


def test_back_off_ends_after_its_most_attempts():
    strategy = BackOff(most_attempts=3)
    assert strategy.wait(KeyError("x"), 2)
    assert strategy.wait(KeyError("x"), 3) is None
