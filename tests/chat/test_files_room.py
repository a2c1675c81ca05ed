"""A disk with too little room: the machine beside it has the file, or it stays."""

import os
from collections.abc import Callable
from pathlib import Path

from chat.blocks.catalogue import stored_files
from chat.blocks.disk_files import store_sealed
from chat.blocks.kept_files import KeptRoots
from chat.blocks.sealing import FileSeal
from chat.blocks.store_files import BlockStore
from chat.files.limits import IN_USE_SECONDS
from chat.files.needs import Needs
from crdt.ops import FileInfo
from tests.chat.files_team import SECRET, Machine, Team, noise, tell, write

FILE_BYTES = 400_000
QUOTA = 1_000_000
"""Two files and a half."""


def grow_old(machine: Machine) -> None:
    """Nobody has used what is here for a while."""
    for path in (machine.folder / "blocks").glob("*/*"):
        used = path.stat().st_mtime - IN_USE_SECONDS - 1
        os.utime(path, (used, used))


async def put(team: Team, machine: Machine, number: int) -> FileInfo:
    path = write(team.folder, f"{number}.bin", noise(number, FILE_BYTES))
    return (await machine.prepare(path)).info


async def fetched(machine: Machine, info: FileInfo) -> None:
    await machine.files.fetch(info, 20.0)


async def looked(team: Team, machine: Machine) -> None:
    """The attempt to make room that is under way is over."""
    room = machine.files.room
    if room._looking is not None:
        await room._looking
    await team.until(lambda: not room._machine.shedding)
    assert room._again is not None


def holds(machine: Machine, *infos: FileInfo) -> list[bool]:
    return [machine.files.have(info) == 1.0 for info in infos]


