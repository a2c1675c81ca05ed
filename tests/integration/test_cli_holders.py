"""Who holds the profile while commands come and go: the next one waits, goes on, or takes over.

Most of it happens in this process: every `Invocation` is a command of its own, and the lock and
the socket of a profile do not know the difference.
"""

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chat import commands, model
from chat.cli import opening
from chat.cli.context import Invocation
from chat.cli.following import follow
from chat.cli.lasting import LastingSession
from chat.cli.output import Output
from chat.control import RemoteSession
from chat.errors import ProfileInUse
from chat.profile import Profile
from chat.session import Session
from tests.chat.node_team import Desk, nodes
from tests.integration.machines import Machines, eventually

SECONDS = 30.0


@pytest.fixture
def home() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="clh"))  # A socket's path is short.
    yield made / "x"
    shutil.rmtree(made)


def invocation(home: Path, *dial: str) -> Invocation:
    options = {"home": str(home), "listen": "127.0.0.1:0", "interface": "127.0.0.1"}
    return Invocation({**options, "dial": dial, "no_mdns": True})


async def found(home: Path) -> None:
    async with invocation(home).session(create=True) as session:
        await session.call(commands.Create("Cats", "ana"))


async def texts(session: Session) -> list[str]:
    history: list[model.Message] = await session.call(commands.History("general", 1000))
    return [message.text for message in history]


def test_commands_at_the_same_time_all_succeed_and_each_once(home: Path) -> None:
    async def send(number: int) -> None:
        async with invocation(home).session() as session:
            await session.call(commands.Post("general", f"p {number}"))

    async def main() -> None:
        await found(home)
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*(send(number) for number in range(24)))
            async with invocation(home).session() as session:
                assert sorted(await texts(session)) == sorted(f"p {n}" for n in range(24))

    asyncio.run(main())


@pytest.mark.processes
def test_processes_at_the_same_time_all_succeed_and_each_once(machines: Machines) -> None:
    ana = machines.machine("ana")
    ana.new("Cats", "ana")
    running = [
        subprocess.Popen(
            ana.command("send", "general", f"p {number}"),
            env=ana.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(6)
    ]
    ends = [(*process.communicate(timeout=60), process.returncode) for process in running]
    assert [(err, code) for _, err, code in ends] == [("", 0)] * 6
    assert sorted(ana.texts()) == [f"p {number}" for number in range(6)]


def test_what_only_looks_is_asked_again_and_what_changes_is_not(home: Path) -> None:
    """A holder that is killed took a question and a post: only the question has a next time."""

    async def main() -> None:
        await found(home)
        path = Profile(home).control_path
        asked: list[bytes] = []

        async def killed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'{"hello": {"network": true}}\n')
            asked.append(await reader.readline())
            server.close()
            path.unlink(missing_ok=True)
            writer.close()

        for command in (commands.History("general"), commands.Post("general", "once")):
            server = await asyncio.start_unix_server(killed, str(path))
            async with invocation(home).session() as session:
                if isinstance(command, commands.History):
                    assert await session.call(command) == []
                else:
                    with pytest.raises(Exception, match="has stopped"):
                        await session.call(command)
                    assert await texts(session) == []
        assert len(asked) == 2

    asyncio.run(asyncio.wait_for(main(), SECONDS))


def test_who_needs_peers_does_not_stay_with_a_node_that_works_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        await found(home)
        async with invocation(home).session() as alone:
            assert (await alone.call(commands.GetStatus())).listening == ()
            async with invocation(home).session() as other:  # Who does not need them, does.
                await other.call(commands.Post("general", "hi"))
            waiting = asyncio.create_task(networked(home))
            monkeypatch.setattr(opening, "HOLDER_PATIENCE_SECONDS", 0.1)
            with pytest.raises(ProfileInUse, match="without the network"):
                await networked(home)
            monkeypatch.undo()
            assert not waiting.done()
        assert await waiting == ["hi"]

    asyncio.run(asyncio.wait_for(main(), SECONDS))


async def networked(home: Path) -> list[str]:
    async with invocation(home).session(network=True) as session:
        return await texts(session)


