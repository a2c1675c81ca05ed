"""Commands about who is in: what they change, and what is asked before. Pure.

Members are given by petname, by nick, or by the beginning of their id. What takes something from
somebody is asked about first, and before that it is looked whether there is such a somebody, and
whether this member may: nobody is asked about what cannot be done. What only the session knows, it
says.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from chat import commands
from chat.model import Channel, Member
from tui import privacy
from tui.errors import InputError

ROLES = {"admin": 10, "member": 100, "reader": 200}
"""The levels that people give; there are others between them, for `clowder promote --level`."""
NAMES = frozenset({"add", "kick", "part", "remove", "promote"})
ADMIN_MAX = 99
"""Levels above this one may not change who is in (`chat.model.Member`)."""
ID_DIGITS_MIN = 4
"""Fewer digits of an id name nobody."""


class Wanted(NamedTuple):
    """What a line wants: one of `NAMES`, whom ("" for this member), where, in which role."""

    what: str
    who: str = ""
    channel: str = ""
    role: str = ""


class Change(NamedTuple):
    """A command, the question before it ("" for none), and what to say when it worked."""

    command: commands.Command
    question: str = ""
    said: str = ""


def plan(name: str, argument: str, channel: str) -> Wanted:
    """What one of `NAMES` wants.

    Raises:
        InputError: an argument is missing or makes no sense.
    """
    if name == "part":
        return Wanted(name, channel=argument.removeprefix("#") or channel)
    who, _, rest = argument.removeprefix("@").strip().partition(" ")
    rest = rest.strip()
    if not who:
        raise InputError(f"Whom? /{name} ana")
    if name == "promote":
        role = rest.lower() or "admin"
        if role not in ROLES:
            raise InputError("Say admin, member or reader: /promote ana reader")
        return Wanted(name, who, role=role)
    return Wanted(name, who, rest.removeprefix("#") or channel)


def decide(wanted: Wanted, members: Sequence[Member], channel: Channel | None) -> Change:
    """The change, when there is such a member and such a channel, and this member may.

    Args:
        members: all, and who was in.
        channel: the one that is called `wanted.channel`.

    Raises:
        InputError: why not.
    """
    what = wanted.what
    if what in ("add", "kick", "part"):
        channel = _limited(wanted.channel, channel)
    if what == "part":
        assert channel is not None
        return leave(channel.name)
    member = find(wanted.who, members, former=what == "promote")
    if what in ("add", "kick"):
        assert channel is not None
        inside = any(author.member == member.member for author in channel.members)
        if inside is (what == "add"):
            where = "in already" if inside else "not in it"
            raise InputError(f"{member.name} is {where}: #{channel.name}.")
        return (add if inside is False else kick)(channel.name, member.member, member.name)
    me = next((each for each in members if each.me), None)
    if me is None or me.level > ADMIN_MAX:
        raise InputError(f"Only founders and admins can {what} members.")
    if member.me:
        raise InputError(f"That is you; who {what}s you is somebody senior.")
    if member.level <= me.level:
        raise InputError(f"Only who is senior to {member.name} can {what} them.")
    if what == "remove":
        return remove(member.member, member.name)
    if ROLES[wanted.role] <= me.level:
        raise InputError(f"At level {me.level} you can make nobody {wanted.role}.")
    return promote(member.member, member.name, wanted.role)


def find(named: str, members: Iterable[Member], *, former: bool = False) -> Member:
    """The one who goes by a petname, a nick, or the beginning of an id, as `clowder` finds them.

    Raises:
        InputError: nobody does, or several do.
    """
    known, name = list(members), named.casefold()
    for state_in in (True, False) if former else (True,):
        group = [member for member in known if (member.state == "in") is state_in]
        people = [member for member in group if member.role != "relay"]
        found = [m for m in people if name in (m.name.casefold(), m.call.casefold())]
        found = found or [member for member in people if member.nick.casefold() == name]
        if not found and len(name) >= ID_DIGITS_MIN:
            found = [member for member in group if member.member.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(f"Several are called {named}; give the beginning of an id (/members).")
    people = [member for member in known if member.state == "in" and member.role != "relay"]
    nicks = {member.call.casefold(): member.call for member in people}
    near = get_close_matches(name, nicks, 1, 0.7)
    hint = f"Did you mean {nicks[near[0]]}?" if near else "/members lists who is in."
    raise InputError(f"There is no member {named}. {hint}")


def _limited(name: str, channel: Channel | None) -> Channel:
    if channel is None:
        raise InputError(f"There is no channel {name}.")
    if not channel.limited:
        who = "Anybody reads" if privacy.kind(channel) == "public" else "Everybody is in"
        raise InputError(f"{who} #{channel.name}; only private channels have members of their own.")
    return channel


def add(channel: str, member: str, nick: str) -> Change:
    """Let somebody into a private channel."""
    return Change(commands.AddToChannel(channel, member), said=f"{nick} is in #{channel} now.")


def kick(channel: str, member: str, nick: str) -> Change:
    """Take somebody out of a private channel."""
    return Change(
        commands.KickFromChannel(channel, member),
        f"Take {nick} out of #{channel}?",
        f"{nick} is out of #{channel}; its key is a new one.",
    )


def leave(channel: str) -> Change:
    """Go from a private channel."""
    return Change(
        commands.LeaveChannel(channel), f"Leave #{channel}?", f"You have left #{channel}."
    )


def remove(member: str, nick: str) -> Change:
    """Take somebody out of the workspace."""
    return Change(
        commands.RemoveMember(member),
        f"Remove {nick} from the workspace?",
        f"{nick} is removed; the keys are new ones.",
    )


def promote(member: str, nick: str, role: str) -> Change:
    """Give somebody another level."""
    article = "an" if role == "admin" else "a"
    return Change(
        commands.Promote(member, ROLES[role]),
        f"Make {nick} {article} {role}?",
        f"{nick} is {article} {role} now.",
    )


def verify(member: str, nick: str) -> Change:
    """Mark somebody as verified, on this device alone, after their words were compared."""
    return Change(
        commands.Verify(member, confirm=True),
        f"Did you hear these words from {nick}, in a way that you know to be {nick}?",
        f"{nick} is verified on this device.",
    )


def accept(member: str, nick: str) -> Change:
    """Take back what somebody wrote beside being removed."""
    return Change(
        commands.Accept(member),
        f"Accept everything that {nick} wrote beside being removed?",
        f"What {nick} wrote stands.",
    )
