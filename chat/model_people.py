"""What the face reads of people: who wrote, who is in and present, with which devices."""

from typing import Literal

import msgspec

from chat.model_verification import Verified

PETNAME_MARK = "*"
"""Stands behind a name that this member gave to another."""


class Author(msgspec.Struct, frozen=True):
    """Who wrote something. `nick` is display text and may repeat; `member` never does.

    Attributes:
        shown: how this device shows them, "" when that is their nick: by a petname, which goes
            nowhere else, or told apart from one.
    """

    member: str
    nick: str
    shown: str = ""

    @property
    def name(self) -> str:
        """What the face calls them; what is sent or exported has the nick."""
        return self.shown or self.nick

    @property
    def call(self) -> str:
        """What to write behind an @; who sends it replaces a petname by the nick."""
        return self.name.removesuffix(PETNAME_MARK)

    @property
    def public(self) -> "Author":
        """As they may be named to others."""
        return Author(self.member, self.nick)


class Hidden(msgspec.Struct, frozen=True):
    """Which admin hid a message, and why; `reason` may be empty."""

    by: Author
    reason: str = ""


class Member(msgspec.Struct, frozen=True):
    """A member. `role` is founder, admin, member, reader or relay, from the level.

    Attributes:
        online: a device of theirs is linked, or others say so.
        away: they say so, or nobody touched the keys of their machine for a while; `away_text` is
            what they say of it.
        state: "in", or of who is not any more "removed" or "left"; then `by` says by whom.
        voided: how many entries of theirs do not stand, because of a removal or a fork.
        ignored: this member wants to hear nothing of them; known on this device alone.
        shown: how this device shows them, "" when that is their nick: by a petname, which goes
            nowhere else, or told apart from one.
        petname: what this member calls them, known on this device alone; "" for nothing.
        verified: "yes" when this member compared words with them, "changed" when they have keys
            since that they had not then. Known on this device alone.
    """

    member: str
    nick: str
    level: int
    role: Literal["founder", "admin", "member", "reader", "relay", "former"]
    devices: int = 1
    online: bool = False
    away: bool = False
    away_text: str = ""
    me: bool = False
    colour: str = ""
    state: Literal["in", "removed", "left"] = "in"
    by: Author | None = None
    voided: int = 0
    verified: Verified = "no"
    ignored: bool = False
    shown: str = ""
    petname: str = ""

    @property
    def name(self) -> str:
        """What the face calls them; what is sent or exported has the nick."""
        return self.shown or self.nick

    @property
    def call(self) -> str:
        """What to write behind an @; who sends it replaces a petname by the nick."""
        return self.petname or self.name


class Device(msgspec.Struct, frozen=True):
    """A device of a member.

    Attributes:
        device: its id, the public key it signs with.
        linked: a link leads to it.
        this: it is this one.
        paper: words on paper, by which another device comes in; or a key that is on no machine.
        name: what this member calls it, or what it was called when it came in as one more device.
    """

    device: str
    linked: bool = False
    this: bool = False
    paper: bool = False
    name: str = ""
