"""Hooks: the right command for an event, what others wrote on stdin only, and bounds on all."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import config, events, model
from chat.errors import UsageError
from chat.hooks import RUNNING_MAX, Command, Hooks, commands_of, names_of, parse
from chat.hub import MESSAGES_WAITING_MAX, Hub

SECONDS = 30.0
HOSTILE = "\"; touch pwned; $(touch pwned) `touch pwned` \\ ' \n--help \x7f %s {0} 猫"
DIRECT, GENERAL = "d" * 32, "a" * 32


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="clh"))
    yield made
    shutil.rmtree(made)


def told(number: int = 1, text: str = "hi", channel: str = GENERAL, **fields: bool) -> events.Event:
    author = model.Author("00" * 16, text)
    order = f"{number:016x}{number:032x}"
    new = fields.pop("new", True)
    message = model.Message(
        f"{number:032x}", text, author, number, text, order, channel_id=channel, **fields
    )
    return events.MessageChanged(message, new)


def names(event: events.Event) -> list[str]:
    return list(names_of(event, lambda channel: channel == DIRECT))


def test_each_event_has_its_hooks() -> None:
    assert names(told()) == ["message"]
    assert names(told(mentions_me=True)) == ["message", "mention"]
    assert names(told(channel=DIRECT)) == ["message", "direct"]
    assert names(told(channel=DIRECT, mentions_me=True)) == ["message", "mention", "direct"]
    assert names(told(mine=True, mentions_me=True)) == []
    assert names(told(deleted=True)) == []
    assert names(told(new=False, mentions_me=True)) == []
    assert names(events.MessagesArrived("general", 60, "0" * 48)) == ["message"]
    assert names(events.Warned("x")) == []


@given(st.text() | st.lists(st.text(), max_size=4).map(tuple))
def test_any_setting_is_a_command_or_a_sentence(given: str | tuple[str, ...]) -> None:
    try:
        found = parse("message", given)
    except UsageError as refused:
        sentence = str(refused)
    else:
        sentence = "“message”"
        assert found is None or (found.arguments and "\0" not in "".join(found.arguments))
    assert "“message”" in sentence


def test_commands_are_lists_of_arguments(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    path = folder / "config.toml"
    path.write_text('[hooks]\nmessage = "~/ring --to \'a b\'"\ndirect = ["x", "$HOME; y"]\n')
    found = commands_of(config.load(path, {}, {}).hooks)
    assert found == {
        "message": Command("message", ("/home/ana/ring", "--to", "a b")),
        "direct": Command("direct", ("x", "$HOME; y")),
    }
    for wrong in ("message = 'a \"b'", "message = ['']", "mention = 7", "massage = 'x'"):
        path.write_text(f"[hooks]\n{wrong}\n")
        with pytest.raises(UsageError, match=r"config\.toml"):
            commands_of(config.load(path, {}, {}).hooks)


class House:
    """A hub with hooks, and what the user was told."""

    def __init__(self, hub: Hub, hooks: Hooks) -> None:
        self.hub = hub
        self.hooks = hooks
        self.warnings: list[str] = []

    async def listen(self) -> None:
        async for event in self.hub.listen():
            if isinstance(event, events.Warned):
                self.warnings.append(event.text)


@asynccontextmanager
async def house(
    folder: Path, script: str, seconds: float = SECONDS, name: str = "message"
) -> AsyncIterator[House]:
    """Hooks of one shell script, whose `$1` is the folder."""
    command = Command(name, ("sh", "-c", script, "sh", str(folder)))
    hub = Hub()
    hooks = Hooks({name: command}, folder, hub, lambda channel: channel == DIRECT, seconds)
    made = House(hub, hooks)
    listening = asyncio.create_task(made.listen())
    await asyncio.sleep(0)
    hooks.start()
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(SECONDS):
            yield made
    finally:
        await hooks.aclose()
        hub.close()
        await listening


async def until(condition: Callable[[], object]) -> None:
    deadline = asyncio.get_running_loop().time() + SECONDS
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "waited in vain"
        await asyncio.sleep(0.01)  # A process tells nobody.


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []


def test_what_others_wrote_comes_on_stdin_and_nowhere_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEPT", "yes")
    monkeypatch.chdir(folder)
    script = (
        'cat > "$1/in"; env -0 > "$1/env"; printf "%s\\n" "$#" "$@" > "$1/arguments"; '
        'echo noise; echo noise >&2; mv "$1/arguments" "$1/done"'
    )

    async def main() -> None:
        async with house(folder, script) as made:
            made.hub.emit(told(text=HOSTILE))
            await until((folder / "done").exists)
            await until(lambda: not made.hooks._running)
            assert made.warnings == []

    asyncio.run(main())
    (line,) = (folder / "in").read_bytes().splitlines()
    event = json.loads(line)
    assert (event["event"], event["message"]["text"]) == ("message", HOSTILE)
    assert lines(folder / "done") == ["1", str(folder)]
    environment = dict(
        part.split("=", 1) for part in (folder / "env").read_text("utf-8").split("\0") if part
    )
    assert environment["CLOWDER_HOME"] == str(folder)
    assert environment["CLOWDER_HOOK"] == "message"
    assert environment["KEPT"] == "yes"
    ours = {"CLOWDER_HOME", "CLOWDER_WORKSPACE", "CLOWDER_HOOK"}
    assert set(environment) <= {*os.environ, *ours, "_", "PWD", "SHLVL"}
    assert not [value for value in environment.values() if "touch" in value]
    assert not (folder / "pwned").exists()


def test_so_many_run_at_once_and_the_others_wait(folder: Path) -> None:
    os.mkfifo(folder / "gate")
    count = 3 * RUNNING_MAX

    async def main() -> None:
        script = 'cat > /dev/null; echo x >> "$1/begun"; read go < "$1/gate"; echo x >> "$1/ended"'
        async with house(folder, script) as made:
            for number in range(count):
                made.hub.emit(told(number))
            gate = os.open(folder / "gate", os.O_RDWR)
            await until(lambda: len(lines(folder / "begun")) == RUNNING_MAX)
            for done in range(1, count + 1):
                assert len(made.hooks._running) <= RUNNING_MAX
                assert len(lines(folder / "begun")) <= RUNNING_MAX + done - 1
                os.write(gate, b"go\n")
                await until(lambda done=done: len(lines(folder / "ended")) == done)
            assert len(lines(folder / "begun")) == count
            os.close(gate)

    asyncio.run(main())


def test_a_flood_becomes_one_event(folder: Path) -> None:
    os.mkfifo(folder / "gate")
    count = MESSAGES_WAITING_MAX + 500

    async def main() -> None:
        script = 'cat >> "$1/in"; read go < "$1/gate"'
        async with house(folder, script) as made:
            gate = os.open(folder / "gate", os.O_RDWR)
            for number in range(count):
                made.hub.emit(told(number))
            heard: list[dict[str, object]] = []
            deadline = asyncio.get_running_loop().time() + SECONDS
            while sum(int(str(event.get("count", 1))) for event in heard) < count:
                assert asyncio.get_running_loop().time() < deadline, "waited in vain"
                os.write(gate, b"go\n")
                await asyncio.sleep(0.005)
                heard = [json.loads(line) for line in lines(folder / "in")]
            assert len(heard) < count
            assert "bulk" in {event["event"] for event in heard}
            os.close(gate)

    asyncio.run(main())


def test_a_command_that_takes_too_long_is_killed_with_what_it_started(folder: Path) -> None:
    script = 'cat > /dev/null; sleep 300 & echo $! > "$1/child"; echo $$ > "$1/self"; sleep 300'

    async def main() -> None:
        async with house(folder, script, seconds=0.3) as made:
            made.hub.emit(told(1))
            await until(lambda: made.warnings)
            assert made.warnings == ["The hook “message” took over 0.3 s and was ended."]

    asyncio.run(main())
    for name in ("child", "self"):
        (pid,) = lines(folder / name)
        assert not running(int(pid))


def running(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for is over."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_what_runs_when_the_node_ends_is_killed_after_a_moment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.hooks.LAST_SECONDS", 0.2)

    async def main() -> None:
        async with house(folder, 'echo $$ > "$1/self"; exec sleep 300') as made:
            made.hub.emit(told(1))
            await until(lambda: lines(folder / "self"))

    asyncio.run(main())
    (pid,) = lines(folder / "self")
    assert not running(int(pid))


@pytest.mark.parametrize(
    ("script", "words"), [("exit 3", "ended with 3"), ("cat > /dev/null; exit 4", "ended with 4")]
)
def test_how_it_fails_is_told_once(folder: Path, script: str, words: str) -> None:
    async def main() -> None:
        async with house(folder, f'echo x >> "$1/begun"; {script}') as made:
            for number in range(3):
                made.hub.emit(told(number, "x" * 500_000))
            await until(lambda: len(lines(folder / "begun")) == 3)
            await until(lambda: made.warnings and not made.hooks._running)
            assert made.warnings == [f"The hook “message” {words}."]

    asyncio.run(main())


def test_a_program_that_is_not_there_is_a_sentence_and_hurts_nobody(folder: Path) -> None:
    async def main() -> None:
        hub = Hub()
        command = Command("message", (str(folder / "missing"),))
        hooks = Hooks({"message": command}, folder, hub, lambda _: False)
        made = House(hub, hooks)
        listening = asyncio.create_task(made.listen())
        hooks.start()
        await asyncio.sleep(0)
        hub.emit(told(1))
        hub.emit(told(2))
        async with asyncio.timeout(SECONDS):
            await until(lambda: made.warnings and not hooks._running)
        await hooks.aclose()
        hub.close()
        await listening
        assert made.warnings == ["The hook “message” cannot be run: No such file or directory."]

    asyncio.run(main())


def test_without_hooks_nobody_listens() -> None:
    async def main() -> None:
        hub = Hub()
        hooks = Hooks({}, Path("/"), hub, lambda _: False)
        hooks.start()
        assert not hub.has_listeners
        await hooks.aclose()

    asyncio.run(main())
