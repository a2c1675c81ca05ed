"""A file has as many copies as the workspace wants: idle machines and relays see to it."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from chat import commands, model
from chat.blocks.cid import cid_dag
from chat.blocks.keeping import ports
from chat.blocks.keeping.replicas import Replicas
from chat.blocks.limits import REPLICA_FETCHES_MAX, REPLICA_SPREAD_MS
from chat.errors import UsageError
from chat.files.limits import COPIES_WANTED
from chat.files.needs import Needs
from chat.node.sharing import copies_wanted
from crdt.ops import FileInfo
from tests.chat.files_team import Machine, Team, noise, tell, write
from tests.chat.keeping_world import Keeper, World
from tests.chat.node_team import Desk
from tests.chat.test_node_files import Wire, put
from tests.chat.test_node_files import tell as tell_of_nodes

ROOM = 1_000_000
MINUTE = 60_000.0


class Copiers:
    """A world in which every machine looks for files with too few copies, by the real rule."""

    def __init__(self, seed: int, count: int, roots: list[bytes]) -> None:
        self.world = World(seed)
        self.roots = roots
        self.keepers = [self.world.add(ROOM) for _ in range(count)]
        for index, one in enumerate(self.keepers):
            for other in self.keepers[:index]:
                self.world.link(one, other)
        for keeper in self.keepers:
            self._ask(keeper)
            lot = random.Random(f"{seed} {keeper.name!r}").random
            replicas = Replicas(keeper.machine.copies, lot)
            self.world.after(self.world.lot.uniform(0, MINUTE), self._looking(keeper, replicas))

    def _ask(self, keeper: Keeper) -> None:
        self.world.handle(keeper, ports.Census(tuple(self.roots)))

    def _looking(self, keeper: Keeper, replicas: Replicas) -> Callable[[], None]:
        def look() -> None:
            if not keeper.alive:
                return
            lacking = [root for root in self.roots if root not in keeper.files]
            replicas.consider(lacking, COPIES_WANTED, self.world.now)
            for root in replicas.take(COPIES_WANTED, self.world.now):
                self.world.copy(keeper, root)
            self.world.after(self.world.lot.uniform(0.1, 0.5) * MINUTE, look)

        return look


@pytest.mark.parametrize("seed", range(10))
def test_departures_one_by_one_lose_nothing(seed: int) -> None:
    """Eight machines, of which five depart, ten minutes apart and unnoticed for a minute."""
    roots = [cid_dag(b"file %d" % number) for number in range(20)]
    copiers = Copiers(seed, 8, roots)
    world, keepers = copiers.world, copiers.keepers
    for root in roots:
        world.put(world.lot.choice(keepers), root, 10)
    world.run(10 * MINUTE)
    counts = [len(world.copies(root)) for root in roots]
    assert min(counts) >= COPIES_WANTED
    assert sum(counts) <= (COPIES_WANTED + 1) * len(roots), "hardly any too many"
    for round_number, keeper in enumerate(world.lot.sample(keepers, 5)):
        world.depart(keeper, MINUTE)
        world.run((20 + 10 * round_number) * MINUTE)
    assert all(len(world.copies(root)) == COPIES_WANTED for root in roots), "three are left"


def test_who_fetches_counts_and_enough_is_enough() -> None:
    copies = {b"none": 0, b"one": 1, b"two": 2, b"three": 3}
    replicas = Replicas(copies.__getitem__, lambda: 0.5)
    replicas.consider(copies, 3, 0.0)
    assert replicas.next_time == REPLICA_SPREAD_MS / 2
    assert replicas.take(3, REPLICA_SPREAD_MS / 2 - 1) == []
    copies[b"one"] = 3
    assert replicas.take(3, REPLICA_SPREAD_MS / 2) == [b"two"]
    assert replicas.next_time is None


def test_few_are_taken_at_a_time() -> None:
    many = [b"%d" % number for number in range(10)]
    replicas = Replicas(lambda root: 1, lambda: 0.0)
    replicas.consider(many, 3, 0.0)
    assert len(replicas.take(3, 0.0)) == REPLICA_FETCHES_MAX
    assert replicas.next_time == 0.0


async def look(machine: Machine) -> None:
    """A look now, with no wait by lot."""
    replicating = machine.files._replicating
    replicating._replicas._lot = lambda: 0.0
    await replicating.look()


def needs(infos: list[FileInfo]) -> Needs:
    by_root = {info.root: info for info in infos}
    return Needs(lambda: set(by_root), by_root.get)


def test_an_idle_member_takes_a_copy_and_one_without_room_does_not(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        infos: list[FileInfo] = []
        ana = team.add("ana")
        path = write(tmp_path, "film.bin", noise(1, 300_000))
        infos.append((await ana.prepare(path)).info)
        bo = team.add("bo", needs=needs(infos))
        full = team.add("full", needs=needs(infos), quota_bytes=300_000)
        for machine in (bo, full):
            team.link(ana, machine)
            await look(machine)
        await team.until(lambda: bo.files.have(infos[0]) == 1.0)
        assert full.files.have(infos[0]) == 0.0
        assert not full.files.transfers()

    tell(story, tmp_path)


def test_a_file_with_enough_copies_is_left_alone(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        path = write(tmp_path, "film.bin", noise(1, 300_000))
        holders = [team.add(name) for name in ("ana", "bo", "cleo")]
        infos = [(await holder.prepare(path)).info for holder in holders]
        dan = team.add("dan", needs=needs(infos))
        for holder in holders:
            team.link(holder, dan)
        await look(dan)
        assert not dan.files.transfers()
        team.unlink(holders[0], dan)
        await look(dan)
        await team.until(lambda: dan.files.have(infos[0]) == 1.0)

    tell(story, tmp_path)


def test_who_fetches_counts_until_it_gives_up(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo, cleo = team.add("ana"), team.add("bo"), team.add("cleo")
        team.link(ana, bo)
        info = (await cleo.prepare(write(tmp_path, "film.bin", noise(1, 300_000)))).info
        bo.files.want(info)
        await team.until(lambda: ana.files.room.copies(info.root) == 1)
        bo.files.stop(info.root)
        await team.until(lambda: ana.files.room.copies(info.root) == 0)

    tell(story, tmp_path)


def test_a_relay_takes_a_copy_of_what_it_is_asked_about(tmp_path: Path) -> None:
    """The file was put before the relay came, and was not offered again since a restart."""

    async def story(team: Team) -> None:
        ana = team.add("ana")
        path = write(tmp_path, "film.bin", noise(1, 300_000))
        info = (await ana.prepare(path)).info
        ana = await team.restart(ana, needs=needs([info]))
        relay = team.add("relay", relay=True)
        team.link(ana, relay, relay=relay)
        assert not relay.files.transfers()
        await look(ana)
        await look(relay)
        await team.until(lambda: relay.files.have(info) == 1.0)

    tell(story, tmp_path)


def test_members_say_how_many_copies_they_want() -> None:
    async def story(ana: Desk, bo: Desk, cleo: Desk, wire: Wire) -> None:
        assert await ana.call(commands.WantCopies()) == COPIES_WANTED
        assert await ana.call(commands.WantCopies(5)) == 5
        with pytest.raises(UsageError, match="1 to 16"):
            await ana.call(commands.WantCopies(17))
        await bo.until(lambda: copies_wanted(bo.team.workspace) == 5)

        film = await put(ana)
        await bo.until(lambda: bo.texts())
        sharing = bo.node._parts.sharing
        assert sharing is not None
        assert sharing.files._replicating._needs.copies() == 5
        sharing.files._replicating._replicas._lot = lambda: 0.0
        await sharing.files._replicating.look()
        await bo.until(lambda: bo.node._parts.status().blocks == 6)
        listed: list[model.SharedFile] = await bo.call(commands.ListFiles())
        assert (listed[0].id, listed[0].copies) == (film.id, 2)

    tell_of_nodes(story)
