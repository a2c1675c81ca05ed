"""A channel: one replicated document with three parts, timeline, notes and state.

Each part is a CRDT of operations. An operation comes with the member who signed it and a stamp,
which is unique and the same everywhere: (hlc, id of its entry). Then
- the timeline is registers of messages (`crdt.timeline`);
- the state is last-writer-wins registers (`crdt.registers`);
- the notes are a set of Yjs updates that only grows, told apart by stamp. What text they make is
  not decided here: a replica replays the whole set in an order that follows from the set.

So any two replicas that know the same operations have the same bytes in `canonical`, and `merge`
gives what applying the operations of both would. This is the document in memory: what a store
projects is checked against it.
"""

from typing import NamedTuple

import msgspec

from crdt import ops
from crdt.registers import Registers, newer
from crdt.timeline import Edited, MessageState, Posted, Stamp, Timeline, taken_back


class NoteEntry(NamedTuple):
    """An update of the notes and who made it."""

    member: bytes
    op: ops.NoteUpdate


class Channel:
    """The value of a channel, and the operations it is made of."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.state = Registers()
        self.notes: dict[Stamp, NoteEntry] = {}

    def apply(self, stamp: Stamp, member: bytes, op: ops.AnyOp) -> None:
        """Add one operation; adding it again changes nothing."""
        if isinstance(op, ops.NoteUpdate):
            self.notes[stamp] = NoteEntry(member, op)
        elif isinstance(op, ops.Post | ops.Edit | ops.Delete | ops.React):
            self.timeline.apply(op, member, stamp)
        elif isinstance(op, ops.Erase):
            self.timeline.apply(ops.Delete(op.salt), member, stamp)
        else:
            self.state.apply(op, member, stamp)

    def merge(self, other: "Channel") -> None:
        """Know everything that another replica knows."""
        messages = self.timeline.messages
        for message, state in other.timeline.messages.items():
            known = messages.get(message)
            messages[message] = state if known is None else join(known, state)
        values = self.state.values
        for key, write in other.state.values.items():
            if newer(values.get(key), write):
                values[key] = write
        self.notes |= other.notes

    def canonical(self) -> bytes:
        """The whole document as bytes: equal exactly when two replicas are."""
        state = [self.state.values[key] for key in sorted(self.state.values)]
        notes = sorted(self.notes.items(), key=lambda item: item[0])
        return msgspec.msgpack.encode((self.timeline.canonical(), notes, state))


def join(left: MessageState, right: MessageState) -> MessageState:
    """What both know of one message: each register by its own rule, as in `timeline.apply`."""
    reactions = dict(left.reactions)
    for key, write in right.reactions.items():
        known = reactions.get(key)
        if known is None or write[0] > known[0]:
            reactions[key] = write
    post, edit = _earlier(left.post, right.post), _later(left.edit, right.edit)
    both = MessageState(post, edit, False, reactions)
    return taken_back(both) if left.deleted or right.deleted else both


def _earlier(left: Posted | None, right: Posted | None) -> Posted | None:
    if left is None or right is None:
        return left or right
    return min(left, right, key=lambda post: post.stamp)


def _later(left: Edited | None, right: Edited | None) -> Edited | None:
    if left is None or right is None:
        return left or right
    return max(left, right, key=lambda edit: edit.stamp)
