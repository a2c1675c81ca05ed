"""Messages of replication: their bytes and their bounds.

A message is one msgpack array whose first element is its kind. Every length is bounded by the
schema, so a decoder gives a whole message or `Invalid`. A kind this build does not know is
`TooNew`: the receiver passes over it. Format, flow and reasons: docs/protocol/sync.md.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Annotated

import msgspec

from crdt import limits
from crdt.entry import LogId, Run
from crdt.errors import Invalid, TooNew
from crdt.keys import digest
from crdt.tagged import is_newer

VERSION = 1

UNKNOWN_PEER = 1
"""Hello flag: your device is in no roster op I hold; only roster ops and claims may pass."""
TOLD = 2
"""Hello flag: everything up to `arrival` was sent or announced on this link."""
TAKES_ERASED = 4
"""Hello flag: I take entries without their ciphertext where their author erased it."""

MORE, DONE, CUT = 0, 1, 2
"""What follows a piece of an answer."""

Short = Annotated[bytes, msgspec.Meta(min_length=8, max_length=8)]
Half = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Full = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Seq = Annotated[int, msgspec.Meta(ge=0, le=limits.SEQ_MAX)]
Part = Annotated[int, msgspec.Meta(ge=1, le=3)]
Priority = Annotated[int, msgspec.Meta(ge=1, le=3)]
Told = Annotated[bytes, msgspec.Meta(max_length=limits.TOLD_MAX_DEVICES * 4)]
"""The first 4 bytes of the device keys of those who were sent the same, one after the other."""
_ROWS = msgspec.Meta(max_length=limits.ROWS_PER_MESSAGE_MAX)
_RANGES = msgspec.Meta(min_length=1, max_length=limits.REQUEST_RANGES_MAX)
_POINTS = msgspec.Meta(min_length=1, max_length=limits.FORK_POINTS_MAX)


class Value(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Base of everything that travels."""


class Mark(Value, frozen=True):
    """A place in one replica's order of arrival, and the first 8 bytes of the id there.

    As part of a message: everything up to here was sent or announced on this link.
    """

    arrival: Count
    id: Short


class Cursor(Value, frozen=True):
    """Up to where the sender has read the replica named."""

    replica: Short
    arrival: Count
    id: Short


class Hello(Value, frozen=True, tag=1):
    """What both sides say first, and again whenever they want to compare.

    Attributes:
        replica: random name of the sender's store; a restored store has a new one.
        arrival, arrival_id: the newest entry of that store.
        read: how far the sender has read the receiver's store, if they ever met.
        roster: first half of the hash of the sorted roster heads.
        channels: digest of the ids of the channels both may hold and the sender does.
        state: sum of the channel fingerprints of those, modulo 2^128.
        flags: UNKNOWN_PEER, TOLD, TAKES_ERASED; bits without a meaning yet are 0 and ignored.
    """

    version: Annotated[int, msgspec.Meta(ge=0, le=255)]
    replica: Short
    arrival: Count
    arrival_id: Short
    read: Cursor | None
    roster: Half
    channels: Half
    state: Half
    flags: Annotated[int, msgspec.Meta(ge=0, le=255)]

    @property
    def mark(self) -> Mark:
        return Mark(self.arrival, self.arrival_id)


class HeadRow(Value, frozen=True):
    """One log: `author` counts into the message's table, `id` and `hlc` are its head's."""

    author: Annotated[int, msgspec.Meta(ge=0, lt=limits.ROWS_PER_MESSAGE_MAX)]
    part: Part
    low: Seq
    head: Seq
    id: Short
    hlc: Count


class Author(Value, frozen=True):
    """A device and one of its incarnations."""

    device: Full
    incarnation: Short


class ChannelHeads(Value, frozen=True):
    """The logs of one channel."""

    channel: Half
    rows: Annotated[tuple[HeadRow, ...], _ROWS]


