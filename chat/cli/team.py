"""Commands about the workspace and who is in it."""

import sys
from datetime import timedelta
from functools import partial
from typing import Any

import click
import msgspec

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, Seconds, run
from chat.cli.nearby import invite_nearby, take_nearby
from chat.cli.output import Output, clock, moment, size
from chat.errors import NotFound, UsageError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
INVITE_MAX_DAYS = 365
"""A secret that lies around for longer is forgotten, and not by whoever finds it."""


def parse_duration(given: str) -> timedelta:
    """`90m`, `12h`, `7d`.

    Raises:
        UsageError: it is none of these.
    """
    unit = _SECONDS.get(given[-1:].lower())
    digits = given[:-1]
    if unit is None or not (digits.isascii() and digits.isdigit()) or not digits.strip("0"):
        raise UsageError(f"“{given}” is no duration; write 30m, 12h or 7d.")
    # Longer numbers are too long anyway, and Python refuses to read the longest.
    seconds = int(digits[-12:]) * unit if len(digits.lstrip("0")) <= 12 else None
    if seconds is None or seconds > INVITE_MAX_DAYS * 86_400:
        raise UsageError(f"“{given}” is too long; an invite lasts {INVITE_MAX_DAYS}d at most.")
    return timedelta(seconds=seconds)


@click.command(cls=GlobalOptions)
@click.argument("name")
@click.option("--nick", required=True, help="How the others see you.")
def new(name: str, nick: str) -> None:
    """Create a workspace and print its id."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session(create=True, anew=True) as session:
            status = await session.call(commands.Create(name, nick))
        if invocation.output.as_json:
            invocation.output.record("workspace", {"id": status.workspace, "name": status.name})
        else:
            invocation.output.line(status.workspace)

    run(work)


@click.command(cls=GlobalOptions)
@click.option("--qr", is_flag=True, help="Show it as a QR code as well.")
@click.option("--words", is_flag=True, help="Print 12 words instead of the link.")
@click.option("--expires", default="7d", show_default=True, help="How long it can be used.")
@click.option("--relay", is_flag=True, help="A ticket for a relay, which holds no keys.")
@click.option("--note", default="", help="Who it is for; members see it.")
@click.option("--list", "listed", is_flag=True, help="Show the invites there are; make none.")
@click.option("--revoke", "revoked", metavar="ID", help="This invite admits nobody any more.")
@click.option("--nearby", is_flag=True, help="For somebody in this room: compare six digits.")
def invite(
    qr: bool,
    words: bool,
    expires: str,
    relay: bool,
    note: str,
    listed: bool,
    revoked: str | None,
    nearby: bool,
) -> None:
    """Make an invite for one person and print it."""
    if nearby:
        source = click.get_current_context().get_parameter_source("expires")
        lasting = source is not click.core.ParameterSource.DEFAULT
        if qr or words or relay or listed or revoked is not None or lasting:
            raise click.UsageError(
                "--nearby hands the invite over itself; only --note goes with it."
            )
        run(partial(invite_nearby, note=note))
    if listed or revoked is not None:
        run(partial(_look_after, listed, revoked))

    async def work(invocation: Invocation) -> None:
        lifetime = parse_duration(expires)
        async with invocation.session() as session:
            made: model.InviteView = await session.call(
                commands.MakeInvite(int(lifetime.total_seconds() * 1000), relay, note)
            )
        output = invocation.output
        if output.as_json:
            output.record(
                "invite",
                {
                    "id": made.id,
                    "link": made.link,
                    "words": made.words,
                    "level": made.level,
                    "relay": made.relay,
                    "expires": moment(made.expires),
                },
            )
        else:
            output.line(made.words if words else made.link)
        if qr:
            show_qr(made.link)

    run(work)


async def _look_after(listed: bool, revoked: str | None, invocation: Invocation) -> None:
    """List the invites, or revoke one."""
    if listed and revoked is not None:
        raise UsageError("Either --list or --revoke, not both.")
    found: list[model.InviteState]
    async with invocation.session() as session:
        if revoked is None:
            found = await session.call(commands.ListInvites())
        else:
            found = [await session.call(commands.RevokeInvite(revoked))]
    for known in found:
        fields = {**msgspec.to_builtins(known), "expires": moment(known.expires)}
        if invocation.output.as_json:
            invocation.output.record("invite_state", fields)
        else:
            invocation.output.line(invite_line(known))


def invite_line(invite: model.InviteState) -> str:
    """An invite for people."""
    who = f" by {invite.used_by.name}" if invite.used_by is not None else ""
    what = "relay" if invite.relay else f"level {invite.level}"
    note = f"  {invite.note}" if invite.note else ""
    until = f"  until {clock(invite.expires)}" if invite.state == "open" else ""
    return (
        f"{invite.id[:8]}  {invite.state}{who}  {what}, made by {invite.author.name}{until}{note}"
    )


def show_qr(link: str) -> None:
    """Show a link as a QR code, on stderr."""
    import segno

    # Upper case lets the code use the alphanumeric mode, which is a third smaller.
    segno.make(link.upper(), error="l", micro=False).terminal(sys.stderr, compact=True, border=2)


@click.command(cls=GlobalOptions)
@click.argument("invitation", metavar="INVITE", default="")
@click.option("--nick", required=True, help="How the others see you.")
@click.option(
    "--wait", type=Seconds(), default=10.0, show_default=True, help="Seconds to wait for admission."
)
@click.option("--nearby", is_flag=True, help="INVITE is the label on a screen in this room.")
def join(invitation: str, nick: str, wait: float, nearby: bool) -> None:
    """Join a workspace by its link or 12 words."""
    if not nearby and not invitation:
        raise click.UsageError("Give an invite: a link or its 12 words; or --nearby.")

    async def work(invocation: Invocation) -> None:
        async with invocation.session(network=True, create=True, anew=True) as session:
            invite = await take_nearby(invocation, session, invitation) if nearby else invitation
            status = await session.call(commands.Join(invite, nick, wait))
        output = invocation.output
        joined = status.phase in ("live", "relay")
        if output.as_json:
            state = "joined" if joined else "pending"
            output.record("join", {"state": state, "workspace": status.workspace})
        elif joined:
            output.line(f"joined {status.workspace}")
        else:
            output.line("pending")
            output.note(
                "Your claim waits until a member sees it. Start clowder again later; it goes on."
            )

    run(work)


@click.command(cls=GlobalOptions)
def members() -> None:
    """List the members."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            found: list[model.Member] = await session.call(commands.ListMembers(former=True))
        for member in found:
            _print(invocation.output, "member", member, member_line(member))

    run(work)


