"""One performance of the demo: on a screen for somebody to join in, or checked and counted.

Whatever ends it, also a signal or a member that died, ends its processes and removes its folder.
"""

import asyncio
import itertools
import random
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chat import commands, events, model
from chat.cli.output import Output, message_fields
from chat.config import Settings
from chat.demo import script
from chat.demo.cast import Cast, on_stage
from chat.errors import ChatError, Unavailable
from chat.session import Session

CHANNEL = "general"
EVERYWHERE_SECONDS = 60.0
"""How long a message or picture may take to be everywhere; it needs well under one second."""
OPENING_PACE_SECONDS = (0.6, 1.6)
LATER_PACE_SECONDS = (12.0, 25.0)
ANSWER_PACE_SECONDS = (1.0, 2.5)
PERFORMANCE_SECONDS = 180.0
"""A performance without a screen ends by then, whatever hangs; it needs about five seconds."""


def _hear(stop: Callable[[int], None]) -> None:
    """Call `stop` with the number of a signal that would end this process at once."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)


async def _to_the_end(work: Coroutine[Any, Any, int]) -> int:
    """Perform; a signal ends it in order, and gives the exit code that shells have for it."""
    performing = asyncio.ensure_future(work)
    code = 0

    def stop(number: int) -> None:
        nonlocal code
        if not code:
            code = 128 + number
            performing.cancel()

    _hear(stop)
    try:
        return await performing
    except asyncio.CancelledError:
        if not code:
            raise
        return code


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    """A folder that is gone afterwards; its path is short, for the sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="clowder-demo-"))
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


class Performance:
    """Speaks lines through the cast. `said` holds the message of each line spoken so far."""

    def __init__(self, cast: Cast, folder: Path) -> None:
        self.said: list[model.Message] = []
        self._folder = folder
        self._players: dict[str, Session] = {script.YOU: cast.you}
        for member in cast.members:
            assert member.session is not None
            self._players[member.name] = member.session

    async def speak(self, line: script.Line) -> model.Message:
        """Do what a line says, once the line it is about has arrived at its speaker."""
        player = self._players[line.by]
        about = None if line.answers is None else self.said[line.answers].id
        if about is not None:
            await arrived(player, about)
        if line.emoji:
            assert about is not None
            message = await player.call(commands.React(about, line.emoji))
        elif line.cat:
            path = await asyncio.to_thread(self._cat, line.cat)
            put = commands.Put(CHANNEL, str(path), line.text, "a drawing of a cat", about)
            message = await player.call(put)
        else:
            message = await player.call(commands.Post(CHANNEL, line.text, about))
        assert isinstance(message, model.Message)
        self.said.append(message)
        return message

    def _cat(self, number: int) -> Path:
        try:
            from chat.pictures.sample import cat_picture
        except ImportError as error:
            raise Unavailable(f"The demo cannot draw its cats: {error}.") from None
        path = self._folder / f"cat-{number}.png"
        path.write_bytes(cat_picture(number))
        return path


async def arrived(player: Session, message: str) -> model.Message:
    """A message, as soon as a player has it.

    Raises:
        Unavailable: it did not come in time.
    """
    stream = player.events()
    try:
        async with asyncio.timeout(EVERYWHERE_SECONDS):
            while True:
                try:
                    found = await player.call(commands.GetMessage(message))
                    assert isinstance(found, model.Message)
                    return found
                except ChatError:
                    await anext(stream)
    except (TimeoutError, StopAsyncIteration):
        raise Unavailable("A message of the demo did not arrive.") from None


# Without a screen ---------------------------------------------------------------------------------


async def headless_demo(output: Output) -> int:
    """Perform, tell what happens as JSON lines, and check that everything is everywhere.

    Gives the exit code: 0 when every message and picture arrived at every member, and the relay
    holds as many entries as they do; 1 when not, also when somebody dies; 128 and its number
    after a signal.
    """
    return await _to_the_end(_headless(output))


async def _headless(output: Output) -> int:
    began = time.monotonic()
    told = _Told(output)
    try:
        async with asyncio.timeout(PERFORMANCE_SECONDS):
            async with _folder() as folder, on_stage(folder, Settings(), script.NICKS) as cast:
                for player in cast.players:
                    fields = {"name": player.name, "url": player.url, "pid": player.pid}
                    output.record("player", fields)
                performance = Performance(cast, folder)
                for line in (*script.OPENING, *script.YOURS):
                    await performance.speak(line)
                await told.check(cast, performance.said)
    except TimeoutError:
        told.problems.append(f"it was not over after {PERFORMANCE_SECONDS:.0f} seconds")
    except ChatError as error:
        told.problems.append(str(error))
    output.record(
        "demo",
        {
            "ok": not told.problems,
            "messages": told.messages,
            "pictures": told.pictures,
            "machines": told.machines,
            "seconds": round(time.monotonic() - began, 2),
            "problems": told.problems,
        },
    )
    return 1 if told.problems else 0


