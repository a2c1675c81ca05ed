"""Commands about channels."""

import sys
from typing import Literal

import click
import msgspec

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.keeping import FOR_EVER, Days, kept
from chat.errors import UsageError


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


def closed_line(channel: model.Channel) -> str:
    """What is said of a channel where something is closed to the reader; empty elsewhere."""
    if not channel.earlier:
        return ""
    return f"What was said in #{channel.name} while you were not in it is not for you."


def channel_line(known: model.Channel) -> str:
    """A channel for people: name, who can read it, what is new, topic."""
    unread = f"  {known.unread} unread" if known.unread else ""
    topic = f"  {known.topic}" if known.topic else ""
    keeping = f"  {kept(known)}" if known.keep_days else ""
    closed = "" if known.history else "  history off"
    return f"#{known.name}  {privacy(known)}{keeping}{closed}{unread}{topic}"


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
@click.option("--private", is_flag=True, help="Only for you and who is named or added later.")
@click.option("--hidden", is_flag=True, help="Also for whoever has its link.")
@click.option("--public", is_flag=True, help="Also for anybody outside.")
@click.option("--members", default="", help="Nicks, separated by commas: only they can read it.")
def channel_new(name: str, private: bool, hidden: bool, public: bool, members: str) -> None:
    """Create a channel."""

    async def work(invocation: Invocation) -> None:
        if private + hidden + public > 1:
            raise UsageError("A channel is one of --private, --hidden and --public.")
        people = tuple(nick.strip() for nick in members.split(",") if nick.strip())
        mode: Literal["private", "hidden", "public"] = "private"
        if hidden or public:
            mode = "hidden" if hidden else "public"
        async with invocation.session() as session:
            if private and not people:
                status: model.Status = await session.call(commands.GetStatus())
                people = (status.member,)
            made = await session.call(commands.CreateChannel(name, mode, people))
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
@click.option("--keep", type=Days(), help="90d, or forever; obeyed a day later, everywhere.")
@click.option(
    "--history",
    type=click.Choice(["on", "off"]),
    help="Whether who comes in from now on reads what was said before.",
)
def channel_set(name: str, keep: int | None, history: str | None) -> None:
    """Say for how long messages are kept, or what newcomers to a private channel read."""

    async def work(invocation: Invocation) -> None:
        if keep is None and history is None:
            raise UsageError("Say what to set: --keep, or --history.")
        async with invocation.session() as session:
            changed: model.Channel
            if history is not None:  # It is refused for some channels, and then nothing is set.
                changed = await session.call(commands.SetHistory(name, history == "on"))
            if keep is not None:
                changed = await session.call(commands.SetKeep(name, keep))
        if invocation.output.as_json:
            invocation.output.record("channel", msgspec.to_builtins(changed))
            return
        if history is not None:
            invocation.output.note(_newcomers(changed))
        if keep:
            invocation.output.note(
                f"From tomorrow on, what is older than {kept(changed).removeprefix('kept ')} is "
                f"forgotten on everybody's machine. `--keep {FOR_EVER}` takes that back until then."
            )

    run(work)


def _newcomers(known: model.Channel) -> str:
    """What follows from a channel's history being open or closed."""
    if known.history:
        return (
            f"Who comes into #{known.name} reads what is said from now on. What was closed to "
            "newcomers before stays closed."
        )
    return (
        f"Who comes into #{known.name} from now on reads from there on; who is in it, on all "
        "their devices, goes on reading everything."
    )


COMMANDS = (channels, channel)
