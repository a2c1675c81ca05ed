"""Commands that change who is in: the workspace, or a channel."""

import sys

import click
import msgspec

from chat import commands, model
from chat.cli.channels import channel
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.team import member_line
from chat.command import Command
from chat.errors import NotFound, UsageError
from chat.session import Session
from crdt.roster_args import LEVEL_FOUNDER, LEVEL_MEMBER, LEVEL_READER

ADMIN_LEVEL = 10
"""What --admin gives: there is room above for admins who are senior to these, and below."""


@click.command(cls=GlobalOptions)
@click.argument("member")
def remove(member: str) -> None:
    """Take a member out and renew the keys; what they wrote so far stays."""
    _change_member(commands.RemoveMember(member))


@click.command(cls=GlobalOptions)
@click.argument("member")
@click.option("--admin", "level", flag_value=ADMIN_LEVEL, type=int, help="May remove members.")
@click.option("--founder", "level", flag_value=LEVEL_FOUNDER, type=int, help="For ever; may all.")
@click.option("--member", "level", flag_value=LEVEL_MEMBER, type=int, help="Writes and invites.")
@click.option("--reader", "level", flag_value=LEVEL_READER, type=int, help="Reads.")
@click.option("--level", "number", type=int, help="1-99 admins, 100-198 members, 200 readers.")
def promote(member: str, level: int | None, number: int | None) -> None:
    """Give a member another level: --admin when nothing else is said. A smaller number may more."""
    if level is not None and number is not None:
        _refuse("Either --level or a word for it, not both.")
    chosen = number if number is not None else level
    _change_member(commands.Promote(member, ADMIN_LEVEL if chosen is None else chosen))


@click.command(cls=GlobalOptions)
@click.argument("member")
@click.option("--off", is_flag=True, help="Hear them again.")
def ignore(member: str, off: bool) -> None:
    """Hear nothing of a member, on this device: their messages become a line each. No one knows."""
    _change_member(commands.Ignore(member, not off))


@click.command(cls=GlobalOptions)
@click.argument("member")
@click.argument("called", metavar="[NAME]", required=False)
@click.option("--clear", is_flag=True, help="Call them by their nick again.")
def name(member: str, called: str | None, clear: bool) -> None:
    """Call a member something of your own, on this device; it goes nowhere else."""
    if clear == bool((called or "").strip()):
        _refuse("Either a name or --clear.")

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            before = await _shown(session)
            changed: model.Member = await session.call(commands.NameMember(member, called or ""))
            after = await _shown(session)
        _print_member(invocation, changed)
        for other, shown in after.items():
            if other != changed.member and before.get(other, shown) != shown:
                invocation.output.note(f"{before[other]} is shown as {shown} now.")

    run(work)


@click.command(cls=GlobalOptions)
@click.argument("called", metavar="[NAME]", required=False)
def nick(called: str | None) -> None:
    """Change how the others see you; without NAME show it."""
    if called is not None and not called.strip():
        _refuse("A nick has at least one letter.")

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            if called is None:
                found: list[model.Member] = await session.call(commands.ListMembers())
                me = next((member for member in found if member.me), None)
            else:
                me = await session.call(commands.SetProfile(nick=called))
        if me is None:
            raise NotFound("You are not in this workspace.")
        if invocation.output.as_json:
            invocation.output.record("member", msgspec.to_builtins(me))
        else:
            invocation.output.line(me.nick)

    run(work)


async def _shown(session: Session) -> dict[str, str]:
    """How everybody is shown, by their ids."""
    found: list[model.Member] = await session.call(commands.ListMembers(former=True))
    return {member.member: member.name for member in found}


def _refuse(sentence: str) -> None:
    async def work(_: Invocation) -> None:
        raise UsageError(sentence)

    run(work)


def _change_member(command: Command) -> None:
    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            changed: model.Member = await session.call(command)
        _print_member(invocation, changed)

    run(work)


def _print_member(invocation: Invocation, member: model.Member) -> None:
    if invocation.output.as_json:
        invocation.output.record("member", msgspec.to_builtins(member))
    else:
        invocation.output.line(member_line(member))


@click.command(cls=GlobalOptions)
@click.argument("what", metavar="MEMBER|ID")
def accept(what: str) -> None:
    """Take back what a removed member wrote meanwhile: all of it, or up to one message."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            accepted: model.Accepted = await session.call(commands.Accept(what))
        if invocation.output.as_json:
            invocation.output.record("accepted", msgspec.to_builtins(accepted))
        else:
            entries = "entry" if accepted.entries == 1 else "entries"
            invocation.output.line(f"{accepted.entries} {entries} of {accepted.member.name}")

    run(work)


@click.command(cls=GlobalOptions)
@click.option("--anyway", is_flag=True, help="Also when nobody is left who could remove members.")
@click.option("--yes", is_flag=True, help="Don't ask; only a terminal is asked.")
def leave(anyway: bool, yes: bool) -> None:
    """Leave the workspace. What is here stays; nothing new comes."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            if not yes and sys.stdin.isatty() and sys.stderr.isatty():
                status: model.Status = await session.call(commands.GetStatus())
                # There is no way back but an invite, and it is told to everybody.
                click.confirm(
                    f"Leave “{status.name}”? Only an invite lets you in again.",
                    abort=True,
                    err=True,
                )
            await session.call(commands.Leave(anyway))
        if invocation.output.as_json:
            invocation.output.record("leave", {"state": "left"})
        else:
            invocation.output.line("left")

    run(work)


@channel.command("add", cls=GlobalOptions)
@click.argument("name", metavar="CHANNEL")
@click.argument("member")
def channel_add(name: str, member: str) -> None:
    """Let a member into a private channel; they read what was said in it."""
    _change_channel(commands.AddToChannel(name, member))


@channel.command("kick", cls=GlobalOptions)
@click.argument("name", metavar="CHANNEL")
@click.argument("member")
def channel_kick(name: str, member: str) -> None:
    """Take a member out of a private channel and renew its key."""
    _change_channel(commands.KickFromChannel(name, member))


def _change_channel(command: Command) -> None:
    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            changed: model.Channel = await session.call(command)
        if invocation.output.as_json:
            invocation.output.record("channel", msgspec.to_builtins(changed))

    run(work)


@channel.command("leave", cls=GlobalOptions)
@click.argument("name", metavar="CHANNEL")
def channel_leave(name: str) -> None:
    """Leave a private channel."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            await session.call(commands.LeaveChannel(name))
        if invocation.output.as_json:
            invocation.output.record("leave", {"state": "left", "channel": name})

    run(work)


COMMANDS = (remove, promote, accept, leave, ignore, name, nick)
