"""Cutting logs into runs and tables that fit into messages.

Every run but one that ends where the asker already knows the id ends with a signature. Signatures
that a store holds stand at the anchors and at the ends of what it received, so pieces are cut
there; what is handed on is bounded by signatures in the same way, and can be handed on again.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from crdt import limits
from crdt.entry import Entry, LogId, Run, to_run
from crdt.sync_core import Core, Link, entry_bytes
from crdt.sync_messages import CUT, DONE, MORE, Author, ChannelHeads, Entries, HeadRow
from crdt.sync_ports import LogState

_READ_FIRST_ENTRIES = 8
_GIVE_UP_BYTES = limits.ANSWER_MAX_BYTES - limits.ENTRY_MAX_BYTES

Table = tuple[tuple[Author, ...], tuple[ChannelHeads, ...]]


def run_of(core: Core, entries: Sequence[Entry]) -> Run | None:
    """Entries as a run; None when the roster heads behind the first are not known."""
    first = entries[0]
    heads = () if first.heads else core.store.head_set(first.roster)
    return None if heads is None else to_run(entries, tuple(heads))


class Answer:
    """Collects runs into messages of a good size, and stops at the most one answer may hold."""

    def __init__(self, core: Core, link: Link, request: int, priority: int) -> None:
        self._core = core
        self._link = link
        self._request = request
        self._priority = priority
        self._runs: list[Run] = []
        self._size = 0
        self._total = 0
        self._end = DONE

    def add(self, log: LogId, first: int, last: int, backward: bool) -> bool:
        """Add a range as far as it is held; False when the answer is full.

        What was forgotten by age goes to those who need it to go on with a log. Who looks for its
        beginning gets one entry of it, in a run by itself, to see how old the rest must be.
        """
        store = self._core.store
        state = store.log_state(log)
        if state is None:
            return True
        lowest = state.first_kept if backward else state.low
        cut = backward_runs if backward else forward_runs
        runs: Iterable[Sequence[Entry]] = cut(
            self._core, state, max(first, lowest), min(last, state.head)
        )
        if backward and first < lowest <= last + 1 and lowest > state.low:
            runs = chain(runs, [store.entries(log, lowest - 1, lowest - 1)])
        for entries in runs:
            run = run_of(self._core, entries) if self._link.takes(entries) else None
            if run is None:
                return True
            size = 256 + sum(entry_bytes(entry) for entry in entries)
            if self._total and self._total + size > limits.ANSWER_MAX_BYTES:
                self._end = CUT
                return False
            if self._runs and self._size + size > limits.RUN_TARGET_BYTES:
                self._flush(MORE)
            self._runs.append(run)
            self._size += size
            self._total += size
        return True

    def _flush(self, end: int) -> None:
        message = Entries(tuple(self._runs), None, self._request, end)
        self._core.send(self._link, message, self._priority)
        self._runs, self._size = [], 0

    def end(self) -> None:
        self._flush(self._end)


def forward_runs(core: Core, state: LogState, first: int, last: int) -> Iterator[list[Entry]]:
    """Pieces of a range in order, each ending with a signature.

    A range whose end is not signed here ends at the last signature in it, or, when it has none,
    at the next one above. Pieces are about RUN_TARGET_BYTES long.
    """
    pending: list[Entry] = []
    size = signed = 0
    for entry in _read(core, state.log, first, state.head if first <= last else first - 1):
        if entry.seq > last and signed:
            break
        size += entry_bytes(entry)
        if signed and size > limits.RUN_TARGET_BYTES:
            yield pending[:signed]
            pending = pending[signed:]
            size = sum(map(entry_bytes, pending)) + entry_bytes(entry)
            signed = 0
        if size > _GIVE_UP_BYTES and pending:
            return
        pending.append(entry)
        if entry.signature:
            signed = len(pending)
            if entry.seq >= last:
                break
    if signed:
        yield pending[:signed]


def _read(core: Core, log: LogId, first: int, last: int) -> Iterator[Entry]:
    """A range, read a few entries at a time, and more when they turn out to be small."""
    step = _READ_FIRST_ENTRIES
    while first <= last:
        entries = core.store.entries(log, first, min(last, first + step - 1))
        yield from entries
        first += step
        if sum(map(entry_bytes, entries)) < limits.RUN_TARGET_BYTES:
            step = min(2 * step, limits.ANSWER_READ_ENTRIES)


def backward_runs(core: Core, state: LogState, first: int, last: int) -> Iterator[list[Entry]]:
    """Pieces of a range from its end to its beginning.

    The asker knows the id of the entry at `last`, so no end needs a signature; but each piece
    begins right after a signed entry where it can, so that the signatures which bound later
    answers are handed on.
    """
    step = _at_once(core.store.entries(state.log, last, last)) if first <= last else 1
    while first <= last:
        start = max(first, last - step + 1)
        chunk = core.store.entries(state.log, start, last)
        if not chunk:
            return
        size, begin, good = 0, len(chunk) - 1, None
        for place in range(len(chunk) - 1, -1, -1):
            size += entry_bytes(chunk[place])
            if size > limits.RUN_TARGET_BYTES and place < len(chunk) - 1:
                break
            begin = place
            seq = chunk[place].seq
            after_anchor = (seq - 1) % limits.ANCHOR_EVERY == 0
            if seq == first or after_anchor or (place > 0 and chunk[place - 1].signature):
                good = place
        begin = begin if good is None else good
        step = _at_once(chunk)
        yield list(chunk[begin:])
        last = chunk[begin].seq - 1


def _at_once(like: Sequence[Entry]) -> int:
    """How many entries to read at once when they are like these: a piece or two.

    What is read beyond a piece is read again for the next one.
    """
    average = sum(map(entry_bytes, like)) // max(1, len(like))
    return max(2, min(limits.ANSWER_READ_ENTRIES, 2 * limits.RUN_TARGET_BYTES // max(1, average)))


def tables(states: Iterable[LogState]) -> Iterator[Table]:
    """Heads of logs, in tables of at most ROWS_PER_MESSAGE_MAX rows."""
    rows: list[LogState] = []
    for state in states:
        rows.append(state)
        if len(rows) == limits.ROWS_PER_MESSAGE_MAX:
            yield _table(rows)
            rows = []
    if rows:
        yield _table(rows)


def _table(states: Sequence[LogState]) -> Table:
    authors: dict[Author, int] = {}
    channels: dict[bytes, list[HeadRow]] = {}
    for state in states:
        log = state.log
        number = authors.setdefault(Author(log.device, log.incarnation), len(authors))
        row = HeadRow(
            number, log.part, state.first_kept, state.head, state.head_id[:8], state.head_hlc
        )
        channels.setdefault(log.channel, []).append(row)
    listed = tuple(ChannelHeads(channel, tuple(rows)) for channel, rows in channels.items())
    return tuple(authors), listed
