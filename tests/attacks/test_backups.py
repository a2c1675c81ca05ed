"""Attacks of accidents: 10 and 11. Restored copies and killed processes fork no log."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.attacks.histories import HISTORIES
from tests.chat.engine_team import Team
from tests.chat.node_team import Desk, nodes
from tests.chat.profile_process import ProfileProcess, Sent, profile_process

KILLS = 200
Make = Callable[..., Awaitable[Desk]]


def test_10_an_old_backup_that_writes_on_forks_nothing_and_loses_nothing() -> None:
    async def story(make: Make) -> None:
        ana, bo = await make("ana"), await make("bo")
        await ana.create()
        await bo.join(ana)
        await ana.post("before the backup")
        await bo.until(lambda: bo.texts() == ["before the backup"])
        await ana.stop()
        backup = ana.home.with_name("backup")
        shutil.copytree(ana.home, backup)
        await ana.start(bo.url)
        for number in range(3):
            await ana.post(f"after the backup {number}")
        said = ["before the backup", *(f"after the backup {number}" for number in range(3))]
        await bo.until(lambda: bo.texts() == said)
        await ana.stop()
        shutil.rmtree(ana.home)
        shutil.copytree(backup, ana.home)
        await ana.start(network=False)  # It writes before it hears of what it said and forgot.
        await ana.post("from the backup")
        await ana.stop()
        await ana.start(bo.url)
        await ana.until(lambda: sorted(ana.texts()) == sorted([*said, "from the backup"]))
        await bo.until(lambda: bo.texts() == ana.texts())
        for desk in (ana, bo):
            assert desk.team.workspace.store.forks() == []
        await bo.post("and on we go")
        await ana.until(lambda: "and on we go" in ana.texts())

    async def play() -> None:
        async with nodes() as make:
            await story(make)

    asyncio.run(asyncio.wait_for(play(), 90))


@pytest.fixture(scope="module")
def process() -> Iterator[ProfileProcess]:
    with profile_process() as started:
        yield started


def test_11_two_hundred_kills_between_commit_and_send_fork_nothing(
    process: ProfileProcess, tmp_path: Path
) -> None:
    """Real processes and SIGKILL; what one has sent, nobody can take back."""
    home, sent = tmp_path / "home", dict[tuple[str, int], str]()
    incarnations: set[str] = set()

    def take(entries: tuple[Sent, ...]) -> None:
        for entry in entries:
            place = entry.incarnation, entry.number
            assert place not in sent, f"two entries stand at {place}"
            sent[place] = entry.content
            incarnations.add(entry.incarnation)

    for number in range(KILLS):
        told = process.run(home, writes=1 + number % 3, end="kill")
        assert told.ended == -9
        take(told.sent)
    assert len(incarnations) == KILLS, "after each of them another log begins"


def test_11_what_was_committed_and_never_sent_still_goes_out() -> None:
    """The engine's way of it: each time the effects of the turn are lost with the process."""
    team = Team(seed=11)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.isolate_all()
    said = []
    for number in range(40 if HISTORIES < 10_000 else KILLS):
        said.append(f"message {number}")
        saying = ana.talking.post("general", said[-1], None)
        ana.engine.write(saying.channel, saying.op, team.now(ana))
        ana.store.commit()
        team.restart(ana, clean=False)
        if number % 5 == 0:
            wire = team.link(ana, bo)
            team.run(2_000)
            team.cut(wire)
    team.link(ana, bo)
    team.run()
    assert bo.texts() == ana.texts() == said
    assert bo.workspace.store.forks() == ana.workspace.store.forks() == []
