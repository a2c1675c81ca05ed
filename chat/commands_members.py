"""Commands about who is in, at which level and where; `chat.commands` has them with the others.

A member is given by nick or by the beginning of a member id (at least 4 digits), an invite by the
beginning of its id.
"""

from typing import Any

from chat import model
from chat.command import Command


class ListMembers(Command, frozen=True, tag="members"):
    """Who is in; with `former` also who was, behind the others. Reply: list[model.Member]."""

    former: bool = False


class ListInvites(Command, frozen=True, tag="invites"):
    """Invites, the newest first. Reply: list[model.InviteState]."""


class RevokeInvite(Command, frozen=True, tag="revoke"):
    """An invite admits nobody any more. Reply: model.InviteState."""

    invite: str


class RemoveMember(Command, frozen=True, tag="remove"):
    """Take a member out; what they wrote so far, as it is here, stays. Reply: model.Member."""

    member: str


class Promote(Command, frozen=True, tag="promote"):
    """Give a member a level, also a larger number than before, or one who was removed.

    Reply: model.Member.
    """

    member: str
    level: int


class Accept(Command, frozen=True, tag="accept"):
    """Take back what a member wrote beside being removed: `what` is the member, or one void
    message, with which everything before it in its log stands. Reply: model.Accepted.
    """

    what: str


class NameMember(Command, frozen=True, tag="name"):
    """Call a member something on this device; "" calls them by their nick. Reply: model.Member.

    It goes nowhere else: in what is sent it is replaced by the nick.
    """

    member: str
    name: str = ""


class Leave(Command, frozen=True, tag="leave"):
    """Leave the workspace; `anyway` also when nobody is left who could remove members.

    Reply: null.
    """

    anyway: bool = False


class AddToChannel(Command, frozen=True, tag="channel_add"):
    """Let a member into a private channel. Reply: model.Channel."""

    channel: str
    member: str


class KickFromChannel(Command, frozen=True, tag="channel_kick"):
    """Take a member out of a private channel. Reply: model.Channel."""

    channel: str
    member: str


class LeaveChannel(Command, frozen=True, tag="channel_leave"):
    """Leave a private channel. Reply: null."""

    channel: str


class SetHistory(Command, frozen=True, tag="channel_history"):
    """Whether who comes into a private or hidden channel from now on reads what was said before.
    Reply: model.Channel."""

    channel: str
    open: bool


class LinkChannel(Command, frozen=True, tag="channel_link"):
    """The link with which people outside read a public or hidden channel. Reply: model.ChannelLink.

    A hidden channel's has its key in it, and opens nothing of what is written after somebody was
    taken out of the channel, or an admin in it asked with `renew`.
    """

    channel: str
    renew: bool = False


class ListVoid(Command, frozen=True, tag="void"):
    """The newest messages of a channel that do not stand, oldest first. Reply: list[model.Message].

    Their `state` is "void". Only new messages are listed, no edits or reactions.
    """

    channel: str
    limit: int = 50


class Verify(Command, frozen=True, tag="verify"):
    """The words of a member ("" is me). Reply: model.Verification.

    `confirm` marks the member as verified, on this device alone. `code` is what the member's own
    machine shows: when it fits the keys that are here, it confirms, and else nothing changes.
    """

    member: str = ""
    confirm: bool = False
    code: str = ""


REPLIES: dict[type[Command], Any] = {
    ListMembers: list[model.Member],
    ListInvites: list[model.InviteState],
    RevokeInvite: model.InviteState,
    RemoveMember: model.Member,
    Promote: model.Member,
    Accept: model.Accepted,
    NameMember: model.Member,
    Leave: None,
    AddToChannel: model.Channel,
    KickFromChannel: model.Channel,
    LeaveChannel: None,
    SetHistory: model.Channel,
    LinkChannel: model.ChannelLink,
    ListVoid: list[model.Message],
    Verify: model.Verification,
}
"""The type each command answers with."""
