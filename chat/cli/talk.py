"""Commands about messages, pictures and files."""

import asyncio
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import click

from chat import commands, events, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.output import Output, size
from chat.errors import UsageError
from chat.session import Session

PAGE_MESSAGES = 1000
"""Read at once where everything is read; half a megabyte of typical messages."""
LINES_TOGETHER = 64
"""Lines of `send --lines` in one request; they share a commit, a signature and a way."""
POSTS_IN_FLIGHT = 8
"""Such requests under way at once, so that neither end waits for the other."""
LINES_WAITING_MAX = 4096
"""Lines read ahead of what is posted."""


@click.command(cls=GlobalOptions)
@click.argument("channel")
@click.argument("text", required=False)
@click.option("--lines", is_flag=True, help="Every line of stdin is a message of its own.")
@click.option("--reply-to", metavar="ID", help="Answer this message.")
@click.option("--file", "file", metavar="PATH", help="Share a file with it.")
@click.option("--wait", is_flag=True, help="Return when another member holds it.")
@click.option("--timeout", default=30.0, show_default=True, help="Seconds --wait waits.")
def send(
    channel: str,
    text: str | None,
    lines: bool,
    reply_to: str | None,
    file: str | None,
    wait: bool,
    timeout: float,
) -> None:
    """Post TEXT (- reads stdin) and print the message's id."""

    async def work(invocation: Invocation) -> None:
        if lines and (text not in (None, "-") or file or reply_to or wait):
            raise UsageError("--lines posts the lines of stdin, and goes with nothing else.")
        if text is None and file is None and not lines:
            raise UsageError("Give a text, - for stdin, or --file PATH.")
        async with invocation.session(network=wait) as session:
            if lines:
                await _send_lines(session, invocation.output, channel)
                return
            body = sys.stdin.read().rstrip("\n") if text == "-" else text or ""
            if file is not None:
                command: commands.Command = commands.Put(
                    channel, _absolute(file), body, reply_to=reply_to
                )
            else:
                command = commands.Post(channel, body, reply_to)
            await _posted(session, invocation.output, command, wait, timeout)

    run(work)


async def _posted(
    session: Session, output: Output, command: commands.Command, wait: bool, timeout: float
) -> None:
    message: model.Message = await session.call(command)
    if not output.as_json:
        output.line(message.id)
    if wait:
        message = await session.call(commands.WaitReached(message.id, 1, timeout))
    if output.as_json:
        output.message(message)


async def _send_lines(session: Session, output: Output, channel: str) -> None:
    """Post stdin line by line, in order: what is there already together, the rest as it comes."""
    lines = Lines(sys.stdin)
    under_way: deque[asyncio.Task[list[str]]] = deque()
    while texts := await lines.take(LINES_TOGETHER):
        command = commands.PostLines(channel, tuple(texts))
        under_way.append(asyncio.create_task(session.call(command)))
        while under_way and (under_way[0].done() or len(under_way) >= POSTS_IN_FLIGHT):
            await _show_ids(session, output, await under_way.popleft())
    for task in under_way:
        await _show_ids(session, output, await task)


async def _show_ids(session: Session, output: Output, ids: list[str]) -> None:
    if not output.as_json:
        output.line("\n".join(ids))
        return
    for message in ids:
        output.message(await session.call(commands.GetMessage(message)))


