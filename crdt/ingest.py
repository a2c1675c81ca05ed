"""Judging one run of entries against what is held of its log and against the roster.

A pure function: `judge` changes nothing. What it accepts

- is chained: each id follows from the bytes received;
- is vouched for: a run above the head ends with a signature, a run below the low end ends with
  the entry that the log's lowest entry names as its `prev`; either way the chain covers the rest;
- carries signatures at the anchors and at its end only, and all of them verify, so whatever is
  stored can be served on;
- was written under rosters that descend from one another, at each of which the device may write;
- has its ciphertexts, but where its author let them be erased (`crdt.erasure`), or where they are
  older than what is kept here (`crdt.retention`).

Two ids for one place of a log under one device's signatures are a fork. What is held stays; the
other branch is refused and handed back as evidence.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from crdt import keys, limits
from crdt.entry import Entry, Run, from_run
from crdt.errors import Invalid
from crdt.retention import Forgets, keeps_all
from crdt.sync_ports import LogState, RosterView

HeadSets = dict[bytes, tuple[bytes, ...]]
"""Roster hash to the sorted heads behind it."""


@dataclass(frozen=True, slots=True)
class Append:
    """Entries above the head (or of a new log), and perhaps some below the low end."""

    entries: Sequence[Entry]
    below: Sequence[Entry]
    head_sets: HeadSets


@dataclass(frozen=True, slots=True)
class Prepend:
    """Entries that end right below the low end."""

    entries: Sequence[Entry]
    head_sets: HeadSets


@dataclass(frozen=True, slots=True)
class Nothing:
    """Everything is held already, or does not touch what is held."""


@dataclass(frozen=True, slots=True)
class Bare:
    """It came without ciphertexts that are kept here, and that nobody is known to have erased."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """It cannot be judged yet: roster ops are missing, or the entries before it."""

    for_roster: bool


@dataclass(frozen=True, slots=True)
class Fork:
    """Signed entries that contradict what is held.

    Attributes:
        seq: a place with two ids, or None when the run only shows that one exists further down.
        theirs: the entries from `seq` to the signature that covers them.
        head_sets: of the run.
    """

    seq: int | None
    theirs: Sequence[Entry]
    head_sets: HeadSets


Verdict = Append | Prepend | Nothing | Bare | Waiting | Fork
EntryAt = Callable[[int], Entry | None]
"""The held entry of this log at a seq."""
ErasedIn = Callable[[int, int], Collection[int]]
"""The places of this log, from one seq to another, whose author lets them be erased."""


def judge(
    workspace: bytes,
    run: Run,
    held: LogState | None,
    entry_at: EntryAt,
    roster: RosterView,
    erased_in: ErasedIn = lambda first, last: (),
    forgets: Forgets = keeps_all,
) -> Verdict:
    """What to do with a run.

    `erased_in` says what its author let be erased, `forgets` what is too old to be kept here; else
    that is nothing.

    Raises:
        Invalid: no honest device sends this.
    """
    first, last = run.first_seq, run.first_seq + len(run.items) - 1
    if held is not None:
        if first > held.head + 1:
            return Waiting(for_roster=False)
        if last < held.low - 1:
            return Nothing()
    _check_signature_places(run)
    entries = from_run(workspace, run)
    if held is None:
        above, below = entries, []
    else:
        above = entries[max(0, held.head + 1 - first) :]
        below = entries[: max(0, held.low - first)]
        if not _agrees(entries, held, entry_at):
            return _fork(run, entries, held, entry_at)
    if not above and not below:
        return Nothing()
    bare = [
        entry.seq
        for entry in (*above, *below)
        if entry.ciphertext is None and not forgets(entry.log, entry.hlc)
    ]
    if bare and not set(bare).issubset(erased_in(min(bare), max(bare))):
        return Bare()
    if above and not above[-1].signature:
        raise Invalid("the end of a run is neither signed nor known")
    # Signatures first: what the roster is told of it keeps, so nobody unproven may tell it.
    _verify(above)
    _verify(below)
    sets = head_sets(run)
    for heads in sets.values():
        if roster.register_heads(heads) is None:
            return Waiting(for_roster=True)
    waiting = _check_authors(above, below, held, entry_at, roster)
    if waiting:
        return Waiting(for_roster=True)
    return Append(above, below, sets) if above else Prepend(below, sets)


def head_sets(run: Run) -> HeadSets:
    """Every set of roster heads a checked run lists."""
    sets = {run.items[0].roster: run.heads or run.items[0].heads}
    for item in run.items:
        if item.heads:
            sets[item.roster] = item.heads
    return sets


def _check_signature_places(run: Run) -> None:
    """Anchors carry a signature, the last item may, others must not."""
    items = run.items
    every = limits.ANCHOR_EVERY
    until_anchor = -run.first_seq % every
    for item in items[until_anchor::every]:
        if not item.signature:
            raise Invalid("an anchor without its signature")
    allowed = len(range(until_anchor, len(items), every))
    if items and (len(items) - 1 - until_anchor) % every != 0:
        allowed += bool(items[-1].signature)
    if sum(1 for item in items if item.signature) != allowed:
        raise Invalid("a signature that is neither an anchor's nor the end's")


def _agrees(entries: Sequence[Entry], held: LogState, entry_at: EntryAt) -> bool:
    """Whether a run that touches or overlaps what is held names the same ids there."""
    first, last = entries[0].seq, entries[-1].seq
    if last > held.head:
        before = entries[0].prev if first > held.head else entries[held.head - first].id
        if before != held.head_id:
            return False
    if first < held.low:
        return entries[held.low - 1 - first].id == held.low_prev
    if last <= held.head:
        if last == held.head:
            return entries[-1].id == held.head_id
        known = entry_at(last)
        return known is not None and known.id == entries[-1].id
    return True


def _fork(run: Run, entries: list[Entry], held: LogState, entry_at: EntryAt) -> Verdict:
    """Evidence of a fork, if the contradicting run is signed."""
    if not entries[-1].signature:
        raise Invalid("a run that contradicts what is held, unsigned")
    _verify(entries)
    for entry in entries[max(0, held.low - entries[0].seq) :]:
        if entry.seq > held.head:
            break
        known = entry_at(entry.seq)
        if known is not None and known.id != entry.id:
            return Fork(entry.seq, entries[entry.seq - entries[0].seq :], head_sets(run))
    return Fork(None, (), {})


def _verify(entries: Sequence[Entry]) -> None:
    for entry in entries:
        if entry.signature:
            keys.verify(entry.log.device, keys.SIGN_ENTRY, entry.id, entry.signature)


def _check_authors(
    above: Sequence[Entry],
    below: Sequence[Entry],
    held: LogState | None,
    entry_at: EntryAt,
    roster: RosterView,
) -> bool:
    """Check rosters and rights along the log; True when some of it cannot be told yet."""
    waiting = False
    if above:
        before = None if held is None else held.head_roster
        waiting = _check_rosters(above, before, roster)
    if below:
        waiting = _check_rosters(below, None, roster) or waiting
        next_up = None if held is None else entry_at(held.low)
        if next_up is not None and next_up.roster != below[-1].roster:
            _require_descent(roster, next_up.roster, below[-1].roster)
    return waiting


def _check_rosters(entries: Sequence[Entry], before: bytes | None, roster: RosterView) -> bool:
    device = entries[0].log.device
    judged: bytes | None = None
    for entry in entries:
        if entry.roster == judged:
            continue
        judged = entry.roster
        allowed = roster.may_write(device, judged)
        if allowed is None:
            return True
        if not allowed:
            raise Invalid("the author may not write")
        if before is not None and before != judged:
            _require_descent(roster, judged, before)
        before = judged
    return False


def _require_descent(roster: RosterView, new: bytes, old: bytes) -> None:
    if not roster.descends(new, old):
        raise Invalid("an entry's roster is older than the one before it")
