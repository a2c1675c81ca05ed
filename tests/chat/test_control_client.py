"""The Python client against the real control socket: calls, pages, events, and a node that ends."""

import ast
import asyncio
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chat import client, commands, control_lines, events, model, profile, profile_socket
from chat.client import Clowder, ClowderError
from chat.control import ControlServer
from chat.errors import NotFound, StoreError
from chat.hub import Hub, Listener

SECONDS = 20.0
GENERAL, CATS = "a" * 32, "b" * 32


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="clc"))  # A socket's path is short.
    yield made
    shutil.rmtree(made)


def message(number: int, text: str = "", channel: str = GENERAL) -> model.Message:
    author = model.Author("00" * 16, "ana")
    order = f"{number:016x}{number:032x}"
    name = {GENERAL: "general", CATS: "cats"}[channel]
    return model.Message(f"{number:032x}", name, author, number, text, order, channel_id=channel)


class Desk:
    """A session with a timeline, which tells what a test posts, once enough listen."""

    def __init__(self, messages: Sequence[model.Message], listeners: int) -> None:
        self.hub = Hub()
        self.messages = list(messages)
        self.listening = asyncio.Event()
        self._listeners = listeners

    async def call(self, command: commands.Command) -> Any:
        match command:
            case commands.Post():
                return message(1, command.text)
            case commands.ListChannels():
                return [model.Channel(GENERAL, "general"), model.Channel(CATS, "cats")]
            case commands.History():
                found = [m for m in self.messages if m.order > command.after]
                found = [m for m in found if command.channel in ("", m.channel, m.channel_id)]
                return found[: command.limit] if command.after else found[-command.limit :]
            case commands.WaitReached():
                await asyncio.Event().wait()
        raise NotFound("There is no such thing here.")

    def events(self) -> Listener:
        self._listeners -= 1
        if not self._listeners:
            self.listening.set()
        return self.hub.listen()


def story(
    folder: Path,
    tell: Callable[[Desk, ControlServer], Any],
    hear: Callable[[], Any],
    there: Sequence[model.Message] = (),
    listeners: int = 1,
    desk: "type[Desk] | None" = None,
) -> Any:
    """Serve a desk in this thread, `tell` once so many listen; `hear` runs in another thread."""

    async def main() -> Any:
        session = (desk or Desk)(there, listeners)
        server = ControlServer(session, folder / "control.sock")
        await server.start()
        try:
            async with asyncio.timeout(SECONDS):
                hearing = asyncio.create_task(asyncio.to_thread(hear))
                waiting = asyncio.create_task(session.listening.wait())
                await asyncio.wait({hearing, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if waiting.done():
                    await tell(session, server)
                waiting.cancel()
                return await hearing
        finally:
            await server.aclose()

    return asyncio.run(main())


async def nothing(desk: Desk, server: ControlServer) -> None:
    """Say nothing."""


def test_calls_give_replies_or_errors_with_a_code(folder: Path) -> None:
    def hear() -> None:
        with Clowder(folder) as clowder:
            assert clowder.send("general", "“hi”\n$(x)")["text"] == "“hi”\n$(x)"
            with pytest.raises(ClowderError, match="no such thing") as told:
                clowder.call("message", message="beef")
            assert told.value.code == "missing"
            with pytest.raises(ClowderError, match="hologram") as told:
                clowder.call("hologram")
            assert told.value.code == "usage"
            assert [channel["name"] for channel in clowder.channels()] == ["general", "cats"]

    story(folder, nothing, hear)


def test_many_threads_may_call(folder: Path) -> None:
    def hear() -> list[str]:
        got: list[str] = []
        with Clowder(folder) as clowder:

            def say(number: int) -> None:
                got.extend(clowder.send("general", f"{number}/{i}")["text"] for i in range(20))

            threads = [threading.Thread(target=say, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(SECONDS)
        return got

    got = story(folder, nothing, hear)
    assert sorted(got) == sorted(f"{number}/{i}" for number in range(8) for i in range(20))


def test_every_message_comes_once_also_those_of_a_bulk(folder: Path) -> None:
    """What merges into the past in a bulk, what changed and what is elsewhere does not come."""
    count = 2 * client.PAGE_MESSAGES + 3
    there = [message(number) for number in range(1, 10)]

    async def tell(desk: Desk, server: ControlServer) -> None:
        fresh = [message(number) for number in range(20, 20 + count)]
        other = message(15, "elsewhere", CATS)
        desk.hub.emit(events.MessageChanged(message(5, "late alone"), True))
        desk.hub.emit(events.MessageChanged(fresh[0], True))
        desk.hub.emit(events.MessageChanged(there[3], False))
        desk.hub.emit(events.MessageChanged(other, True))
        last = message(9_999_999, "last")
        desk.messages = [message(0, "past"), *there, other, *fresh, last]
        desk.hub.emit(events.MessagesArrived("general", count + 2, "0" * 48))

    def hear() -> list[int]:
        got = []
        with Clowder(folder) as clowder:
            for told in clowder.messages("#general"):
                got.append(told["at"])
                if {5, 9_999_999} <= set(got):  # The one by itself may come before the bulk.
                    return got
        return []

    got = story(folder, tell, hear, there)
    assert sorted(got) == [5, *range(20, 20 + count), 9_999_999]


def test_what_came_while_it_began_to_listen_is_not_missed(folder: Path) -> None:
    async def tell(desk: Desk, server: ControlServer) -> None:
        desk.hub.emit(events.MessageChanged(message(99), True))

    class Hasty(Desk):
        def events(self) -> Listener:
            self.messages.append(message(2))  # Posted between the look and the listening.
            return super().events()

    def hear() -> list[int]:
        with Clowder(folder) as clowder:
            told = clowder.messages()
            return [next(told)["at"], next(told)["at"]]

    assert story(folder, tell, hear, [message(1)], desk=Hasty) == [2, 99]


def test_events_end_with_the_node_and_with_the_client(folder: Path) -> None:
    async def tell(desk: Desk, server: ControlServer) -> None:
        desk.hub.emit(events.TypingShown("general", model.Author("00", "ana")))
        desk.hub.emit(events.Warned("one"))
        desk.hub.emit(events.Warned("two"))
        await heard.wait()
        await server.aclose()

    heard = asyncio.Event()
    loop: list[asyncio.AbstractEventLoop] = []

    async def telling(desk: Desk, server: ControlServer) -> None:
        loop.append(asyncio.get_running_loop())
        await tell(desk, server)

    def hear() -> list[str]:
        with Clowder(folder) as clowder:
            idle = clowder.events()
            ended = threading.Thread(target=lambda: list(idle))
            ended.start()
            got = []
            for event in clowder.events("warning"):
                got.append(event["text"])
                if len(got) == 2:
                    loop[0].call_soon_threadsafe(heard.set)
            with pytest.raises(ClowderError) as told:
                clowder.channels()
            assert told.value.code in ("stopping", "closed")
        ended.join(SECONDS)
        assert not ended.is_alive()
        return got

    assert story(folder, telling, hear, listeners=2) == ["one", "two"]


def test_an_answer_that_does_not_come_is_an_error_and_is_not_taken_for_another(
    folder: Path,
) -> None:
    def hear() -> None:
        with Clowder(folder, timeout=0.05) as clowder:
            with pytest.raises(ClowderError) as told:
                clowder.call("wait", message="beef")
            assert told.value.code == "timeout"
            with pytest.raises(ClowderError) as told:
                clowder.channels()
            assert told.value.code == "closed"

    story(folder, nothing, hear)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "closed"),
        (b'{"hello": {"network": true, "v": 2}}\n', "version"),
        (b'{"closing": 0}\n', "unreachable"),
    ],
)
def test_who_gets_no_hello_of_this_version_asks_nothing(
    folder: Path, line: bytes, code: str
) -> None:
    asked: list[bytes] = []

    async def main() -> None:
        ended = asyncio.Event()

        async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(line)
            writer.write_eof()
            asked.append(await reader.read())
            writer.close()
            ended.set()

        server = await asyncio.start_unix_server(other, str(folder / "control.sock"))
        async with asyncio.timeout(SECONDS):
            with pytest.raises(ClowderError) as told:
                await asyncio.to_thread(Clowder, folder)
            assert told.value.code == code
            await ended.wait()
        server.close()

    asyncio.run(main())
    assert asked == [b""]


def test_no_node_is_a_sentence(folder: Path) -> None:
    with pytest.raises(ClowderError, match=r"Run `clowder node`\.$") as told:
        Clowder(folder)
    assert told.value.code == "unreachable"


# One file -------------------------------------------------------------------------------------


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(client.__file__).read_text("utf-8"))
    modules = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert {name.partition(".")[0] for name in modules} <= sys.stdlib_module_names


