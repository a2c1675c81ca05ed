"""Commands about channels and their notes."""

import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import msgspec

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.keeping import FOR_EVER, Days, kept
from chat.errors import NotFound, UsageError

NOTES_MAX_BYTES = 4 * 1024 * 1024
"""Shared notes are pages, not archives."""


@click.command(cls=GlobalOptions)
def channels() -> None:
    """List the channels."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            found: list[model.Channel] = await session.call(commands.ListChannels())
        for known in found:
            if invocation.output.as_json:
                invocation.output.record("channel", msgspec.to_builtins(known))
            else:
                invocation.output.line(channel_line(known))

    run(work)


def channel_line(known: model.Channel) -> str:
    """A channel for people: name, who can read it, what is new, topic."""
    unread = f"  {known.unread} unread" if known.unread else ""
    topic = f"  {known.topic}" if known.topic else ""
    keeping = f"  {kept(known)}" if known.keep_days else ""
    return f"#{known.name}  {privacy(known)}{keeping}{unread}{topic}"


def privacy(known: model.Channel) -> str:
    """Who can read a channel, in a word or two."""
    if known.mode == "public":
        return "public"
    if not known.limited:
        return "workspace"
    if known.direct:
        return "direct"
    members = f"{known.readers} member{'' if known.readers == 1 else 's'}"
    return f"hidden, {members}" if known.mode == "hidden" else f"private, {members}"


@click.group()
def channel() -> None:
    """Create channels and change them."""


@channel.command("new", cls=GlobalOptions)
@click.argument("name")
@click.option("--private", "mode", flag_value="private", default="private", type=str)
@click.option(
    "--hidden", "mode", flag_value="hidden", type=str, help="Also for whoever has its link."
)
@click.option("--public", "mode", flag_value="public", type=str, help="Also for anybody outside.")
@click.option("--members", default="", help="Nicks, separated by commas: only they can read it.")
def channel_new(name: str, mode: str, members: str) -> None:
    """Create a channel."""

    async def work(invocation: Invocation) -> None:
        people = tuple(nick.strip() for nick in members.split(",") if nick.strip())
        kind = msgspec.convert(
            {"do": "channel_new", "name": name, "mode": mode}, commands.AnyCommand
        )
        assert isinstance(kind, commands.CreateChannel)
        async with invocation.session() as session:
            made = await session.call(msgspec.structs.replace(kind, members=people))
        if invocation.output.as_json:
            invocation.output.record("channel", msgspec.to_builtins(made))
        else:
            invocation.output.line(made.id)

    run(work)


@channel.command("link", cls=GlobalOptions)
@click.argument("name", metavar="CHANNEL")
@click.option("--renew", is_flag=True, help="End the link that a hidden channel had so far.")
@click.option("--qr", is_flag=True, help="Show the link as a QR code as well.")
def channel_link(name: str, renew: bool, qr: bool) -> None:
    """Show the link with which people outside read a public or hidden channel."""

    async def work(invocation: Invocation) -> None:
        from chat.guests.channel_link import parse

        async with invocation.session() as session:
            made: model.ChannelLink = await session.call(commands.LinkChannel(name, renew))
        if invocation.output.as_json:
            invocation.output.record("channel_link", msgspec.to_builtins(made))
        else:
            invocation.output.line(made.link)
        if made.mode == "hidden":
            invocation.output.note("Whoever has this link reads the channel, and can hand it on.")
        if not parse(made.link).hints:
            invocation.output.note(
                "It has no address, as this workspace has not been on a network yet: whoever reads "
                "has to be on the same LAN, or be given one for --dial."
            )
        if qr:
            import segno

            shown = segno.make(made.link.upper(), error="l", micro=False)
            shown.terminal(sys.stderr, compact=True, border=2)

    run(work)


@channel.command("topic", cls=GlobalOptions)
@click.argument("name")
@click.argument("topic")
def channel_topic(name: str, topic: str) -> None:
    """Say what a channel is about."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            changed = await session.call(commands.SetTopic(name, topic))
        if invocation.output.as_json:
            invocation.output.record("channel", msgspec.to_builtins(changed))

    run(work)


@channel.command("set", cls=GlobalOptions)
@click.argument("name", metavar="CHANNEL")
@click.option("--keep", type=Days(), required=True, help="90d, or forever.")
def channel_set(name: str, keep: int) -> None:
    """Say for how long messages are kept, everywhere; obeyed a day later."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            changed: model.Channel = await session.call(commands.SetKeep(name, keep))
        if invocation.output.as_json:
            invocation.output.record("channel", msgspec.to_builtins(changed))
        elif keep:
            invocation.output.note(
                f"From tomorrow on, what is older than {kept(changed).removeprefix('kept ')} is "
                f"forgotten on everybody's machine. `--keep {FOR_EVER}` takes that back until then."
            )

    run(work)


@click.command(cls=GlobalOptions)
@click.argument("name", metavar="CHANNEL")
@click.option("--set", "source", metavar="FILE", help="Make the notes read like FILE (- is stdin).")
@click.option("--edit", is_flag=True, help="Open the notes in $VISUAL or $EDITOR.")
def notes(name: str, source: str | None, edit: bool) -> None:
    """Show or change a channel's shared notes."""

    async def work(invocation: Invocation) -> None:
        if source is not None and edit:
            raise UsageError("Either --set or --edit, not both.")
        async with invocation.session() as session:
            found: model.Notes = await session.call(commands.GetNotes(name))
            if source is not None:
                found = await session.call(commands.SetNotes(name, _read(source)))
            elif edit:
                text = await asyncio.to_thread(_edit, found.text)
                found = await session.call(commands.SetNotes(name, text))
        if invocation.output.as_json:
            invocation.output.record("notes", msgspec.to_builtins(found))
        elif source is None and not edit:
            invocation.output.text(found.text)
        if found.quarantined:
            invocation.output.note(
                f"{found.quarantined} changes broke the rules of notes and are set aside."
            )

    run(work)


def _read(source: str) -> str:
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        if len(data) > NOTES_MAX_BYTES:
            raise UsageError(f"{source} is larger than notes can be (4 MiB).")
        return data.decode()
    except OSError as error:
        raise NotFound(f"{source} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{source} is not UTF-8 text.") from None


def _edit(text: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError("Set $VISUAL or $EDITOR to your editor, or use --set FILE.")
    with tempfile.TemporaryDirectory(prefix="clowder-") as folder:
        path = Path(folder) / "notes.md"
        path.write_text(text, "utf-8")
        ended = subprocess.run([*shlex.split(editor), str(path)], check=False)
        if ended.returncode:
            raise UsageError(
                f"{editor} ended with {ended.returncode}; the notes stay as they were."
            )
        return path.read_text("utf-8")


COMMANDS = (channels, channel, notes)