class Lines:
    """The lines of a stream that may be slow, read by a thread, without the empty ones."""

    def __init__(self, stream: TextIO) -> None:
        self._ready: deque[str] = deque()
        self._news = asyncio.Event()
        self._room = threading.Semaphore(LINES_WAITING_MAX)
        self._ended = False
        loop = asyncio.get_running_loop()
        reader = threading.Thread(target=self._read, args=(stream, loop), daemon=True)
        reader.start()

    def _read(self, stream: TextIO, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # The loop is closed: nobody wants more lines.
            for line in stream:
                text = line.rstrip("\r\n")
                if text.strip():
                    self._room.acquire()
                    loop.call_soon_threadsafe(self._took, text)
            loop.call_soon_threadsafe(self._took, None)

    def _took(self, text: str | None) -> None:
        if text is None:
            self._ended = True
        else:
            self._ready.append(text)
        self._news.set()

    async def take(self, most: int) -> list[str]:
        """What is there, at least one line and at most so many; empty at the end."""
        while not self._ready and not self._ended:
            self._news.clear()
            await self._news.wait()
        taken = [self._ready.popleft() for _ in range(min(most, len(self._ready)))]
        for _ in taken:
            self._room.release()
        return taken


@click.command(cls=GlobalOptions)
@click.argument("channel")
@click.argument("path")
@click.option("--text", default="", help="What to say with it.")
@click.option("--alt", default="", help="What is to be seen, for those who cannot see it.")
@click.option("--reply-to", metavar="ID")
@click.option("--keep-metadata", is_flag=True, help="Keep EXIF and GPS data of a picture.")
@click.option("--wait", is_flag=True, help="Return when another member holds the message.")
@click.option("--timeout", default=30.0, show_default=True)
def put(
    channel: str,
    path: str,
    text: str,
    alt: str,
    reply_to: str | None,
    keep_metadata: bool,
    wait: bool,
    timeout: float,
) -> None:
    """Share a picture or file and print the message's id."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session(network=wait) as session:
            command = commands.Put(channel, _absolute(path), text, alt, reply_to, keep_metadata)
            await _posted(session, invocation.output, command, wait, timeout)

    run(work)


@click.command(cls=GlobalOptions)
@click.argument("file", metavar="ID")
@click.option("-o", "--output", "target", required=True, metavar="PATH", help="Where to write it.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds without any progress.")
def get(file: str, target: str, timeout: float) -> None:
    """Fetch a file by its id (or its message's id) and write it."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session(network=True) as session:
            path = _absolute(target)
            done: model.Transfer = await session.call(commands.Get(file, path, timeout))
        output = invocation.output
        sources = {nick: count for nick, count in done.sources}
        if output.as_json:
            output.record(
                "file",
                {
                    "id": done.id,
                    "path": path,
                    "size": done.total,
                    "sources": sources,
                    "seconds": done.seconds,
                },
            )
        else:
            shares = ", ".join(f"{nick} {size(count)}" for nick, count in sources.items())
            output.note(f"{size(done.total)} in {done.seconds:.1f} s {shares}".rstrip())
            output.line(path)

    run(work)


@click.command(cls=GlobalOptions)
@click.argument("channel", required=False, default="")
@click.option("-f", "--follow", is_flag=True, help="Go on as messages arrive.")
@click.option("-n", "--number", default=10, show_default=True, help="How many old ones first.")
def tail(channel: str, follow: bool, number: int) -> None:
    """Show the newest messages; with -f a message is shown again when it changes."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session(network=follow) as session:
            if follow:
                await _follow(session, invocation.output, channel, number)
            else:
                found = await session.call(commands.History(channel, number))
                invocation.output.messages(found)

    run(work)


async def _follow(session: Session, output: Output, channel: str, number: int) -> None:
    """Print the newest `number`, then every message as it comes or changes, none twice."""
    stream = session.events()
    names = await _channel_names(session, channel)
    first: list[model.Message] = await session.call(commands.History(channel, number))
    output.messages(first)
    shown = {message.id: message for message in first}
    async for event in stream:
        if isinstance(event, events.MessageChanged):
            found = [event.message]
        elif isinstance(event, events.MessagesArrived):
            if names and event.channel not in names:
                continue
            found = await _arrived(session, event)
        else:
            continue
        for message in found:
            if (not names or message.channel in names) and shown.get(message.id) != message:
                shown[message.id] = message
                output.message(message)


async def _channel_names(session: Session, channel: str) -> set[str]:
    """How a channel given by name or id is called in messages; empty for all channels."""
    if not channel:
        return set()
    wanted = channel.removeprefix("#")
    known: list[model.Channel] = await session.call(commands.ListChannels())
    return {each.name for each in known if wanted in (each.name, each.id)}


async def _arrived(session: Session, event: events.MessagesArrived) -> list[model.Message]:
    """Everything from the oldest message on that a burst brought or changed."""
    found: list[model.Message] = []
    after = event.after
    while page := await session.call(commands.History(event.channel, PAGE_MESSAGES, after=after)):
        found += page
        after = page[-1].order
    return found


@click.command(cls=GlobalOptions)
@click.argument("channel")
@click.option("-n", "--number", default=50, show_default=True)
@click.option("--before", default="", metavar="ID", help="Older than this message.")
@click.option("--thread", default="", metavar="ID", help="Only a message and its replies.")
@click.option("--pinned", is_flag=True, help="Only pinned messages.")
def history(channel: str, number: int, before: str, thread: str, pinned: bool) -> None:
    """Show messages of a channel, oldest first."""

    async def work(invocation: Invocation) -> None:
        command = commands.History(channel, number, before, thread=thread, pinned=pinned)
        async with invocation.session() as session:
            invocation.output.messages(await session.call(command))

    run(work)


@click.command(cls=GlobalOptions)
@click.argument("query")
@click.option("--channel", default="", help="Only in this channel.")
@click.option("-n", "--number", default=50, show_default=True)
def search(query: str, channel: str, number: int) -> None:
    """Search all messages here, newest first."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            hits: list[model.SearchHit] = await session.call(
                commands.Search(query, channel, number)
            )
        invocation.output.messages([hit.message for hit in hits])

    run(work)


@click.command(cls=GlobalOptions)
@click.option("--channel", default="", help="Only this channel.")
def export(channel: str) -> None:
    """Print every message, oldest first."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            pages: list[list[model.Message]] = []
            before = ""
            while page := await session.call(commands.History(channel, PAGE_MESSAGES, before)):
                pages.append(page)
                before = page[0].order
            for page in reversed(pages):
                invocation.output.messages(page)

    run(work)


def _absolute(path: str) -> str:
    """A path as the node understands it, which may have another working folder."""
    return str(Path(path).absolute())


def _on_message(name: str, help_text: str) -> click.Command:
    """A command that does one thing to one message."""
    make: Callable[[str], commands.Command] = {
        "delete": commands.Delete,
        "pin": lambda message: commands.Pin(message, True),
        "unpin": lambda message: commands.Pin(message, False),
    }[name]

    @click.command(name, cls=GlobalOptions, help=help_text)
    @click.argument("message", metavar="ID")
    def command(message: str) -> None:
        async def work(invocation: Invocation) -> None:
            async with invocation.session() as session:
                changed = await session.call(make(message))
            _changed(invocation.output, changed)

        run(work)

    return command


def _changed(output: Output, message: model.Message) -> None:
    if output.as_json:
        output.message(message)
    else:
        output.line(message.id)


@click.command(cls=GlobalOptions)
@click.argument("message", metavar="ID")
@click.argument("text")
def edit(message: str, text: str) -> None:
    """Change the text of your own message."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            changed = await session.call(commands.Edit(message, text))
        _changed(invocation.output, changed)

    run(work)


@click.command(cls=GlobalOptions)
@click.argument("message", metavar="ID")
@click.argument("emoji")
@click.option("--off", is_flag=True, help="Take the reaction back.")
def react(message: str, emoji: str, off: bool) -> None:
    """React to a message."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            changed = await session.call(commands.React(message, emoji, not off))
        _changed(invocation.output, changed)

    run(work)


COMMANDS = (
    send,
    put,
    get,
    tail,
    history,
    search,
    export,
    edit,
    _on_message("delete", "Take back your own message."),
    _on_message("pin", "Pin a message."),
    _on_message("unpin", "Unpin a message."),
    react,
)
