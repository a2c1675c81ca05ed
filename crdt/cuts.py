"""What stands of the writing of somebody whose writing was ended.

A removal by somebody else, or a grant of a level that only reads, *ends* a member's writing, and
being taken out of a scope by somebody else ends it in that scope. The removal of a device, by
whomever, ends that of this device and of what it brought in. An entry that names roster heads
behind the end is judged by those heads alone, like every entry. One that does not know of the end
was written beside it, or a year later and dated back: nobody can tell. So whoever ends it says
which of the entries it has are good (`Accept`), log by log, in the scopes that it is in: there, an
entry beside the end stands when an accept that counts covers it. Somebody senior, or the same
member, may accept more later; nobody can take back what was accepted.

An end that no accept names cuts nothing, and in no scope that none names. Of several ends each
must leave an entry standing.

An accept names a log's last good entry by its id, and so, through the chain, all before it. If
another entry is held at that place, the log was forked, and this row says nothing about what is
held. What does not stand is void: kept, passed on, and counted, so that replicas stay the same,
but it changes nothing of what is shown.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from crdt.entry import LogId
from crdt.limits import SEQ_MAX
from crdt.roster_history import Node
from crdt.roster_ops import (
    LEVEL_WRITER_MAX,
    Accept,
    DeviceRemove,
    Grant,
    Kept,
    Op,
    Remove,
    ScopeRemove,
)

NOTHING = -1
"""The last good seq of a log of which nothing is."""


@dataclass(frozen=True, slots=True)
class Cut:
    """An end that counts, and what stays beside it.

    Attributes:
        op: the end.
        member: whose writing it ends.
        level: at which its author did that.
        author: the member who did.
        scopes: in whose channels it cuts.
        kept: the good ends of each log; that of one accept may be less than that of another.
        devices: whose logs it is about; None when it is all of the member's.
    """

    op: bytes
    member: bytes
    level: int
    author: bytes
    scopes: frozenset[bytes]
    kept: Mapping[LogId, tuple[Kept, ...]]
    devices: frozenset[bytes] | None = None

    def is_about(self, device: bytes) -> bool:
        """Whether it is about what one of the member's devices wrote."""
        return self.devices is None or device in self.devices


class FormerDevice(Protocol):
    """A device that is out, and by which op, if its member is in."""

    @property
    def member(self) -> bytes: ...
    @property
    def end(self) -> bytes: ...


class Judged(NamedTuple):
    """Which ops count.

    Attributes:
        by_id: the history.
        valid: the ops that count, as a set.
        is_open: whether an op's author was inside a scope.
    """

    by_id: Mapping[bytes, Node]
    valid: int
    is_open: Callable[[Node, bytes], bool]

    def counts(self, node: Node) -> bool:
        """Whether an op does."""
        return bool(self.valid & node.bit)


def ends_of(op: Op) -> Sequence[bytes]:
    """The members whose writing an op ends."""
    args = op.args
    if isinstance(args, Remove):
        return () if args.member == op.body.member else (args.member,)
    if isinstance(args, Grant):
        return (args.member,) if args.level > LEVEL_WRITER_MAX else ()
    if isinstance(args, DeviceRemove):
        return (args.member,)
    if isinstance(args, ScopeRemove):
        return [member for member in args.members if member != op.body.member]
    return ()


def cuts_by_member(
    nodes: Iterable[Node], judged: Judged, former: Mapping[bytes, FormerDevice]
) -> dict[bytes, tuple[Cut, ...]]:
    """The cuts that the accepts among some nodes make, those of one member parents first.

    `former` are the devices that are out.
    """
    by_id = judged.by_id
    accepts: dict[bytes, list[Node]] = defaultdict(list)
    for node in nodes:
        args = node.op.args
        if isinstance(args, Accept) and judged.counts(node) and judged.counts(by_id[args.op]):
            accepts[args.op].append(node)
    found: dict[bytes, list[Cut]] = defaultdict(list)
    for end in sorted((by_id[op] for op in accepts), key=lambda node: node.order):
        some = sorted(accepts[end.op.id], key=lambda node: node.order)
        scopes, kept = _summed(end, some, judged)
        for member in ends_of(end.op):
            devices = _devices_of(end, former)
            cut = Cut(end.op.id, member, end.op.body.level, end.member, scopes, kept, devices)
            found[member].append(cut)
    return {member: tuple(cuts) for member, cuts in found.items()}


def _devices_of(end: Node, former: Mapping[bytes, FormerDevice]) -> frozenset[bytes] | None:
    """The devices that an end is about: the removed one, and what it brought in beside that."""
    args = end.op.args
    if not isinstance(args, DeviceRemove):
        return None
    out = {device for device, known in former.items() if known.end == end.op.id}
    return frozenset(out | {args.device})


def _summed(
    end: Node, accepts: Iterable[Node], judged: Judged
) -> tuple[frozenset[bytes], dict[LogId, tuple[Kept, ...]]]:
    """What several accepts of one end say together."""
    scopes: set[bytes] = set()
    kept: dict[LogId, list[Kept]] = defaultdict(list)
    for node in accepts:
        args = node.op.args
        assert isinstance(args, Accept)
        scopes.update(scope for scope in args.scopes if judged.is_open(node, scope))
        for row in args.logs:
            kept[log_of(row)].append(row)
    if isinstance(end.op.args, ScopeRemove):
        scopes &= {end.op.args.scope}
    return frozenset(scopes), {log: tuple(rows) for log, rows in kept.items()}


def log_of(row: Kept) -> LogId:
    """The log that a row is about."""
    return LogId(row.channel, row.part, row.device, row.incarnation)


def last_good(
    cut: Cut, log: LogId, id_at: Callable[[int], bytes | None], point: int | None = None
) -> int:
    """The last seq of a log that stays beside a cut in its scope, NOTHING when none does; the
    last there can be of a device that the cut is not about.

    `id_at` gives the id of the held entry at a seq, None when none is held there: then that row
    is believed, and asked again when the entry is here. `point` is where the log is proven to be
    forked: what is below that is the same in every branch, so a row above names it whichever
    branch is held.
    """
    if not cut.is_about(log.device):
        return SEQ_MAX
    rows = cut.kept.get(log, ())
    held = ((row, id_at(row.seq)) for row in rows)
    good = max((row.seq for row, known in held if known in (None, row.id)), default=NOTHING)
    if point is not None and any(row.seq >= point for row in rows):
        return max(good, point - 1)
    return good
