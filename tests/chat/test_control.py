"""The control socket: any line, many clients, a node that stops, and nothing in between lost."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import commands, control, events, model
from chat.control import LINE_MAX_BYTES, ControlServer, RemoteSession, decode_request
from chat.errors import ChatError, NotFound, Stopping, Unavailable, UsageError
from chat.hub import Hub, Listener

SECONDS = 20.0


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="clc"))  # A socket's path is short.
    yield made
    shutil.rmtree(made)


class Desk:
    """A session that answers some commands, and is told what to tell."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.called: list[commands.Command] = []
        self.released = asyncio.Event()
        self.messages: list[model.Message] = []
        self.largest = 0

    async def call(self, command: commands.Command) -> Any:
        self.called.append(command)
        if isinstance(command, commands.GetMessage):
            raise NotFound("There is no such message here.")
        if isinstance(command, commands.WaitReached | commands.Post):
            await self.released.wait()
        if isinstance(command, commands.GetNotes):
            raise RuntimeError("a mistake")
        if isinstance(command, commands.History):
            return self._page(command)
        return [] if isinstance(command, commands.ListPeers) else None

    def _page(self, command: commands.History) -> list[model.Message]:
        self.largest = max(self.largest, command.limit)
        found = [m for m in self.messages if m.order > command.after]
        found = [m for m in found if not command.before or m.order < command.before]
        return found[: command.limit] if command.after else found[-command.limit :]

    def events(self) -> Listener:
        return self.hub.listen()


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Desk, Path, ControlServer]]:
    desk, path = Desk(), folder / "s"
    server = ControlServer(desk, path)
    async with asyncio.timeout(SECONDS):
        await server.start()
        try:
            yield desk, path, server
        finally:
            await server.aclose()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come to be")


async def connected(path: Path) -> RemoteSession:
    session = await RemoteSession.connect(path)
    assert session is not None
    return session


def message(number: int, text: str = "") -> model.Message:
    author = model.Author("00" * 16, "ana")
    order = f"{number:016x}{number:032x}"
    return model.Message(f"{number:032x}", "general", author, number, text, order)


async def raw(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    """Send lines; gives what comes behind the hello until the other side hangs up."""
    reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_MAX_BYTES)
    writer.write(b"".join(lines))
    writer.write_eof()
    hello, *found = [json.loads(line) async for line in reader]
    assert hello == {"hello": {"network": True, "v": 1}}
    writer.close()
    await writer.wait_closed()
    return found


# Lines ----------------------------------------------------------------------------------------

LINES = st.one_of(
    st.binary(max_size=200).map(lambda data: data.replace(b"\n", b" ")),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "command", "do", "subscribe", "limit", "channel", "x"]),
                inner,
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)


@given(line=LINES)
def test_a_line_is_a_request_or_no_request(line: bytes) -> None:
    try:
        request = decode_request(line)
    except UsageError as refused:
        sentence = str(refused)
    else:
        assert isinstance(request.id, int)
        return
    assert sentence.startswith("The control socket got a line that is no request")


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(LINES, max_size=4))
def test_any_lines_cost_no_more_than_their_connection(lines: list[bytes]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="clc"))

    async def main() -> None:
        async with served(folder) as (_, path, _):
            other = await connected(path)
            answers = await raw(path, *(line + b"\n" for line in lines))
            assert all({"id", "error", "reply"} & answer.keys() for answer in answers)
            assert await other.call(commands.ListPeers()) == []
            await other.aclose()

    try:
        asyncio.run(main())
    finally:
        shutil.rmtree(folder)


def test_a_line_that_is_too_long_ends_its_connection(folder: Path) -> None:
    async def main() -> None:
        async with served(folder) as (_, path, _):
            other = await connected(path)
            reader, writer = await asyncio.open_unix_connection(str(path))
            assert b"hello" in await reader.readline()
            writer.write(b"x" * (LINE_MAX_BYTES + 2))
            answer = json.loads(await reader.readline())
            assert answer["error"]["code"] == "usage"
            assert await reader.read() == b""
            writer.close()
            assert await other.call(commands.ListPeers()) == []
            await other.aclose()

    asyncio.run(main())


