"""Commands about messages."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from chat import commands, model
from chat.cli.channels import closed_line
from chat.cli.context import COUNT, YIELDING_SECONDS, GlobalOptions, Invocation, Seconds, run
from chat.cli.following import follow
from chat.cli.output import Output
from chat.cli.sending import read_text, send_lines
from chat.errors import NoPeer, Unavailable, UsageError
from chat.session import Session

FILES_LOOK_SECONDS = 0.25
"""So often linked machines are asked what they hold of a file, while somebody waits for that."""


@click.command(cls=GlobalOptions)
@click.argument("channel")
@click.argument("text", required=False)
@click.option("--lines", is_flag=True, help="Every line of stdin is a message of its own.")
@click.option("--reply-to", metavar="ID", help="Answer this message.")
@click.option("--file", "file", metavar="PATH", help="Share a file with it.")
@click.option("--wait", is_flag=True, help="Return when others hold it.")
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
                    channel, absolute(file), body, reply_to=reply_to
                )
            else:
                command = commands.Post(channel, body, reply_to)
            await posted(session, invocation.output, command, wait, timeout)

    run(work)


async def posted(
    session: Session, output: Output, command: commands.Command, wait: bool, timeout: float
) -> None:
    """Post, print the message, and wait until another member holds it if that is wanted, and
    another machine its files. It is printed also when nobody comes to hold it: it is posted."""
    until = time.monotonic() + timeout
    message: model.Message = await session.call(command)
    if not output.as_json:
        output.line(message.id)
    try:
        if wait:
            message = await session.call(commands.WaitReached(message.id, 1, timeout))
            await _wait_for_files(session, message, until)
    finally:
        if output.as_json:
            output.message(message)


async def _wait_for_files(session: Session, message: model.Message, until: float) -> None:
    """Wait until a machine that is not this one holds all that a message carries.

    Raises:
        NoPeer: none does when `until` has come, of the monotonic clock.
    """
    lacking = {file.id for file in message.files}
    while lacking:
        found: list[model.SharedFile] = await session.call(commands.ListFiles(message.channel_id))
        lacking -= {file.id for file in found if file.holders}
        if lacking and time.monotonic() >= until:
            raise NoPeer(
                "Another member has the message, and nobody all of the file yet; it can be fetched "
                "while this machine is linked."
            )
        await asyncio.sleep(FILES_LOOK_SECONDS if lacking else 0)


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
@click.option("--void", is_flag=True, help="Also what does not stand since its author was removed.")
@click.option("--open", "opened", is_flag=True, help="With the text of what is hidden or ignored.")
def history(
    channel: str, number: int, before: str, thread: str, pinned: bool, void: bool, opened: bool
) -> None:
    """Show messages of a channel, oldest first."""

    async def work(invocation: Invocation) -> None:
        if void and (before or thread or pinned):
            raise UsageError("--void goes with -n alone.")
        command = commands.History(channel, number, before, thread=thread, pinned=pinned)
        async with invocation.session() as session:
            shown: list[model.Message] = await session.call(command)
            closed = "" if thread or pinned else await _closed(session, channel, shown, number)
            if void:
                shown += await session.call(commands.ListVoid(channel, number))
        newest = sorted(shown, key=lambda message: message.order) if void else shown
        invocation.output.messages(newest[max(0, len(newest) - number) :], opened=opened)
        if closed:
            invocation.output.note(closed)

    run(work)


async def _closed(session: Session, channel: str, shown: list[model.Message], number: int) -> str:
    """The sentence about what is closed to this member, when some of it would stand in what is
    shown, or before its first message."""
    known: list[model.Channel] = await session.call(commands.ListChannels())
    wanted = channel.removeprefix("#")
    first = shown[0].order if len(shown) >= number else ""
    return next(
        (
            closed_line(each)
            for each in known
            if wanted in (each.name, each.id) and max(each.gaps, default="") > first
        ),
        "",
    )


@click.command(cls=GlobalOptions)
@click.argument("query", nargs=-1, required=True)
@click.option("--channel", default="", help="Only in this channel.")
@click.option("-n", "--number", type=COUNT, default=50, show_default=True)
def search(query: tuple[str, ...], channel: str, number: int) -> None:
    """Search all messages here, newest first."""
    sought = " ".join(query)

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            hits: list[model.SearchHit] = await session.call(
                commands.Search(sought, channel, number)
            )
        invocation.output.messages([hit.message for hit in hits])

    run(work)


def absolute(path: str) -> str:
    """A path as the node understands it, which may have another working folder."""
    return str(Path(path).absolute())


def _on_message(name: str, help_text: str) -> click.Command:
    """A command that does one thing to one message."""
    make: Callable[[str], commands.Command] = {
        "delete": commands.Delete,
        "pin": lambda message: commands.Pin(message, True),
        "unpin": lambda message: commands.Pin(message, False),
        "unhide": lambda message: commands.Hide(message, False),
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


@click.command(cls=GlobalOptions)
@click.argument("message", metavar="ID")
@click.option("--reason", default="", metavar="TEXT", help="Why, in a line for everybody.")
def hide(message: str, reason: str) -> None:
    """Hide a message, as an admin; everybody sees who did, and can open it."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            changed = await session.call(commands.Hide(message, True, reason))
        _changed(invocation.output, changed)

    run(work)


COMMANDS = (
    send,
    tail,
    history,
    search,
    edit,
    _on_message("delete", "Take back your own message."),
    _on_message("pin", "Pin a message."),
    _on_message("unpin", "Unpin a message."),
    react,
    hide,
    _on_message("unhide", "Show a message again that was hidden."),
)
