"""When Python looks for what nobody uses any more: not while somebody waits.

Almost everything is freed the moment its last user lets go of it. What refers to itself in a
circle is found by walking all objects there are: 75 ms for those of an open workspace, and a key
that comes meanwhile waits for the end of it. So

- nothing is looked for while the program starts (`chat.cli.main` says so), as all of that stays;
- what there is after the start is set apart and never walked again (`keep`); of a screen that is
  closed later, its circles stay in memory, a few hundred KiB for a whole workspace;
- of what comes later the young is looked through often, in about a millisecond, and the old when
  nobody has touched a key for a moment (`sweep`), or when far too much of it has come.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable

from tui.limits import (
    SWEEP_AFTER_ROUNDS,
    SWEEP_AT_LAST_ROUNDS,
    SWEEP_EVERY_SECONDS,
    SWEEP_IDLE_SECONDS,
    SWEEP_START_SECONDS,
)


def keep() -> None:
    """Everything there is now stays; look through what comes from now on."""
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, SWEEP_AT_LAST_ROUNDS)
    gc.enable()


def is_due(rounds: int, idle_seconds: float) -> bool:
    """Whether to look through everything that is not kept: after so many rounds through the
    young ones, when nobody has touched anything for so long."""
    return rounds >= SWEEP_AFTER_ROUNDS and idle_seconds >= SWEEP_IDLE_SECONDS


async def sweep(
    idle_seconds: Callable[[], float], pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Look after the memory of a program that has just started, until cancelled."""
    await pause(SWEEP_START_SECONDS)
    keep()
    while True:
        await pause(SWEEP_EVERY_SECONDS)
        if is_due(gc.get_count()[2], idle_seconds()):
            gc.collect()
