"""Forks between two links: finding where branches part, and making the proof known to everybody.

*Finding.* A peer whose branch of a log contradicts what is held here is asked for short ranges:
first where forks are likely, then by halves, until the first place is known at which both have
another entry. Both branches from there to their next signature are the proof (`crdt.forks`). The
log is left alone on that link; what was held first stays.

*Telling.* Who can prove forks lists them (`ForkPoints`), once on every link and again when there
are more. Who knows none for such a log, or a higher one, asks (`ForksWant`) and is sent proofs
(`Forks`), checks and keeps them, and lists them to its other neighbours. A proof counts for who
never saw a branch, and may come before, between or after the entries. Proofs about devices and
channels that the roster here does not know yet are asked for again when it grew.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from crdt import forks, limits
from crdt.entry import LogId, Run
from crdt.errors import TooNew
from crdt.forks import Branch, Proof
from crdt.ingest import Fork
from crdt.sync_core import Core, Link, Request, Search
from crdt.sync_messages import ForkPoints, Forks, ForksWant, Range, Want
from crdt.sync_ports import ForkProven

_PRIORITY_PROBE = 3
_STEPS_MAX = 64  # halving all of a log takes 43


class ForkExchange:
    """Finds forks, keeps proofs, and passes them on."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._version = 0
        """Counts what may be news to a link: proofs, and what the roster lets it see."""
        self._known = Counter(log.device for log in core.store.fork_points())

    # Finding ------------------------------------------------------------------------------------

    def differs(self, link: Link, log: LogId, seq: int) -> None:
        """The peer has another entry at a place that is held here, and did not send it."""
        if log not in link.refused:
            link.refused.add(log)
            link.searches[log] = Search(seq)
            self._step(link, log)

    def contradicted(self, link: Link, fork: Fork, run: Run) -> None:
        """A run of the peer contradicts what is held: keep the proof, and look further down."""
        core, log = self._core, run.log
        state = core.store.log_state(log)
        assert state is not None, "a fork contradicts something held"
        if fork.seq is None:
            self.differs(link, log, min(max(run.first_seq - 1, state.low), state.head))
            return
        if log in link.refused and log not in link.searches:
            return
        link.refused.add(log)
        ours = self._held(log, fork.seq)
        heads = fork.head_sets.get(fork.theirs[0].roster) or ()
        proof = forks.prove(core.workspace, ours, Branch(fork.theirs, heads))
        if proof is not None:
            self._keep(proof)
        search = link.searches.setdefault(log, Search(fork.seq))
        if fork.seq <= search.other:
            search.other, search.proven = fork.seq, True
        if fork.seq > run.first_seq or ours.entries[0].prev == fork.theirs[0].prev:
            search.equal = fork.seq - 1
        self._step(link, log)

    def agreed(self, link: Link, log: LogId, last: int) -> None:
        """The peer sent what is held here, up to a place."""
        search = link.searches.get(log)
        state = self._core.store.log_state(log)
        if search is None or state is None or last < state.low:
            return
        if last >= search.other:
            del link.searches[log]  # It says now one thing, now another.
            return
        search.equal = last if search.equal is None else max(last, search.equal)
        self._step(link, log)

    def whole(self, log: LogId) -> None:
        """The beginning of a log is here: branches may part there."""
        for link in self._core.links.values():
            if log in link.searches:
                self._step(link, log)

    def _step(self, link: Link, log: LogId) -> None:
        """Ask for the next range, unless the place is found, or lies below what is held."""
        state = self._core.store.log_state(log)
        search = link.searches[log]
        assert state is not None, "only what is held is searched"
        floor = state.low - 1 if search.equal is None else search.equal
        gap = search.other - floor
        if search.steps >= _STEPS_MAX or (search.proven and gap <= 1):
            if search.steps >= _STEPS_MAX or search.equal is not None or state.low == 0:
                del link.searches[log]
            return
        search.steps += 1
        point = self._core.store.fork_points().get(log)
        if gap <= limits.ANCHOR_EVERY:
            first = floor + 1
        elif search.steps > 1:
            first = floor + gap // 2
        elif point is not None and floor < point - 1 < search.other:
            first = point - 1
        else:
            first = search.other - limits.ANCHOR_EVERY + 1
        # One place more than between two anchors, so that a signature covers what comes.
        asked = Range(*log, first, min(first + limits.ANCHOR_EVERY, limits.SEQ_MAX))
        number = self._core.next_request()
        link.requests[number] = Request()
        self._core.send(link, Want(number, _PRIORITY_PROBE, False, (asked,)))

    def _held(self, log: LogId, seq: int) -> Branch:
        entries = self._core.store.entries(log, seq, seq + limits.ANCHOR_EVERY - 1)
        return Branch(entries, self._core.store.head_set(entries[0].roster) or ())

    # Telling ------------------------------------------------------------------------------------

    def tell(self) -> None:
        """List to every link what can be proven and was not listed there."""
        points = self._core.store.fork_points()
        for link in self._core.links.values() if points else ():
            if not link.open or not link.answered or link.forks_version == self._version:
                continue
            link.forks_version = self._version
            fresh = [
                (log, seq)
                for log, seq in points.items()
                if seq < _lowest(link.forks_told, log) and self._core.common(link, log.channel)
            ]
            link.forks_told.update(fresh)
            for some in _pieces(fresh):
                self._core.send(link, ForkPoints(_ranges(some)))

    def roster_changed(self) -> None:
        """Links may see more, and proofs about devices that were unknown may be good now."""
        self._version += 1
        for link in self._core.links.values():
            if link.open and link.forks_listed:
                self._ask(link, list(link.forks_listed.items()))

    def on_points(self, link: Link, message: ForkPoints) -> None:
        """A peer can prove these; ask for what is news here."""
        listed = [(point.log, point.first) for point in message.points]
        for log, seq in listed:
            if len(link.forks_listed) < limits.FORK_POINTS_PER_LINK_MAX:
                link.forks_listed[log] = min(seq, _lowest(link.forks_listed, log))
            link.forks_told[log] = min(seq, _lowest(link.forks_told, log))
        self._ask(link, listed)

    def _ask(self, link: Link, listed: Iterable[tuple[LogId, int]]) -> None:
        wanted = [
            (log, seq)
            for log, seq in listed
            if seq < _lowest(link.forks_asked, log) and self._is_news(link, log, seq)
        ]
        link.forks_asked.update(wanted)
        for some in _pieces(wanted):
            self._core.send(link, ForksWant(_ranges(some)))

    def on_want(self, link: Link, message: ForksWant) -> None:
        """Send the proofs asked for, each once on a link."""
        proofs: list[bytes] = []
        size = 0
        for log in dict.fromkeys(point.log for point in message.points):
            wire = self._wire(link, log)
            if not wire:
                continue
            if proofs and size + len(wire) > limits.FORKS_MESSAGE_BYTES:
                self._core.send(link, Forks(tuple(proofs)), 1)
                proofs, size = [], 0
            proofs.append(wire)
            size += len(wire)
        if proofs:
            self._core.send(link, Forks(tuple(proofs)), 1)

    def _wire(self, link: Link, log: LogId) -> bytes:
        """The proof about a log, empty when there is none that the peer was not sent."""
        core = self._core
        seq = core.store.fork_points().get(log)
        kept = core.store.fork(log)
        if seq is None or kept is None or not core.common(link, log.channel):
            return b""
        if seq >= _lowest(link.forks_sent, log):
            return b""
        link.forks_sent[log] = seq
        # Evidence of an older build has more in it than a proof.
        proof = forks.prove_again(core.workspace, *kept)
        return b"" if proof is None else proof.wire

    def on_forks(self, link: Link, message: Forks) -> None:
        """Check proofs, and keep those that are news.

        Raises:
            Invalid: one proves nothing. Those before it count.
        """
        for wire in message.proofs:
            try:
                log, seq = forks.place(wire)
                if self._is_news(link, log, seq):
                    self._keep(forks.check(self._core.workspace, wire))
            except TooNew:
                continue  # Whoever wrote it knows more of the others.

    def _is_news(self, link: Link, log: LogId, seq: int) -> bool:
        """Whether a proof would say something here that this device may know."""
        core = self._core
        points = core.store.fork_points()
        if seq >= _lowest(points, log) or not core.common(link, log.channel):
            return False
        full = log not in points and self._known[log.device] >= limits.FORKS_PER_DEVICE_MAX
        return not full and core.was_in(log.device)

    def _keep(self, proof: Proof) -> None:
        core, log = self._core, proof.log
        points = core.store.fork_points()
        if proof.seq >= _lowest(points, log):
            return
        first = log not in points
        if core.store.add_fork(log, proof.seq, proof.first, proof.second):
            self._known[log.device] += first
            self._version += 1
            core.effects.append(ForkProven(log, proof.seq))


def _lowest(points: Mapping[LogId, int], log: LogId) -> int:
    """The seq that is known for a log; more than any when none is."""
    return points.get(log, limits.SEQ_MAX + 1)


def _pieces(points: Sequence[tuple[LogId, int]]) -> Iterable[Sequence[tuple[LogId, int]]]:
    size = limits.FORK_POINTS_MAX
    return (points[start : start + size] for start in range(0, len(points), size))


def _ranges(points: Iterable[tuple[LogId, int]]) -> tuple[Range, ...]:
    return tuple(Range(*log, seq, seq) for log, seq in points)
