"""What the host knows of one channel's notes: order, pending changes, text, and its versions.

Nothing here waits or talks to anybody; the host does, and holds `lock` meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from chat.notes.errors import NotesFailed
from chat.notes.limits import AUTHORS_MAX, CRASHES_MAX, VERSIONS_KEPT
from chat.notes.pipe import Runs
from chat.notes.splices import Hunk, difference
from crdt import notes as rules
from crdt.notes import Canonical, SignedUpdate
from crdt.ops import NoteUpdate
from crdt.yjs_update import Update, decode

_DEADLY = "the notes did not survive it"


Stretch = tuple[int, int, bytes]
"""Start, length in code points, and the member who wrote it."""


class Pending(NamedTuple):
    """An own change that was handed out and is not an entry yet."""

    op: NoteUpdate
    change: Update
    member: bytes


class _Version(NamedTuple):
    number: int
    length: int
    change: list[Hunk]
    """What made the text of this version from the one before it."""


class ChannelNotes:
    """One channel's notes.

    Attributes:
        id: of the channel.
        arrived: updates given to the host and not yet in the order.
        client: Yjs client id that the document writes as.
        built: what the worker's document is made of, as (client, update), if `generation` is
            still the worker's.
        set_aside: entry ids of updates that ended a worker here, with the reason.
    """

    def __init__(self, channel: bytes) -> None:
        self.id = channel
        self.lock = asyncio.Lock()
        self.order = Canonical()
        self.arrived: list[SignedUpdate] = []
        self.pending: list[Pending] = []
        self.client = 0
        self.built: list[tuple[int, bytes]] = []
        self.generation = -1
        self.set_aside: dict[bytes, str] = {}
        self.text = ""
        self.version = 1
        self._runs: Runs = []
        self._history: deque[_Version] = deque([_Version(1, 0, [])], VERSIONS_KEPT)
        self._members: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._crashes = 0

    def take_arrived(self) -> None:
        """Put what arrived into the order; own changes among it are pending no longer."""
        batch, self.arrived = self.arrived, []
        for signed in sorted(batch, key=lambda signed: signed.seq):
            if self.pending and signed.client == self.client and signed.entry_id not in self.order:
                if signed.op == self.pending[0].op:
                    del self.pending[0]
                else:
                    self.pending.clear()
        self.order.add(batch)

    def pending_clocks(self) -> dict[int, int]:
        """The clock that own pending changes reach."""
        return {self.client: self.pending[-1].change.end} if self.pending else {}

    def own(self, update: bytes) -> NoteUpdate:
        """The operation of an own change just made, checked with every rule for others.

        Raises:
            Invalid: it is beyond a limit.
        """
        known = self.order.state
        known.pop(self.client, None)
        known[self.client] = max(
            [self.order.clock(self.client), *(each.change.end for each in self.pending)]
        )
        if not known[self.client]:
            del known[self.client]
        change = decode(update, self.client, known)
        op = NoteUpdate(update, rules.vector(change, known))
        assert rules.check(op, self.client) == change, "the vector names all a change refers to"
        return op

    def handed_out(self, op: NoteUpdate, member: bytes, text: str, runs: Runs) -> None:
        """The document holds an own change now."""
        change = rules.check(op, self.client)
        self.pending.append(Pending(op, change, member))
        self.built.append((self.client, op.update))
        self._show(text, runs)

    def lacking(self) -> tuple[int, list[tuple[int, bytes]]]:
        """How much of the document stays, and what must be applied to it: (author, update)."""
        wanted = self._wanted()
        base = len(self.built) if wanted[: len(self.built)] == self.built else 0
        authors = [each.member for each in self.order.replayed]
        authors += [each.member for each in self.pending]
        return base, [
            (self.author_number(member), update)
            for member, (_, update) in zip(authors[base:], wanted[base:], strict=True)
        ]

    def is_up(self) -> bool:
        """Whether the text is what it should be."""
        wanted = self._wanted()
        if not wanted and self.text:
            self._show("", [])
        return wanted == self.built or not wanted

    def now_built(self, text: str, runs: Runs) -> None:
        """The document is what `lacking` asked for."""
        self.built = self._wanted()
        self._show(text, runs)

    def crashed(self, index: int | None) -> None:
        """The worker did not survive the update at this place of `lacking`; None: nobody knows."""
        self.built.clear()
        self._crashes += 1
        replayed = self.order.replayed
        if index is None:
            return
        if index < len(replayed):
            self.leave_out(replayed[index].entry_id)
        else:
            del self.pending[index - len(replayed) :]
            return
        # What was written on top of it here refers to what is gone.
        self.pending.clear()

    def leave_out(self, entry_id: bytes) -> None:
        """Build the text without an update that ended a worker."""
        self.set_aside[entry_id] = _DEADLY
        self.order.set_aside(entry_id, _DEADLY)

    def check_open(self) -> None:
        """Raises NotesFailed when too many updates ended the worker."""
        if self._crashes > CRASHES_MAX:
            raise NotesFailed("these notes are damaged and stay closed; messages are not affected")

    def author_number(self, member: bytes) -> int:
        """The number that stands for a member in the worker."""
        number = self._numbers.get(member)
        if number is None:
            number = self._numbers[member] = min(len(self._members), AUTHORS_MAX)
            if number == len(self._members):
                self._members.append(member)
        return number

    def authors(self) -> tuple[Stretch, ...]:
        """Who wrote what of the text."""
        return stretches(self._runs, self._members)

    def since(self, version: int) -> list[list[Hunk]] | None:
        """The changes after a version, or None if it is too old or unknown."""
        if not self._history[0].number <= version <= self.version:
            return None
        return [each.change for each in self._history if each.number > version]

    def length_at(self, version: int) -> int:
        """Code points of the text at a version that `since` knows."""
        return self._history[version - self._history[0].number].length

    def _wanted(self) -> list[tuple[int, bytes]]:
        wanted = [(each.client, each.op.update) for each in self.order.replayed]
        return wanted + [(self.client, each.op.update) for each in self.pending]

    def _show(self, text: str, runs: Runs) -> None:
        self._runs = runs
        if text != self.text:
            change = difference(self.text, text)
            self.version += 1
            self._history.append(_Version(self.version, len(text), change))
            self.text = text


def stretches(runs: Runs, members: Sequence[bytes]) -> tuple[Stretch, ...]:
    """The worker's runs with the members whom its numbers stand for.

    Raises:
        NotesFailed: a number stands for nobody.
    """
    if not all(0 <= number < len(members) for _, number in runs):
        raise NotesFailed("the process of the notes gave an answer that makes no sense")
    found: list[Stretch] = []
    at = 0
    for length, number in runs:
        found.append((at, length, members[number]))
        at += length
    return tuple(found)
