"""Entries: one signed, sealed, hash-chained change by one device, and runs of them on the wire.

Header, big-endian, fixed layout, readable by everyone who forwards the entry:

    offset size
    0      1    version, 1
    1      32   workspace id
    33     16   channel id
    49     1    part: 1 timeline, 2 notes, 3 state
    50     32   device: its Ed25519 public key
    82     8    incarnation
    90     8    seq, from 0
    98     32   prev: id of the entry before it in this log, zeros at seq 0
    130    32   roster: hash of the sorted roster heads the author knew
    162    32   epoch: id of the rekey op whose key seals the payload
    194    8    hlc
    202    32   ct_hash: digest of the ciphertext
    234    4    ct_len
    238    24   nonce
    262    1    number of roster heads listed, 0 when unchanged since the entry before
    263    32n  the sorted heads

The id is the digest of the header; the Ed25519 signature covers the id; the AEAD's associated
data is the header without ct_hash. So a ciphertext can be erased and the chain still verifies,
and headers alone prove a fork or an authorship.

A run is consecutive entries of one log without the fields that follow from the log and the entry
before. A signature covers all earlier entries through `prev`, so a run needs one at its end (or
an end that a known entry names as its `prev`). Format: docs/protocol/entries.md.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Annotated, NamedTuple

import msgspec

from crdt import keys, limits, ops
from crdt.errors import Invalid
from crdt.keys import digest

VERSION = 1
NO_ENTRY = bytes(limits.DIGEST_BYTES)
"""The `prev` of a log's first entry."""

_HEAD = Struct(">Q32s32s32sQ")  # seq, prev, roster, epoch, hlc
_TAIL = Struct(">I24sB")  # ct_len, nonce, number of heads


class LogId(NamedTuple):
    """Which log of a workspace: the entries of one device's incarnation in one channel part."""

    channel: bytes
    part: int
    device: bytes
    incarnation: bytes


class Item(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One entry of a run, as it travels.

    Attributes:
        hlc: hybrid logical clock reading.
        nonce: 24 bytes.
        ciphertext: the sealed payload, or None when it was erased.
        epoch, roster: 32 bytes; empty means the same as in the item before it in the run.
        heads: the sorted roster heads behind `roster`, listed when they changed in the log.
        signature: 64 bytes, or empty inside a run.
        erased: (ct_hash, ct_len) when the ciphertext is gone.
    """

    hlc: int
    nonce: bytes
    ciphertext: bytes | None
    epoch: bytes = b""
    roster: bytes = b""
    heads: tuple[bytes, ...] = ()
    signature: bytes = b""
    erased: tuple[bytes, int] | None = None


class Run(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Consecutive entries of one log.

    The decoder checks what names the log, so that a store can be asked for it at once.

    Attributes:
        prev: id of the entry before `first_seq`.
        items: at least one.
        heads: the sorted roster heads behind the first item's `roster`, so that a run from the
            middle of a log can be judged alone; empty when that item lists them itself.
    """

    channel: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
    part: Annotated[int, msgspec.Meta(ge=1, le=3)]
    device: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    incarnation: Annotated[bytes, msgspec.Meta(min_length=8, max_length=8)]
    first_seq: Annotated[int, msgspec.Meta(ge=0, le=limits.SEQ_MAX)]
    prev: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1)]
    heads: tuple[bytes, ...] = ()

    @property
    def log(self) -> LogId:
        return LogId(self.channel, self.part, self.device, self.incarnation)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A whole entry: everything its header says, its id, ciphertext and signature (or empty)."""

    log: LogId
    seq: int
    id: bytes
    prev: bytes
    hlc: int
    roster: bytes
    epoch: bytes
    nonce: bytes
    heads: tuple[bytes, ...]
    ciphertext: bytes | None
    ct_hash: bytes
    ct_len: int
    signature: bytes


def _prefix(workspace: bytes, log: LogId) -> bytes:
    part = bytes((log.part,))
    return b"".join((bytes((VERSION,)), workspace, log.channel, part, log.device, log.incarnation))


def header(workspace: bytes, entry: Entry) -> bytes:
    """The header bytes of an entry (263 bytes and 32 for each listed head)."""
    middle = _HEAD.pack(entry.seq, entry.prev, entry.roster, entry.epoch, entry.hlc)
    tail = _TAIL.pack(entry.ct_len, entry.nonce, len(entry.heads))
    return b"".join((_prefix(workspace, entry.log), middle, entry.ct_hash, tail, *entry.heads))


def associated_data(workspace: bytes, entry: Entry) -> bytes:
    """The AEAD's associated data: the header without ct_hash."""
    middle = _HEAD.pack(entry.seq, entry.prev, entry.roster, entry.epoch, entry.hlc)
    tail = _TAIL.pack(entry.ct_len, entry.nonce, len(entry.heads))
    return b"".join((_prefix(workspace, entry.log), middle, tail, *entry.heads))


