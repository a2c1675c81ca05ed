"""One performance of the demo: on a screen for somebody to join in, or checked and counted."""

import asyncio
import itertools
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

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
        self._cast = cast
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
        from chat.pictures.sample import cat_picture

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
    """Perform, tell every message as a JSON line, and check that it is everywhere.

    Gives the exit code: 0 when every message and picture arrived at every member, and the relay
    holds as many entries as they do.
    """
    began = time.monotonic()
    async with _folder() as folder, on_stage(folder, Settings(), script.NICKS) as cast:
        performance = Performance(cast, folder)
        for line in (*script.OPENING, *script.YOURS):
            await performance.speak(line)
        spoken = list({message.id: message for message in performance.said}.values())
        pictures = [file for message in spoken for file in message.files]
        players = {script.YOU: cast.you, **{m.name: m.session for m in cast.members}}
        problems: list[str] = []
        for name, player in players.items():
            assert player is not None
            problems += await _check(name, player, spoken, pictures, output)
        problems += await _check_relay(cast)
        output.record(
            "demo",
            {
                "ok": not problems,
                "messages": len(spoken),
                "pictures": len(pictures),
                "machines": len(players) + 1,
                "seconds": round(time.monotonic() - began, 2),
                "problems": problems,
            },
        )
    return 1 if problems else 0


async def _check(
    name: str,
    player: Session,
    spoken: Iterable[model.Message],
    pictures: Iterable[model.FileView],
    output: Output,
) -> list[str]:
    """What is missing at one member; tells what is there, from that member's machine."""
    problems = []
    for message in spoken:
        try:
            found = await arrived(player, message.id)
        except ChatError:
            problems.append(f"{name} lacks the message {message.id}")
            continue
        if (found.text, found.author) != (message.text, message.author):
            problems.append(f"{name} sees another message {message.id}")
        if name != script.YOU:
            continue
        output.record("message", message_fields(found))
    for file in pictures:
        try:
            done = await player.call(commands.Get(file.id, "", EVERYWHERE_SECONDS))
        except ChatError as error:
            problems.append(f"{name} lacks the picture {file.name}: {error}")
            continue
        sources = {nick: count for nick, count in done.sources}
        output.record(
            "picture",
            {"at": name, "id": file.id, "name": file.name, "size": file.size, "from": sources},
        )
    return problems


async def _check_relay(cast: Cast) -> list[str]:
    """Whether the relay caught up with everybody."""
    try:
        async with asyncio.timeout(EVERYWHERE_SECONDS):
            while True:
                there: model.Status = await cast.relay.call(commands.GetStatus())
                here: model.Status = await cast.you.call(commands.GetStatus())
                if there.entries == here.entries and there.behind == 0:
                    return []
                await asyncio.sleep(0.05)
    except TimeoutError:
        return [f"the relay holds {there.entries} entries of {here.entries}"]


# On a screen --------------------------------------------------------------------------------------


async def screen_demo(settings: Settings) -> int:
    """Open the workspace on the screen, with the others talking in it."""
    from tui.app import run_async

    print("Starting a relay and two more members on this machine…", flush=True)
    async with _folder() as folder, on_stage(folder, settings, script.NICKS) as cast:
        performance = Performance(cast, folder)
        others = asyncio.create_task(_live(performance, cast))
        try:
            return await run_async(cast.you, settings)
        finally:
            others.cancel()
            await asyncio.gather(others, return_exceptions=True)


async def _live(performance: Performance, cast: Cast) -> None:
    """Talk: first the opening, then now and then, and an answer to what you write."""
    lot = random.Random(0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_answer(cast, lot))
        for line in script.OPENING:
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