def test_requests_without_a_command_and_mistakes_of_ours_are_answered(folder: Path) -> None:
    seen: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))
        async with served(folder) as (_, path, _):
            (answer,) = await raw(path, b'{"id": 7}\n')
            assert (answer["id"], answer["error"]["code"]) == (7, "usage")
            session = await connected(path)
            with pytest.raises(Unavailable, match="report it"):
                await session.call(commands.GetNotes("general"))
            with pytest.raises(NotFound, match="no such message"):
                await session.call(commands.GetMessage("beef"))
            assert await session.call(commands.ListPeers()) == []
            await session.aclose()

    asyncio.run(main())
    assert [str(context["exception"]) for context in seen] == ["a mistake"]


# Clients --------------------------------------------------------------------------------------


def test_many_clients_are_answered_side_by_side(folder: Path) -> None:
    async def main() -> None:
        async with served(folder) as (desk, path, _):
            sessions = [await connected(path) for _ in range(40)]
            waiting = asyncio.create_task(sessions[0].call(commands.WaitReached("beef")))
            answers = await asyncio.gather(*(s.call(commands.ListPeers()) for s in sessions))
            assert answers == [[]] * 40
            assert not waiting.done()
            desk.released.set()
            with pytest.raises(Unavailable, match="another version"):
                await waiting  # Null is no message.
            for session in sessions:
                await session.aclose()

    asyncio.run(main())


def test_a_subscription_leaves_no_gap_before_the_history_that_follows(folder: Path) -> None:
    async def main() -> None:
        async with served(folder) as (desk, path, _):
            for number in range(1, 20):
                session = await connected(path)
                stream = session.events()
                asking = asyncio.create_task(session.call(commands.History("general")))
                # The node posts at whatever moment.
                for _ in range(number):
                    await asyncio.sleep(0)
                posted = message(number)
                desk.messages.append(posted)
                desk.hub.emit(events.MessageChanged(posted, True))
                found = await asking
                if posted not in found:
                    event = await anext(stream)
                    assert isinstance(event, events.MessageChanged)
                    assert event.message == posted
                await session.aclose()

    asyncio.run(main())


def test_a_client_that_leaves_takes_its_listener_along(folder: Path) -> None:
    async def main() -> None:
        async with served(folder) as (desk, path, server):
            for _ in range(5):
                session = await connected(path)
                session.events()
                session.events()
                await session.call(commands.ListPeers())
                assert desk.hub.has_listeners
                await session.aclose()
            await until(lambda: not server._clients)
            assert not desk.hub.has_listeners

    asyncio.run(main())


def test_a_client_that_reads_slowly_gets_the_newest_of_everything(folder: Path) -> None:
    async def main() -> None:
        async with served(folder) as (desk, path, _):
            session = await connected(path)
            stream = session.events()
            await session.call(commands.ListPeers())
            for number in range(2_000):
                desk.hub.emit(events.MessageChanged(message(number, "x"), True))
                if number % 100 == 0:
                    await asyncio.sleep(0)
            desk.hub.emit(events.Warned("last"))
            told: list[events.Event] = []
            count = 0
            while not (told and told[-1] == events.Warned("last")):
                event = await anext(stream)
                told.append(event)
                count += event.count if isinstance(event, events.MessagesArrived) else 1
            assert count == 2_001
            await session.aclose()

    asyncio.run(main())


def test_a_node_that_stops_tells_whoever_waits(folder: Path) -> None:
    async def main() -> None:
        async with served(folder) as (_, path, server):
            session = await connected(path)
            stream = session.events()
            waiting = asyncio.create_task(session.call(commands.WaitReached("beef")))
            await session.call(commands.ListPeers())
            await server.aclose()
            with pytest.raises(ChatError, match=r"has stopped\.$"):
                await waiting
            with pytest.raises(Unavailable):
                await session.call(commands.ListPeers())
            assert [event async for event in stream] == []
            assert [event async for event in session.events()] == []
            assert await RemoteSession.connect(path) is None
            await session.aclose()

    asyncio.run(main())


