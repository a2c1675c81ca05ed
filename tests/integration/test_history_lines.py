"""A line does what it says: carries, delays, cuts, stands half open, stalls and heals."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.integration.chaos import BACK, THERE, TROUBLES, Line, Weather

DELAY_SECONDS = 0.05


class End(asyncio.Queue[bytes]):
    """A server of one connection: what it heard, an empty piece at the end; it says it back."""

    def __init__(self) -> None:
        super().__init__()
        self.address: tuple[str, int] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = b"-"
        while heard:
            try:
                heard = await reader.read(1024)
            except ConnectionError:
                heard = b""
            self.put_nowait(heard)
            writer.write(heard)
        writer.transport.abort()


@asynccontextmanager
async def laid() -> AsyncIterator[tuple[Line, End, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A line, its far end, and a connection through it."""
    end = End()
    server = await asyncio.start_server(end.serve, "127.0.0.1", 0)
    end.address = server.sockets[0].getsockname()
    line = await Line.open(lambda: end.address)
    reader, writer = await connected(line)
    try:
        yield line, end, reader, writer
    finally:
        writer.transport.abort()
        await line.close()
        server.close()


async def connected(line: Line) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = line.url.removeprefix("ws://").rpartition(":")
    return await asyncio.open_connection(host, int(port))


def story(told: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await told()

    asyncio.run(bounded())


async def ends(reader: asyncio.StreamReader) -> bool:
    """Whether the connection is over, once something is heard of it."""
    try:
        return not await reader.read(1024)
    except ConnectionError:
        return True


def test_it_carries_both_ways() -> None:
    async def told() -> None:
        async with laid() as (line, end, reader, writer):
            writer.write(b"meow")
            assert await end.get() == b"meow"
            assert await reader.read(1024) == b"meow"
            assert line.carried == 1
            writer.close()
            assert await end.get() == b""

    story(told)


def test_it_delays_and_keeps_the_order() -> None:
    async def told() -> None:
        async with laid() as (line, end, _, writer):
            loop = asyncio.get_running_loop()
            line.delay_seconds = DELAY_SECONDS
            began = loop.time()
            writer.write(b"one")
            assert await end.get() == b"one"
            assert loop.time() - began >= DELAY_SECONDS
            writer.write(b"two")
            line.heal()
            writer.write(b"three")
            assert await heard_until(end, b"three") == b"twothree"

    story(told)


async def heard_until(end: End, last: bytes) -> bytes:
    """What is heard, in however many pieces, up to one that ends so."""
    heard = b""
    while not heard.endswith(last):
        heard += await end.get()
    return heard


def test_cutting_it_ends_both_sides() -> None:
    async def told() -> None:
        async with laid() as (line, end, reader, writer):
            writer.write(b"meow")
            await end.get()
            await reader.read(1024)
            line.cut()
            assert await ends(reader)
            assert await end.get() == b""
            again, again_writer = await connected(line)
            again_writer.write(b"purr")
            assert await again.read(1024) == b"purr"
            assert line.carried == 2
            again_writer.close()

    story(told)


def test_half_open_only_the_far_side_hears_of_it() -> None:
    async def told() -> None:
        async with laid() as (line, end, reader, writer):
            writer.write(b"meow")
            await end.get()
            await reader.read(1024)
            line.half_open()
            assert await end.get() == b""
            writer.write(b"anybody there?")
            await writer.drain()
            hearing = asyncio.create_task(ends(reader))
            # A connection made after it has come and gone through the same line.
            other, other_writer = await connected(line)
            other_writer.write(b"hello")
            assert await end.get() == b"hello"
            assert await other.read(1024) == b"hello"
            other_writer.close()
            assert not hearing.done()
            line.cut()
            assert await hearing

    story(told)


@pytest.mark.parametrize("way", [THERE, BACK])
def test_stalled_one_way_it_carries_the_other_and_later_all(way: int) -> None:
    async def told() -> None:
        async with laid() as (line, end, reader, writer):
            writer.write(b"one")
            await end.get()
            assert await reader.read(1024) == b"one"
            line.stall(way)
            writer.write(b"two")
            heard = asyncio.create_task(end.get())
            returned = asyncio.create_task(reader.read(1024))
            if way == BACK:
                assert await heard == b"two"
            other, other_writer = await connected(line)
            line.flowing[1 - way].set()
            other_writer.close()
            assert not returned.done()
            line.heal()
            assert await heard == b"two"
            assert await returned == b"two"
            await ends(other)

    story(told)


def test_where_nobody_listens_a_connection_ends() -> None:
    async def told() -> None:
        for target in (None, ("127.0.0.1", 1)):
            line = await Line.open(lambda to=target: to)
            reader, writer = await connected(line)
            assert await ends(reader)
            writer.close()
            assert line.carried == 0
            await line.close()

    story(told)


class Puppet:
    """A victim that only notes what is done to it."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    async def kill(self) -> None:
        assert self.noted.count("freeze") == self.noted.count("thaw"), "it is frozen"
        self.noted.append("kill")

    def freeze(self) -> None:
        self.noted.append("freeze")

    def thaw(self) -> None:
        self.noted.append("thaw")


def test_weather_draws_every_trouble_and_all_is_well_afterwards() -> None:
    async def told() -> None:
        puppets = [Puppet(), Puppet()]
        lines = [await Line.open(lambda: None) for _ in range(2)]
        weather = Weather(3, puppets, lines, pause_seconds=0.002, longest_seconds=0.02)
        await weather.blow(0.5)
        assert all(weather.happened[trouble.name] for trouble in TROUBLES)
        for puppet in puppets:
            assert puppet.noted.count("freeze") == puppet.noted.count("thaw") > 0
        for line in lines:
            assert all(way.is_set() for way in line.flowing)
            assert line.delay_seconds == 0
            await line.close()

    story(told)
