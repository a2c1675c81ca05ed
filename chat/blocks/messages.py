"""What peers say to each other about blocks, and the one codec for it.

Each message is a msgpack array whose first item is its number. `decode` is strict: types, lengths
and ranges are checked, unknown numbers and extra fields are refused. The numbers and the order of
the fields are the protocol; see docs/protocol/blocks.md.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from chat.blocks.cid import check_cid
from chat.blocks.errors import Invalid, TooNew
from chat.blocks.limits import (
    BITMAP_MAX_BYTES,
    BLOCK_MAX_BYTES,
    CID_BYTES,
    FILE_MAX_BYTES,
    HAVE_PIECES_MAX,
    HOLDING_ROOTS_MAX,
    MESSAGE_MAX_BYTES,
    PIECES_MAX,
    PROMISE_MAX_MS,
    RETRY_MAX_MS,
)
from crdt.tagged import is_newer

Cid = Annotated[bytes, Meta(min_length=CID_BYTES, max_length=CID_BYTES)]
Piece = Annotated[int, Meta(ge=0, lt=PIECES_MAX)]
Roots = Annotated[tuple[Cid, ...], Meta(max_length=HOLDING_ROOTS_MAX)]
Number = Annotated[int, Meta(ge=0, lt=2**32)]
KeepMs = Annotated[int, Meta(ge=0, le=PROMISE_MAX_MS)]

BUSY = 0
DEFERRED = 1
ABSENT = 2


class WantRoot(Struct, tag=1, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Tell me what you have of this file, now and as it grows, until UNWANT.

    `prefetch`: nobody waits for it (a relay keeps a copy); people's wishes go first.
    """

    root: Cid
    prefetch: bool


class Unwant(Struct, tag=2, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Stop telling me about this file."""

    root: Cid


class Have(Struct, tag=3, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Answer to WANT-ROOT: I hold the root, and of its pieces those whose bits are set.

    Bit `i` is bit `i % 8` (least significant first) of byte `i // 8`. Pieces are the sub-manifests
    in order, then the chunks in order; a file of one chunk has one piece, its root.
    `origin`: none of it came from a peer since I started, so spare my uplink where you can.
    """

    root: Cid
    bitmap: Annotated[bytes, Meta(min_length=1, max_length=BITMAP_MAX_BYTES)]
    origin: bool


class HaveNot(Struct, tag=4, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Answer to WANT-ROOT: I do not hold the root. `wants`: I am after it myself."""

    root: Cid
    wants: bool


class HaveMore(Struct, tag=5, array_like=True, forbid_unknown_fields=True, frozen=True):
    """These pieces came to what HAVE said."""

    root: Cid
    pieces: Annotated[tuple[Piece, ...], Meta(min_length=1, max_length=HAVE_PIECES_MAX)]


class GetBlock(Struct, tag=6, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Send me this block of this file.

    `alone`: I am linked to nobody else who has or wants the file, so do not make me wait for
    others to hand it on.
    """

    root: Cid
    cid: Cid
    alone: bool


class Block(Struct, tag=7, array_like=True, forbid_unknown_fields=True, frozen=True):
    """The block."""

    cid: Cid
    data: Annotated[bytes, Meta(max_length=BLOCK_MAX_BYTES)]

    def __repr__(self) -> str:
        return f"Block(cid={self.cid.hex()}, {len(self.data)} bytes)"


class Refused(Struct, tag=8, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Not now. `reason`: BUSY (my uplink), DEFERRED (somebody got it and will hand it on), ABSENT.

    `retry_ms`: ask again after so many milliseconds; BUSY speaks for the holder, DEFERRED and
    ABSENT for this block.
    """

    root: Cid
    cid: Cid
    reason: Annotated[int, Meta(ge=BUSY, le=ABSENT)]
    retry_ms: Annotated[int, Meta(ge=0, le=RETRY_MAX_MS)]


class Cancel(Struct, tag=9, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Another holder was faster: this block need not be sent any more."""

    root: Cid
    cid: Cid


class Offer(Struct, tag=10, array_like=True, forbid_unknown_fields=True, frozen=True):
    """I hold this file; said to relays, which cannot read the message that names it.

    `size`: plaintext bytes, so that a relay can decide by its quota.
    """

    root: Cid
    size: Annotated[int, Meta(ge=0, le=FILE_MAX_BYTES)]


class AskHolding(Struct, tag=11, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Of which of these files do you hold every block? Tell me when that changes, too.

    `keep_ms`: 0, or I would drop my copies; will you keep yours for so long?
    """

    number: Number
    roots: Annotated[Roots, Meta(min_length=1)]
    keep_ms: KeepMs


class Holding(Struct, tag=12, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Answer to ASK-HOLDING of this number, whole or in parts; number 0: news of files it named.

    The last word about a file counts, so that it may come twice, or late, and does no harm.
    `keep_ms`: those of `held` stay for so long from now; 0 promises nothing.
    """

    number: Number
    held: Roots
    lacking: Roots
    keep_ms: KeepMs


Message = (
    WantRoot
    | Unwant
    | Have
    | HaveNot
    | HaveMore
    | GetBlock
    | Block
    | Refused
    | Cancel
    | Offer
    | AskHolding
    | Holding
)

_LAST_KIND = 12
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """The bytes of a message, at most `MESSAGE_MAX_BYTES`."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """The message in `data`.

    Raises:
        TooNew: of a kind this build does not know.
        Invalid: too long, not msgpack, not a message, or a field out of its range.
    """
    if len(data) > MESSAGE_MAX_BYTES:
        raise Invalid("the message is longer than a message about blocks can be")
    try:
        message: Message = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if is_newer(data, _LAST_KIND):
            raise TooNew("the message needs a newer Clowder") from None
        raise Invalid("not a message about blocks") from None
    for cid in _cids_of(message):
        check_cid(cid)
    return message


def _cids_of(message: Message) -> tuple[bytes, ...]:
    if isinstance(message, Block):
        return (message.cid,)
    if isinstance(message, GetBlock | Refused | Cancel):
        return message.root, message.cid
    if isinstance(message, AskHolding):
        return message.roots
    if isinstance(message, Holding):
        return message.held + message.lacking
    return (message.root,)