def test_what_was_taken_is_answered_and_what_was_not_is_for_the_next(folder: Path) -> None:
    async def main() -> None:
        async with served(folder) as (desk, path, server):
            session = await connected(path)
            taken = asyncio.create_task(session.call(commands.Dial("ws://one:1")))
            assert await taken is None
            under_way = asyncio.create_task(session.call(commands.Post("general", "hi")))
            await until(lambda: any(isinstance(asked, commands.Post) for asked in desk.called))
            closing = asyncio.create_task(server.aclose())
            await until(lambda: session.ended)
            asked = len(desk.called)
            with pytest.raises(Stopping, match=r"has stopped\.$"):
                await session.call(commands.Dial("ws://two:1"))
            assert await RemoteSession.connect(path) is None
            desk.released.set()
            with pytest.raises(Unavailable, match="another version"):
                await under_way  # It was carried out and answered; null is no message.
            await closing
            assert len(desk.called) == asked
            await session.aclose()

    asyncio.run(main())


def test_every_request_on_the_way_is_answered_or_surely_not_begun(folder: Path) -> None:
    """However many requests are in the pipe when the node ends: none is in between."""

    async def main(pause: int) -> None:
        async with served(folder) as (desk, path, server):
            session = await connected(path)
            asked = [commands.Dial(f"ws://x:{number}") for number in range(80)]
            calls = [asyncio.create_task(session.call(command)) for command in asked]
            for _ in range(pause):
                await asyncio.sleep(0)
            await server.aclose()
            ends = await asyncio.gather(*calls, return_exceptions=True)
            assert all(end is None or isinstance(end, Stopping) for end in ends)
            done = [command for command, end in zip(asked, ends, strict=True) if end is None]
            assert desk.called == done
            await session.aclose()

    for pause in range(12):
        asyncio.run(main(pause))


def test_who_gets_no_hello_asked_nothing(folder: Path) -> None:
    async def main() -> None:
        lines: list[bytes] = []

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()
            lines.append(await reader.read())

        server = await asyncio.start_unix_server(mute, str(folder / "s"))
        async with asyncio.timeout(SECONDS):
            assert await RemoteSession.connect(folder / "s") is None
        server.close()
        assert set(lines) <= {b""}

    asyncio.run(main())


def test_a_killed_node_leaves_what_it_was_asked_unknown(folder: Path) -> None:
    async def main() -> None:
        async def killed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'{"hello": {"network": true}}\n')
            await reader.readline()
            writer.close()

        server = await asyncio.start_unix_server(killed, str(folder / "s"))
        async with asyncio.timeout(SECONDS):
            session = await connected(folder / "s")
            with pytest.raises(Unavailable) as told:
                await session.call(commands.Post("general", "hi"))
            assert not isinstance(told.value, Stopping)
            with pytest.raises(Stopping):
                await session.call(commands.Post("general", "hi"))
        await session.aclose()
        server.close()

    asyncio.run(main())


def test_what_no_line_holds_is_refused_before_it_is_sent(folder: Path) -> None:
    async def main() -> None:
        async with served(folder) as (desk, path, _):
            session = await connected(path)
            with pytest.raises(UsageError, match="more than one command holds"):
                await session.call(commands.SetNotes("general", "x" * LINE_MAX_BYTES))
            with pytest.raises(UsageError, match="no text"):
                await session.call(commands.SetTopic("general", "\udcff"))
            assert desk.called == []
            assert await session.call(commands.ListPeers()) == []
            await session.aclose()

    asyncio.run(main())


def test_answers_are_as_long_as_they_need_to_be_and_no_longer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with served(folder) as (desk, path, _):
            desk.messages = [message(number, "x" * 8_000) for number in range(700)]
            session = await connected(path)
            assert await session.call(commands.History("general", 700)) == desk.messages
            monkeypatch.setattr(control, "REPLY_MAX_BYTES", 1_000)
            with pytest.raises(UsageError, match="ask for less"):
                await session.call(commands.History("general", 700))
            await session.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("there", [0, 999, 1_000, 2_500])
