"""What a receipt says, as the bytes that its signature covers (docs/protocol/sync.md, "Receipts").

A receipt travels through others, so its body is decoded apart from the message around it, and the
signature covers the bytes that came.
"""

from typing import Annotated

import msgspec

from crdt import limits
from crdt.errors import Invalid
from crdt.keys import digest
from crdt.sync_messages import Author, Count, Full, Half, Seq, Value


class ReceiptRow(Value, frozen=True):
    """`device` holds the log from `low` to `head`."""

    author: Annotated[int, msgspec.Meta(ge=0, lt=limits.RECEIPT_ROWS_MAX)]
    channel: Half
    low: Seq
    head: Seq


class ReceiptBody(Value, frozen=True):
    """What a receipt says. Only timelines have receipts; `time` is the signer's, in ms."""

    device: Full
    time: Count
    authors: Annotated[tuple[Author, ...], msgspec.Meta(max_length=limits.RECEIPT_ROWS_MAX)]
    rows: Annotated[
        tuple[ReceiptRow, ...], msgspec.Meta(min_length=1, max_length=limits.RECEIPT_ROWS_MAX)
    ]


_decoder = msgspec.msgpack.Decoder(ReceiptBody)


def decode_receipt(body: bytes) -> ReceiptBody:
    """What a receipt says.

    Raises:
        Invalid: not the body of a receipt.
    """
    try:
        said = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid(f"not a receipt: {error}") from None
    if any(row.author >= len(said.authors) or row.low > row.head for row in said.rows):
        raise Invalid("receipt names no log")
    return said


def receipt_digest(workspace: bytes, body: bytes) -> bytes:
    """What a receipt's signature covers (after `keys.SIGN_HAVE`)."""
    return digest(b"x1.have", workspace, body)
