"""The giving half of replication: what a peer lacks is pushed, announced, or sent when asked for.

Unasked data is small (`PUSH_MAX_BYTES`) and goes with the highest priority, so it keeps its order
on the link and a mark in it is true when it arrives. Everything else is asked for, and travels
with the priority the asker chose.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from crdt import limits
from crdt.entry import Entry, LogId, Run, to_run
from crdt.ops import PART_TIMELINE
from crdt.sync_core import PRIORITY_LIVE, Core, Link, entry_bytes
from crdt.sync_messages import (
    CUT,
    DONE,
    MORE,
    Author,
    ChannelHeads,
    ChannelPrint,
    Cursor,
    Entries,
    Fingerprints,
    HeadRow,
    Heads,
    HeadsWant,
    Hello,
    Mark,
    Page,
    Touched,
    Want,
    channel_set,
    encode,
    state_bytes,
)
from crdt.sync_ports import LogState, Send

_GIVE_UP_BYTES = limits.ANSWER_MAX_BYTES - limits.ENTRY_MAX_BYTES
_PRIORITY_HEADS = 1

Table = tuple[tuple[Author, ...], tuple[ChannelHeads, ...]]


class Serve:
    """Answers hellos and requests, and passes on what is new."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def answer(self, link: Link, hello: Hello) -> None:
        """Send or announce what a peer lacks, judged by its hello; once a link.

        When there is nothing to send, a second hello is due, which says so.
        """
        core = self._core
        link.answered = True
        mark = core.mark()
        link.told = mark.arrival
        read = self._valid(hello.read)
        if read is None:
            most = None if hello.channels == channel_set(()) else limits.LISTED_AT_ONCE_LOGS
            states = self._few_logs(link, most)
            if states is None:
                self.compare(link)
            else:
                self.announce(link, states, mark)
            return
        touched = [
            state
            for state in core.store.touched_since(read)
            if core.common(link, state.log.channel) and link.known.get(state.log, -1) < state.head
        ]
        if len(touched) > limits.TOUCHED_MAX_LOGS:
            self.compare(link)
        elif not touched:
            link.news = True
            if read < mark.arrival:
                self.tell_mark(link)
        else:
            runs = self._pending(link, read, touched)
            if runs is None:
                self.announce(link, touched, mark)
            else:
                for run in runs:
                    link.known[run.log] = run.first_seq + len(run.items) - 1
                link.marked = mark.arrival
                core.send(link, Entries(tuple(runs), mark))

    def _few_logs(self, link: Link, most: int | None) -> list[LogState] | None:
        """All logs that both may hold; None when they are more than `most`."""
        states: list[LogState] = []
        for state in self._core.store.logs():
            if self._core.common(link, state.log.channel):
                states.append(state)
                if most is not None and len(states) > most:
                    return None
        return states

    def _valid(self, read: Cursor | None) -> int | None:
        """The arrival a peer has read, if it read this very store."""
        store = self._core.store
        if read is None or read.replica != store.replica_id or read.arrival > store.arrival_max:
            return None
        if read.arrival == 0:
            return 0
        found = store.id_at(read.arrival)
        return read.arrival if found is not None and found[:8] == read.id else None

    def _pending(self, link: Link, read: int, touched: Sequence[LogState]) -> list[Run] | None:
        """What arrived above heads since `read` as runs; None when it is too much to push."""
        store = self._core.store
        most = limits.PUSH_MAX_BYTES // 48
        arrived = store.since(read, most + 1)
        if len(arrived) > most:
            return None
        by_log: dict[LogId, list[Entry]] = {state.log: [] for state in touched}
        size = 0
        for _, entry in arrived:
            found = by_log.get(entry.log)
            if found is None or entry.seq <= link.known.get(entry.log, -1):
                continue
            found.append(entry)
            size += entry_bytes(entry)
        runs: list[Run] = []
        for state in touched:
            entries = sorted(by_log[state.log], key=lambda entry: entry.seq)
            top = len(entries) - 1
            if top < 0 or entries[top].seq != state.head:
                continue  # only its beginning was filled in; who lacks that asks for it
            while top > 0 and entries[top - 1].seq == entries[top].seq - 1:
                top -= 1
            run = self.run(entries[top:])
            size += limits.DIGEST_BYTES * 8
            if run is None or size > limits.PUSH_MAX_BYTES:
                return None
            runs.append(run)
        return runs

    def run(self, entries: Sequence[Entry]) -> Run | None:
        """Entries as a run; None when the roster heads behind the first are not known."""
        first = entries[0]
        heads = () if first.heads else self._core.store.head_set(first.roster)
        return None if heads is None else to_run(entries, tuple(heads))

    def tell_mark(self, link: Link) -> None:
        """Say that everything up to now was sent, announced, or came from this peer."""
        mark = self._core.mark()
        link.marked = link.told = mark.arrival
        self._core.send(link, Entries((), mark))

    def announce(self, link: Link, states: Sequence[LogState], mark: Mark) -> None:
        """List logs that are longer here."""
        link.marked = mark.arrival
        self._note_short(link, states)
        pages = list(tables(states))
        for number, (authors, channels) in enumerate(pages, 1):
            last = number == len(pages)
            self._core.send(link, Touched(authors, channels, mark if last else None))
        if not pages and mark.arrival:
            self._core.send(link, Touched((), (), mark))
        elif not pages:
            link.news = True

    def compare(self, link: Link) -> None:
        """Send the fingerprints of all common channels."""
        core = self._core
        mark = core.mark()
        link.told = link.marked = mark.arrival
        prints = sorted(core.store.fingerprints().items())
        rows = [
            ChannelPrint(channel, state_bytes(fingerprint))
            for channel, fingerprint in prints
            if core.common(link, channel)
        ]
        size = limits.ROWS_PER_MESSAGE_MAX
        for start in range(0, max(1, len(rows)), size):
            last = start + size >= len(rows)
            piece = tuple(rows[start : start + size])
            core.send(link, Fingerprints(piece, mark if last else None))

    def publish(self) -> None:
        """Pass on what this call stored above heads, to every link not known to have it."""
        core = self._core
        if not core.stored:
            return
        mark = core.mark()
        cache: dict[tuple[tuple[LogId, int], ...], bytes] = {}
        for link in core.links.values():
            if not link.open or not link.answered:
                continue
            parts = self._lacking(link)
            link.told = mark.arrival
            if not parts:
                continue
            link.marked = mark.arrival
            key = tuple((entries[0].log, entries[0].seq) for entries in parts)
            payload = cache.get(key)
            if payload is None:
                payload = cache[key] = self._push(parts, mark)
            if payload:
                for entries in parts:
                    link.known[entries[0].log] = entries[-1].seq
                core.effects.append(Send(link.number, PRIORITY_LIVE, payload))
            else:
                logs = dict.fromkeys(entries[0].log for entries in parts)
                states = [core.store.log_state(log) for log in logs]
                self.announce(link, [state for state in states if state is not None], mark)

    def _lacking(self, link: Link) -> list[Sequence[Entry]]:
        parts: list[Sequence[Entry]] = []
        for entries in self._core.stored:
            log = entries[0].log
            if log in link.refused:
                continue
            known = link.known.get(log, -1)
            if known < entries[-1].seq and self._core.common(link, log.channel):
                parts.append(entries[max(0, known + 1 - entries[0].seq) :])
        return parts

    def _push(self, parts: Sequence[Sequence[Entry]], mark: Mark) -> bytes:
        """Entries as one message; empty when they are too many to push."""
        size = sum(entry_bytes(entry) for entries in parts for entry in entries)
        if size > limits.PUSH_MAX_BYTES and sum(map(len, parts)) > 1:
            return b""
        runs = [self.run(entries) for entries in parts]
        return encode(Entries(tuple(run for run in runs if run is not None), mark))

    def on_want(self, link: Link, message: Want) -> None:
        """Answer a request for ranges, as far as one answer may go."""
        answer = _Answer(self, link, message.request, message.priority)
        for asked in message.ranges:
            if not self._core.common(link, asked.channel):
                continue
            if message.backward and len(link.unserved) < limits.SHORT_LOGS_MAX:
                state = self._core.store.log_state(asked.log)
                if state is None or state.low > asked.first:
                    link.unserved.add(asked.log)
            if not answer.add(asked.log, asked.first, asked.last, message.backward):
                break
        answer.end()

    def _note_short(self, link: Link, states: Iterable[LogState]) -> None:
        """Remember what the peer was told is not whole here, to tell it when it is."""
        logs = (state.log for state in states if state.low > 0)
        link.unserved.update(islice(logs, max(0, limits.SHORT_LOGS_MAX - len(link.unserved))))

    def on_page(self, link: Link, message: Page) -> None:
        """Answer a request for the newest messages of a channel."""
        answer = _Answer(self, link, message.request, message.priority)
        if self._core.common(link, message.channel):
            store, limit = self._core.store, message.limit
            page = store.newest(message.channel, PART_TIMELINE, message.before, limit)
            for log, (first, last) in page.items():
                if not answer.add(log, first, last, message.before is not None):
                    break
        answer.end()

    def on_heads_want(self, link: Link, message: HeadsWant) -> None:
        """List the logs of the channels asked for."""
        core = self._core
        states = [
            state
            for channel in message.channels
            if core.common(link, channel)
            for state in core.store.logs(channel)
        ]
        self._note_short(link, states)
        for authors, channels in tables(states):
            core.send(link, Heads(message.request, authors, channels, False), _PRIORITY_HEADS)
        core.send(link, Heads(message.request, (), (), True), _PRIORITY_HEADS)


