"""What came lately goes out again from memory; and how results of the disk come back."""

import asyncio
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from chat.files.disk import Disk
from chat.files.recent import Recent
from tests.chat.files_team import Team, noise, tell, write

MOST_BYTES = 20


@given(st.lists(st.tuples(st.binary(max_size=1), st.binary(max_size=MOST_BYTES + 5))))
def test_the_newest_blocks_are_there_and_never_too_many_bytes(
    added: list[tuple[bytes, bytes]],
) -> None:
    recent = Recent(MOST_BYTES)
    newest: dict[bytes, bytes] = {}
    for cid, data in added:
        recent.add(cid, data)
        newest.pop(cid, None)
        newest[cid] = data
        while sum(map(len, newest.values())) > MOST_BYTES:
            del newest[next(iter(newest))]
        for each, _ in added:
            assert recent.get(each) == newest.get(each)


def test_what_came_just_now_is_handed_on_from_memory_unless_it_was_dropped(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo, cleo = team.add("ana"), team.add("bo"), team.add("cleo")
        info = (await ana.prepare(write(tmp_path, "film.bin", noise(1, 300_000)))).info
        team.link(ana, bo)
        bo.files.want(info)
        await team.until(lambda: info.root in bo.complete)
        for path in (bo.folder / "blocks").rglob("bafk*"):
            path.unlink()
        dropped = bo.store.cids()[0]  # A chunk: manifests come last.
        bo.store.forget([dropped])
        team.unlink(ana, bo)
        team.link(bo, cleo)
        cleo.files.want(info)
        rest = set(bo.store.cids())
        await team.until(lambda: rest <= set(cleo.store.cids()))
        assert not cleo.store.has(dropped), "what the store dropped is not handed on"
        team.link(ana, cleo)
        await team.until(lambda: info.root in cleo.complete)

    tell(story, tmp_path)


def test_all_results_of_the_disk_come_although_one_is_taken_badly() -> None:
    async def story() -> None:
        loop, disk = asyncio.get_running_loop(), Disk()
        complaints: list[str] = []
        loop.set_exception_handler(lambda _, context: complaints.append(repr(context["exception"])))
        results: list[int] = []

        def take(number: int) -> None:
            if number == 2:
                raise ValueError(number)
            results.append(number)

        for number in range(5):
            disk.block(lambda number=number: number, take)  # type: ignore[misc]
        await disk.aclose()
        await asyncio.sleep(0)
        assert sorted(results) == [0, 1, 3, 4]
        assert complaints == ["ValueError(2)"]

    asyncio.run(story())