def member_line(member: model.Member) -> str:
    """A member for people: presence, name, role, devices, whether you verified them."""
    marks = " (you)" if member.me else ""
    if member.away:
        marks += f" (away{': ' if member.away_text else ''}{member.away_text})"
    nick = f" ({member.nick})" if member.petname else ""
    head = f"{'●' if member.online else '○'} {member.name}{nick}{marks}"
    void = f"  {member.voided} void" if member.voided else ""
    if member.state != "in":
        by = f" by {member.by.name}" if member.state == "removed" and member.by else ""
        return f"{head}  {member.state}{by}  {member.member[:8]}{void}"
    devices = f"{member.devices} device{'' if member.devices == 1 else 's'}"
    verified = {"no": "", "yes": "  ✓ verified", "changed": "  ‼ KEYS CHANGED since you verified"}
    unheard = "  ignored" if member.ignored else ""
    known = f"{member.member[:8]}{verified[member.verified]}{void}{unheard}"
    return f"{head}  {member.role} ({member.level})  {devices}  {known}"


@click.command(cls=GlobalOptions)
def peers() -> None:
    """List the links."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            found: list[model.Peer] = await session.call(commands.ListPeers())
        for peer in found:
            _print(invocation.output, "peer", peer, peer_line(peer))

    run(work)


def peer_line(peer: model.Peer) -> str:
    """A link for people."""
    if peer.state != "linked":
        return f"{peer.state}  {peer.url}"
    behind = "" if not peer.behind else f", {peer.behind} behind"
    what = "relay" if peer.relay else peer.nick
    traffic = f"in {size(peer.bytes_in)}, out {size(peer.bytes_out)}"
    return f"linked  {what}  {peer.url}  {peer.rtt_ms:.1f} ms, {traffic}{behind}"


@click.command(cls=GlobalOptions)
def status() -> None:
    """Show the state of this profile."""

    async def work(invocation: Invocation) -> None:
        try:
            async with invocation.session() as session:
                now: model.Status = await session.call(commands.GetStatus())
        except NotFound:  # No profile is a state like any other.
            if invocation.wanted:
                raise
            now = model.Status("none")
        output = invocation.output
        if output.as_json:
            output.record("status", msgspec.to_builtins(now))
            return
        if now.phase == "none":
            output.line("no workspace yet; `clowder new` or `clowder join`")
            return
        output.line(f"{now.name}  {now.workspace}".lstrip())
        level = f", level {now.level}" if now.phase == "live" else ""
        output.line(f"you are {now.nick or '-'} ({now.phase}{level})")
        behind = "not known yet" if now.behind is None else str(now.behind)
        output.line(f"behind: {behind}   entries {now.entries}   messages {now.messages}")
        output.line(f"blocks: {now.blocks}, {size(now.block_bytes)}")
        if now.listening:
            output.line(f"listening at {'  '.join(now.listening)}")
        for peer in now.links:
            output.line(peer_line(peer))
        for warning in now.warnings:
            output.note(f"warning: {warning}")

    run(work)


def _print(output: Output, kind: str, value: Any, line: str) -> None:
    if output.as_json:
        output.record(kind, msgspec.to_builtins(value))
    else:
        output.line(line)


COMMANDS = (new, invite, join, members, peers, status)
