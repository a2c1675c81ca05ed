"""Commands about messages, pictures and files."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from chat import commands, model
from chat.cli.context import COUNT, YIELDING_SECONDS, GlobalOptions, Invocation, Seconds, run
from chat.cli.following import follow
from chat.cli.output import Output, size
from chat.cli.sending import read_text, send_lines
from chat.control_lines import PAGE_MESSAGES
from chat.errors import Unavailable, UsageError
from chat.session import Session


@click.command(cls=GlobalOptions)
@click.argument("channel")
@click.argument("text", required=False)
@click.option("--lines", is_flag=True, help="Every line of stdin is a message of its own.")
@click.option("--reply-to", metavar="ID", help="Answer this message.")
@click.option("--file", "file", metavar="PATH", help="Share a file with it.")
@click.option("--wait", is_flag=True, help="Return when another member holds it.")
@click.option(
    "--timeout", type=Seconds(), default=30.0, show_default=True, help="Seconds --wait waits."
)
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
        if lines:
            async with invocation.session() as session:
                await send_lines(session, invocation.output, channel, sys.stdin)
            return
        # Read before the profile is held: whoever writes to us may take his time.
        body = read_text(sys.stdin) if text == "-" else text or ""
        async with invocation.session(network=wait) as session:
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


@click.command(cls=GlobalOptions)
@click.argument("channel")
@click.argument("path")
@click.option("--text", default="", help="What to say with it.")
@click.option("--alt", default="", help="What is to be seen, for those who cannot see it.")
@click.option("--reply-to", metavar="ID")
@click.option("--keep-metadata", is_flag=True, help="Keep EXIF and GPS data of a picture.")
@click.option("--wait", is_flag=True, help="Return when another member holds the message.")
@click.option("--timeout", type=Seconds(), default=30.0, show_default=True)
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
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    metavar="PATH",
    help="Where to write it; - is stdout.",
)
@click.option(
    "--timeout",
    type=Seconds(),
    default=60.0,
    show_default=True,
    help="Seconds without any progress.",
)
def get(file: str, target: str, timeout: float) -> None:
    """Fetch a file by its id (or its message's id) and write it."""

    async def work(invocation: Invocation) -> None:
        output = invocation.output
        if target == "-" and output.as_json:
            raise UsageError("Stdout takes either the file or JSON; give -o a path.")
        async with invocation.session(network=True) as session:
            if target == "-":
                await _get_to_stdout(session, output, file, timeout)
                return
            path = _absolute(target)
            done: model.Transfer = await session.call(commands.Get(file, path, timeout))
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


async def _get_to_stdout(session: Session, output: Output, file: str, timeout: float) -> None:
    """The node writes files, not streams: it gets a place that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="clowder-") as folder:
        path = Path(folder) / "file"
        await session.call(commands.Get(file, str(path), timeout))
        output.file(path)


@click.command(cls=GlobalOptions)
@click.argument("channel", required=False, default="")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on as messages arrive.")
@click.option(
    "-n", "--number", type=COUNT, default=10, show_default=True, help="How many old ones first."
)
def tail(channel: str, following: bool, number: int) -> None:
    """Show the newest messages; with -f a message is shown again when it changes."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session(
            network=following, listening=following, yielding=YIELDING_SECONDS
        ) as session:
            if following:
                await follow(session, invocation.output, channel, number)
                raise Unavailable("This Clowder was asked to stop; nothing is followed any more.")
            found = await session.call(commands.History(channel, number))
            invocation.output.messages(found)

    run(work)


@click.command(cls=GlobalOptions)
@click.argument("channel")
@click.option("-n", "--number", type=COUNT, default=50, show_default=True)
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
@click.option("-n", "--number", type=COUNT, default=50, show_default=True)
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
