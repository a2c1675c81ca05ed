"""Erasure: the statement by which an author makes ciphertexts of their own disappear.

An entry's id covers the hash of its ciphertext, so a log verifies without ciphertexts. Which of
them may be missing is said by an entry, too: in the author's own state log, under the open epoch,
whose key everybody can derive who holds the channel. So relays read it as well.

`statement` gives what an entry names; places that are not its author's own are left out there, and
nowhere else is asked whose a place is. Rules: docs/protocol/erasure.md.
"""

from typing import NamedTuple

from crdt import entry as entries
from crdt import limits, ops
from crdt.entry import Entry, LogId
from crdt.errors import Invalid
from crdt.keys import kdf
from crdt.ops import PART_STATE, PART_TIMELINE
from crdt.sync_ports import RosterView

OPEN_EPOCH = bytes(limits.DIGEST_BYTES)
"""The epoch of what relays may read. Other epochs are ids of roster ops, so none is this one."""


class Erasure(NamedTuple):
    """What a statement says.

    Attributes:
        salt: of the message, whose author is the statement's.
        post: where the entry stands that posted it, None when that is not named.
        others: where further entries with words of it stand.
    """

    salt: bytes
    post: tuple[LogId, int] | None
    others: tuple[tuple[LogId, int], ...]

    @property
    def places(self) -> tuple[tuple[LogId, int], ...]:
        """All that is named."""
        return self.others if self.post is None else (self.post, *self.others)


def open_key(workspace: bytes, channel: bytes) -> bytes:
    """The key of the open epoch in a channel; no secret."""
    return kdf(workspace, b"x1.open", channel)


def open_op(workspace: bytes, entry: Entry) -> ops.Erase:
    """The operation of an entry under the open epoch.

    Raises:
        TooNew: a kind or arity of a newer version.
        Invalid: anything else that is no statement.
    """
    key = open_key(workspace, entry.log.channel)
    op = ops.decode(entries.open_payload(workspace, entry, key), entry.log.part)
    if not isinstance(op, ops.Erase):
        raise Invalid("an operation that is not for everybody, under the open epoch")
    return op


def statement(workspace: bytes, entry: Entry, roster: RosterView) -> Erasure | None:
    """What an entry that was judged names; None when it is no statement."""
    if entry.epoch != OPEN_EPOCH or entry.log.part != PART_STATE:
        return None
    try:
        op = open_op(workspace, entry)
    except Invalid:
        return None
    author, channel = entry.log.device, entry.log.channel

    def own(place: ops.Place) -> bool:
        return roster.same_member(author, place.device)

    post = op.post if op.post is not None and own(op.post) else None
    return Erasure(
        op.salt,
        None if post is None else _place(channel, post),
        tuple(_place(channel, place) for place in op.others if own(place)),
    )


def _place(channel: bytes, place: ops.Place) -> tuple[LogId, int]:
    return LogId(channel, PART_TIMELINE, place.device, place.incarnation), place.seq