def entry_id(header_bytes: bytes) -> bytes:
    """The id of the entry with this header."""
    return digest(b"x1.entry", header_bytes)


class Position(NamedTuple):
    """Where a log's next entry goes: after `prev` (NO_ENTRY at seq 0), roster as it last stood."""

    seq: int
    prev: bytes
    roster: bytes


def write(
    workspace: bytes,
    log: LogId,
    position: Position,
    payload: bytes,
    *,
    hlc: int,
    heads: Sequence[bytes],
    epoch: bytes,
    channel_key: bytes,
    sign_seed: bytes,
    nonce: bytes,
    followed: bool = False,
) -> Entry:
    """A new signed and sealed entry of an own log.

    `payload` is what `ops.encode` gives; `heads` the sorted roster heads known now. An entry that
    is `followed` by others which are written with it needs no signature of its own, unless it is
    an anchor: the last one's covers it.
    """
    roster = digest(b"x1.heads", *heads)
    draft = Entry(
        log=log,
        seq=position.seq,
        id=b"",
        prev=position.prev,
        hlc=hlc,
        roster=roster,
        epoch=epoch,
        nonce=nonce,
        heads=() if roster == position.roster else tuple(heads),
        ciphertext=None,
        ct_hash=b"",
        ct_len=len(payload) + limits.TAG_BYTES,
        signature=b"",
    )
    ciphertext = keys.seal(channel_key, nonce, payload, associated_data(workspace, draft))
    replace = msgspec.structs.replace
    entry = replace(draft, ciphertext=ciphertext, ct_hash=digest(b"x1.ct", ciphertext))
    identity = entry_id(header(workspace, entry))
    if followed and entry.seq % limits.ANCHOR_EVERY:
        return replace(entry, id=identity)
    return replace(entry, id=identity, signature=keys.sign(sign_seed, keys.SIGN_ENTRY, identity))


def open_payload(workspace: bytes, entry: Entry, channel_key: bytes) -> bytes:
    """The padded payload of an entry.

    Raises:
        Invalid: it is erased or does not open.
    """
    if entry.ciphertext is None:
        raise Invalid("entry was erased")
    associated = associated_data(workspace, entry)
    return keys.open_sealed(channel_key, entry.nonce, entry.ciphertext, associated)


_run_encoder = msgspec.msgpack.Encoder()
_run_decoder = msgspec.msgpack.Decoder(Run)


def to_run(entries: Sequence[Entry], heads: tuple[bytes, ...]) -> Run:
    """Consecutive entries of one log as a run.

    `heads` are the roster heads behind the first entry's `roster`. Signatures stay on the last
    entry and at the anchors (every 64th), as far as they are known.
    """
    first = entries[0]
    items: list[Item] = []
    epoch = roster = b""
    last = entries[-1].seq
    for entry in entries:
        signed = entry.seq == last or entry.seq % limits.ANCHOR_EVERY == 0
        items.append(
            Item(
                hlc=entry.hlc,
                nonce=entry.nonce,
                ciphertext=entry.ciphertext,
                epoch=b"" if entry.epoch == epoch else entry.epoch,
                roster=b"" if entry.roster == roster else entry.roster,
                heads=entry.heads,
                signature=entry.signature if signed else b"",
                erased=None if entry.ciphertext is not None else (entry.ct_hash, entry.ct_len),
            )
        )
        epoch, roster = entry.epoch, entry.roster
    return Run(*first.log, first.seq, first.prev, tuple(items), () if first.heads else heads)


