"""A channel's shared notes: whose updates count, and in which order everybody replays them.

Notes are one Yjs text. Yjs converges when everybody is honest; a member who names neighbours that
fit no history can make two replicas differ that got the same updates in different order. So order
of arrival decides nothing here. Each replica replays the same updates in the same order, which is
a function of the set of updates it holds:

    1. An update is checked alone (crdt.yjs_update); one that breaks a rule takes no part.
    2. The updates of one log come by seq. The first of each log that is not yet replayed is ready
       when everything in its vector `after` has been replayed.
    3. Of the ready ones the smallest entry id is next, until none is ready. The rest waits.
    4. When its turn comes an update is refused, by what is replayed before it alone, if its
       author's clock has been used already (it contradicts an earlier entry of the same log) or
       if it cuts a letter of two UTF-16 units in half.

Rule 2 takes seq, not the vector, as the order inside a log: so nobody can put another text under
what others have built on by publishing a second version of it. A vector that claims too little
lets the update refer to less (rule 1); one that claims what does not exist makes its own log
wait, and no other, as honest vectors name only what was replayed.

The order is kept up incrementally. An update that was made with everything known goes to the end,
whatever its id. One that comes late has its place in the past: the order is taken back to there
and goes on from there, and `add` says from which place on the text must be built anew.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from crdt import limits
from crdt.errors import Invalid
from crdt.keys import digest
from crdt.ops import NoteUpdate
from crdt.yjs_update import Reader, Update, decode, varint

_CURSOR_VERSION = 1


def client_id(device: bytes, incarnation: bytes, channel: bytes) -> int:
    """The Yjs client id of a log: 53 bits that follow from device (32), incarnation (8), channel.

    So nobody has to be believed about whose id it is, and a restored profile gets another one.
    """
    named = digest(b"x1.notes", device, incarnation, channel)
    return int.from_bytes(named[:8], "big") >> (64 - limits.NOTE_CLIENT_BITS)


class SignedUpdate(NamedTuple):
    """An update of the notes and what its entry says about it.

    Attributes:
        entry_id: 32 bytes.
        client: `client_id` of the entry's log, never taken from the update.
        seq: of the entry in its log.
        member: whom the text is shown to be by.
    """

    entry_id: bytes
    client: int
    seq: int
    member: bytes
    op: NoteUpdate


class Replayed(NamedTuple):
    """An update in its place."""

    signed: SignedUpdate
    change: Update


def check(op: NoteUpdate, client: int) -> Update:
    """What an update does; the verdict depends on nothing but the arguments.

    Raises:
        Invalid: it breaks a rule of docs/protocol/notes.md.
    """
    clients = [each for each, _ in op.after]
    if any(left >= right for left, right in pairwise(clients)):
        raise Invalid("note vector is not in order")
    for each, clock in op.after:
        if not 0 <= each < 2**limits.NOTE_CLIENT_BITS or not 0 < clock <= limits.NOTE_CLOCK_MAX:
            raise Invalid("note vector has a number beyond its limit")
    return decode(op.update, client, dict(op.after))


def vector(change: Update, known: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
    """The vector to send with an own change.

    `known` is what has been replayed, the client that wrote last at its end. Named are the clients
    that the change refers to, and the last ones: with those its place is the end of the order.
    """
    named = {change.client} | {client for client, _, _ in change.deletes}
    named |= {each.client for item in change.items for each in (item.left, item.right) if each}
    named |= set(list(known)[-limits.NOTE_RECENT_CLIENTS :])
    return tuple(sorted((client, known[client]) for client in named if client in known))


class _Step(NamedTuple):
    signed: SignedUpdate
    change: Update
    refused: str


class _Halves:
    """Where letters of two UTF-16 units are: the clocks of their second halves, by client."""

    def __init__(self) -> None:
        self._clocks: dict[int, list[int]] = {}

    def add(self, change: Update) -> None:
        for item in change.items:
            if item.text is None or item.length == len(item.text):
                continue
            clock = item.clock
            for letter in item.text:
                if letter > "\uffff":
                    self._clocks.setdefault(change.client, []).append(clock + 1)
                    clock += 1
                clock += 1

    def take_back(self, change: Update) -> None:
        if not change.items:
            return
        clocks = self._clocks.get(change.client, [])
        del clocks[bisect_left(clocks, change.start) :]

    def at(self, client: int, clock: int) -> bool:
        """Whether a cut before this unit would be inside a letter."""
        clocks = self._clocks.get(client)
        if clocks is None:
            return False
        place = bisect_left(clocks, clock)
        return place < len(clocks) and clocks[place] == clock

    def cut_by(self, change: Update) -> bool:
        """Whether a change, added already, puts or deletes something inside a letter."""
        return any(
            (item.left is not None and self.at(item.left.client, item.left.clock + 1))
            or (item.right is not None and self.at(*item.right))
            for item in change.items
        ) or any(
            self.at(client, first) or self.at(client, end) for client, first, end in change.deletes
        )


class Canonical:
    """The updates of one channel in canonical order."""

    def __init__(self) -> None:
        self._logs: dict[int, list[tuple[int, bytes]]] = {}
        self._next: dict[int, int] = {}
        self._updates: dict[bytes, tuple[SignedUpdate, Update]] = {}
        self._invalid: dict[bytes, str] = {}
        self._steps: list[_Step] = []
        self._place: dict[bytes, int] = {}
        self._replayed: list[Replayed] = []
        self._reached: dict[int, list[tuple[int, int]]] = {}
        self._halves = _Halves()

    def __contains__(self, entry_id: bytes) -> bool:
        """Whether this update is known, whatever became of it."""
        return entry_id in self._updates or entry_id in self._invalid

    @property
    def replayed(self) -> Sequence[Replayed]:
        """The updates that make the text, in order."""
        return self._replayed

    @property
    def quarantined(self) -> dict[bytes, str]:
        """Entry ids of updates that broke a rule or were set aside, each with the reason."""
        refused = {step.signed.entry_id: step.refused for step in self._steps if step.refused}
        return self._invalid | refused

    @property
    def waiting(self) -> int:
        """How many updates wait for others that are not here."""
        return len(self._updates) - len(self._steps)

    @property
    def state(self) -> dict[int, int]:
        """Clock by client, of what is replayed; the client that wrote last is the last one."""
        by_time = sorted((marks[-1][1], client) for client, marks in self._reached.items() if marks)
        return {client: self._reached[client][-1][0] for _, client in by_time}

    def clock(self, client: int) -> int:
        """How much of a client's writing is replayed, in UTF-16 units."""
        marks = self._reached.get(client)
        return marks[-1][0] if marks else 0

    def waits(self, client: int) -> bool:
        """Whether something of this client's log waits; then nothing may be written behind it."""
        return self._next.get(client, 0) < len(self._logs.get(client, ()))

    def inside_letter(self, client: int, clock: int) -> bool:
        """Whether this unit and the one before it are one letter."""
        return self._halves.at(client, clock)

    def add(self, updates: Iterable[SignedUpdate]) -> int:
        """Take updates, in any order; those known already change nothing.

        Returns:
            how many of `replayed` are the same as before, in the same places.
        """
        rewind = len(self._steps)
        for signed in updates:
            if signed.entry_id in self:
                continue
            try:
                change = check(signed.op, signed.client)
            except Invalid as error:
                self._invalid[signed.entry_id] = str(error)
                continue
            self._updates[signed.entry_id] = signed, change
            insort(self._logs.setdefault(signed.client, []), (signed.seq, signed.entry_id))
            rewind = min(rewind, self._place_of(signed, rewind))
        return self._again_from(rewind)

    def set_aside(self, entry_id: bytes, reason: str) -> int:
        """Leave an update out, for a reason that is not in its bytes. Returns the same as `add`."""
        if entry_id in self._invalid:
            return len(self._replayed)
        self._invalid[entry_id] = reason
        if entry_id not in self._updates:
            return len(self._replayed)
        signed, _ = self._updates.pop(entry_id)
        log = self._logs[signed.client]
        at = bisect_left(log, (signed.seq, entry_id))
        del log[at]
        rewind = self._place.get(entry_id, len(self._steps))
        for _, follower in log[at : at + 1]:
            # It need not come after this one any more: its place may be long before.
            rewind = self._place_of(self._updates[follower][0], rewind)
        return self._again_from(rewind)

    def _place_of(self, signed: SignedUpdate, end: int) -> int:
        """The step before which an update just put into its log changes something, at most `end`.

        That is where it would have been chosen, or where one stands that must come after it.
        """
        log = self._logs[signed.client]
        at = bisect_left(log, (signed.seq, signed.entry_id))
        after = [self._place.get(entry_id, end) for _, entry_id in log[at + 1 : at + 2]]
        place = min([end, *after])
        ready = 0
        if at > 0:
            ready = self._place.get(log[at - 1][1], end) + 1
        for client, clock in signed.op.after:
            ready = max(ready, self._reached_at(client, clock, end) + 1)
        for index in range(ready, place):
            if self._steps[index].signed.entry_id > signed.entry_id:
                return index
        return place

    def _reached_at(self, client: int, clock: int, end: int) -> int:
        """The step that brought a client to this clock, or `end`."""
        marks = self._reached.get(client, [])
        index = bisect_left(marks, (clock, -1))
        return marks[index][1] if index < len(marks) else end

    def _again_from(self, rewind: int) -> int:
        self._take_back(rewind)
        kept = len(self._replayed)
        self._go_on()
        return kept

    def _take_back(self, rewind: int) -> None:
        while len(self._steps) > rewind:
            step = self._steps.pop()
            client = step.signed.client
            del self._place[step.signed.entry_id]
            self._next[client] -= 1
            if step.refused:
                continue
            self._replayed.pop()
            self._halves.take_back(step.change)
            if step.change.items:
                self._reached[client].pop()

    def _head(self, client: int) -> bytes | None:
        log, position = self._logs[client], self._next.get(client, 0)
        return log[position][1] if position < len(log) else None

    def _lacks(self, entry_id: bytes) -> int | None:
        """A client of which an update has seen more than is replayed."""
        for client, clock in self._updates[entry_id][0].op.after:
            if self.clock(client) < clock:
                return client
        return None

    def _go_on(self) -> None:
        """Replay whatever is ready, the smallest id first."""
        ready: list[bytes] = []
        blocked: dict[int, list[bytes]] = {}

        def sort_in(entry_id: bytes | None) -> None:
            if entry_id is None:
                return
            lacking = self._lacks(entry_id)
            if lacking is None:
                heappush(ready, entry_id)
            else:
                blocked.setdefault(lacking, []).append(entry_id)

        for client in self._logs:
            sort_in(self._head(client))
        while ready:
            signed, change = self._updates[heappop(ready)]
            self._replay(signed, change)
            sort_in(self._head(signed.client))
            for entry_id in blocked.pop(signed.client, []):
                sort_in(entry_id)

    def _replay(self, signed: SignedUpdate, change: Update) -> None:
        """The next step: count an update in, or refuse it."""
        refused = ""
        if change.items and change.start != self.clock(signed.client):
            refused = "note update contradicts an earlier entry of its log"
        else:
            self._halves.add(change)
            if self._halves.cut_by(change):
                self._halves.take_back(change)
                refused = "note update cuts a letter in half"
        step = len(self._steps)
        if not refused:
            self._replayed.append(Replayed(signed, change))
            if change.items:
                self._reached.setdefault(signed.client, []).append((change.end, step))
        self._place[signed.entry_id] = step
        self._next[signed.client] = self._next.get(signed.client, 0) + 1
        self._steps.append(_Step(signed, change, refused))


def encode_cursor(place: tuple[int, int] | None) -> bytes:
    """A place in the notes that moves with the text: after a unit (client, clock), or the start."""
    version = bytes((_CURSOR_VERSION,))
    return version if place is None else version + varint(place[0]) + varint(place[1])


def decode_cursor(
    cursor: bytes, known: Canonical, pending: Mapping[int, int] = MappingProxyType({})
) -> tuple[int, int] | None:
    """The unit a cursor stands after; None is the start.

    `pending` is the clock by client of own writing that is not replayed yet.

    Raises:
        Invalid: it is no cursor, or stands beside text that is not here.
    """
    reader = Reader(cursor)
    if reader.byte() != _CURSOR_VERSION:
        raise Invalid("cursor has another version")
    if len(cursor) == 1:
        return None
    client = reader.varint(2**limits.NOTE_CLIENT_BITS - 1)
    clock = reader.varint(limits.NOTE_CLOCK_MAX)
    reader.end()
    if clock >= max(known.clock(client), pending.get(client, 0)):
        raise Invalid("cursor stands beside text that is not here")
    if known.inside_letter(client, clock + 1):
        raise Invalid("cursor stands inside a letter")
    return client, clock
