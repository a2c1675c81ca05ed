"""What a user can ask, as one union of frozen values; each names the type of its reply.

The same values go to a node in this process and, as one line of JSON each, over the control
socket to the node that holds the profile. A command that fails answers with a `chat.errors`
error of the same class on both ways. `channel` is a name or an id; `message` is an id or a
unique beginning of one (at least 4 digits).
"""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Literal

from chat import (
    commands_devices,
    commands_files,
    commands_members,
    commands_nearby,
    commands_notes,
    commands_profile,
    model,
)
from chat.command import Command as Command
from chat.commands_devices import AddDevice as AddDevice
from chat.commands_devices import ListDevices as ListDevices
from chat.commands_devices import MakePaper as MakePaper
from chat.commands_devices import NameDevice as NameDevice
from chat.commands_devices import RemoveDevice as RemoveDevice
from chat.commands_files import FILE_LINK as FILE_LINK
from chat.commands_files import Get as Get
from chat.commands_files import KeepFile as KeepFile
from chat.commands_files import ListFiles as ListFiles
from chat.commands_files import ListSwarms as ListSwarms
from chat.commands_files import ListTransfers as ListTransfers
from chat.commands_files import StreamFile as StreamFile
from chat.commands_files import WantCopies as WantCopies
from chat.commands_members import Accept as Accept
from chat.commands_members import AddToChannel as AddToChannel
from chat.commands_members import KickFromChannel as KickFromChannel
from chat.commands_members import Leave as Leave
from chat.commands_members import LeaveChannel as LeaveChannel
from chat.commands_members import LinkChannel as LinkChannel
from chat.commands_members import ListInvites as ListInvites
from chat.commands_members import ListMembers as ListMembers
from chat.commands_members import ListVoid as ListVoid
from chat.commands_members import NameMember as NameMember
from chat.commands_members import Promote as Promote
from chat.commands_members import RemoveMember as RemoveMember
from chat.commands_members import RevokeInvite as RevokeInvite
from chat.commands_members import SetHistory as SetHistory
from chat.commands_members import Verify as Verify
from chat.commands_nearby import CompareNearby as CompareNearby
from chat.commands_nearby import EndNearby as EndNearby
from chat.commands_nearby import LookNearby as LookNearby
from chat.commands_nearby import OfferNearby as OfferNearby
from chat.commands_nearby import PickNearby as PickNearby
from chat.commands_notes import GetNotes as GetNotes
from chat.commands_notes import GetNotesAt as GetNotesAt
from chat.commands_notes import GetNotesPast as GetNotesPast
from chat.commands_notes import MoveCursor as MoveCursor
from chat.commands_notes import RestoreNotes as RestoreNotes
from chat.commands_notes import SetNotes as SetNotes
from chat.commands_notes import SpliceNotes as SpliceNotes
from chat.commands_profile import CopyStore as CopyStore
from chat.commands_profile import ExportSigned as ExportSigned
from chat.commands_profile import Lock as Lock
from chat.commands_profile import Unlock as Unlock


class GetStatus(Command, frozen=True, tag="status"):
    """Reply: model.Status."""


class Create(Command, frozen=True, tag="create"):
    """Found a workspace with its first channel, general. Reply: model.Status."""

    name: str
    nick: str


class Join(Command, frozen=True, tag="join"):
    """Join by link or 12 words. Reply: model.Status, phase "pending" or "live" ("relay" by ticket).

    `wait` is how many seconds to wait for the admission before answering "pending". `relay` says
    that only a relay's ticket will do; without it a ticket is refused. `device` says the same of
    the code or paper of a member, of whom this becomes one more device; `nick` is then its name.
    `paper` says that it is a paper, which is written down nowhere; a code is, until it is used.
    """

    invite: str
    nick: str = ""
    wait: float = 10.0
    relay: bool = False
    device: bool = False
    paper: bool = False


class MakeInvite(Command, frozen=True, tag="invite"):
    """Reply: model.InviteView."""

    expires_ms: int = 7 * 24 * 3600 * 1000
    relay: bool = False
    note: str = ""


class ListChannels(Command, frozen=True, tag="channels"):
    """Reply: list[model.Channel], general first, then by name."""


class ListPeers(Command, frozen=True, tag="peers"):
    """Reply: list[model.Peer]."""


class LookAround(Command, frozen=True, tag="surroundings"):
    """Who is linked, who is not and why, and who is heard on the LAN. Reply: model.Surroundings."""


class CreateChannel(Command, frozen=True, tag="channel_new"):
    """Reply: model.Channel."""

    name: str
    mode: Literal["private", "hidden", "public"] = "private"
    members: tuple[str, ...] = ()


class SetTopic(Command, frozen=True, tag="topic"):
    """Reply: model.Channel."""

    channel: str
    topic: str


class SetKeep(Command, frozen=True, tag="channel_keep"):
    """For how many days a channel's messages are kept, 0 for ever; obeyed a day later.
    Reply: model.Channel."""

    channel: str
    days: int


class Post(Command, frozen=True, tag="post"):
    """Reply: model.Message, durable here."""

    channel: str
    text: str
    reply_to: str | None = None


class PostLines(Command, frozen=True, tag="post_lines"):
    """Post each text as a message of its own, all or none. Reply: list[str], their ids."""

    channel: str
    texts: tuple[str, ...]


class Put(Command, frozen=True, tag="put"):
    """Share a file of this machine (absolute path). Reply: model.Message, durable here.

    Metadata (EXIF, GPS) is removed from pictures unless `keep_metadata`.
    """

    channel: str
    path: str
    text: str = ""
    alt: str = ""
    reply_to: str | None = None
    keep_metadata: bool = False


class Edit(Command, frozen=True, tag="edit"):
    """Reply: model.Message."""

    message: str
    text: str


