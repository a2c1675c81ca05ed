"""When to dial again, and which of two links stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.proto import limits
from transport.proto.backoff import Redial, next_delay
from transport.proto.duplicates import Surplus, surplus_link

unit = st.floats(0, 1, exclude_max=True)


@given(rand=unit, recently=st.booleans())
def test_first_retry_comes_within_a_third_of_a_second(rand: float, recently: bool) -> None:
    assert 0.1 <= next_delay(0, recently, rand) <= 0.3


@given(attempt=st.integers(0, 10**6), rand=unit)
def test_delays_keep_their_caps(attempt: int, rand: float) -> None:
    assert 0.1 <= next_delay(attempt, True, rand) <= limits.BACKOFF_RECENT_MAX_SECONDS
    assert 0.1 <= next_delay(attempt, False, rand) <= limits.BACKOFF_MAX_SECONDS


def test_delays_grow_to_the_cap_and_spread_over_the_whole_range() -> None:
    longest = [next_delay(attempt, False, 0.999999) for attempt in range(9)]
    assert longest == sorted(longest)
    assert longest[-1] == pytest.approx(30, abs=0.1)
    assert next_delay(8, False, 0.0) == pytest.approx(0.1)


def test_peer_that_was_here_lately_is_dialled_every_second_and_a_half_at_most() -> None:
    redial = Redial().linked(100.0)
    assert redial.due is None
    now = 200.0
    for _ in range(20):
        redial = redial.failed(now, 0.99)
        assert redial.due is not None
        assert redial.due - now <= 1.5
        now = redial.due


def test_peer_not_seen_for_long_is_dialled_rarely() -> None:
    redial = Redial(failures=10, seen=0.0, due=700.0).failed(700.0, 0.99)
    assert redial.due is not None
    assert redial.due - 700 > 25


def test_change_of_network_starts_over() -> None:
    tired = Redial(failures=10, seen=None, due=500.0)
    assert tired.network_changed(480.0) == Redial(failures=0, seen=None, due=480.0)
    linked = Redial().linked(10.0)
    assert linked.network_changed(20.0) == linked


def test_announced_peer_is_dialled_at_once_but_not_in_a_loop() -> None:
    assert Redial(due=50.0).announced(20.0).due == 20.0
    failed = Redial(failures=9, due=50.0).announced(20.0)
    assert failed.due == pytest.approx(20.3)
    assert Redial(failures=9, due=20.1).announced(20.0).due == 20.1
    assert Redial().linked(1.0).announced(2.0).due is None


ids = st.binary(min_size=32, max_size=32)


def survivors(ana: bytes, ben: bytes, dialled_by: tuple[bytes, ...], *, ben_sees: int) -> list[int]:
    """Which links stand after both applied the rule; Ben sees only the last `ben_sees`."""
    standing = set(range(len(dialled_by)))
    for own, peer, seen in ((ana, ben, 2), (ben, ana, ben_sees)):
        if seen < 2:
            continue
        verdict = surplus_link(
            own,
            peer,
            older_is_ours=dialled_by[0] == own,
            newer_is_ours=dialled_by[1] == own,
        )
        if verdict is not Surplus.NONE:
            standing.discard(0 if verdict is Surplus.OLDER else 1)
    return sorted(standing)


@given(first=ids, second=ids)
def test_two_dialers_end_with_one_link(first: bytes, second: bytes) -> None:
    if first == second:
        return
    for order in ((first, second), (second, first)):
        standing = survivors(first, second, order, ben_sees=2)
        assert [order[index] for index in standing] == [min(first, second)]


def test_link_dialled_after_the_peer_lost_the_older_one_survives() -> None:
    """Ben lost the link that Ana dialled and dials her; she still believes in hers."""
    ana, ben = b"\1" * 32, b"\2" * 32
    assert 1 in survivors(ana, ben, (ana, ben), ben_sees=1)
    assert 1 in survivors(ben, ana, (ben, ana), ben_sees=1)


def test_redialling_side_keeps_the_newer() -> None:
    ana, ben = b"\1" * 32, b"\2" * 32
    assert survivors(ana, ben, (ana, ana), ben_sees=2) == [1]
    assert survivors(ana, ben, (ben, ben), ben_sees=2) == [1]
