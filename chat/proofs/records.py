"""The bytes of a signed export: a beginning, records in a fixed order, and a digest of it all.

    file   = "clowder export\\n" | version 1 | record ...
    record = length u32 | kind u8 | body          big-endian; `length` is of the body

    1 begin  [workspace 32, time ms]              once, first
    2 op     a roster op as it was received       parents before children
    3 name   [id 16, text]                        how whoever exported calls a member or channel
    4 key    [epoch 32, channel 16, key 32]       a channel's key, before what it opens
    5 run    consecutive entries of one log       upwards, without gaps; state logs first
    6 end    [records before this, digest 32]     of all bytes before this record; once, last
    7 fork   proof that a log was forked          before keys and runs; none where there is no fork

Ops come before names, names before forks, forks before the rest; keys and runs may alternate. The
digest tells a file that was cut or damaged on its way from one that somebody changed; it is no
signature. What is signed are ops and runs. Format: docs/protocol/export.md.
"""

import hashlib
from collections.abc import Iterator
from enum import IntEnum
from typing import Annotated, Protocol

import msgspec

from crdt.errors import Invalid, TooNew
from crdt.limits import DIGEST_BYTES, ID_BYTES, KEY_BYTES

MAGIC = b"clowder export\n"
VERSION = 1
RECORD_MAX_BYTES = 4 * 1024 * 1024
"""65 of the largest entries in one run, and what stands beside them."""
RECORDS_MAX = 2**32 - 1
NAME_MAX_CHARS = 128
"""More than a nick or the name of a channel has, with what tells it from another."""
_HEAD_BYTES = 5
_LABEL = b"x1.export"
_CUT = "the file ends in the middle: a part of it is missing"
_NO_EXPORT = "the file is no signed export of Clowder"


class Kind(IntEnum):
    """What a record is."""

    BEGIN = 1
    OP = 2
    NAME = 3
    KEY = 4
    RUN = 5
    END = 6
    FORK = 7


_STAGE = {
    Kind.BEGIN: 0,
    Kind.OP: 1,
    Kind.NAME: 2,
    Kind.FORK: 3,
    Kind.KEY: 4,
    Kind.RUN: 4,
    Kind.END: 5,
}
"""Records come by stage, ascending."""

_Digest = Annotated[bytes, msgspec.Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
_Id = Annotated[bytes, msgspec.Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
_Key = Annotated[bytes, msgspec.Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=RECORDS_MAX)]
_Time = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_Text = Annotated[str, msgspec.Meta(max_length=NAME_MAX_CHARS)]


class Begin(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Of which workspace, and when it was written by the clock of who wrote it."""

    workspace: _Digest
    time_ms: _Time


class Name(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """How whoever exported calls a member or a channel; nothing vouches for it."""

    id: _Id
    text: _Text


class Key(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What opens the entries of one channel in one epoch, and nothing else."""

    epoch: _Digest
    channel: _Id
    key: _Key


class End(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """How many records there are before this one, and the digest of all bytes before it."""

    records: _Count
    digest: _Digest


class Op(msgspec.Struct, frozen=True):
    """A roster op, as it was received."""

    wire: bytes


class Run(msgspec.Struct, frozen=True):
    """A run of entries, not yet decoded."""

    data: bytes


class Fork(msgspec.Struct, frozen=True):
    """A proof that a log was forked (`crdt.forks`), not yet checked."""

    wire: bytes


Record = Begin | Op | Name | Fork | Key | Run | End
_BODIES = {Kind.BEGIN: Begin, Kind.NAME: Name, Kind.KEY: Key, Kind.END: End}
_KINDS: dict[type[Record], Kind] = {
    Begin: Kind.BEGIN,
    Op: Kind.OP,
    Name: Kind.NAME,
    Fork: Kind.FORK,
    Key: Kind.KEY,
    Run: Kind.RUN,
    End: Kind.END,
}
_encoder = msgspec.msgpack.Encoder()
_decoders = {kind: msgspec.msgpack.Decoder(body) for kind, body in _BODIES.items()}


class Writer:
    """Gives the bytes of records one after the other, and at last the end."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=DIGEST_BYTES, person=_LABEL)
        self._records = 0

    def begin(self, begin: Begin) -> bytes:
        """The beginning of a file."""
        start = MAGIC + bytes((VERSION,))
        self._digest.update(start)
        return start + self.record(begin)

    def record(self, record: Record) -> bytes:
        """One more record."""
        if isinstance(record, Op | Fork):
            body = record.wire
        else:
            body = record.data if isinstance(record, Run) else _encoder.encode(record)
        assert len(body) <= RECORD_MAX_BYTES
        data = len(body).to_bytes(4, "big") + bytes((_KINDS[type(record)],)) + body
        self._digest.update(data)
        self._records += 1
        return data

    def end(self) -> bytes:
        """The last record."""
        return self.record(End(self._records, self._digest.digest()))


class Source(Protocol):
    """Where bytes come from, as of a file that is open for reading."""

    def read(self, size: int, /) -> bytes: ...


def read(source: Source) -> Iterator[Record]:
    """The records of a file, each as soon as it is read; the end has been checked when it comes.

    Raises:
        TooNew: it is of a newer build.
        Invalid: it is no export, cut, damaged, or out of order.
    """
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES, person=_LABEL)
    start = source.read(len(MAGIC) + 1)
    if not start.startswith(MAGIC):
        raise Invalid(_NO_EXPORT)
    if start[len(MAGIC) :] != bytes((VERSION,)):
        raise TooNew("the file needs a newer Clowder") if start != MAGIC else Invalid(_CUT)
    digest.update(start)
    stage, count = -1, 0
    while True:
        head = _exactly(source, _HEAD_BYTES)
        size, number = int.from_bytes(head[:4], "big"), head[4]
        if number not in _STAGE:
            raise TooNew("the file has a record that needs a newer Clowder")
        kind = Kind(number)
        if size > RECORD_MAX_BYTES:
            raise Invalid("a record is too large")
        body = _exactly(source, size)
        if _STAGE[kind] < stage or (kind is Kind.BEGIN) != (count == 0):
            raise Invalid("the records are out of order")
        stage = _STAGE[kind]
        record = _record(kind, body)
        if isinstance(record, End):
            if record != End(count, digest.digest()):
                raise Invalid("the file was damaged, or a part of it is missing")
            if source.read(1):
                raise Invalid("something stands behind the end of the file")
            yield record
            return
        digest.update(head)
        digest.update(body)
        count += 1
        yield record


def _record(kind: Kind, body: bytes) -> Record:
    if kind is Kind.OP:
        return Op(body)
    if kind is Kind.FORK:
        return Fork(body)
    if kind is Kind.RUN:
        return Run(body)
    try:
        record: Record = _decoders[kind].decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid(f"a record is malformed: {error}") from None
    return record


def _exactly(source: Source, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise Invalid(_CUT)
    return data
