"""What an entry says once it is opened: the operations of a channel's three parts.

A payload is `length u16 BE || op || zeros`, padded so that its size tells little: steps of 32
bytes up to 512, then Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
Communication with PURBs", 2019). An op is a msgpack array whose first element is its kind; a kind
or arity this build does not know is `TooNew`: it is kept, forwarded and shown as such.

Message ids need no trust: `id = BLAKE2b(member || salt)[:16]`. Post, edit and delete carry the
salt, and the id is derived from it and from the member who signed the entry, so an edit by
anybody else names another message by construction.
"""

from typing import Any

import msgspec

from crdt import limits
from crdt.errors import Invalid, TooNew
from crdt.keys import digest

PART_TIMELINE = 1
PART_NOTES = 2
PART_STATE = 3
PARTS = (PART_TIMELINE, PART_NOTES, PART_STATE)


class FileInfo(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What a message says about a file; with it a member can fetch, open and check every block.

    Attributes:
        root: CIDv1 of the root block, 36 bytes.
        key: file key, 32 bytes.
        sha256: of the plaintext, 32 bytes.
        size: plaintext bytes.
        width, height: pixels, 0 when it is no picture.
        preview: a small encoded picture, or empty.
    """

    root: bytes
    key: bytes
    sha256: bytes
    size: int
    name: str
    type: str
    width: int = 0
    height: int = 0
    preview: bytes = b""
    alt: str = ""


class Op(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Base of all operations."""


class Post(Op, frozen=True, tag=1):
    """A message. `salt` makes its id; `reply_to` and `mentions` are message and member ids."""

    salt: bytes
    text: str
    reply_to: bytes | None = None
    mentions: tuple[bytes, ...] = ()
    files: tuple[FileInfo, ...] = ()


class Edit(Op, frozen=True, tag=2):
    """New text for the author's own message."""

    salt: bytes
    text: str
    mentions: tuple[bytes, ...] = ()


class Delete(Op, frozen=True, tag=3):
    """The author takes back a message; it stays a tombstone."""

    salt: bytes


class React(Op, frozen=True, tag=4):
    """Put or take back one emoji on any message."""

    message: bytes
    emoji: str
    on: bool


class Topic(Op, frozen=True, tag=16):
    """What the channel is about."""

    text: str


class Pin(Op, frozen=True, tag=17):
    """Pin or unpin a message."""

    message: bytes
    on: bool


class Profile(Op, frozen=True, tag=18):
    """How the author's member wants to be shown; only in the directory channel."""

    nick: str
    colour: str = ""
    picture: bytes = b""


class Setting(Op, frozen=True, tag=19):
    """A named setting of the channel."""

    name: str
    value: str


class Place(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """An entry of the channel's timeline: which device's log, which incarnation, which seq."""

    device: bytes
    incarnation: bytes
    seq: int


class Erase(Op, frozen=True, tag=20):
    """The author lets ciphertexts of a message of theirs be forgotten; for relays, too.

    Attributes:
        salt: of the message.
        post: the entry that posted it, None when only further ones are named.
        others: further entries with words of it.
    """

    salt: bytes
    post: Place | None
    others: tuple[Place, ...] = ()


class Hide(Op, frozen=True, tag=21):
    """An admin hides a message, or shows it again; what it says stays as it is."""

    message: bytes
    on: bool
    reason: str = ""


class NoteUpdate(Op, frozen=True, tag=32):
    """A Yjs update of the shared notes and the state vector it was made against."""

    update: bytes
    after: tuple[tuple[int, int], ...]


AnyOp = Post | Edit | Delete | React | Topic | Pin | Profile | Setting | Erase | Hide | NoteUpdate
_KINDS: dict[int, tuple[type[Any], int]] = {
    1: (Post, PART_TIMELINE),
    2: (Edit, PART_TIMELINE),
    3: (Delete, PART_TIMELINE),
    4: (React, PART_TIMELINE),
    16: (Topic, PART_STATE),
    17: (Pin, PART_STATE),
    18: (Profile, PART_STATE),
    19: (Setting, PART_STATE),
    20: (Erase, PART_STATE),
    21: (Hide, PART_STATE),
    32: (NoteUpdate, PART_NOTES),
}
_DECODERS = {kind: msgspec.msgpack.Decoder(op) for kind, (op, _) in _KINDS.items()}
_ARITY = {kind: 1 + len(op.__struct_fields__) for kind, (op, _) in _KINDS.items()}
_PART_OF = {op: part for op, part in _KINDS.values()}
_encoder = msgspec.msgpack.Encoder()

STEP_BYTES = 32
STEPS_UP_TO_BYTES = 512


def padded_size(size: int) -> int:
    """The size that `size` bytes are padded to."""
    if size <= STEPS_UP_TO_BYTES:
        return -(-size // STEP_BYTES) * STEP_BYTES
    exponent = size.bit_length() - 1
    kept_bits = exponent.bit_length()
    mask = (1 << (exponent - kept_bits)) - 1
    return (size + mask) & ~mask


def message_id(member: bytes, salt: bytes) -> bytes:
    """The id of the message that `member` posted with `salt` (16 bytes each)."""
    return digest(b"x1.message", member, salt)[: limits.ID_BYTES]


def part_of(op: AnyOp) -> int:
    """Which part of the channel an op belongs to."""
    return _PART_OF[type(op)]


def encode(op: AnyOp) -> bytes:
    """The padded payload of an op.

    Raises:
        Invalid: the op breaks a limit.
    """
    _check(op)
    body = _encoder.encode(op)
    size = padded_size(len(body) + 2)
    if size > limits.PAYLOAD_MAX_BYTES:
        raise Invalid(f"operation of {len(body)} bytes is too large")
    return len(body).to_bytes(2, "big") + body + bytes(size - len(body) - 2)


def decode(payload: bytes, part: int) -> AnyOp:
    """The op of a payload from a log of `part`.

    Raises:
        TooNew: a kind or arity of a newer version.
        Invalid: anything else that is wrong.
    """
    if len(payload) > limits.PAYLOAD_MAX_BYTES or len(payload) < 4:
        raise Invalid("payload has no valid size")
    end = 2 + int.from_bytes(payload[:2], "big")
    if end > len(payload) or end < 4 or len(payload) != padded_size(end):
        raise Invalid("payload padding is wrong")
    if payload.count(0, end) != len(payload) - end:
        raise Invalid("payload padding is not zero")
    if not 0x90 <= payload[2] <= 0x9F or payload[3] >= 0x80:
        raise Invalid("payload is no operation")
    kind = payload[3]
    decoder = _DECODERS.get(kind)
    if decoder is None or (payload[2] & 0x0F) > _ARITY[kind]:
        raise TooNew(f"operation {kind} needs a newer Clowder")
    try:
        op: AnyOp = decoder.decode(memoryview(payload)[2:end])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid(f"operation {kind} is malformed: {error}") from None
    if _PART_OF[type(op)] != part:
        raise Invalid(f"operation {kind} does not belong to part {part}")
    _check(op)
    return op


def _check(op: AnyOp) -> None:
    if isinstance(op, Post):
        _check_post(op)
    elif isinstance(op, Edit):
        _require(len(op.salt) == limits.ID_BYTES, "salt")
        _require(len(op.text) <= limits.MESSAGE_TEXT_MAX_CHARS, "text length")
        _check_ids(op.mentions, limits.MENTIONS_MAX)
    elif isinstance(op, Delete):
        _require(len(op.salt) == limits.ID_BYTES, "salt")
    elif isinstance(op, React):
        _require(len(op.message) == limits.ID_BYTES, "message id")
        _require(0 < len(op.emoji) <= limits.EMOJI_MAX_CHARS, "emoji length")
    elif isinstance(op, Topic):
        _require(len(op.text) <= limits.TOPIC_MAX_CHARS, "topic length")
    elif isinstance(op, Pin):
        _require(len(op.message) == limits.ID_BYTES, "message id")
    elif isinstance(op, Profile):
        _require(len(op.nick) <= limits.NICK_MAX_CHARS, "nick length")
        _require(len(op.colour) <= 32 and len(op.picture) <= 64, "profile size")
    elif isinstance(op, Setting):
        _require(0 < len(op.name) <= 64 and len(op.value) <= 1024, "setting size")
    elif isinstance(op, Erase):
        _check_erase(op)
    elif isinstance(op, Hide):
        _require(len(op.message) == limits.ID_BYTES, "message id")
        _require(len(op.reason) <= limits.HIDE_REASON_MAX_CHARS, "reason length")
    else:
        _require(len(op.after) <= 4096, "state vector size")
        _require(all(0 <= c < 2**53 and 0 <= k < 2**31 for c, k in op.after), "state vector")


def _check_post(op: Post) -> None:
    _require(len(op.salt) == limits.ID_BYTES, "salt")
    _require(len(op.text) <= limits.MESSAGE_TEXT_MAX_CHARS, "text length")
    _require(op.reply_to is None or len(op.reply_to) == limits.ID_BYTES, "reply id")
    _check_ids(op.mentions, limits.MENTIONS_MAX)
    _require(len(op.files) <= limits.FILES_PER_MESSAGE_MAX, "file count")
    for file in op.files:
        _require(len(file.root) == 36 and len(file.key) == 32 and len(file.sha256) == 32, "file")
        _require(0 <= file.size < 2**53, "file size")
        _require(len(file.name) <= limits.FILE_NAME_MAX_CHARS, "file name length")
        _require(len(file.type) <= limits.MEDIA_TYPE_MAX_CHARS, "media type length")
        _require(0 <= file.width < 2**31 and 0 <= file.height < 2**31, "picture size")
        _require(len(file.preview) <= limits.PREVIEW_MAX_BYTES, "preview size")
        _require(len(file.alt) <= limits.CAPTION_MAX_CHARS, "alternative text length")


def _check_erase(op: Erase) -> None:
    _require(len(op.salt) == limits.ID_BYTES, "salt")
    places = (*op.others, *(() if op.post is None else (op.post,)))
    _require(0 < len(places) <= limits.ERASED_PLACES_MAX, "number of places")
    for place in places:
        _require(len(place.device) == limits.KEY_BYTES, "device")
        _require(len(place.incarnation) == limits.INCARNATION_BYTES, "incarnation")
        _require(0 <= place.seq <= limits.SEQ_MAX, "seq")


def _check_ids(ids: tuple[bytes, ...], most: int) -> None:
    _require(len(ids) <= most and all(len(i) == limits.ID_BYTES for i in ids), "ids")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise Invalid(f"operation breaks a limit: {what}")