class Delete(Command, frozen=True, tag="delete"):
    """Reply: model.Message."""

    message: str


class TakeBack(Command, frozen=True, tag="take_back"):
    """Delete an own message that cannot have left this machine, since no link stood after it was
    written: nobody ever gets its words. One that may have left is refused. Reply: model.Message.
    """

    message: str


class React(Command, frozen=True, tag="react"):
    """Reply: model.Message."""

    message: str
    emoji: str
    on: bool = True


class Pin(Command, frozen=True, tag="pin"):
    """Reply: model.Message."""

    message: str
    on: bool = True


class Hide(Command, frozen=True, tag="hide"):
    """Hide a message from everybody, as an admin, or show it again; what it says stays.
    Reply: model.Message.
    """

    message: str
    on: bool = True
    reason: str = ""


class History(Command, frozen=True, tag="history"):
    """The newest `limit` messages, oldest first. Reply: list[model.Message].

    `channel` "" means all channels. `before` and `after` are `Message.order` values or message
    ids, exclusive; `after` gives the oldest `limit` after it. `thread` keeps a message and its
    replies only; `pinned` keeps pinned ones only.
    """

    channel: str = ""
    limit: int = 50
    before: str = ""
    after: str = ""
    thread: str = ""
    pinned: bool = False


class GetMessage(Command, frozen=True, tag="message"):
    """Reply: model.Message."""

    message: str


class Search(Command, frozen=True, tag="search"):
    """Full-text search over everything here, newest first. Reply: list[model.SearchHit].

    The query is words and filters, see `chat.search_filter`; `channel` narrows it further.
    """

    query: str
    channel: str = ""
    limit: int = 50


class GetDelivery(Command, frozen=True, tag="delivery"):
    """Who is known to hold a message, relays too. Reply: model.Delivery."""

    message: str


class MarkRead(Command, frozen=True, tag="read"):
    """Everything up to this message is read (private to this member). Reply: model.Channel."""

    channel: str
    message: str = ""


class WaitReached(Command, frozen=True, tag="wait"):
    """Wait until `count` other members hold the message. Reply: model.Message."""

    message: str
    count: int = 1
    timeout: float = 30.0


class SetProfile(Command, frozen=True, tag="profile"):
    """Change my nick or colour ("" keeps). Reply: model.Member."""

    nick: str = ""
    colour: str = ""


class SetAway(Command, frozen=True, tag="away"):
    """Tell members who are online that I am away, and why, or that I am back; never stored.

    Reply: model.Member.
    """

    away: bool
    text: str = ""


class GetPrivate(Command, frozen=True, tag="private"):
    """What this member keeps for themselves on this device. Reply: model.Private."""


class KeepDraft(Command, frozen=True, tag="draft"):
    """Keep an unsent text of a channel; an empty one drops it. Reply: null."""

    channel: str
    text: str
    reply_to: str | None = None


class SetAlerts(Command, frozen=True, tag="alerts"):
    """What a channel may ring for, on this device. Reply: model.Private."""

    channel: str
    level: model.Alerts


class Bookmark(Command, frozen=True, tag="bookmark"):
    """Bookmark a message for oneself, or not any more. Reply: model.Private."""

    message: str
    on: bool = True


class ListBookmarks(Command, frozen=True, tag="bookmarks"):
    """Bookmarked messages that are here, the newest bookmark first. Reply: list[model.Message]."""


class Ignore(Command, frozen=True, tag="ignore"):
    """Hear nothing of a member on this device, or hear them again. Reply: model.Member."""

    member: str
    on: bool = True


class SetQuiet(Command, frozen=True, tag="quiet"):
    """Let nothing ring until then, milliseconds; 0 ends it. Reply: model.Private."""

    until_ms: int


class Dial(Command, frozen=True, tag="dial"):
    """Add an address to keep a link to. Reply: null."""

    url: str


class Typing(Command, frozen=True, tag="typing"):
    """Tell linked members that I am writing in a channel; never stored. Reply: null."""

    channel: str


class Shutdown(Command, frozen=True, tag="shutdown"):
    """Stop the node that holds the profile. Reply: null."""


REPLIES: dict[type[Command], Any] = {
    GetStatus: model.Status,
    Create: model.Status,
    Join: model.Status,
    MakeInvite: model.InviteView,
    ListChannels: list[model.Channel],
    ListPeers: list[model.Peer],
    LookAround: model.Surroundings,
    CreateChannel: model.Channel,
    SetTopic: model.Channel,
    SetKeep: model.Channel,
    Post: model.Message,
    PostLines: list[str],
    Put: model.Message,
    Edit: model.Message,
    Delete: model.Message,
    TakeBack: model.Message,
    **commands_notes.REPLIES,
    React: model.Message,
    Pin: model.Message,
    Hide: model.Message,
    History: list[model.Message],
    GetMessage: model.Message,
    Search: list[model.SearchHit],
    GetDelivery: model.Delivery,
    MarkRead: model.Channel,
    WaitReached: model.Message,
    SetProfile: model.Member,
    SetAway: model.Member,
    GetPrivate: model.Private,
    KeepDraft: None,
    SetAlerts: model.Private,
    Bookmark: model.Private,
    ListBookmarks: list[model.Message],
    SetQuiet: model.Private,
    Ignore: model.Member,
    Dial: None,
    Typing: None,
    Shutdown: None,
    **commands_files.REPLIES,
    **commands_members.REPLIES,
    **commands_devices.REPLIES,
    **commands_nearby.REPLIES,
    **commands_profile.REPLIES,
}
"""The type each command answers with."""

if TYPE_CHECKING:
    AnyCommand = Command
else:
    AnyCommand = reduce(or_, REPLIES)
    """The union of all commands, for whoever reads one."""
