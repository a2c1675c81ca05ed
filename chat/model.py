"""What the face reads: frozen values, every string in them already sanitised.

Ids are lower-case hex text here (files: CIDv1 base32), because this is the border to people and
scripts. Times are integers of milliseconds since the Unix epoch, UTC.
"""

from typing import Literal

import msgspec
from msgspec.structs import replace

from chat.model_files import SharedFile as SharedFile
from chat.model_files import Swarm as Swarm
from chat.model_files import SwarmPeer as SwarmPeer
from chat.model_files import Transfer as Transfer
from chat.model_nearby import Nearby as Nearby
from chat.model_notes import Cursor as Cursor
from chat.model_notes import Notes as Notes
from chat.model_notes import NotesAside as NotesAside
from chat.model_notes import NotesPast as NotesPast
from chat.model_notes import NotesVersion as NotesVersion
from chat.model_notes import line_authors as line_authors
from chat.model_people import Author as Author
from chat.model_people import Device as Device
from chat.model_people import Hidden as Hidden
from chat.model_people import Member as Member
from chat.model_verification import Verification as Verification
from chat.model_verification import Verified as Verified

LinkState = Literal["linked", "dialling", "waiting"]
Alerts = Literal["off", "mentions", "all"]
"""What of a channel may ring: nothing, what mentions this member, everything."""
DIRECT_READERS = 2
"""A private channel of so many is a direct one."""
GAPS_MAX = 64
"""So many places are told where what is closed to this member lies in a channel: the newest."""
Part = Literal["picture", "file", "link"]
"""What a message may carry, as a search asks for it."""
Mark = Literal["mention", "reply", "late", "missed", "pinned"]
"""What a message may be to this member: it mentions them, answers them, came in late, is pinned."""


class FileView(msgspec.Struct, frozen=True):
    """A file that a message carries.

    Attributes:
        id: root CID, `bafk...` for one chunk, `bafy...` for more.
        size: plaintext bytes.
        type: media type.
        have: share of the file's blocks that are on this machine, 0.0 to 1.0.
        width, height: pixels of the original picture, 0 for other files.
        preview: small encoded picture (decode it only through the picture decoder), or empty.
        alt: alternative text, may be empty.
    """

    id: str
    name: str
    size: int
    type: str
    have: float = 0.0
    width: int = 0
    height: int = 0
    preview: bytes = b""
    alt: str = ""


class Message(msgspec.Struct, frozen=True):
    """One message as this member sees it now.

    Attributes:
        id: 32 hex digits.
        order: position in the timeline, (hlc, id) as one sortable text.
        reached: (n, of): other members known to hold it, of all other members. A lower bound.
        ahead_ms: how far the author's clock ran ahead when the message arrived; 0 when it did not.
        state: "ok", "newer" when it needs a newer Clowder to show, or "void" when its author was
            removed and nobody accepted it, or when its device wrote two different histories.
        late: it merged into the past after newer messages were already here.
        channel_id: of the channel, which stays when its name on this machine changes.
        ignored: this member wants to hear nothing of its author.
        hidden: which admin hid it; a face shows that in its place, and opens it when asked.
    """

    id: str
    channel: str
    author: Author
    at: int
    text: str
    order: str
    reply_to: str | None = None
    edited: bool = False
    deleted: bool = False
    reactions: dict[str, tuple[Author, ...]] = {}
    files: tuple[FileView, ...] = ()
    reached: tuple[int, int] = (0, 0)
    ahead_ms: int = 0
    mine: bool = False
    mentions_me: bool = False
    replies: int = 0
    pinned: bool = False
    late: bool = False
    state: Literal["ok", "newer", "void"] = "ok"
    channel_id: str = ""
    hidden: Hidden | None = None
    ignored: bool = False

    @property
    def folded(self) -> str:
        """The line that stands in place of what it says until somebody opens it, "" for none."""
        if self.ignored:
            return f"message of {self.author.name}, ignored"
        if self.hidden is None or self.deleted:
            return ""
        reason = f": {self.hidden.reason}" if self.hidden.reason else ""
        return f"hidden by {self.hidden.by.name}{reason}"

    @property
    def public(self) -> "Message":
        """As it may be given to others: everybody by their nick."""
        hidden = self.hidden
        return replace(
            self,
            author=self.author.public,
            reactions={
                emoji: tuple(author.public for author in authors)
                for emoji, authors in self.reactions.items()
            },
            hidden=None if hidden is None else replace(hidden, by=hidden.by.public),
        )


class Channel(msgspec.Struct, frozen=True):
    """A channel in the list.

    Attributes:
        id: 32 hex digits; `name` is unique on this machine (a clash gets a suffix).
        mode: "private", "hidden" or "public", which outsiders can read as well.
        limited: it is sealed for some of the members, not for the whole workspace.
        readers: how many members may read it.
        members: who may read a limited one, this member first.
        direct: it is a private one of two: what is said there is said to this member.
        complete: False while older messages are known to exist that are not here yet.
        keep_days: messages that are older are forgotten; 0 when none are.
        history: False when who comes in from now on does not read what was said before.
        earlier: messages are here from when this member was not in, and are closed to it.
        gaps: behind which places those are, as `Message.order` counts, in order.
    """

    id: str
    name: str
    topic: str = ""
    mode: Literal["private", "hidden", "public"] = "private"
    unread: int = 0
    mentions: int = 0
    last_at: int = 0
    complete: bool = True
    limited: bool = False
    readers: int = 0
    members: tuple[Author, ...] = ()
    direct: bool = False
    keep_days: int = 0
    history: bool = True
    earlier: bool = False
    gaps: tuple[str, ...] = ()


