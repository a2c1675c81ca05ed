"""The hybrid clock rises while clocks are sound, follows an hour at most, and comes back."""

import random

from hypothesis import given
from hypothesis import strategies as st

from crdt.clock import READING_MAX, HybridClock, milliseconds, reading
from crdt.limits import CLOCK_MERGE_MAX_MS, CLOCK_RETURN_MS

NOW_MS = 1_790_000_000_000
DAY_MS = 24 * 60 * 60 * 1000

times = st.integers(NOW_MS - DAY_MS, NOW_MS + DAY_MS)
readings = st.integers(0, READING_MAX) | times.map(reading)
steps = st.lists(st.tuples(st.booleans(), readings, times), max_size=30)


@given(steps, readings)
def test_it_runs_backwards_only_when_it_was_far_ahead_of_now(
    taken: list[tuple[bool, int, int]], last: int
) -> None:
    clock = HybridClock(last)
    for is_tick, remote, now_ms in taken:
        before, was_far = clock.last, milliseconds(clock.last) > now_ms + CLOCK_RETURN_MS
        if is_tick:
            assert clock.tick(now_ms) > before or was_far
            assert clock.last >= reading(now_ms)
            assert milliseconds(clock.last) <= now_ms + CLOCK_RETURN_MS + 1
        else:
            clock.merge(remote, now_ms)
            assert clock.last >= before or was_far
        if was_far:
            assert clock.last == before or milliseconds(clock.last) <= now_ms + CLOCK_MERGE_MAX_MS


@given(steps)
def test_with_a_sound_wall_clock_readings_rise_whatever_others_say(
    taken: list[tuple[bool, int, int]],
) -> None:
    clock, given_out = HybridClock(), []
    times_now = sorted(now_ms for _, _, now_ms in taken)
    for (is_tick, remote, _), now_ms in zip(taken, times_now, strict=True):
        if is_tick:
            given_out.append(clock.tick(now_ms))
        else:
            clock.merge(remote, now_ms)
    assert given_out == sorted(set(given_out))


def test_a_reading_that_is_years_ahead_is_left_behind_when_the_wall_clock_is_right_again() -> None:
    clock = HybridClock()
    wrong = clock.tick(NOW_MS + 5 * 365 * DAY_MS)
    right = clock.tick(NOW_MS)
    assert right == reading(NOW_MS) < wrong
    assert clock.tick(NOW_MS) > right


def test_at_the_edge_of_what_is_followed_nothing_runs_backwards() -> None:
    clock = HybridClock()
    clock.merge(reading(NOW_MS + CLOCK_MERGE_MAX_MS), NOW_MS)
    given_out = [clock.tick(NOW_MS) for _ in range(100)]
    given_out += [clock.tick(NOW_MS - 1_000) for _ in range(100)]  # set back by a second
    assert given_out == sorted(set(given_out))
    assert milliseconds(given_out[0]) == NOW_MS + CLOCK_MERGE_MAX_MS


@given(readings, times, st.integers(0, 2 * DAY_MS))
def test_a_remote_clock_moves_it_an_hour_ahead_at_most(
    remote: int, now_ms: int, last_ms: int
) -> None:
    clock = HybridClock(reading(now_ms - last_ms))
    clock.merge(remote, now_ms)
    assert milliseconds(clock.last) <= now_ms + CLOCK_MERGE_MAX_MS
    if milliseconds(remote) < now_ms + CLOCK_MERGE_MAX_MS:
        assert clock.tick(now_ms) > remote
    else:
        assert clock.last in (reading(now_ms - last_ms), remote)


@given(st.lists(readings, max_size=8), times, st.randoms())
def test_merging_knows_no_order_and_no_repetition(
    remotes: list[int], now_ms: int, chance: random.Random
) -> None:
    clock, other = HybridClock(), HybridClock()
    for remote in remotes:
        clock.merge(remote, now_ms)
    shuffled = remotes * 2
    chance.shuffle(shuffled)
    for remote in shuffled:
        other.merge(remote, now_ms)
    assert clock.last == other.last


@given(times, st.integers(0, 2**16 - 1))
def test_a_reading_says_its_time(now_ms: int, counter: int) -> None:
    assert milliseconds(reading(now_ms, counter)) == now_ms
    assert reading(now_ms) <= reading(now_ms, counter) < reading(now_ms + 1)
    assert reading(now_ms + 1) <= READING_MAX


def test_a_reply_sorts_after_what_it_answers() -> None:
    ahead, behind = HybridClock(), HybridClock()
    question = ahead.tick(NOW_MS + 10 * 60 * 1000)
    behind.merge(question, NOW_MS)
    answer = behind.tick(NOW_MS)
    assert answer > question
    ahead.merge(answer, NOW_MS + 10 * 60 * 1000)
    assert ahead.tick(NOW_MS) > answer


def test_more_entries_than_a_millisecond_counts_go_on_in_the_next() -> None:
    clock = HybridClock(reading(NOW_MS, 2**16 - 1))
    assert clock.tick(NOW_MS) == reading(NOW_MS + 1)
