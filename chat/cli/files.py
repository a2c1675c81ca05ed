"""Commands about pictures and files."""

import tempfile
from pathlib import Path
from typing import Any

import click
import msgspec

from chat import commands, model
from chat.cli.context import COUNT, GlobalOptions, Invocation, Seconds, run
from chat.cli.output import Output, size
from chat.cli.streaming import stream_file
from chat.cli.talk import absolute, posted
from chat.errors import UsageError
from chat.session import Session

COPIES_MAX = 16
"""The node says so too, but loading that takes a while."""


@click.command(cls=GlobalOptions)
@click.argument("channel")
@click.argument("path")
@click.option("--text", default="", help="What to say with it.")
@click.option("--alt", default="", help="What is to be seen, for those who cannot see it.")
@click.option("--reply-to", metavar="ID")
@click.option("--keep-metadata", is_flag=True, help="Keep EXIF and GPS data of a picture.")
@click.option("--wait", is_flag=True, help="Return when others hold it.")
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
    """Share a picture, file or folder and print the message's id."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session(network=wait) as session:
            command = commands.Put(channel, absolute(path), text, alt, reply_to, keep_metadata)
            await posted(session, invocation.output, command, wait, timeout)

    run(work)


@click.command(cls=GlobalOptions)
@click.argument("file", metavar="ID")
@click.option(
    "-o",
    "--output",
    "target",
    metavar="PATH",
    help="Where to write it; - is stdout.",
)
@click.option("--stream", is_flag=True, help="To stdout, in order, while it comes.")
@click.option(
    "--timeout",
    type=Seconds(),
    default=60.0,
    show_default=True,
    help="Seconds without any progress.",
)
def get(file: str, target: str | None, stream: bool, timeout: float) -> None:
    """Fetch a file or folder by its id (or its message's id) and write it."""

    async def work(invocation: Invocation) -> None:
        output = invocation.output
        if (target is None) != stream:
            raise UsageError("Give either -o PATH or --stream.")
        if (stream or target == "-") and output.as_json:
            raise UsageError("Stdout takes either the file or JSON; give -o a path.")
        async with invocation.session(network=True) as session:
            if target is None:
                await stream_file(session, output, file, timeout)
                return
            if target == "-":
                await _get_to_stdout(session, output, file, timeout)
                return
            path = absolute(target)
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
                    "holders": done.holders,
                },
            )
        else:
            # It was written, so its hash is the one that the message names.
            came = done.provenance or "it was here already"
            output.note(f"{size(done.total)}, {came}, hash ok")
            output.line(path)

    run(work)


async def _get_to_stdout(session: Session, output: Output, file: str, timeout: float) -> None:
    """The node writes files, not streams: it gets a place that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="clowder-") as folder:
        path = Path(folder) / "file"
        await session.call(commands.Get(file, str(path), timeout))
        if path.is_dir():
            raise UsageError("This is a folder; give -o a path for it.")
        output.file(path)


@click.command(cls=GlobalOptions)
@click.argument("channel", required=False, default="")
@click.option("-n", "--number", type=COUNT, default=50, show_default=True)
def pictures(channel: str, number: int) -> None:
    """Show the newest pictures and files, and who holds them."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            found: list[model.SharedFile] = await session.call(commands.ListFiles(channel, number))
        for file in found:
            _show(invocation.output, file)

    run(work)


def _show(output: Output, file: model.SharedFile) -> None:
    if output.as_json:
        fields: dict[str, Any] = msgspec.to_builtins(file)
        output.record("picture", fields)
        return
    kept = " kept" if file.kept else ""
    also = f" also {', '.join(file.holders)}" if file.holders else ""
    here = f"{file.here}/{file.blocks} here"
    output.line(f"{file.id} {size(file.size)} {here}{kept}{also} #{file.channel} {file.name}")


def _keeping(name: str, on: bool, help_text: str) -> click.Command:
    """A command that keeps a file here, or no longer."""

    @click.command(name, cls=GlobalOptions, help=help_text)
    @click.argument("file", metavar="ID")
    def command(file: str) -> None:
        async def work(invocation: Invocation) -> None:
            async with invocation.session() as session:
                _show(invocation.output, await session.call(commands.KeepFile(file, on)))

        run(work)

    return command


@click.command(cls=GlobalOptions)
@click.argument("count", metavar="N", type=click.IntRange(1, COPIES_MAX), required=False)
def copies(count: int | None) -> None:
    """Show, or change for all, how many machines shall hold each file."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            wanted: int = await session.call(commands.WantCopies(count or 0))
        if invocation.output.as_json:
            invocation.output.record("copies", {"count": wanted})
        else:
            invocation.output.line(str(wanted))

    run(work)


COMMANDS = (
    put,
    get,
    pictures,
    copies,
    _keeping("keep", True, "Keep a file on this machine whatever happens."),
    _keeping("unkeep", False, "Let a file go when room is short and others have it."),
)