@pytest.mark.parametrize("limit", [1, 1_000, 1_001, 2_400, 10_000])
def test_a_long_history_comes_in_pages(folder: Path, there: int, limit: int) -> None:
    async def main() -> None:
        async with served(folder) as (desk, path, _):
            desk.messages = [message(number) for number in range(1, there + 1)]
            session = await connected(path)
            found = await session.call(commands.History("general", limit))
            assert found == desk.messages[-limit:]
            if desk.messages:
                middle, ends = desk.messages[there // 3], desk.messages[-1]
                older = commands.History("general", limit, before=middle.order)
                assert await session.call(older) == desk.messages[: there // 3][-limit:]
                newer = commands.History("general", limit, ends.order, middle.order)
                assert await session.call(newer) == desk.messages[there // 3 + 1 : -1][:limit]
            assert desk.largest <= control.PAGE_MESSAGES
            await session.aclose()
            asked = {"id": 1, "command": {"do": "history", "limit": control.PAGE_MESSAGES + 1}}
            (answer,) = await raw(path, json.dumps(asked).encode() + b"\n")
            assert answer["error"]["code"] == "usage"
            assert desk.largest <= control.PAGE_MESSAGES

    asyncio.run(main())


def test_what_a_node_does_not_know_is_refused_by_its_id_and_costs_nothing_else(
    folder: Path,
) -> None:
    async def main() -> None:
        async with served(folder) as (_, path, _):
            answers = await raw(
                path,
                b'{"id": 1, "command": {"do": "hologram"}}\n',
                b'{"id": 2, "command": {"do": "post", "channel": 7}}\n',
                b'{"id": 3, "colour": "red"}\n',
                b'{"id": 4, "command": {"do": "peers"}}\n',
                b'{"id": "5", "command": {"do": "peers"}}\n',
                b'{"id": 6, "command": {"do": "peers"}}\n',
            )
            told = {answer.get("id"): answer for answer in answers}
            assert [told[number]["error"]["code"] for number in (1, 2, 3)] == ["usage"] * 3
            assert "hologram" in told[1]["error"]["text"]
            assert told[None]["error"]["code"] == "usage"  # No id: the connection ends.
            assert 6 not in told

    asyncio.run(main())


def test_a_node_of_a_later_version_is_asked_nothing(folder: Path) -> None:
    async def main() -> None:
        asked: list[bytes] = []

        async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'{"hello": {"network": true, "v": 2, "shape": "round"}}\n')
            asked.append(await reader.read())
            writer.close()

        server = await asyncio.start_unix_server(later, str(folder / "s"))
        async with asyncio.timeout(SECONDS):
            with pytest.raises(Unavailable, match="another version"):
                await RemoteSession.connect(folder / "s")
        server.close()
        await until(lambda: asked == [b""])

    asyncio.run(main())


def test_an_event_of_a_newer_node_is_passed_over(folder: Path) -> None:
    async def main() -> None:
        async def newer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'{"hello": {"network": true}}\n')
            writer.write(b'{"event": {"event": "hologram"}}\n')
            writer.write(b'{"event": {"event": "warning", "text": "hi"}}\n')
            await reader.read()
            writer.close()

        server = await asyncio.start_unix_server(newer, str(folder / "s"))
        session = await connected(folder / "s")
        async with asyncio.timeout(SECONDS):
            assert await anext(session.events()) == events.Warned("hi")
        await session.aclose()
        server.close()

    asyncio.run(main())


def test_a_folder_that_takes_no_socket_is_a_sentence(folder: Path) -> None:
    async def main() -> None:
        server = ControlServer(Desk(), folder / "missing" / "s")
        with pytest.raises(ChatError, match=r"cannot be made.*\.$"):
            await server.start()
        await server.aclose()
        assert await RemoteSession.connect(folder / "missing" / "s") is None

    asyncio.run(main())
