"""Proof that a device wrote two histories, and where a log ends because of it.

Two signed entries of one log with one seq and different ids are a fork: somebody used the device's
key twice. No order of arrival may decide which branch counts, or replicas would differ for ever;
and none of the two is the better one. So neither counts. A proof is two short runs of headers, one
of each branch, that begin at the same seq and end with their first signature. Anybody can check it
without a key and without holding the log, so it travels to whoever may hold the channel, relays
too.

Of a log's proofs only the lowest seq matters: what is there and above is void for everybody, on
both branches (`docs/protocol/entries.md`, "Forks"). The minimum is commutative, associative and
idempotent, so whoever has seen the same proofs agrees. One thing stands above it: what a removal
pinned (`crdt.cuts`). Otherwise the thief of a key could wipe out what its owner had written.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from crdt import keys, limits
from crdt.entry import Entry, LogId, Run, decode_run, encode_run, from_run, to_run
from crdt.errors import Invalid, TooNew
from crdt.tagged import is_newer

VERSION = 1


class Branch(NamedTuple):
    """Consecutive entries of a log from where it parts, and the roster heads behind the first."""

    entries: Sequence[Entry]
    heads: Sequence[bytes]


class _Wire(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    version: int
    first: Run
    second: Run


class Proof(NamedTuple):
    """What a checked proof says.

    Attributes:
        seq: where two entries stand.
        exact: whether both follow the same entry, so that the branches part here and not below.
        first, second: the two runs of headers, as bytes; that with the smaller id first.
    """

    log: LogId
    seq: int
    exact: bool
    first: bytes
    second: bytes

    @property
    def wire(self) -> bytes:
        return join(self.first, self.second)


_PREFIX = bytes((0x93, VERSION))
"""An array of three, and the first of them."""
_decoder = msgspec.msgpack.Decoder(_Wire)


def join(first: bytes, second: bytes) -> bytes:
    """A proof of its two runs."""
    return b"".join((_PREFIX, first, second))


def prove(workspace: bytes, one: Branch, other: Branch) -> Proof | None:
    """The proof in two branches of a log that begin at one seq; None while one is not signed.

    What is behind the first signature of a branch is left out, and so is every ciphertext.

    Raises:
        Invalid: they prove nothing.
    """
    found: list[tuple[bytes, bytes]] = []
    for branch in (one, other):
        bare = _signed(branch.entries)
        if not bare:
            return None
        found.append((bare[0].id, encode_run(to_run(bare, tuple(branch.heads)))))
    (_, first), (_, second) = sorted(found)
    return check(workspace, join(first, second))


def prove_again(workspace: bytes, first: bytes, second: bytes) -> Proof | None:
    """The proof in two runs as an older build kept them: whole, and behind their signatures.

    Raises:
        Invalid: they prove nothing.
    """
    runs = [decode_run(data) for data in (first, second)]
    one, other = (Branch(from_run(workspace, run), run.heads) for run in runs)
    return prove(workspace, one, other)


def _signed(branch: Sequence[Entry]) -> list[Entry]:
    """The headers of a branch up to its first signature; none when that is too far away."""
    bare = [msgspec.structs.replace(e, ciphertext=None) for e in branch[: limits.ANCHOR_EVERY]]
    for place, entry in enumerate(bare):
        if entry.signature:
            return bare[: place + 1]
    return []


def check(workspace: bytes, wire: bytes) -> Proof:
    """What a proof says; it verifies.

    Raises:
        TooNew: another version.
        Invalid: it proves nothing.
    """
    said = _decode(wire)
    runs = (said.first, said.second)
    branches = [from_run(workspace, run) for run in runs]
    (one, *_), (other, *_) = branches
    if one.log != other.log or one.seq != other.seq:
        raise Invalid("a proof of a fork about two places")
    if one.id >= other.id:
        raise Invalid("a proof of a fork in the wrong order, or of one branch")
    for branch in branches:
        if any(entry.ciphertext is not None for entry in branch):
            raise Invalid("a proof of a fork with more than headers")
        *inside, end = branch
        if len(branch) > limits.ANCHOR_EVERY or any(entry.signature for entry in inside):
            raise Invalid("a proof of a fork that goes on behind its first signature")
        keys.verify(end.log.device, keys.SIGN_ENTRY, end.id, end.signature)
    exact = one.prev == other.prev
    return Proof(one.log, one.seq, exact, *map(encode_run, runs))


def place(wire: bytes) -> tuple[LogId, int]:
    """Which log a proof is about, and the seq; nothing else is checked.

    Raises:
        TooNew, Invalid: as `check`.
    """
    said = _decode(wire)
    return said.first.log, said.first.first_seq


def _decode(wire: bytes) -> _Wire:
    if len(wire) > limits.FORK_PROOF_MAX_BYTES:
        raise Invalid("a proof of a fork is too long")
    try:
        said = _decoder.decode(wire)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if is_newer(wire, VERSION):
            raise TooNew("a proof of a fork of a newer version") from None
        raise Invalid(f"not a proof of a fork: {error}") from None
    if said.version > VERSION:
        raise TooNew("a proof of a fork of a newer version")
    if said.version != VERSION:
        raise Invalid("a proof of a fork without a version")
    return said


def void_from(point: int, pinned: Iterable[int]) -> int:
    """From which seq on a log is void: its lowest proven fork, but not what removals pinned.

    `pinned` are the last seqs that removals name as good and whose entry is the one that is held.
    A log that was forked is closed: behind what was pinned nothing counts, either.
    """
    return max(point, 1 + max(pinned, default=-1))