class _Answer:
    """Collects runs into messages of a good size, and stops at the most one answer may hold."""

    def __init__(self, serve: Serve, link: Link, request: int, priority: int) -> None:
        self._serve = serve
        self._core = serve._core
        self._link = link
        self._request = request
        self._priority = priority
        self._runs: list[Run] = []
        self._size = 0
        self._total = 0
        self._end = DONE

    def add(self, log: LogId, first: int, last: int, backward: bool) -> bool:
        """Add a range as far as it is held; False when the answer is full."""
        store = self._core.store
        state = store.log_state(log)
        if state is None:
            return True
        first, last = max(first, state.low), min(last, state.head)
        cut = backward_runs if backward else forward_runs
        for entries in cut(self._core, state, first, last):
            run = self._serve.run(entries)
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
    step = limits.ANSWER_READ_ENTRIES
    for start in range(first, last + 1, step):
        yield from core.store.entries(log, start, min(last, start + step - 1))


def backward_runs(core: Core, state: LogState, first: int, last: int) -> Iterator[list[Entry]]:
    """Pieces of a range from its end to its beginning.

    The asker knows the id of the entry at `last`, so no end needs a signature; but each piece
    begins right after a signed entry where it can, so that the signatures which bound later
    answers are handed on.
    """
    while first <= last:
        start = max(first, last - limits.ANSWER_READ_ENTRIES + 1)
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
        yield list(chunk[begin:])
        last = chunk[begin].seq - 1


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
        row = HeadRow(number, log.part, state.low, state.head, state.head_id[:8], state.head_hlc)
        channels.setdefault(log.channel, []).append(row)
    listed = tuple(ChannelHeads(channel, tuple(rows)) for channel, rows in channels.items())
    return tuple(authors), listed
