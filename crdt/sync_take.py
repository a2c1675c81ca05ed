"""Taking in what peers send: runs of entries, lists of heads, fingerprints.

Every run is judged by `crdt.ingest`. What cannot be judged yet is held, within bounds, until the
roster ops or the earlier entries are here. A peer whose branch of a log contradicts what is held
is left to `crdt.sync_forks`; the two stores count as equal with this difference.

What comes without ciphertexts that nobody is known to have erased, and that are not too old to be
kept, is not stored either. The log stays wanted, and is asked for again when its author's statement
is here.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import msgspec

from crdt import limits
from crdt.entry import Entry, LogId, Run
from crdt.erasure import OPEN_EPOCH, statement
from crdt.errors import Invalid
from crdt.ingest import Append, Bare, Fork, HeadSets, Nothing, Prepend, Waiting, judge
from crdt.ops import PART_STATE, PART_TIMELINE
from crdt.sync_core import Core, Link, PeerHead, Request
from crdt.sync_fetch import Fetch, cold_channels
from crdt.sync_forks import ForkExchange
from crdt.sync_messages import (
    CUT,
    MORE,
    Entries,
    HeadRow,
    Heads,
    Mark,
    Touched,
    log_rows,
    tags,
)
from crdt.sync_ports import LogState, Stored
from crdt.sync_receipts import Receipts


class Take:
    """Judges and stores what arrives."""

    def __init__(self, core: Core, fetch: Fetch, receipts: Receipts, forks: ForkExchange) -> None:
        self._core = core
        self._fetch = fetch
        self._receipts = receipts
        self._forks = forks
        self._held: OrderedDict[int, tuple[int, Run, int, bool]] = OrderedDict()
        self._early: dict[LogId, set[int]] = {}
        self._held_bytes = 0
        self._number = 0
        self._registered: set[bytes] = set()
        self._lowest: dict[LogId, Entry] = {}
        """Of logs that are being filled in: what is above the next range, without its content."""
        for state in core.store.logs():
            if state.lacks_beginning:
                core.gaps[state.log] = 0

    def on_entries(self, link: Link, message: Entries, size: int) -> None:
        """A push, or a piece of an answer.

        Raises:
            Invalid: a run breaks a rule, or too much is of no use.
        """
        request = link.requests.get(message.answers)
        self._core.told = tags(message.told) | {link.device[:4]} if message.told else set()
        before = len(self._core.effects), self._number
        for run in sorted(message.runs, key=_statements_first):
            self.take(link, run)
        if message.runs and (len(self._core.effects), self._number) == before:
            self._waste(link, request, size)
        if request is not None:
            link.heard_at = self._core.now
            request.brought = request.brought or bool(message.runs)
            if message.end != MORE:
                cut = message.end == CUT and request.brought
                self._fetch.answered(link, message.answers, cut=cut)
        self.note_mark(link, message.mark)

    def _waste(self, link: Link, request: Request | None, size: int) -> None:
        """Count what is of no use. What one answer may hold was asked for: that is no fault."""
        if request is not None and request.useless_bytes + size <= limits.ANSWER_MAX_BYTES:
            request.useless_bytes += size
            return
        link.waste_bytes += size
        if link.waste_bytes > limits.WASTE_MAX_BYTES:
            raise Invalid("too much that was not asked for and is of no use")

    def take(self, link: Link, run: Run) -> None:
        """Judge one run and store what it brings.

        Raises:
            Invalid: it breaks a rule.
        """
        core = self._core
        log = run.log
        if core.budget.is_closed(log.device):
            self._leave_out(link, run)
            return
        held = core.store.log_state(log)
        if held is not None:
            self._register(held, below=run.first_seq < held.low)
        verdict = judge(
            core.workspace,
            run,
            held,
            lambda seq: self._entry(log, seq),
            core.roster,
            lambda first, last: core.store.named(log, first, last),
            core.forgets,
        )
        last = run.first_seq + len(run.items) - 1
        if isinstance(verdict, Waiting):
            refused = log in link.refused and not verdict.for_roster  # the peer's other branch
            if not refused and (verdict.for_roster or core.common(link, log.channel)):
                self._hold(link, run, verdict.for_roster)
            return
        if isinstance(verdict, Nothing):
            self._knows(link, log, last)
            self._forks.agreed(link, log, last)
            return
        if isinstance(verdict, Bare):
            if core.common(link, log.channel) and (held is None or last > held.head):
                self._want_whole(link, run)
            return
        if not core.common(link, log.channel):
            return
        if isinstance(verdict, Fork):
            link.wanted.pop(log, None)
            self._forks.contradicted(link, verdict, run)
            return
        below = verdict.below if isinstance(verdict, Append) else ()
        if not core.budget.take((*verdict.entries, *below)):
            core.progress = True
            self._leave_out(link, run)
            return
        self._knows(link, log, last)
        self._remember(verdict.head_sets)
        if isinstance(verdict, Append):
            self._append(link, log, verdict.entries, held)
            if verdict.below:
                self._prepend(link, log, verdict.below)
            self._retry_early(log)
        else:
            assert isinstance(verdict, Prepend)
            self._prepend(link, log, verdict.entries)

    def _register(self, held: LogState, *, below: bool) -> None:
        """Tell the roster of the heads behind what is held, once: it may know hashes only."""
        hashes = {held.head_roster}
        lowest = self._entry(held.log, held.low) if below else None
        if lowest is not None:
            hashes.add(lowest.roster)
        for roster_hash in hashes - self._registered:
            heads = self._core.store.head_set(roster_hash)
            if heads is not None and self._core.roster.register_heads(heads) is not None:
                self._registered.add(roster_hash)

    def _entry(self, log: LogId, seq: int) -> Entry | None:
        """The held entry at a seq; who needs its content reads it elsewhere."""
        lowest = self._lowest.get(log)
        if lowest is not None and lowest.seq == seq:
            return lowest
        found = self._core.store.entries(log, seq, seq)
        return found[0] if found else None

    def _knows(self, link: Link, log: LogId, seq: int) -> None:
        if link.known.get(log, -1) < seq:
            link.known[log] = seq

    def _remember(self, sets: HeadSets) -> None:
        store = self._core.store
        for roster_hash, heads in sets.items():
            if store.head_set(roster_hash) is None:
                store.remember_head_set(roster_hash, heads)

    def _append(
        self, link: Link, log: LogId, entries: Sequence[Entry], held: LogState | None
    ) -> None:
        core = self._core
        first_arrival = core.store.append(entries)
        core.effects.append(Stored(entries, first_arrival, link.number, False))
        core.stored.append(entries)
        core.progress = True
        if log.part == PART_STATE:
            self._note_statements(entries, first_arrival)
        if held is None:
            if entries[0].seq > 0:
                core.gaps[log] = 0
            else:
                core.completed.append(log)
        self._fetch.arrived(log, entries[-1].seq)
        if log in core.gaps:
            self._fetch.requeue(log)
        self._receipts.entries_stored(log)

    def _prepend(self, link: Link, log: LogId, entries: Sequence[Entry]) -> None:
        core = self._core
        first_arrival = core.store.prepend(entries)
        core.effects.append(Stored(entries, first_arrival, link.number, True))
        core.progress = True
        if log.part == PART_STATE:
            self._note_statements(entries, first_arrival)
        if entries[0].seq == 0:
            core.gaps.pop(log, None)
            self._lowest.pop(log, None)
            core.completed.append(log)
            self._forks.whole(log)
        else:
            core.gaps[log] = core.gaps.get(log, 0) + 1
            self._lowest[log] = msgspec.structs.replace(entries[0], ciphertext=None)

    def _note_statements(self, entries: Sequence[Entry], first_arrival: int) -> None:
        """Learn what may come without its ciphertext, and ask again for what came so before."""
        core = self._core
        logs: dict[LogId, None] = {}
        for arrival, entry in enumerate(entries, first_arrival):
            if entry.epoch == OPEN_EPOCH:
                erasure = statement(core.workspace, entry, core.roster)
                if erasure is not None:
                    core.store.add_erasure(arrival, erasure)
                    logs.update(dict.fromkeys(log for log, _ in erasure.places))
        for log in logs:
            for link in core.links.values():
                link.stalled.discard(log)
                link.lows.pop(log, None)
            self._fetch.requeue(log)

    def _want_whole(self, link: Link, run: Run) -> None:
        """A peer sends less than it should, or the statement about it is not here: let the log
        stay wanted, and ask others; this link again when a statement comes in."""
        link.stalled.add(run.log)
        self._want(link, run)

    def _leave_out(self, link: Link, run: Run) -> None:
        """The device's budget for today is used up: let the log stay wanted until it has more."""
        self._number += 1  # What was sent is of use, another day.
        state = self._core.store.log_state(run.log)
        if state is None or run.first_seq + len(run.items) - 1 > state.head:
            self._want(link, run)

    def _want(self, link: Link, run: Run) -> None:
        """Note that a peer's log is longer, from what it sent."""
        last = run.first_seq + len(run.items) - 1
        wanted = link.wanted.get(run.log)
        if wanted is None or wanted.head < last:
            low = run.first_seq if wanted is None else wanted.low
            self._fetch.want(link, run.log, PeerHead(low, last, run.items[-1].hlc))

    def _hold(self, link: Link, run: Run, for_roster: bool) -> None:
        """Keep a run for later, and the log wanted, so that the cursor waits for it."""
        log = run.log
        last = run.first_seq + len(run.items) - 1
        state = self._core.store.log_state(log)
        if for_roster:
            link.stalled.add(log)
            self._core.roster_short.add(link.number)
        if state is None or last > state.head:
            self._want(link, run)
        self._number += 1
        size = sum(len(item.ciphertext or b"") + 100 for item in run.items) + 300
        self._held[self._number] = (link.number, run, size, for_roster)
        self._held_bytes += size
        if not for_roster:
            self._early.setdefault(log, set()).add(self._number)
        while self._held_bytes > limits.WAITING_MAX_BYTES:
            self._drop(next(iter(self._held)))

    def _drop(self, number: int) -> tuple[int, Run]:
        link, run, size, _ = self._held.pop(number)
        self._held_bytes -= size
        waiting = self._early.get(run.log)
        if waiting is not None:
            waiting.discard(number)
            if not waiting:
                del self._early[run.log]
        return link, run

    def _retry_early(self, log: LogId) -> None:
        """Take held runs that may follow now."""
        numbers = sorted(self._early.get(log, ()))
        self._retry([self._drop(number) for number in numbers])

    def retry_roster(self) -> None:
        """The roster grew: judge again what waited for it."""
        numbers = [number for number, held in self._held.items() if held[3]]
        runs = [self._drop(number) for number in numbers]
        for link in self._core.links.values():
            stalled, link.stalled = link.stalled, set()
            for log in stalled:
                self._fetch.requeue(log)
        self._retry(runs)

    def _retry(self, runs: Iterable[tuple[int, Run]]) -> None:
        for number, run in sorted(runs, key=lambda held: held[1].first_seq):
            link = self._core.links.get(number)
            if link is None:
                continue
            try:
                self.take(link, run)
            except Invalid as error:
                self._core.bad_links[number] = str(error)

    def forget_link(self, link: Link) -> None:
        """Drop what a closed link sent and nobody could judge."""
        for number in [number for number, held in self._held.items() if held[0] == link.number]:
            self._drop(number)

    def on_touched(self, link: Link, message: Touched) -> None:
        """Logs that changed at the peer."""
        self._note_rows(link, log_rows(message.authors, message.channels))
        self.note_mark(link, message.mark)

    def on_heads(self, link: Link, message: Heads) -> None:
        """A piece of the list of a channel's logs."""
        request = link.requests.get(message.answers)
        if request is None or not request.channels:
            return
        link.heard_at = self._core.now
        self._note_rows(link, log_rows(message.authors, message.channels))
        if message.done:
            link.comparing.discard(message.answers)
            self._fetch.answered(link, message.answers, cut=False)

    def note_mark(self, link: Link, mark: Mark | None) -> None:
        """Remember up to where the peer told everything."""
        if mark is not None and (link.read is None or mark.arrival >= link.read.arrival):
            link.read = mark

    def _note_rows(self, link: Link, rows: Sequence[tuple[LogId, HeadRow]]) -> None:
        core = self._core
        rows = [(log, row) for log, row in rows if core.common(link, log.channel)]
        if len(link.wanted) + len(rows) > limits.WANTED_MAX_LOGS:
            raise Invalid("lists more logs than there can be")
        channels = {log.channel for log, row in rows if log.part == PART_TIMELINE}
        held = (state for channel in channels for state in core.store.logs(channel))
        for channel, hlc in cold_channels(held, rows):
            self._fetch.want_page(link, channel, hlc)
        for log, row in rows:
            self._note_row(link, log, row)

    def _note_row(self, link: Link, log: LogId, row: HeadRow) -> None:
        if log in link.refused:
            return
        link.noted[log] = self._core.request_number
        if row.low > 0:
            # If what is right below is too old to be kept here, there is nothing more to look for.
            link.lows[log] = row.low - self._core.forgets(log, 0)
        else:
            link.lows.pop(log, None)
        state = self._core.store.log_state(log)
        if state is not None and row.head <= state.head:
            held_id = state.head_id if row.head == state.head else None
            if held_id is None and row.head >= state.low:
                entry = self._entry(log, row.head)
                held_id = None if entry is None else entry.id
            if held_id is not None and held_id[:8] != row.id:
                self._forks.differs(link, log, row.head)
                return
            if state.low > row.low:
                self._fetch.requeue(log)
        else:
            self._fetch.want(link, log, row)
        self._knows(link, log, row.head)
        self._receipts.peer_holds(link, log, row.head)


def _statements_first(run: Run) -> bool:
    return run.part != PART_STATE
