"""A channel's link: with it somebody outside the workspace reads a public or hidden channel.

    link    = "clowder-channel:" base32(payload || check)     RFC 4648, no padding; any case is read
    payload = version 1 | mode 1 | workspace 32 | channel 16 | epoch 16 | key | hint ...
    key     = of the epoch, 32 bytes, when the mode is hidden (1); nothing when it is public (2)
    hint    = length 1 | address, as in an invite; at most 3
    check   = the first 4 bytes of digest("x1.guest.link", payload)
    door    = digest("x1.guest.door", workspace || channel || epoch)

`epoch` is the beginning of the id of the op that began it: a rekey, or of a public channel the op
that made it. Whoever has a part of the roster without that op cannot tell the door, so somebody who
was taken out of a hidden channel finds the next one closed. The door is a link key, as an invite's
is: it opens a conversation and no text. The key of a hidden channel is that of its epoch: it is
checked against what the epoch's op commits to, and leads to the epochs before it.
Format: docs/protocol/guests.md.
"""

import binascii
from base64 import b32decode, b32encode
from dataclasses import dataclass, field

from chat.errors import UsageError
from chat.guests.limits import HINTS_MAX, LINK_MAX_CHARS
from chat.invitation import pack_hint, read_hint
from crdt.keys import digest
from crdt.limits import DIGEST_BYTES, ID_BYTES, KEY_BYTES
from crdt.roster_ops import MODE_HIDDEN, MODE_PUBLIC
from transport.proto.hints import GUEST_CONTEXT, LinkSecret

VERSION = 1
SCHEME = "clowder-channel:"
EPOCH_BYTES = 16
"""Of an epoch's id: as hard to guess as a key."""
CHECK_BYTES = 4

_WORKSPACE = 2
_CHANNEL = _WORKSPACE + DIGEST_BYTES
_EPOCH = _CHANNEL + ID_BYTES
_KEY = _EPOCH + EPOCH_BYTES
_KEY_BYTES = {MODE_PUBLIC: 0, MODE_HIDDEN: KEY_BYTES}
_WRONG = (
    f"That is no link of a channel. It begins with {SCHEME}; ask for it again if a part was lost."
)
_NEWER = "This link needs a newer Clowder."


@dataclass(frozen=True, slots=True)
class ChannelLink:
    """What a channel's link says.

    Attributes:
        workspace: its id, 32 bytes, which the roster is checked against.
        channel: its id, 16 bytes.
        epoch: the first 16 bytes of an epoch's id.
        key: of that epoch, 32 bytes, when the channel is hidden; else empty.
        hints: URLs of devices that answer.
    """

    workspace: bytes
    channel: bytes
    epoch: bytes
    key: bytes = field(default=b"", repr=False)
    hints: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As a link. Hints that have no short form, and more than three, are left out."""
        assert len(self.workspace) == DIGEST_BYTES
        assert len(self.channel) == ID_BYTES
        assert len(self.epoch) == EPOCH_BYTES
        mode = MODE_HIDDEN if self.key else MODE_PUBLIC
        assert len(self.key) == _KEY_BYTES[mode]
        packed = [hint for hint in map(pack_hint, self.hints) if hint][:HINTS_MAX]
        payload = b"".join(
            (
                bytes((VERSION, mode)),
                self.workspace,
                self.channel,
                self.epoch,
                self.key,
                *(bytes((len(hint),)) + hint for hint in packed),
            )
        )
        return SCHEME + b32encode(payload + _check(payload)).decode().rstrip("=").lower()

    @property
    def door(self) -> LinkSecret:
        """What a link to somebody who has the channel is opened with."""
        key = door_key(self.workspace, self.channel, self.epoch)
        return LinkSecret(key, GUEST_CONTEXT, "channel")


def door_key(workspace: bytes, channel: bytes, epoch: bytes) -> bytes:
    """The link key of a channel's door; `epoch` may be the whole id."""
    return digest(b"x1.guest.door", workspace, channel, epoch[:EPOCH_BYTES])


def is_channel_link(text: str) -> bool:
    """Whether it is meant to be one, by its beginning."""
    return "".join(text.split())[: len(SCHEME)].lower() == SCHEME


def parse(text: str) -> ChannelLink:
    """What a person pasted: a link in any case, perhaps broken into lines.

    Raises:
        UsageError: it is none, or of a newer version.
    """
    compact = "".join(text.split())
    if len(compact) > LINK_MAX_CHARS or not is_channel_link(compact):
        raise UsageError(_WRONG)
    payload = _payload(compact[len(SCHEME) :].upper())
    if payload[0] != VERSION or payload[1] not in _KEY_BYTES:
        raise UsageError(_NEWER)
    end = _KEY + _KEY_BYTES[payload[1]]
    if len(payload) < end:
        raise UsageError(_WRONG)
    return ChannelLink(
        payload[_WORKSPACE:_CHANNEL],
        payload[_CHANNEL:_EPOCH],
        payload[_EPOCH:_KEY],
        payload[_KEY:end],
        _hints(payload[end:]),
    )


def _payload(encoded: str) -> bytes:
    """The checked payload; a link of another version may have any content after its number."""
    try:
        raw = b32decode(encoded + "=" * (-len(encoded) % 8))
    except (binascii.Error, ValueError):
        raise UsageError(_WRONG) from None
    payload, check = raw[:-CHECK_BYTES], raw[-CHECK_BYTES:]
    whole = len(payload) >= _KEY and check == _check(payload)
    if not whole or b32encode(raw).decode().rstrip("=") != encoded:
        raise UsageError(_WRONG)
    return payload


def _hints(rest: bytes) -> tuple[str, ...]:
    """The addresses at the end of a payload; kinds of a later version are passed over."""
    hints: list[str] = []
    while rest:
        size = rest[0]
        hint, rest = rest[1 : 1 + size], rest[1 + size :]
        if len(hint) != size or size == 0 or len(hints) == HINTS_MAX:
            raise UsageError(_WRONG)
        try:
            hints.append(read_hint(hint))
        except UsageError:
            raise UsageError(_WRONG) from None
    return tuple(hint for hint in hints if hint)


def _check(payload: bytes) -> bytes:
    return digest(b"x1.guest.link", payload)[:CHECK_BYTES]