class ChannelLink(msgspec.Struct, frozen=True):
    """With what people outside read a channel.

    Attributes:
        channel: its name.
        mode: "public", or "hidden", whose link has the key in it.
        link: as text.
    """

    channel: str
    mode: Literal["private", "hidden", "public"]
    link: str

    def __repr__(self) -> str:
        return f"ChannelLink(channel={self.channel!r}, mode={self.mode!r}, link=...)"


class Peer(msgspec.Struct, frozen=True):
    """A link, or an address being tried.

    Attributes:
        state: "linked", "dialling" or "waiting".
        behind: entries this peer has that are not here; None until its heads are known.
        reason: why there is no link, a sentence; empty before the first try, and while linked.
    """

    url: str
    state: LinkState
    member: str = ""
    nick: str = ""
    device: str = ""
    relay: bool = False
    rtt_ms: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    sync_bytes_in: int = 0
    sync_bytes_out: int = 0
    behind: int | None = None
    reason: str = ""


class Sighting(msgspec.Struct, frozen=True):
    """A device that announces itself on the LAN; `ours` if of this workspace or its invites."""

    urls: tuple[str, ...]
    ours: bool


class Surroundings(msgspec.Struct, frozen=True):
    """What a node knows of the network around it, for `clowder doctor`.

    Attributes:
        interface, mdns, dial: the settings it runs with, see `chat.config.Network`.
        peers: as `clowder peers` lists them.
        sightings: announcements that stand.
    """

    interface: str = ""
    mdns: bool = True
    dial: tuple[str, ...] = ()
    peers: tuple[Peer, ...] = ()
    sightings: tuple[Sighting, ...] = ()


class Status(msgspec.Struct, frozen=True):
    """The state of this profile. `workspace` is "" before a workspace is created or joined.

    `phase`: "none" no workspace, "pending" a claim waits to be admitted, "live" a member,
    "relay" a relay, "removed".

    Attributes:
        locked: nothing is shown and done until the passphrase is given again.
    """

    phase: Literal["none", "pending", "live", "relay", "removed"]
    workspace: str = ""
    name: str = ""
    member: str = ""
    nick: str = ""
    device: str = ""
    level: int = 0
    behind: int | None = None
    links: tuple[Peer, ...] = ()
    listening: tuple[str, ...] = ()
    entries: int = 0
    messages: int = 0
    blocks: int = 0
    block_bytes: int = 0
    epoch: str = ""
    waiting: int = 0
    warnings: tuple[str, ...] = ()
    locked: bool = False


class Copied(msgspec.Struct, frozen=True):
    """A copy of the database, or a signed export, was written."""

    path: str
    size: int


class SearchHit(msgspec.Struct, frozen=True):
    """A message that matches; `snippet` marks the words found between U+0002 and U+0003."""

    message: Message
    snippet: str


class InviteView(msgspec.Struct, frozen=True):
    """An invite, to be given to one person over a channel both trust."""

    link: str
    words: str
    id: str
    level: int
    expires: int
    relay: bool = False


class InviteState(msgspec.Struct, frozen=True):
    """An invite as the workspace has it, without its secret.

    Attributes:
        author: who made it.
        note: who it is for, as its author wrote; empty while the key is not here.
        state: "open", "used", "revoked" (also since its author may not invite any more), "expired".
        used_by: who came in by it.
    """

    id: str
    author: Author
    level: int
    expires: int
    state: Literal["open", "used", "revoked", "expired"]
    relay: bool = False
    note: str = ""
    used_by: Author | None = None


class Accepted(msgspec.Struct, frozen=True):
    """What was taken back: how many entries of a member stand that did not."""

    member: Author
    entries: int


class Holder(msgspec.Struct, frozen=True):
    """Somebody in the delivery of a message.

    Attributes:
        holds: whether they are known to have it; what is not known counts as no.
        online: whether they are linked to this machine now.
    """

    member: str
    nick: str
    holds: bool
    online: bool = False
    relay: bool = False


class Delivery(msgspec.Struct, frozen=True):
    """How far a message got: everybody it is meant for, and relays, which cannot read it.

    A lower bound, from receipts and what peers said of themselves; silence is no receipt.
    """

    message: str
    holders: tuple[Holder, ...] = ()


class Draft(msgspec.Struct, frozen=True):
    """An unsent text, and the message it answers."""

    text: str = ""
    reply_to: str | None = None


class Private(msgspec.Struct, frozen=True):
    """What a member keeps for themselves on this device. Channels and messages by their ids.

    Attributes:
        drafts: unsent texts by channel, the one touched last at the end.
        alerts: what a channel may ring for, where it is decided; see `usual_alerts`.
        bookmarks: messages, the newest bookmark last.
        quiet_until: nothing rings before then, in milliseconds; 0 when it may.
    """

    drafts: dict[str, Draft] = {}
    alerts: dict[str, Alerts] = {}
    bookmarks: tuple[str, ...] = ()
    quiet_until: int = 0


def usual_alerts(channel: Channel) -> Alerts:
    """What a channel may ring for while nothing is decided: a direct one for everything."""
    return "all" if channel.direct else "mentions"
