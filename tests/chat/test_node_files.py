"""Files between nodes: one copy on each disk, nothing on the wire twice, and who holds what."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from chat import commands, model
from chat.blocks import messages
from tests.chat.node_team import Desk, nodes

FILM = random.Random(1).randbytes(300_000)
FILM_BLOCKS = 6
"""Five chunks and their manifest."""


class Wire:
    """Counts the blocks that leave nodes for links."""

    def __init__(self) -> None:
        self.blocks = 0

    def watch(self, desk: Desk) -> None:
        sharing = desk.node._parts.sharing
        assert sharing is not None
        shell = sharing.files._shell
        send = shell._send

        def counting(device: bytes, priority: int, payload: bytes) -> None:
            self.blocks += isinstance(messages.decode(payload), messages.Block)
            send(device, priority, payload)

        shell._send = counting


def file_of(desk: Desk, name: str, data: bytes = FILM) -> str:
    path = desk.home.parent / f"{desk.name} {name}"
    path.write_bytes(data)
    return str(path)


async def put(desk: Desk, channel: str = "general", name: str = "film.bin") -> model.FileView:
    message: model.Message = await desk.call(commands.Put(channel, file_of(desk, name)))
    return message.files[0]


async def get(desk: Desk, file: str) -> bytes:
    path = desk.home.parent / f"{desk.name} got"
    await desk.call(commands.Get(file, str(path)))
    return path.read_bytes()


async def listed(desk: Desk) -> list[model.SharedFile]:
    found: list[model.SharedFile] = await desk.call(commands.ListFiles())
    return found


def blocks(desk: Desk) -> int:
    return desk.node._parts.status().blocks


def rekey(desk: Desk) -> None:
    """A new content key for the workspace, as after a removal."""
    team = desk.team
    scope, people = team.workspace.scope, team.engine.people
    before = team.workspace.epochs.current(scope)
    team.run(lambda at: team.engine.publish(people.rekey(scope, at), at))
    assert team.workspace.epochs.current(scope) != before


def tell(story: Callable[[Desk, Desk, Desk, Wire], Awaitable[None]]) -> None:
    """A story of three linked nodes."""

    async def run() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo, cleo = await make("bo"), await make("cleo")
            await bo.join(ana)
            await cleo.join(ana)
            wire = Wire()
            for desk in (ana, bo, cleo):
                wire.watch(desk)
            await story(ana, bo, cleo, wire)

    asyncio.run(run())


def test_the_same_file_again_costs_neither_disk_nor_wire() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        first = await put(ana)
        await bo.until(lambda: bo.texts())
        assert await get(bo, first.id) == FILM
        assert (wire.blocks, blocks(ana), blocks(bo)) == (FILM_BLOCKS, FILM_BLOCKS, FILM_BLOCKS)

        # Twice in a channel, and in another channel of the scope.
        await ana.call(commands.CreateChannel("films"))
        for channel in ("general", "films"):
            assert (await put(ana, channel, "again.bin")).id == first.id
        await bo.until(lambda: "films" in bo.team.workspace.channel_names().values())
        await bo.until(lambda: len(bo.texts("films")) == 1 and len(bo.texts()) == 2)
        assert (await bo.history("films"))[0].files[0].have == 1.0, "it was here before it came"

        # By another person, who has a copy of their own.
        assert (await put(bo, "films", "mine.bin")).id == first.id
        await ana.until(lambda: len(ana.texts("films")) == 2)
        assert await get(ana, (await ana.history("films"))[1].id) == FILM

        # After a rekey, by one who has the blocks, and by one who has only the file.
        rekey(ana)
        await bo.until(lambda: epoch(bo) == epoch(ana))
        await cleo.until(lambda: epoch(cleo) == epoch(ana))
        assert (await put(bo, "general", "later.bin")).id == first.id
        await cleo.until(lambda: len(cleo.texts()) == 3)
        assert blocks(cleo) == 0
        assert (await put(cleo, "general", "own.bin")).id == first.id

        await ana.until(lambda: len(ana.texts()) == 4)
        assert await get(ana, (await ana.history())[3].id) == FILM
        assert wire.blocks == FILM_BLOCKS, "nothing went a second time"
        assert [blocks(desk) for desk in (ana, bo, cleo)] == [FILM_BLOCKS] * 3

    tell(story)


def epoch(desk: Desk) -> bytes | None:
    """The epoch a desk sends under, once it has the key."""
    workspace = desk.team.workspace
    return workspace.epochs.current(workspace.scope) if workspace.has_key else None


def test_a_private_channel_shares_no_blocks_with_the_workspace() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        await ana.call(commands.CreateChannel("secret", members=("bo",)))
        first, private = await put(ana), await put(ana, "secret", "same.bin")
        assert first.id != private.id, "who is outside cannot tell that it is the same"
        assert blocks(ana) == 2 * FILM_BLOCKS

    tell(story)


def test_pictures_tell_what_is_here_who_else_has_it_and_what_is_kept() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        film = await put(ana)
        await bo.until(lambda: bo.texts())
        (there,) = await listed(bo)
        assert (there.id, there.name, there.size) == (film.id, "ana film.bin", len(FILM))
        assert (there.here, there.blocks, there.kept) == (0, FILM_BLOCKS, False)
        assert (there.holders, there.copies) == (("ana",), 1)

        kept: model.SharedFile = await bo.call(commands.KeepFile(film.id))
        assert kept.kept
        await bo.until(lambda: blocks(bo) == FILM_BLOCKS)
        (mine,) = await listed(ana)
        assert (mine.here, mine.holders, mine.copies) == (FILM_BLOCKS, ("bo",), 2)

        await bo.stop()
        await bo.start(network=False)
        (alone,) = await listed(bo)
        assert (alone.kept, alone.holders, alone.copies) == (True, (), 1)
        loose: model.SharedFile = await bo.call(commands.KeepFile(film.id, False))
        assert not loose.kept

    tell(story)


def test_what_is_kept_without_peers_comes_when_there_are_some() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        film = await put(ana)
        await bo.until(lambda: bo.texts())
        await bo.stop()
        await bo.start(network=False)
        kept: model.SharedFile = await bo.call(commands.KeepFile(film.id))
        assert (kept.kept, kept.here) == (True, 0)
        await bo.stop()
        await bo.start(ana.url)
        await bo.until(lambda: blocks(bo) == FILM_BLOCKS)

    tell(story)


def test_the_newest_files_of_a_channel_come_first_and_each_once() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        await ana.call(commands.CreateChannel("films"))
        small = {name: name.encode() for name in ("one", "two", "three")}
        for name, data in small.items():
            await ana.call(commands.Put("films", file_of(ana, name, data)))
        await ana.call(commands.Put("general", file_of(ana, "one", small["one"])))
        names = [file.name for file in await listed(ana)]
        assert names == ["ana one", "ana three", "ana two"]
        films: list[model.SharedFile] = await ana.call(commands.ListFiles("films", 2))
        assert [(file.name, file.channel) for file in films] == [
            ("ana three", "films"),
            ("ana two", "films"),
        ]

    tell(story)
