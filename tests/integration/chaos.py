"""A network that misbehaves: a TCP proxy for each link, and the hand that disturbs it, seeded.

    line = await Line.open(lambda: ("127.0.0.1", port))     a link's path; dial line.url
    line.delay_seconds = 0.1                                both ways, order is kept
    line.cut()                                              resets both ends
    line.half_open()                                        the far end is reset, the near stays
    line.stall(THERE)                                       nothing passes that way until heal()

Bytes are never changed, since a link notices that and ends; what is left are the ways in which
real networks fail: late, never, and without telling. `Weather` draws such troubles from a seed, and
tells processes to die (SIGKILL) or to stand still (SIGSTOP) as well. The schedule follows from the
seed; what the processes do with it does not, so a seed is a kind of weather and no replay.

`python -m tests.integration.chaos` is `clowder`, changed: it tells nobody where it listens, so that
there are no links beside those that were laid through lines.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import NamedTuple, Protocol

from chat.cli import main
from chat.links import links

READ_BYTES = 64 * 1024
HELD_READS = 64  # on the way in one direction; then the sender feels it, as with a full buffer
THERE, BACK = 0, 1

Address = tuple[str, int]


class _Flow:
    """One direction of one connection: what is read is written later, in order."""

    def __init__(self, line: "Line", way: int) -> None:
        self._line = line
        self._way = way
        self._held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD_READS)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until either end closes."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(reader))
            both.create_task(self._give(writer))

    async def _take(self, reader: asyncio.StreamReader) -> None:
        loop = asyncio.get_running_loop()
        while True:
            data = await reader.read(READ_BYTES)
            await self._held.put((loop.time() + self._line.delay_seconds, data))
            if not data:
                return

    async def _give(self, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await self._held.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self._line.flowing[self._way].wait()
            if not data:
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()


class Line:
    """The path of one link: whoever connects to `url` is connected to the target.

    Attributes:
        delay_seconds: how long bytes are on the way, in either direction.
        flowing: whether bytes are let through, there and back.
        carried: connections so far.
    """

    def __init__(self, target: Callable[[], Address | None]) -> None:
        self.url = ""
        self.delay_seconds = 0.0
        self.flowing = (asyncio.Event(), asyncio.Event())
        self.carried = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._standing: set[asyncio.StreamWriter] = set()
        self.heal()

    @classmethod
    async def open(cls, target: Callable[[], Address | None]) -> "Line":
        """A line from a free port of loopback. The target is asked for at each connection; None
        means that nobody has ever listened there."""
        line = cls(target)
        line._server = await asyncio.start_server(line._accept, "127.0.0.1", 0)
        port = line._server.sockets[0].getsockname()[1]
        line.url = f"ws://127.0.0.1:{port}"
        return line

    async def close(self) -> None:
        """End it and all that goes through it."""
        self.cut()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._connections, return_exceptions=True)

    # What can happen to it

    def cut(self) -> None:
        """Reset what goes through it, at both ends."""
        for task, near in self._connections.items():
            near.transport.abort()
            task.cancel()
        for near in self._standing:
            near.transport.abort()
        self._standing.clear()

    def half_open(self) -> None:
        """The far end vanishes, and the near one hears neither of that nor anything else."""
        for task, near in self._connections.items():
            self._standing.add(near)
            task.cancel()

    def stall(self, *ways: int) -> None:
        """Let nothing through these ways."""
        for way in ways:
            self.flowing[way].clear()

    def heal(self) -> None:
        """As good as new. What stands half open is found out by its end alone, as ever."""
        self.delay_seconds = 0.0
        for way in self.flowing:
            way.set()

    # Carrying

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            await self._carry(reader, writer)
        except asyncio.CancelledError:
            pass  # Cut, or half open: this task has nobody else who could want to end it.
        finally:
            del self._connections[task]
            if writer not in self._standing:
                writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = self._target()
        if target is None:
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*target)
        except OSError:
            return  # Nobody listens there now: refused, as without a line between.
        self.carried += 1
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_Flow(self, THERE).carry(reader, far_writer))
                ways.create_task(_Flow(self, BACK).carry(far_reader, writer))
        except* OSError:
            pass  # One end is gone, so the other is reset.
        finally:
            far_writer.transport.abort()


class Victim(Protocol):
    """A process to which things happen."""

    async def kill(self) -> None:
        """End it at once, and start it again."""

    def freeze(self) -> None:
        """Let it stand still."""

    def thaw(self) -> None:
        """Let it go on."""


class Trouble(NamedTuple):
    """How often each kind happens, relative to the others, and how long it lasts at most."""

    name: str
    weight: int
    seconds: float


TROUBLES = (
    Trouble("kill", 3, 0.0),
    Trouble("freeze", 3, 9.0),  # longer than silence is borne, so that links end over it
    Trouble("delay", 4, 4.0),
    Trouble("cut", 4, 0.0),
    Trouble("half open", 3, 0.0),
    Trouble("stall one way", 3, 9.0),
    Trouble("stall", 2, 9.0),
)
DELAY_MAX_SECONDS = 0.3


class Weather:
    """Troubles one after the other, each kind once and then as drawn; then everything heals.

    Attributes:
        happened: how often each kind of trouble came.
    """

    def __init__(
        self,
        seed: int,
        victims: Sequence[Victim],
        lines: Sequence[Line],
        *,
        pause_seconds: float,
        longest_seconds: float,
    ) -> None:
        self.happened = dict.fromkeys((trouble.name for trouble in TROUBLES), 0)
        self._chance = random.Random(seed)
        self._victims = victims
        self._lines = lines
        self._pause_seconds = pause_seconds
        self._longest_seconds = longest_seconds
        self._busy: set[Victim] = set()
        self._unseen = list(TROUBLES)

    async def blow(self, seconds: float) -> None:
        """Trouble for so long; returns when all of it is over, but for what stands half open."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        async with asyncio.TaskGroup() as troubles:
            while loop.time() < end:
                await asyncio.sleep(self._chance.uniform(0, 2 * self._pause_seconds))
                troubles.create_task(self._draw(end - loop.time()))
        for line in self._lines:
            line.heal()

    def _draw(self, left: float) -> Coroutine[None, None, None]:
        """The next trouble. All that is random is drawn here, in order."""
        (trouble,) = self._chance.choices(TROUBLES, [each.weight for each in TROUBLES])
        if self._unseen:
            trouble = self._unseen.pop(0)
        lasts = self._chance.uniform(0, min(trouble.seconds, self._longest_seconds, max(left, 0)))
        victims = self._chance.sample(self._victims, len(self._victims))
        line = self._chance.choice(self._lines)
        way = self._chance.choice((THERE, BACK))
        delay = self._chance.uniform(0, DELAY_MAX_SECONDS)
        if trouble.name in ("kill", "freeze"):
            return self._hurt(trouble.name, lasts, victims)
        return self._disturb(trouble.name, lasts, line, way, delay)

    async def _hurt(self, name: str, lasts: float, victims: Sequence[Victim]) -> None:
        """Do it to the first who is neither dead nor frozen already."""
        victim = next((each for each in victims if each not in self._busy), None)
        if victim is None:
            return
        self._busy.add(victim)
        self.happened[name] += 1
        if name == "kill":
            await victim.kill()
        else:
            victim.freeze()
            await asyncio.sleep(lasts)
            victim.thaw()
        self._busy.discard(victim)

    async def _disturb(self, name: str, lasts: float, line: Line, way: int, delay: float) -> None:
        self.happened[name] += 1
        match name:
            case "cut":
                line.cut()
            case "half open":
                line.half_open()
            case "delay":
                line.delay_seconds = delay
                await asyncio.sleep(lasts)
                line.delay_seconds = 0.0
            case "stall" | "stall one way":
                line.stall(*((THERE, BACK) if name == "stall" else (way,)))
                await asyncio.sleep(lasts)
                line.heal()


@contextlib.contextmanager
def secret_addresses() -> Iterator[None]:
    """Change the program in this process: what it tells others of itself has no address."""
    honest = links.shareable_urls
    links.shareable_urls = lambda urls: []  # type: ignore[assignment]
    try:
        yield
    finally:
        links.shareable_urls = honest


if __name__ == "__main__":
    with secret_addresses():
        sys.exit(main())