class Entries(Value, frozen=True, tag=2):
    """Runs of entries: a push (`answers` is 0), or a piece of an answer.

    `end` is MORE while pieces follow, DONE after all that the sender has of what was asked for,
    CUT when the answer is as long as one may be and the rest is to be asked for again.
    `told` belongs to a push: its receiver need not pass it on to these at once.
    """

    runs: Annotated[tuple[Run, ...], msgspec.Meta(max_length=limits.REQUEST_ENTRIES)]
    mark: Mark | None = None
    answers: Count = 0
    end: Annotated[int, msgspec.Meta(ge=0, le=2)] = DONE
    told: Told = b""


class Touched(Value, frozen=True, tag=3):
    """Logs that changed, unasked; `mark` is on the last message of a series."""

    authors: Annotated[tuple[Author, ...], _ROWS]
    channels: Annotated[tuple[ChannelHeads, ...], _ROWS]
    mark: Mark | None = None


class Range(Value, frozen=True):
    """Entries `first` to `last` of one log, both included."""

    channel: Half
    part: Part
    device: Full
    incarnation: Short
    first: Seq
    last: Seq

    @property
    def log(self) -> LogId:
        return LogId(self.channel, self.part, self.device, self.incarnation)


class Want(Value, frozen=True, tag=4):
    """Please send these ranges; with `backward`, each from its end to its beginning."""

    request: Count
    priority: Priority
    backward: bool
    ranges: Annotated[tuple[Range, ...], _RANGES]


class ChannelPrint(Value, frozen=True):
    """The sum of what identifies the heads of one channel's logs."""

    channel: Half
    fingerprint: Half


class Fingerprints(Value, frozen=True, tag=5):
    """Channels common to both, in as many messages as needed; `mark` is on the last.

    With `ask`, all of them, and the receiver answers with its own of those that differ.
    """

    channels: Annotated[tuple[ChannelPrint, ...], _ROWS]
    mark: Mark | None = None
    ask: bool = False


class HeadsWant(Value, frozen=True, tag=6):
    """Please list the logs of these channels."""

    request: Count
    channels: Annotated[
        tuple[Half, ...], msgspec.Meta(min_length=1, max_length=limits.CHANNELS_PER_REQUEST)
    ]


class Heads(Value, frozen=True, tag=7):
    """A piece of the answer to `HeadsWant`; `done` ends it."""

    answers: Count
    authors: Annotated[tuple[Author, ...], _ROWS]
    channels: Annotated[tuple[ChannelHeads, ...], _ROWS]
    done: bool


class Page(Value, frozen=True, tag=8):
    """Please send the newest `limit` messages of a channel's timeline, older than `before`."""

    request: Count
    priority: Priority
    channel: Half
    before: Count | None
    limit: Annotated[int, msgspec.Meta(ge=1, le=limits.PAGE_MAX_ENTRIES)]


class RosterHave(Value, frozen=True, tag=9):
    """The sender's roster heads; the answer is what they do not cover."""

    heads: Annotated[tuple[Full, ...], msgspec.Meta(max_length=limits.ROSTER_HEADS_SENT_MAX)]


class RosterOps(Value, frozen=True, tag=10):
    """Roster ops, parents first. `done` ends the answer to a `RosterHave`."""

    ops: Annotated[
        tuple[Annotated[bytes, msgspec.Meta(max_length=limits.ROSTER_OP_MAX_BYTES)], ...],
        msgspec.Meta(max_length=limits.ROWS_PER_MESSAGE_MAX),
    ]
    done: bool = False


class SealsWant(Value, frozen=True, tag=11):
    """Please send the seals of these epochs."""

    epochs: Annotated[
        tuple[Full, ...], msgspec.Meta(min_length=1, max_length=limits.SEALS_PER_REQUEST)
    ]


class Seals(Value, frozen=True, tag=12):
    """The block of sealed keys that a rekey op names."""

    epoch: Full
    block: bytes


class Claim(Value, frozen=True, tag=13):
    """A newcomer's claim on an invite."""

    wire: Annotated[bytes, msgspec.Meta(max_length=limits.CLAIM_MAX_BYTES)]


