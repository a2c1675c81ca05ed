"""Commands about who is in: what they change, and what is asked before. Pure.

Members are given by nick or by the beginning of their id; whether this member may, the session
says. What takes something from somebody is asked about first.
"""

from typing import NamedTuple

from chat import commands
from tui.errors import InputError

ROLES = {"admin": 10, "member": 100, "reader": 200}
"""The levels that people give; there are others between them, for `clowder promote --level`."""
NAMES = frozenset({"add", "kick", "part", "remove", "promote"})


class Change(NamedTuple):
    """A command, the question before it ("" for none), and what to say when it worked."""

    command: commands.Command
    question: str = ""
    said: str = ""


def plan(name: str, argument: str, channel: str) -> Change:
    """What one of `NAMES` does.

    Raises:
        InputError: an argument is missing or makes no sense.
    """
    if name == "part":
        return leave(argument.removeprefix("#") or channel)
    who, _, rest = argument.removeprefix("@").strip().partition(" ")
    if not who:
        raise InputError(f"Whom? /{name} ana")
    match name:
        case "add":
            return add(rest.strip().removeprefix("#") or channel, who, who)
        case "kick":
            return kick(rest.strip().removeprefix("#") or channel, who, who)
        case "remove":
            return remove(who, who)
        case "promote":
            role = rest.strip().lower() or "admin"
            if role not in ROLES:
                raise InputError("Say admin, member or reader: /promote ana reader")
            return promote(who, who, role)
        case _:
            raise AssertionError(name)


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
