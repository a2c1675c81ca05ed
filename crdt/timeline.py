"""The messages of a channel: an op-based CRDT over four kinds of operation.

Theory of operation. A message's state is a set of registers, each with its own join:
- post: the operation with the smallest stamp (only its own author can make a second one);
- edit: the operation with the largest stamp;
- deleted: once true, true; what the message said is forgotten then, in whatever order they come;
- reactions: per (emoji, member), the operation with the largest stamp.
A stamp is (hlc, entry id): unique, the same everywhere. Joins of minimum, maximum and "or" are
commutative, associative and idempotent, so any order, any duplication and any batching of the
same operations gives the same state. An operation may arrive before the post it is about.

Order among messages is (hlc of the post, message id), never clamped, the same everywhere.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from crdt import ops


class Stamp(NamedTuple):
    """What decides between two writes of one register."""

    hlc: int
    entry: bytes


class Edited(msgspec.Struct, array_like=True, frozen=True):
    """The newest edit of a message."""

    stamp: Stamp
    text: str
    mentions: tuple[bytes, ...]


class Posted(msgspec.Struct, array_like=True, frozen=True):
    """The post of a message."""

    stamp: Stamp
    member: bytes
    salt: bytes
    text: str
    reply_to: bytes | None
    mentions: tuple[bytes, ...]
    files: tuple[ops.FileInfo, ...]


class MessageState(msgspec.Struct, array_like=True, frozen=True):
    """All registers of one message. `post` is None while only later operations arrived."""

    post: Posted | None = None
    edit: Edited | None = None
    deleted: bool = False
    reactions: dict[tuple[str, bytes], tuple[Stamp, bool]] = {}

    @property
    def text(self) -> str:
        """What the message says now; empty when deleted."""
        if self.deleted or self.post is None:
            return ""
        return self.post.text if self.edit is None else self.edit.text

    @property
    def mentions(self) -> tuple[bytes, ...]:
        if self.deleted or self.post is None:
            return ()
        return self.post.mentions if self.edit is None else self.edit.mentions

    @property
    def shown_reactions(self) -> dict[str, list[bytes]]:
        """Members by emoji, both sorted."""
        shown: dict[str, list[bytes]] = {}
        for (emoji, member), (_, on) in sorted(self.reactions.items()):
            if on and not self.deleted:
                shown.setdefault(emoji, []).append(member)
        return shown


TimelineOp = ops.Post | ops.Edit | ops.Delete | ops.React


def target(op: TimelineOp, member: bytes) -> bytes:
    """The id of the message an operation is about."""
    if isinstance(op, ops.React):
        return op.message
    return ops.message_id(member, op.salt)


def wordless(post: Posted | None) -> Posted | None:
    """What stays of the post of a message that was taken back."""
    if post is None:
        return None
    return msgspec.structs.replace(post, text="", mentions=(), files=())


def taken_back(state: MessageState) -> MessageState:
    """What stays of a message that was taken back."""
    replace = msgspec.structs.replace
    return replace(state, post=wordless(state.post), edit=None, deleted=True)


def apply(state: MessageState | None, op: TimelineOp, member: bytes, stamp: Stamp) -> MessageState:
    """The state after one more operation by `member`; the same object when nothing changes."""
    state = state or MessageState()
    replace = msgspec.structs.replace
    if isinstance(op, ops.Post):
        if state.post is not None and state.post.stamp <= stamp:
            return state
        posted = Posted(stamp, member, op.salt, op.text, op.reply_to, op.mentions, op.files)
        return replace(state, post=wordless(posted) if state.deleted else posted)
    if isinstance(op, ops.Edit):
        if state.deleted or (state.edit is not None and state.edit.stamp >= stamp):
            return state
        return replace(state, edit=Edited(stamp, op.text, op.mentions))
    if isinstance(op, ops.Delete):
        return state if state.deleted else taken_back(state)
    key = (op.emoji, member)
    known = state.reactions.get(key)
    if known is not None and known[0] >= stamp:
        return state
    return replace(state, reactions={**state.reactions, key: (stamp, op.on)})


class Timeline:
    """A channel's timeline in memory: what the store's projection is checked against."""

    def __init__(self) -> None:
        self.messages: dict[bytes, MessageState] = {}

    def apply(self, op: TimelineOp, member: bytes, stamp: Stamp) -> None:
        """Add one operation."""
        message = target(op, member)
        self.messages[message] = apply(self.messages.get(message), op, member, stamp)

    def apply_all(self, operations: Iterable[tuple[TimelineOp, bytes, Stamp]]) -> None:
        """Add several."""
        for op, member, stamp in operations:
            self.apply(op, member, stamp)

    def order(self) -> list[bytes]:
        """Message ids, oldest first."""
        posted = [
            (state.post.stamp.hlc, message)
            for message, state in self.messages.items()
            if state.post is not None
        ]
        return [message for _, message in sorted(posted)]

    def canonical(self) -> bytes:
        """The whole timeline as bytes: equal exactly when two replicas are.

        Which message one answered that was taken back is left out: who came when its words were
        erased cannot know. So is a message of which nothing is known but that it was taken back:
        who forgot it may have forgotten that as well (`crdt.retention`).
        """
        rows = [
            (
                message,
                _everywhere(state),
                state.edit,
                state.deleted,
                sorted((*key, value) for key, value in state.reactions.items()),
            )
            for message, state in sorted(self.messages.items())
            if state.post is not None or state.edit is not None or state.reactions
        ]
        return msgspec.msgpack.encode((self.order(), rows))


def _everywhere(state: MessageState) -> Posted | None:
    """The post as all know it."""
    if state.post is None or not state.deleted:
        return state.post
    return msgspec.structs.replace(state.post, reply_to=None)