def test_its_numbers_are_those_of_the_node() -> None:
    assert client.VERSION == control_lines.VERSION
    assert client.PAGE_MESSAGES == control_lines.PAGE_MESSAGES
    assert client.LINE_MAX_BYTES >= control_lines.REPLY_MAX_BYTES
    assert client.SOCKET_PATH_MAX_BYTES == profile_socket.SOCKET_PATH_MAX_BYTES


@pytest.mark.parametrize("runtime", ["short", "long", "relative", "none"])
@pytest.mark.parametrize("name", ["p", "p" * 120])
def test_it_finds_the_socket_where_the_node_puts_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, name: str
) -> None:
    place = {"short": str(folder), "long": str(folder / ("r" * 90)), "relative": "run"}
    monkeypatch.setenv("TMPDIR", str(folder))
    if runtime in place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place[runtime])
    else:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    home = folder / name
    home.mkdir()
    assert client.socket_path(home) == profile_socket.socket_path(home)
    alias = folder / f"{name}2"
    alias.symlink_to(home)
    assert client.socket_path(alias) == profile_socket.socket_path(alias)
    found = client.socket_path(home)
    if found.parent != home:
        found.parent.mkdir(mode=0o755)
        found.parent.chmod(0o755)
        with pytest.raises(StoreError):
            profile_socket.socket_path(home)
        with pytest.raises(ClowderError):
            client.socket_path(home)


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="it has Unix sockets")
def test_it_finds_the_profile_where_the_command_line_has_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for home, data in (("", ""), ("", str(folder)), ("~/x", ""), (str(folder), "y")):
        monkeypatch.setenv("CLOWDER_HOME", home)
        monkeypatch.setenv("XDG_DATA_HOME", data)
        assert client.default_home() == profile.default_home()


def test_its_values_are_those_of_the_page() -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(model.Message)}
    used = {"id", "channel", "channel_id", "order", "reply_to", "text", "mine", "author"}
    assert used <= fields
    assert os.fspath(client.default_home())
