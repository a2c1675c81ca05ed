"""What nobody uses is looked for when nobody waits, and what stays is walked through once."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from tui import garbage
from tui.limits import SWEEP_AFTER_ROUNDS, SWEEP_EVERY_SECONDS, SWEEP_START_SECONDS


class Knot:
    """Refers to itself, so counting references does not free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


def old_knot() -> "weakref.ref[Knot]":
    """One that only a look through everything finds."""
    knot = Knot()
    for _ in range(SWEEP_AFTER_ROUNDS + 1):
        gc.collect(1)
    return weakref.ref(knot)


def test_what_is_there_after_the_start_is_set_apart() -> None:
    gc.disable()
    before = gc.get_freeze_count()
    garbage.keep()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before + 1000


def test_the_old_is_looked_through_when_nobody_touches_a_key() -> None:
    idle = [0.0, 0.0, 60.0]
    naps: list[float] = []
    alive: list[bool] = []
    knots: list[weakref.ref[Knot]] = []

    async def pause(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            knots.append(old_knot())
        alive.extend(knot() is not None for knot in knots)
        if not idle:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(garbage.sweep(lambda: idle.pop(0), pause))
    assert naps == [SWEEP_START_SECONDS, *[SWEEP_EVERY_SECONDS] * 4][: len(naps)]
    # Somebody types, and types; then nobody does.
    assert alive == [True, True, True, False]


def test_a_look_through_everything_waits_until_it_is_worth_it() -> None:
    assert garbage.is_due(SWEEP_AFTER_ROUNDS, 60.0)
    assert not garbage.is_due(SWEEP_AFTER_ROUNDS - 1, 60.0)
    assert not garbage.is_due(SWEEP_AFTER_ROUNDS, 0.1)
