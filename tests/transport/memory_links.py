"""Links without sockets, in a time that a test moves."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

from tests.transport.link_pair import handshake_machines, shake_hands
from transport.net.link import Link
from transport.proto.session import Session


class FakeLoop:
    """The four things a link asks of an event loop, in virtual time."""

    def __init__(self) -> None:
        self._now = 0.0
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = itertools.count()
        self._real = asyncio.new_event_loop()

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def create_future(self) -> "asyncio.Future[object]":
        return self._real.create_future()

    def call_soon(self, callback: Callable[[], None]) -> asyncio.Handle:
        handle = asyncio.Handle(callback, (), self)  # type: ignore[arg-type]
        self._ready.append(handle)
        return handle

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, (), self)  # type: ignore[arg-type]
        heapq.heappush(self._timers, (when, next(self._order), handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """asyncio tells its loop; this one finds out when the timer is due."""

    def run(self, seconds: float = 0.0) -> None:
        """Let time pass, and everything happen that is due in it."""
        end = self._now + seconds
        for _ in range(100_000):
            if self._ready:
                self._run(self._ready.pop(0))
            elif self._timers and self._timers[0][0] <= end:
                when, _order, handle = heapq.heappop(self._timers)
                self._now = max(self._now, when)
                self._run(handle)
            else:
                self._now = end
                return
        raise AssertionError("this never comes to rest")

    def close(self) -> None:
        self._real.close()

    @staticmethod
    def _run(handle: asyncio.Handle) -> None:
        if not handle.cancelled():
            handle._run()


class MemoryWire:
    """One end of a connection: what is written arrives at the other end in the next turn.

    Attributes:
        plugged: frames pass; a wire that is pulled out says nothing to anybody.
    """

    def __init__(self, loop: FakeLoop) -> None:
        self.writable = True
        self.plugged = True
        self.reading = True
        self.link: Link
        self.other: MemoryWire
        self._loop = loop
        self._waiting: list[bytes] = []

    def write(self, frames: list[bytes]) -> None:
        self.other._waiting += frames
        self._loop.call_soon(self.other._deliver)

    def finish(self) -> None:
        self._loop.call_soon(self.other._lost)
        self._loop.call_soon(self._lost)

    def abort(self) -> None:
        self.finish()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True
        self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        while self._waiting and self.reading and self.plugged:
            self.link.frame_received(self._waiting.pop(0))

    def _lost(self) -> None:
        if self.plugged:
            self._deliver()
            self.link.wire_lost()


def memory_links(loop: FakeLoop) -> tuple[Link, Link, MemoryWire, MemoryWire]:
    """Ana's link, Ben's link, and the two ends of the wire between them."""
    established = shake_hands(*handshake_machines())
    wires = MemoryWire(loop), MemoryWire(loop)
    for wire, other, result in zip(wires, reversed(wires), established, strict=True):
        wire.other = other
        wire.link = Link(Session(result, loop.time()), wire, loop=loop)  # type: ignore[arg-type]
    return wires[0].link, wires[1].link, *wires
