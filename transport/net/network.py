"""Noticing that this machine is somewhere else, or was asleep.

Once a second the addresses of all interfaces and both clocks are looked at. Another set of
addresses means another network; a tick that comes far too late means that the machine slept, in
which case its links are probably dead although nothing has said so. Either is reason to dial at
once, instead of when a back-off ends.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from transport.net.addresses import interface_addresses
from transport.net.clock import monotonic, wall_ms
from transport.proto.limits import ADDRESSES_POLL_SECONDS, SLEEP_GAP_SECONDS


class NetworkChange(NamedTuple):
    """What is different.

    Attributes:
        addresses: of this machine, now.
        moved: they are not those of before.
        slept: no tick came for so long that the machine must have slept.
    """

    addresses: list[str]
    moved: bool
    slept: bool


class NetworkWatch:
    """Calls back on a change.

    Args:
        on_change: told of every change.
        addresses, wall, now: where to look; the defaults are this machine's.
    """

    def __init__(
        self,
        on_change: Callable[[NetworkChange], None],
        *,
        addresses: Callable[[], Sequence[str]] = interface_addresses,
        wall: Callable[[], int] = wall_ms,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._on_change = on_change
        self._look = addresses
        self._wall = wall
        self._now = now
        self._addresses = list(addresses())
        self._ticked = (wall(), now())
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look, once a second."""
        loop = asyncio.get_running_loop()

        def tick_again() -> None:
            self._timer = loop.call_later(ADDRESSES_POLL_SECONDS, tick_again)
            self.tick()

        self.stop()
        self._ticked = (self._wall(), self._now())
        self._timer = loop.call_later(ADDRESSES_POLL_SECONDS, tick_again)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def tick(self) -> None:
        """Compare with the tick before."""
        wall_before, now_before = self._ticked
        self._ticked = (self._wall(), self._now())
        # Asleep, the monotonic clock stands still on Linux and runs on macOS; the wall clock
        # runs on both. A wall clock that somebody set forward looks the same, and does no harm.
        gap = max((self._ticked[0] - wall_before) / 1000, self._ticked[1] - now_before)
        addresses = list(self._look())
        moved = addresses != self._addresses
        slept = gap > ADDRESSES_POLL_SECONDS + SLEEP_GAP_SECONDS
        self._addresses = addresses
        if moved or slept:
            self._on_change(NetworkChange(addresses, moved, slept))
