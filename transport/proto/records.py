"""What a frame holds: one or more records, byte by byte as in docs/protocol/link.md.

A frame is one Noise transport message of at most 16 KiB. Its plaintext is a row of records. A
data record carries a fragment of a message; a control record speaks about the link. The first
byte tells which:

    0 F L M 0 p p p   data: First and Last fragment of a message, More records follow, priority
    1 0 t t t t t t   control: 128 credit, 129 ping, 130 pong, 131 close
    1 1 x x x x x x   extension: a length and bytes, passed over by whoever does not know them

Decoding gives records or raises `RemoteFault`, nothing else.
"""

from typing import NamedTuple

from transport.proto.errors import Reason, RemoteFault
from transport.proto.limits import (
    CLOSE_TEXT_MAX_BYTES,
    EXTENSION_MAX_BYTES,
    PRIORITIES,
    message_max_bytes,
)

FIRST = 0x40
LAST = 0x20
MORE = 0x10
_PRIORITY = 0x07
_RESERVED = 0x08
_NOT_DATA = 0x80
_CREDIT = 0x80
_PING = 0x81
_PONG = 0x82
_CLOSE = 0x83
_EXTENSION = 0xC0

LENGTH_BYTES = 2
"""What the `More` bit adds to a data record."""
TOTAL_BYTES = 3
"""What a first fragment that is not the last adds: the length of the whole message."""


class Fragment(NamedTuple):
    """Part of a message. `total` is the length of the whole, known in its first fragment."""

    priority: int
    first: bool
    last: bool
    kind: int
    total: int
    data: bytes


class Credit(NamedTuple):
    """The receiver may be sent this many further bulk bytes."""

    granted_bytes: int


class Ping(NamedTuple):
    """Answer with a pong of the same token."""

    token: int


class Pong(NamedTuple):
    """The answer to a ping."""

    token: int


class Close(NamedTuple):
    """The last record of a link; the text is for people and not to be trusted."""

    code: int
    text: str


Record = Fragment | Credit | Ping | Pong | Close


def encode_control(record: Credit | Ping | Pong | Close) -> bytes:
    """A control record as bytes. A close text beyond its limit is cut at a character."""
    if isinstance(record, Credit):
        return bytes((_CREDIT,)) + record.granted_bytes.to_bytes(4, "big")
    if isinstance(record, Ping):
        return bytes((_PING,)) + record.token.to_bytes(4, "big")
    if isinstance(record, Pong):
        return bytes((_PONG,)) + record.token.to_bytes(4, "big")
    text = record.text.encode("utf-8", "replace")[:CLOSE_TEXT_MAX_BYTES]
    text = text.decode("utf-8", "ignore").encode("utf-8")
    return bytes((_CLOSE, record.code, len(text))) + text


def data_header(flags: int, priority: int, kind: int, total: int) -> bytes:
    """What stands before a fragment; kind and total only in a first one."""
    if not flags & FIRST:
        return bytes((flags | priority,))
    if flags & LAST:
        return bytes((flags | priority, kind))
    return bytes((flags | priority, kind)) + total.to_bytes(TOTAL_BYTES, "big")


def with_length(header: bytes, length: int) -> bytes:
    """The same header for a record that is not the last of its frame."""
    return bytes((header[0] | MORE,)) + header[1:] + length.to_bytes(LENGTH_BYTES, "big")


def decode_frame(plaintext: bytes) -> list[Record]:
    """The records of a frame, extensions left out.

    Raises:
        RemoteFault: not a row of whole records, or one of them breaks a rule of its own.
    """
    if not plaintext:
        raise RemoteFault(Reason.FORMAT, "an empty frame")
    records: list[Record] = []
    position, end = 0, len(plaintext)
    while position < end:
        lead = plaintext[position]
        if lead < _NOT_DATA:
            fragment, position = _decode_fragment(plaintext, position, end)
            records.append(fragment)
        elif lead < _EXTENSION:
            control, position = _decode_control(plaintext, position)
            records.append(control)
        else:
            position = _pass_over(plaintext, position)
    return records


def _decode_fragment(plaintext: bytes, position: int, end: int) -> tuple[Fragment, int]:
    lead = plaintext[position]
    priority = lead & _PRIORITY
    first, last = bool(lead & FIRST), bool(lead & LAST)
    if lead & _RESERVED or priority >= PRIORITIES:
        raise RemoteFault(Reason.FORMAT, "a data record with a priority there is not")
    position += 1
    kind = total = 0
    if first:
        kind = _number(plaintext, position, 1)
        position += 1
        if not last:
            total = _number(plaintext, position, TOTAL_BYTES)
            position += TOTAL_BYTES
    stop = end
    if lead & MORE:
        length = _number(plaintext, position, LENGTH_BYTES)
        position += LENGTH_BYTES
        stop = position + length
        if stop >= end:
            raise RemoteFault(Reason.FORMAT, "a data record promises more and nothing follows")
    data = plaintext[position:stop]
    if first and last:
        total = len(data)
    elif not data:
        raise RemoteFault(Reason.FORMAT, "an empty fragment")
    if first and total > message_max_bytes(kind):
        raise RemoteFault(Reason.OVERSIZED, f"a message of {total} bytes of kind {kind}")
    if first and not last and total <= len(data):
        raise RemoteFault(Reason.FORMAT, "a first fragment as long as its whole message")
    return Fragment(priority, first, last, kind, total, data), stop


def _decode_control(plaintext: bytes, position: int) -> tuple[Record, int]:
    lead = plaintext[position]
    if lead == _CLOSE:
        code = _number(plaintext, position + 1, 1)
        length = _number(plaintext, position + 2, 1)
        if length > CLOSE_TEXT_MAX_BYTES:
            raise RemoteFault(Reason.OVERSIZED, "a close text is too long")
        stop = position + 3 + length
        text = plaintext[position + 3 : stop]
        if len(text) < length:
            raise RemoteFault(Reason.FORMAT, "a close text is cut off")
        try:
            return Close(code, text.decode("utf-8")), stop
        except UnicodeDecodeError:
            raise RemoteFault(Reason.FORMAT, "a close text is not UTF-8") from None
    number = _number(plaintext, position + 1, 4)
    if lead == _CREDIT:
        return Credit(number), position + 5
    if lead == _PING:
        return Ping(number), position + 5
    if lead == _PONG:
        return Pong(number), position + 5
    raise RemoteFault(Reason.FORMAT, "a control record of no known kind")


def _pass_over(plaintext: bytes, position: int) -> int:
    length = _number(plaintext, position + 1, LENGTH_BYTES)
    stop = position + 1 + LENGTH_BYTES + length
    if length > EXTENSION_MAX_BYTES:
        raise RemoteFault(Reason.OVERSIZED, "an extension record is too long")
    if stop > len(plaintext):
        raise RemoteFault(Reason.FORMAT, "an extension record is cut off")
    return stop


def _number(plaintext: bytes, position: int, width: int) -> int:
    field = plaintext[position : position + width]
    if len(field) < width:
        raise RemoteFault(Reason.FORMAT, "a record is cut off")
    return int.from_bytes(field, "big")