class _Told:
    """Checks a performance at every machine, and tells what is there."""

    def __init__(self, output: Output) -> None:
        self.problems: list[str] = []
        self.messages = self.pictures = self.machines = 0
        self._output = output

    async def check(self, cast: Cast, said: list[model.Message]) -> None:
        """Look for everything that was said, everywhere."""
        spoken = list({message.id: message for message in said}.values())
        pictures = [file for message in spoken for file in message.files]
        self.messages, self.pictures = len(spoken), len(pictures)
        self.machines = len(cast.players) + 1
        for member in cast.members:
            assert member.session is not None
            await self._check_member(member.name, member.session, spoken, pictures)
        await self._check_member(script.YOU, cast.you, spoken, pictures)
        for message in spoken:
            await self._tell(cast.you, message, len(cast.members))
        await self._check_relay(cast)

    async def _check_member(
        self,
        name: str,
        player: Session,
        spoken: list[model.Message],
        pictures: list[model.FileView],
    ) -> None:
        for message in spoken:
            try:
                found = await arrived(player, message.id)
            except ChatError:
                self.problems.append(f"{name} lacks the message {message.id}")
                continue
            if (found.text, found.author) != (message.text, message.author):
                self.problems.append(f"{name} sees another message {message.id}")
        for file in pictures:
            try:
                await self._check_picture(name, player, file)
            except ChatError as error:
                self.problems.append(f"{name} lacks the picture {file.name}: {error}")

    async def _check_picture(self, name: str, player: Session, file: model.FileView) -> None:
        """The picture is there; tells whose machines it came from, nobody's for its owner."""
        await player.call(commands.Get(file.id, "", EVERYWHERE_SECONDS))
        came: list[model.Transfer] = await player.call(commands.ListTransfers())
        sources = next((transfer.sources for transfer in came if transfer.id == file.id), ())
        fields = {"at": name, "id": file.id, "name": file.name, "size": file.size}
        self._output.record("picture", {**fields, "from": dict(sources)})

    async def _tell(self, you: Session, message: model.Message, others: int) -> None:
        """A message as you see it, once it is known here to have reached everybody."""
        reached = commands.WaitReached(message.id, others, EVERYWHERE_SECONDS)
        try:
            self._output.record("message", message_fields(await you.call(reached)))
        except ChatError as error:
            self.problems.append(f"you do not see how far {message.id} reached: {error}")

    async def _check_relay(self, cast: Cast) -> None:
        """Whether the relay caught up with everybody."""
        try:
            async with asyncio.timeout(EVERYWHERE_SECONDS):
                while True:
                    there: model.Status = await cast.relay.call(commands.GetStatus())
                    here: model.Status = await cast.you.call(commands.GetStatus())
                    if there.entries == here.entries and there.behind == 0:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            text = f"the relay holds {there.entries} entries of {here.entries}"
            self.problems.append(text)
        except ChatError as error:
            self.problems.append(f"the relay does not answer: {error}")


# On a screen --------------------------------------------------------------------------------------


async def screen_demo(settings: Settings) -> int:
    """Open the workspace on the screen, with the others talking in it."""
    return await _to_the_end(_on_screen(settings))


async def _on_screen(settings: Settings) -> int:
    from tui.app import run_async

    print("Starting a relay and two more members on this machine…", flush=True)
    async with _folder() as folder, on_stage(folder, settings, script.NICKS) as cast:
        performance = Performance(cast, folder)
        for line in script.OPENING[: script.BEFORE]:
            await arrived(cast.you, (await performance.speak(line)).id)
        # Read, so that the screen opens at the end and goes along with what is said.
        await cast.you.call(commands.MarkRead(CHANNEL))
        others = asyncio.create_task(_live(performance, cast))
        try:
            return await run_async(cast.you, settings)
        finally:
            # The face gave the signals back as they were at first; the rest is over in a moment.
            _hear(lambda _: None)
            others.cancel()
            await asyncio.gather(others, return_exceptions=True)


async def _live(performance: Performance, cast: Cast) -> None:
    """Talk: first the opening, then now and then, and an answer to what you write."""
    lot = random.Random(0)  # noqa: S311 - paces and turns, no secrets
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_answer(cast, lot))
        for line in script.OPENING[script.BEFORE :]:
            await asyncio.sleep(lot.uniform(*OPENING_PACE_SECONDS))
            await performance.speak(line)
        await cast.members[1].call(commands.SetNotes(CHANNEL, script.NOTES))
        for line in script.LATER:
            await asyncio.sleep(lot.uniform(*LATER_PACE_SECONDS))
            await performance.speak(line)


async def _answer(cast: Cast, lot: random.Random) -> None:
    """Somebody reacts to each of your messages, and somebody answers."""
    answers = itertools.cycle(script.ANSWERS)
    members = itertools.cycle(cast.members)
    watching = cast.members[0].session
    assert watching is not None
    async for event in watching.events():
        if not isinstance(event, events.MessageChanged) or not event.new:
            continue
        message = event.message
        if message.author.nick != script.YOU:
            continue
        member = next(members)
        assert member.session is not None
        await arrived(member.session, message.id)
        await member.call(commands.Typing(message.channel))
        await asyncio.sleep(lot.uniform(*ANSWER_PACE_SECONDS))
        await member.call(commands.React(message.id, "😺"))
        await member.call(commands.Post(message.channel, next(answers), message.id))
