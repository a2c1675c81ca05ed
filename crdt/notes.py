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
and goes on from there, and `add` says from which place on the text must be built anew. When an
update is set aside the same happens for the one behind it in its log: that may have been ready long
before. Members may be hostile, so what waits is not looked at again until what it waits for is
here, and whatever arrives costs no more than one walk through what is held.
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
from crdt.notes_letters import Effect, Halves, effect_of
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


class _Waiting:
    """Logs whose next update has seen more of somebody than is replayed.

    Each waits for one clock of one client at a time, so a step looks at nothing but the logs that
    it lets go on, however many wait for something else.
    """

    def __init__(self) -> None:
        self._wants: dict[int, tuple[int, int]] = {}
        self._wanted: dict[int, list[tuple[int, int]]] = {}

    def put(self, log: int, client: int, clock: int) -> None:
        self._wants[log] = client, clock
        insort(self._wanted.setdefault(client, []), (-clock, log))

    def discard(self, log: int) -> None:
        if log in self._wants:
            client, clock = self._wants.pop(log)
            logs = self._wanted[client]
            del logs[bisect_left(logs, (-clock, log))]

    def pop(self, client: int, clock: int) -> int | None:
        """A log that waited for no more than this, if there is one left; it waits no longer."""
        logs = self._wanted.get(client)
        if not logs or -logs[-1][0] > clock:
            return None
        _, log = logs.pop()
        del self._wants[log]
        return log


class _Step(NamedTuple):
    signed: SignedUpdate
    effect: Effect
    refused: str


class Canonical:
    """The updates of one channel in canonical order."""

    def __init__(self) -> None:
        self._logs: dict[int, list[tuple[int, bytes]]] = {}
        self._next: dict[int, int] = {}
        self._updates: dict[bytes, tuple[SignedUpdate, Effect]] = {}
        self._invalid: dict[bytes, str] = {}
        self._steps: list[_Step] = []
        self._place: dict[bytes, int] = {}
        self._replayed: list[SignedUpdate] = []
        self._reached: dict[int, list[tuple[int, int]]] = {}
        self._halves = Halves()
        self._waiting = _Waiting()
        self._changed: set[int] = set()  # logs whose next update may be another one

    def __contains__(self, entry_id: bytes) -> bool:
        """Whether this update is known, whatever became of it."""
        return entry_id in self._updates or entry_id in self._invalid

    @property
    def replayed(self) -> Sequence[SignedUpdate]:
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
        fresh = []
        for signed in updates:
            if signed.entry_id in self:
                continue
            try:
                effect = effect_of(check(signed.op, signed.client))
            except Invalid as error:
                self._invalid[signed.entry_id] = str(error)
                continue
            self._updates[signed.entry_id] = signed, effect
            insort(self._logs.setdefault(signed.client, []), (signed.seq, signed.entry_id))
            self._changed.add(signed.client)
            fresh.append(signed)
        return self._again_from(self._first_change(fresh))

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
        self._changed.add(signed.client)
        # What stood behind it need not come after it any more: its place may be long before.
        behind = [self._updates[follower][0] for _, follower in log[at : at + 1]]
        here = self._place.get(entry_id, len(self._steps))
        return self._again_from(min(here, self._first_change(behind)))

    def _first_change(self, updates: Iterable[SignedUpdate]) -> int:
        """The first step that is another one because of updates that have just got their turn.

        That is where one of them would have been chosen, or where one stands that must come after
        one of them.
        """
        end = len(self._steps)
        ready = []
        for signed in updates:
            log = self._logs[signed.client]
            at = bisect_left(log, (signed.seq, signed.entry_id))
            for _, follower in log[at + 1 : at + 2]:
                end = min(end, self._place.get(follower, end))
            ready.append((self._ready_at(signed, log[at - 1][1] if at else None), signed.entry_id))
        ready.sort(reverse=True)
        if not ready:
            return end
        # One walk for all of them, with the smallest id of those that are ready by then.
        index, smallest = ready[-1]
        while index < end:
            while ready and ready[-1][0] <= index:
                smallest = min(smallest, ready.pop()[1])
            if self._steps[index].signed.entry_id > smallest:
                return index
            index += 1
        return end

    def _ready_at(self, signed: SignedUpdate, before: bytes | None) -> int:
        """The first step that could be this update; `before` is the one before it in its log."""
        end = len(self._steps)
        at = 0 if before is None else self._place.get(before, end) + 1
        for client, clock in signed.op.after:
            marks = self._reached.get(client, [])
            mark = bisect_left(marks, (clock, -1))
            at = max(at, marks[mark][1] + 1 if mark < len(marks) else end)
        return at

    def _again_from(self, rewind: int) -> int:
        self._take_back(rewind)
        kept = len(self._replayed)
        self._go_on()
        return kept

    def _take_back(self, rewind: int) -> None:
        while len(self._steps) > rewind:
            signed, effect, refused = self._steps.pop()
            del self._place[signed.entry_id]
            self._next[signed.client] -= 1
            self._changed.add(signed.client)
            if refused:
                continue
            self._replayed.pop()
            self._halves.take_back(signed.client, effect.halves)
            if effect.start < effect.end:
                self._reached[signed.client].pop()

    def _go_on(self) -> None:
        """Replay whatever is ready, the smallest id first."""
        ready: list[bytes] = []
        seen: dict[int, int] = {}
        for client in self._changed:
            self._sort_in(client, ready, seen)
        self._changed.clear()
        while ready:
            signed, effect = self._updates[heappop(ready)]
            self._replay(signed, effect)
            self._sort_in(signed.client, ready, seen)
            clock = self.clock(signed.client)
            while (other := self._waiting.pop(signed.client, clock)) is not None:
                self._sort_in(other, ready, seen)

    def _sort_in(self, client: int, ready: list[bytes], seen: dict[int, int]) -> None:
        """The next update of a log is ready, or waits.

        `seen` is how much of its vector is here, by client. Clocks only grow while replaying goes
        on, so that need not be looked at again.
        """
        self._waiting.discard(client)
        log, position = self._logs[client], self._next.get(client, 0)
        if position == len(log):
            return
        _, entry_id = log[position]
        after = self._updates[entry_id][0].op.after
        for index in range(seen.pop(client, 0), len(after)):
            other, clock = after[index]
            marks = self._reached.get(other)
            if not marks or marks[-1][0] < clock:
                seen[client] = index
                self._waiting.put(client, other, clock)
                return
        heappush(ready, entry_id)

    def _replay(self, signed: SignedUpdate, effect: Effect) -> None:
        """The next step: count an update in, or refuse it."""
        refused = ""
        writes = effect.start < effect.end
        if writes and effect.start != self.clock(signed.client):
            refused = "note update contradicts an earlier entry of its log"
        else:
            self._halves.add(signed.client, effect.halves)
            if self._halves.cut_by(effect):
                self._halves.take_back(signed.client, effect.halves)
                refused = "note update cuts a letter in half"
        step = len(self._steps)
        if not refused:
            self._replayed.append(signed)
            if writes:
                self._reached.setdefault(signed.client, []).append((effect.end, step))
        self._place[signed.entry_id] = step
        self._next[signed.client] = self._next.get(signed.client, 0) + 1
        self._steps.append(_Step(signed, effect, refused))


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