def from_run(workspace: bytes, run: Run) -> list[Entry]:
    """The entries of a run, chained: each id follows from the bytes received.

    What this does not check: that the run's end is signed or known, and that its author may
    write. `check_signatures` does the first, the roster the second.

    Raises:
        Invalid: sizes or fields that no honest device sends.
    """
    check_run(run)
    log = run.log
    prefix = _prefix(workspace, log)
    entries: list[Entry] = []
    seq, prev = run.first_seq, run.prev
    epoch = roster = b""
    for item in run.items:
        epoch = item.epoch or epoch
        roster = item.roster or roster
        ciphertext = item.ciphertext
        if ciphertext is not None:
            ct_hash, ct_len = digest(b"x1.ct", ciphertext), len(ciphertext)
        else:
            assert item.erased is not None, "check_run saw to it"
            ct_hash, ct_len = item.erased
        middle = _HEAD.pack(seq, prev, roster, epoch, item.hlc)
        tail = _TAIL.pack(ct_len, item.nonce, len(item.heads))
        identity = entry_id(b"".join((prefix, middle, ct_hash, tail, *item.heads)))
        entries.append(
            Entry(
                log,
                seq,
                identity,
                prev,
                item.hlc,
                roster,
                epoch,
                item.nonce,
                item.heads,
                ciphertext,
                ct_hash,
                ct_len,
                item.signature,
            )
        )
        seq, prev = seq + 1, identity
    return entries


def check_run(run: Run) -> None:
    """Sizes and field rules of a run.

    Raises:
        Invalid: with the rule that is broken.
    """
    _require(len(run.channel) == limits.ID_BYTES, "channel id")
    _require(run.part in ops.PARTS, "part")
    _require(len(run.device) == limits.KEY_BYTES, "device")
    _require(len(run.incarnation) == limits.INCARNATION_BYTES, "incarnation")
    _require(len(run.prev) == limits.DIGEST_BYTES, "prev")
    _require(len(run.items) > 0, "empty run")
    last = run.first_seq + len(run.items) - 1
    _require(0 <= run.first_seq and last <= limits.SEQ_MAX, "seq")
    _require((run.first_seq == 0) == (run.prev == NO_ENTRY), "prev of the first entry")
    first = run.items[0]
    _require(bool(first.epoch) and bool(first.roster), "first item names epoch and roster")
    if run.first_seq == 0:
        _require(bool(first.heads), "a log's first entry lists the roster heads")
    if first.heads:
        _require(not run.heads, "roster heads are listed once")
    else:
        _check_heads(run.heads, first.roster)
    for item in run.items[1:]:
        _require(bool(item.heads) == bool(item.roster), "a changed roster lists its heads")
    for item in run.items:
        _require(0 <= item.hlc < 2**63, "hlc")
        _require(len(item.nonce) == limits.NONCE_BYTES, "nonce")
        _require(len(item.epoch) in (0, limits.DIGEST_BYTES), "epoch")
        _require(len(item.roster) in (0, limits.DIGEST_BYTES), "roster")
        _require(len(item.signature) in (0, limits.SIGNATURE_BYTES), "signature size")
        _check_ciphertext(item)
        if item.heads:
            _check_heads(item.heads, item.roster)


def _check_ciphertext(item: Item) -> None:
    if item.ciphertext is not None:
        _require(item.erased is None, "erased and present")
        size = len(item.ciphertext)
    else:
        _require(item.erased is not None, "no ciphertext")
        assert item.erased is not None
        ct_hash, size = item.erased
        _require(len(ct_hash) == limits.DIGEST_BYTES, "ct_hash")
    most = limits.PAYLOAD_MAX_BYTES + limits.TAG_BYTES
    _require(limits.TAG_BYTES < size <= most, "ciphertext size")


def _check_heads(heads: tuple[bytes, ...], roster: bytes) -> None:
    _require(len(heads) <= limits.ROSTER_PARENTS_MAX, "number of roster heads")
    _require(all(len(head) == limits.DIGEST_BYTES for head in heads), "roster head size")
    _require(list(heads) == sorted(set(heads)), "order of roster heads")
    _require(roster == digest(b"x1.heads", *heads), "roster hash of the listed heads")


def check_signatures(entries: Sequence[Entry]) -> int:
    """How many leading entries a signature in the run covers; verifies the last one present.

    Raises:
        Invalid: that signature is not the device's.
    """
    for position in range(len(entries) - 1, -1, -1):
        entry = entries[position]
        if entry.signature:
            keys.verify(entry.log.device, keys.SIGN_ENTRY, entry.id, entry.signature)
            return position + 1
    return 0


def encode_run(run: Run) -> bytes:
    """A run as bytes."""
    return _run_encoder.encode(run)


def decode_run(data: bytes) -> Run:
    """A run from bytes; its fields are checked by `from_run`.

    Raises:
        Invalid: not a run.
    """
    try:
        return _run_decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid(f"not a run: {error}") from None


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise Invalid(f"entry breaks a rule: {what}")