def test_commands_that_are_gone_in_a_moment_dial_and_do_not_listen(home: Path) -> None:
    async def main() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            link = await ana.invite()
            async with invocation(home, ana.url).session(network=True, create=True) as bo:
                status: model.Status = await bo.call(commands.Join(link, "bo", wait=SECONDS))
                assert (status.phase, status.listening) == ("live", ())
                await bo.call(commands.Post("general", "hello"))
                await ana.until(lambda: ana.texts() == ["hello"])
            await ana.until(lambda: not ana.linked())
            assert ana.meeting.peers() == []
            store = ana.team.workspace.store
            assert [address.url for address in store.addresses()] == []
            async with invocation(home).session(network=True, listening=True) as bo:
                assert (await bo.call(commands.GetStatus())).listening

    asyncio.run(asyncio.wait_for(main(), SECONDS))


# tail -f --------------------------------------------------------------------------------------


class Printed(Output):
    """Keeps what would be printed."""

    def __init__(self) -> None:
        super().__init__(as_json=False)
        self.texts: list[str] = []
        self.notes: list[str] = []

    def message(self, message: model.Message) -> None:
        self.texts.append(message.text)

    def messages(self, messages: list[model.Message]) -> None:
        self.texts += [message.text for message in messages]

    def note(self, text: str) -> None:
        self.notes.append(text)


@asynccontextmanager
async def following(bo: Desk, printed: Printed, *dial: str) -> AsyncIterator[None]:
    command = invocation(bo.home, *dial)
    async with command.session(network=True, listening=True, yielding=0.2) as session:
        task = asyncio.create_task(follow(session, printed, "general", 10))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_following_outlives_its_node_and_shows_what_came_meanwhile() -> None:
    async def main() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            await ana.post("one")
            printed = Printed()
            async with following(ana, printed):
                await ana.until(lambda: printed.texts == ["one"])
                # A restart: the next node comes before the command takes over.
                await ana.stop()
                await ana.start(network=False)
                await ana.post("two")
                await ana.stop()
                await ana.start()
                await ana.post("three")
                await ana.until(lambda: printed.texts == ["one", "two", "three"])
                # Nobody comes: the command is the holder, and others go through it.
                await ana.stop()
                await ana.until(lambda: Profile(ana.home).control_path.exists())
                async with invocation(ana.home).session() as other:
                    await other.call(commands.Post("general", "four"))
                    assert isinstance(other, LastingSession)
                    assert isinstance(other._session, RemoteSession)
                await ana.until(lambda: printed.texts == ["one", "two", "three", "four"])
            assert set(printed.notes) == {
                "The process that held this profile ended; following goes on."
            }

    asyncio.run(asyncio.wait_for(main(), SECONDS))


def test_following_waits_until_its_member_is_in() -> None:
    async def main() -> None:
        async with nodes() as make:
            ana, bo = await make("ana"), await make("bo")
            await ana.create()
            await ana.post("welcome")
            link, url = await ana.invite(), ana.url
            await ana.stop()
            status = await bo.call(commands.Join(link, "bo", wait=0.0))
            assert status.phase == "pending"
            await bo.stop()
            printed = Printed()
            await ana.start()
            async with following(bo, printed, ana.url):
                assert url != ana.url
                await ana.until(lambda: printed.texts == ["welcome"])
            (note,) = printed.notes
            assert "not in yet" in note

    asyncio.run(asyncio.wait_for(main(), SECONDS))


@pytest.mark.processes
def test_a_node_that_is_killed_or_stopped_does_not_end_following(machines: Machines) -> None:
    ana = machines.machine("ana")
    ana.new("Cats", "ana")
    node = ana.node()
    tail = ana.start("tail", "-f")
    ana.send("general", "one")
    tail.wait_for(lambda line: line["text"] == "one")
    node.kill()
    node = ana.node()
    ana.send("general", "two")
    tail.wait_for(lambda line: line["text"] == "two")
    assert node.stop() == 0
    eventually(lambda: len(tail.errors) == 2, what="a note about each end")
    ana.send("general", "three")
    tail.wait_for(lambda line: line["text"] == "three")
    ana.ask(commands.Shutdown())
    assert tail.wait() == 1
    assert "asked to stop" in tail.errors[-1]
    assert [line["text"] for line in tail.records] == ["one", "two", "three"]


@pytest.mark.processes
def test_following_ends_with_an_interrupt(machines: Machines) -> None:
    ana = machines.machine("ana")
    ana.new("Cats", "ana")
    ana.send("general", "one")
    tail = ana.start("tail", "-f")
    tail.wait_for(lambda line: line["text"] == "one")
    tail._process.send_signal(signal.SIGINT)
    assert tail.wait() == 130
    assert tail.errors == []