class Receipt(Value, frozen=True, tag=14):
    """A device's signed word on what it holds: `body` is a `sync_receipt_body.ReceiptBody`
    as it was signed."""

    body: Annotated[bytes, msgspec.Meta(max_length=limits.SYNC_MESSAGE_MAX_BYTES // 4)]
    signature: Signature
    told: Told = b""


class ReceiptsWant(Value, frozen=True, tag=15):
    """Please say again what is held of these logs, by yourself and by others you know of."""

    logs: Annotated[tuple[Range, ...], _RANGES]


class ReceiptsListed(Value, frozen=True, tag=19):
    """Receipts that the sender would pass on to the receiver; with `want`, please do.

    `names` are the first 8 bytes of what each one's signature covers, one after the other.
    """

    names: Annotated[bytes, msgspec.Meta(min_length=8, max_length=limits.RECEIPTS_LISTED_MAX * 8)]
    want: bool = False


class ForkPoints(Value, frozen=True, tag=16):
    """Logs that the sender can prove to be forked: each from `first`, which `last` equals."""

    points: Annotated[tuple[Range, ...], _POINTS]


class ForksWant(Value, frozen=True, tag=17):
    """Please send the proofs of these."""

    points: Annotated[tuple[Range, ...], _POINTS]


class Forks(Value, frozen=True, tag=18):
    """Proofs of forks (`crdt.forks`)."""

    proofs: Annotated[
        tuple[Annotated[bytes, msgspec.Meta(max_length=limits.FORK_PROOF_MAX_BYTES)], ...],
        _POINTS,
    ]


Message = (
    Hello
    | Entries
    | Touched
    | Want
    | Fingerprints
    | HeadsWant
    | Heads
    | Page
    | RosterHave
    | RosterOps
    | SealsWant
    | Seals
    | Claim
    | Receipt
    | ReceiptsWant
    | ForkPoints
    | ForksWant
    | Forks
    | ReceiptsListed
)
_LAST_KIND = 19


_encoder = msgspec.msgpack.Encoder()
_message_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Value) -> bytes:
    """A message as bytes."""
    return _encoder.encode(message)


def decode(payload: bytes) -> Message:
    """The message in a payload. What a table index names is checked by `log_rows`.

    Raises:
        TooNew: a kind this build does not know.
        Invalid: anything else that is not a message.
    """
    if len(payload) > limits.SYNC_MESSAGE_MAX_BYTES:
        raise Invalid("sync message is too long")
    try:
        return _message_decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if is_newer(payload, _LAST_KIND):
            raise TooNew("sync message of an unknown kind") from None
        raise Invalid(f"not a sync message: {error}") from None


def tags(told: bytes) -> set[bytes]:
    """The devices' tags in a `told` field."""
    return {told[start : start + 4] for start in range(0, len(told), 4)}


def told_field(devices: Iterable[bytes]) -> bytes:
    """A `told` field that names devices (their keys or their tags), as many as it may."""
    found = dict.fromkeys(device[:4] for device in devices)
    return b"".join(islice(found, limits.TOLD_MAX_DEVICES))


def log_rows(
    authors: Sequence[Author], channels: Sequence[ChannelHeads]
) -> list[tuple[LogId, HeadRow]]:
    """The logs that a `Touched` or `Heads` lists.

    Raises:
        Invalid: a row names no author, or ends before it begins.
    """
    found: list[tuple[LogId, HeadRow]] = []
    for listed in channels:
        for row in listed.rows:
            if row.author >= len(authors) or row.low > row.head:
                raise Invalid("row names no log")
            author = authors[row.author]
            log = LogId(listed.channel, row.part, author.device, author.incarnation)
            found.append((log, row))
    return found


def log_fingerprint(head_id: bytes) -> int:
    """What a log adds to its channel's fingerprint.

    The head's id covers the whole log below it, so it alone tells branches, lengths and logs
    apart. Fingerprints add modulo 2^128: a new head costs one subtraction and one addition.
    """
    return int.from_bytes(head_id[: limits.ID_BYTES], "big")


def state_bytes(total: int) -> bytes:
    """A fingerprint as it travels: 16 bytes, big-endian."""
    return (total % 2**128).to_bytes(16, "big")


def channel_set(channels: Sequence[bytes]) -> bytes:
    """The 16 bytes that stand for a set of channels in a hello."""
    return digest(b"x1.channels", *sorted(channels))[: limits.ID_BYTES]