def test_what_another_holds_goes_and_comes_back_when_it_is_wanted(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo", quota_bytes=QUOTA)
        team.link(ana, bo)
        first, second, third = [await put(team, ana, number) for number in range(3)]
        await fetched(bo, first)
        await fetched(bo, second)
        grow_old(bo)
        await bo.files.save(second, str(tmp_path / "used"))
        await fetched(bo, third)
        await team.until(lambda: bo.files.stats().block_bytes < QUOTA)
        assert holds(bo, first, second, third) == [False, True, True]
        assert holds(ana, first, second, third) == [True] * 3
        await bo.files.get(first, str(tmp_path / "again"), 20.0)
        assert (tmp_path / "again").read_bytes() == noise(0, FILE_BYTES)

    tell(story, tmp_path)


def story_of_one_too_many(
    tmp_path: Path, before: Callable[[Team, Machine, Machine, list[FileInfo]], object]
) -> list[bool]:
    """Bo has fetched two files, and then a third; gives what he holds when he has looked."""
    held: list[bool] = []

    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo", quota_bytes=QUOTA)
        team.link(ana, bo)
        infos = [await put(team, ana, number) for number in range(3)]
        await fetched(bo, infos[0])
        await fetched(bo, infos[1])
        grow_old(bo)
        done = before(team, ana, bo, infos)
        if hasattr(done, "__await__"):
            await done
        if team.linked(ana, bo):
            await fetched(bo, infos[2])
        else:
            infos[2] = await put(team, bo, 7)
        await looked(team, bo)
        held.extend(holds(bo, *infos))

    tell(story, tmp_path)
    return held


def test_the_last_known_copies_stay_though_the_disk_is_full(tmp_path: Path) -> None:
    def before(team: Team, ana: Machine, bo: Machine, infos: list[FileInfo]) -> None:
        team.unlink(ana, bo)

    assert story_of_one_too_many(tmp_path, before) == [True, True, True]


def test_a_kept_file_stays_and_the_next_one_goes(tmp_path: Path) -> None:
    async def before(team: Team, ana: Machine, bo: Machine, infos: list[FileInfo]) -> None:
        await bo.files.room.keep(infos[0].root, True)
        assert bo.files.room.kept(infos[0].root)

    assert story_of_one_too_many(tmp_path, before) == [True, False, True]


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    def before(team: Team, ana: Machine, bo: Machine, infos: list[FileInfo]) -> None:
        bo.files.room.used(infos[0].root)
        bo.files.room.used(infos[1].root)

    assert story_of_one_too_many(tmp_path, before) == [True, True, True]


def test_a_holder_that_has_only_a_part_is_no_holder(tmp_path: Path) -> None:
    def before(team: Team, ana: Machine, bo: Machine, infos: list[FileInfo]) -> None:
        for info in infos[:2]:
            missing = stored_block_of(ana, info)
            ana.store.delete(missing)
        ana.files._shelf.count_anew()

    assert story_of_one_too_many(tmp_path, before) == [True, True, True]


def stored_block_of(machine: Machine, info: FileInfo) -> bytes:
    found = {each.root: each for each in stored_files(machine.store, lambda: None)}
    return found[info.root].cids[0]


def test_files_no_message_names_go_first_and_without_a_promise(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        named: set[bytes] = set()
        ana = team.add("ana", quota_bytes=QUOTA, needs=Needs(named=lambda: named))
        infos = [await put(team, ana, number) for number in range(2)]
        grow_old(ana)
        named |= {infos[0].root}
        infos.append(await put(team, ana, 2))
        await looked(team, ana)
        assert holds(ana, *infos) == [True, False, True]

    tell(story, tmp_path)


def test_after_damage_nothing_goes_without_a_promise(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana", quota_bytes=QUOTA, needs=Needs(named=set))
        infos = [await put(team, ana, number) for number in range(2)]
        (ana.folder / "damaged").mkdir()
        grow_old(ana)
        infos.append(await put(team, ana, 2))
        await looked(team, ana)
        assert holds(ana, *infos) == [True, True, True]

    tell(story, tmp_path)


def test_a_relay_drops_by_the_same_rule_and_takes_what_comes(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        relay = team.add("relay", relay=True, quota_bytes=QUOTA)
        team.link(ana, relay, relay=relay)
        infos = []
        for number in range(5):
            infos.append(await put(team, ana, number))
            await team.until(lambda: holds(relay, infos[-1]) == [True])
            grow_old(relay)
            relay.files.room.look()
            if number >= 2:
                await looked(team, relay)
                relay.files.room._look_again()
            assert relay.store.total_bytes < QUOTA
        assert holds(relay, infos[0], infos[4]) == [False, True]
        assert holds(ana, *infos) == [True] * 5

    tell(story, tmp_path)


def test_a_census_tells_who_holds_what(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo, cleo = team.add("ana"), team.add("bo"), team.add("cleo")
        team.link(ana, bo)
        team.link(ana, cleo)
        info = await put(team, ana, 0)
        await fetched(bo, info)
        await ana.files.room.census([info.root], 20.0)
        assert ana.files.room.holders(info.root) == (bo.device,)
        await fetched(cleo, info)
        await team.until(lambda: len(ana.files.room.holders(info.root)) == 2)
        team.unlink(ana, bo)
        assert ana.files.room.holders(info.root) == (cleo.device,)

    tell(story, tmp_path)


def test_a_census_waits_for_no_silent_peer(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        team.link(ana, bo)
        bo.tamper = lambda message: None
        info = await put(team, ana, 0)
        await ana.files.room.census([info.root], 0.01)
        assert ana.files.room.holders(info.root) == ()

    tell(story, tmp_path)


def test_what_is_kept_is_kept_after_a_restart(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        first, second = await put(team, ana, 0), await put(team, ana, 1)
        await ana.files.room.keep(first.root, True)
        await ana.files.room.keep(second.root, True)
        await ana.files.room.keep(second.root, False)
        again = await team.restart(ana)
        assert again.files.room.kept(first.root)
        assert not again.files.room.kept(second.root)

    tell(story, tmp_path)


def test_strange_names_among_the_kept_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").touch()
    assert KeptRoots(tmp_path)._roots == set()


def test_a_block_put_again_outlives_the_sweep(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    seal = FileSeal(lambda: (noise(1, FILE_BYTES),), SECRET)
    ref = store_sealed(seal, store)
    (file,) = stored_files(store, lambda: None)
    assert (file.root, file.size) == (ref.root, store.total_bytes)
    assert store.forget(file.cids) == file.size
    assert store.total_bytes == 0
    kept = file.cids[3]
    block = store._path(kept).read_bytes()
    store.put(kept, block)
    store.sweep(file.cids)
    assert store.cids() == [kept]
    assert [path.name for path in (tmp_path / "blocks").glob("*/*")] == [store._path(kept).name]
    assert store.total_bytes == len(block)


def test_files_are_found_from_their_blocks(tmp_path: Path) -> None:
    """One of one chunk, one of many, one of two levels of which a sub-manifest is missing."""
    store = BlockStore(tmp_path)
    sizes = (10, 300_000, 129 << 20)
    refs = []
    for size in sizes:
        seal = FileSeal(lambda size=size: (bytes(size),), SECRET)  # type: ignore[misc]
        refs.append(store_sealed(seal, store))
    found = {each.root: each for each in stored_files(store, lambda: None)}
    assert set(found) == {ref.root for ref in refs}
    assert sum(each.size for each in found.values()) == store.total_bytes
    assert [len(found[ref.root].cids) for ref in refs] == [1, 6, 129 + 1 + 1]
    assert all(found[ref.root].cids[-1] == ref.root for ref in refs)
