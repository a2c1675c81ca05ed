"""A long file is used from its beginning while it comes."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from chat.blocks import messages
from chat.blocks.exchange import ports
from chat.blocks.limits import IN_ORDER_PIECES
from chat.blocks.manifest import read_manifest
from chat.errors import ChatError, NoPeer, StoreError, UsageError
from chat.files.pipes import writing
from crdt.ops import FileInfo
from tests.chat.blocks_network import MBIT, Network, Node, names, put
from tests.chat.files_team import Machine, Team, noise, tell, unchanged, write

CHUNK = 64 * 1024
SIZE = 100 * CHUNK - 7


def arrivals(node: Node, root: bytes) -> list[int]:
    """The chunks of a file in the order in which they came to the disk."""
    links = read_manifest(node.disk[root]).links
    return [links.index(cid) for cid in node.disk if cid != root]


def lateness(order: list[int]) -> int:
    """How far the farthest chunk came ahead of one that somebody waited for."""
    missing = 0
    worst = 0
    here: set[int] = set()
    for chunk in order:
        worst = max(worst, chunk - missing)
        here.add(chunk)
        while missing in here:
            missing += 1
    return worst


def fetched(in_order: bool, holders: int, seed: int) -> tuple[list[int], float]:
    network = Network(seed)
    reader, *others = network.add(names(holders + 1), 20 * MBIT)
    network.mesh([reader, *others])
    refs = [put(network, other, noise(seed, SIZE)) for other in others]
    network.run(100.0)
    network.give(reader, ports.Want(refs[0].root, refs[0].size, in_order=in_order))
    network.run()
    return arrivals(reader, refs[0].root), reader.complete[refs[0].root]


@pytest.mark.parametrize("holders", [1, 2, 5])
def test_what_is_lacking_first_comes_first(holders: int) -> None:
    order, took = fetched(True, holders, seed=holders)
    assert sorted(order) == list(range(100))
    assert lateness(order) < IN_ORDER_PIECES
    by_lot, took_by_lot = fetched(False, holders, seed=holders)
    assert lateness(by_lot) > 3 * IN_ORDER_PIECES
    assert took < 1.2 * took_by_lot, "order costs no speed"


def test_the_beginning_comes_also_from_who_is_asked_last_otherwise() -> None:
    """Four fetched the second half; only the origin, who is to be spared, has the first."""
    network = Network(9)
    reader, origin, *peers = network.add(names(6), 20 * MBIT)
    for other in (origin, *peers):
        network.link(reader, other)
    ref = put(network, origin, noise(9, SIZE))
    links = read_manifest(origin.disk[ref.root]).links
    for peer in peers:
        peer.disk = {cid: origin.disk[cid] for cid in (ref.root, *links[50:])}
        peer.tamper = as_fetched
    network.run(100.0)
    network.give(reader, ports.Want(ref.root, ref.size, in_order=True))
    network.run(done=lambda: len(reader.disk) > 40)
    assert len([chunk for chunk in arrivals(reader, ref.root) if chunk < 50]) > 9
    network.run()
    assert len(arrivals(reader, ref.root)) == 100


def as_fetched(message: messages.Message) -> messages.Message:
    if isinstance(message, messages.Have):
        return messages.Have(message.root, message.bitmap, False)
    return message


def test_a_file_that_is_fetched_already_turns_to_its_beginning() -> None:
    network = Network(3)
    reader, other = network.add(names(2), 20 * MBIT)
    network.mesh([reader, other])
    ref = put(network, other, noise(3, SIZE))
    network.run(100.0)
    network.give(reader, ports.Want(ref.root, ref.size, prefetch=True))
    network.run(done=lambda: len(reader.disk) > 20)
    before = len(reader.disk) - 1
    network.give(reader, ports.Want(ref.root, ref.size, in_order=True))
    network.run()
    later = arrivals(reader, ref.root)[before + 2 :]
    assert later == sorted(later)


class Reader:
    """Takes what a stream gives."""

    def __init__(self) -> None:
        self.data = b""

    async def take(self, piece: bytes) -> None:
        self.data += piece


async def shared(team: Team, machine: Machine) -> FileInfo:
    path = write(team.folder, "film.bin", noise(1, SIZE))
    return (await machine.prepare(path)).info


def test_bytes_come_before_the_file_is_whole(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        team.link(ana, bo)
        info = await shared(team, ana)
        reader = Reader()
        links = read_manifest(ana.store.get(info.root)).links

        held: list[messages.Message] = []

        def hold_the_second_half(message: messages.Message) -> messages.Message | None:
            if isinstance(message, messages.Block) and message.cid in links[50:]:
                held.append(message)
                return None
            return message

        async def take(piece: bytes) -> None:
            """The second half goes on its way when the first quarter was read."""
            await reader.take(piece)
            if len(reader.data) == 25 * CHUNK:
                ana.tamper = unchanged
                for message in held:
                    team.deliver(ana.device, bo.device, messages.encode(message))

        ana.tamper = hold_the_second_half
        state = await bo.files.stream(info, take, 20.0)
        assert ana.tamper is unchanged
        assert reader.data == noise(1, SIZE)
        assert (state.state, state.done) == ("done", SIZE)
        again = Reader()
        await bo.files.stream(info, again.take, 20.0)
        assert again.data == reader.data, "from the disk, too"

    tell(story, tmp_path)


def test_a_slow_reader_does_not_hold_up_the_fetching(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        team.link(ana, bo)
        info = await shared(team, ana)
        go_on = asyncio.Event()

        async def slow(piece: bytes) -> None:
            await go_on.wait()

        streaming = asyncio.create_task(bo.files.stream(info, slow, 20.0))
        await team.until(lambda: bo.files.have(info) == 1.0)
        assert not streaming.done()
        go_on.set()
        await streaming

    tell(story, tmp_path)


def test_a_stream_that_nobody_feeds_ends_with_a_sentence(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        info = await shared(team, ana)
        with pytest.raises(NoPeer, match="Nobody who is linked"):
            await bo.files.stream(info, Reader().take, 0.01)

    tell(story, tmp_path)


def test_another_hash_than_the_messages_is_told_at_the_end(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        info = msgspec.structs.replace(await shared(team, ana), sha256=bytes(32))
        reader = Reader()
        with pytest.raises(ChatError, match="the hash is another"):
            await ana.files.stream(info, reader.take, 1.0)
        assert reader.data == noise(1, SIZE)
        wrong = msgspec.structs.replace(info, key=bytes(32))
        with pytest.raises(ChatError, match="not what its message says"):
            await ana.files.stream(wrong, reader.take, 1.0)

    tell(story, tmp_path)


def test_a_block_damaged_on_disk_is_fetched_while_it_streams(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        team.link(ana, bo)
        info = await shared(team, ana)
        await bo.files.fetch(info, 20.0)
        links = read_manifest(ana.store.get(info.root)).links
        bo.store._path(links[40]).write_bytes(b"damaged")
        reader = Reader()
        await bo.files.stream(info, reader.take, 20.0)
        assert reader.data == noise(1, SIZE)

    tell(story, tmp_path)


def test_a_disk_that_refuses_ends_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        team.link(ana, bo)
        info = await shared(team, ana)
        bo.tamper = lambda message: message
        monkeypatch.setattr(bo.store, "put", refuse)
        with pytest.raises(StoreError, match="disk is full"):
            await bo.files.stream(info, Reader().take, 20.0)

    def refuse(cid: bytes, data: bytes) -> None:
        from chat.blocks.errors import StoreFailure

        raise StoreFailure("the disk is full; free some space and try again")

    tell(story, tmp_path)


def test_only_a_pipe_that_somebody_reads_is_written_to(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        plain = write(tmp_path, "plain", b"untouched")
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        for path, words in (
            (str(plain), "Only a pipe"),
            (str(tmp_path / "none"), "no pipe"),
            ("\0", "no pipe"),
            (str(pipe), "Nobody reads"),
        ):
            with pytest.raises(UsageError, match=words):
                async with writing(path):
                    raise AssertionError("it was opened")
        assert plain.read_bytes() == b"untouched"

        reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        async with writing(str(pipe)) as give:
            await give(b"cat")
            assert os.read(reading, 10) == b"cat"
            os.close(reading)
            with pytest.raises(ChatError, match="Nobody reads"):
                await give(bytes(100_000))

    tell(story, tmp_path)
