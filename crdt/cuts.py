"""What stands of the writing of somebody whose writing was ended.

A removal by somebody else, or a grant of a level that only reads, *ends* a member's writing. An
entry that names roster heads behind the end is judged by those heads alone, like every entry. One
that does not know of the end was written beside it, or a year later and dated back: nobody can
tell. So whoever ends it says which of the entries it has are good (`Accept`), log by log, and an
entry beside the end stands when an accept that counts covers it. Somebody senior, or the same
member, may accept more later; nobody can take back what was accepted.

An end that no accept names cuts nothing. Of several ends each must leave an entry standing.

An accept names a log's last good entry by its id, and so, through the chain, all before it. If
another entry is held at that place, the log was forked, and this row says nothing about what is
held. What does not stand is void: kept, passed on, and counted, so that replicas stay the same,
but it changes nothing of what is shown.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from crdt.entry import LogId
from crdt.roster_history import Node
from crdt.roster_ops import LEVEL_WRITER_MAX, Accept, Grant, Kept, Op, Remove

NOTHING = -1
"""The last good seq of a log of which nothing is."""


@dataclass(frozen=True, slots=True)
class Cut:
    """An end that counts, and what stays beside it.

    Attributes:
        op: the removal or grant.
        member: whose writing it ends.
        level: at which its author did that.
        author: the member who did.
        kept: the good ends of each log; that of one accept may be less than that of another.
    """

    op: bytes
    member: bytes
    level: int
    author: bytes
    kept: Mapping[LogId, tuple[Kept, ...]]


def whose_end(op: Op) -> bytes | None:
    """The member whose writing an op ends, None when it ends none."""
    args = op.args
    if isinstance(args, Remove):
        return None if args.member == op.body.member else args.member
    if isinstance(args, Grant) and args.level > LEVEL_WRITER_MAX:
        return args.member
    return None


def cuts_by_member(
    nodes: Iterable[Node], counts: Callable[[Node], bool], by_id: Mapping[bytes, Node]
) -> dict[bytes, tuple[Cut, ...]]:
    """The cuts that the accepts among some nodes make, those of one member parents first."""
    kept: dict[bytes, dict[LogId, list[Kept]]] = {}
    for node in sorted(nodes, key=lambda node: node.order):
        args = node.op.args
        if isinstance(args, Accept) and counts(node) and counts(by_id[args.op]):
            of_end = kept.setdefault(args.op, defaultdict(list))
            for row in args.logs:
                of_end[log_of(row)].append(row)
    found: dict[bytes, list[Cut]] = defaultdict(list)
    for end in sorted((by_id[op] for op in kept), key=lambda node: node.order):
        member = whose_end(end.op)
        assert member is not None, "an accept names an end"
        logs = {log: tuple(rows) for log, rows in kept[end.op.id].items()}
        found[member].append(Cut(end.op.id, member, end.op.body.level, end.member, logs))
    return {member: tuple(cuts) for member, cuts in found.items()}


def log_of(row: Kept) -> LogId:
    """The log that a row is about."""
    return LogId(row.channel, row.part, row.device, row.incarnation)


def last_good(cut: Cut, log: LogId, id_at: Callable[[int], bytes | None]) -> int:
    """The last seq of a log that stays beside a cut, NOTHING when none does.

    `id_at` gives the id of the held entry at a seq, None when none is held there: then that row
    is believed, and asked again when the entry is here.
    """
    held = ((row, id_at(row.seq)) for row in cut.kept.get(log, ()))
    return max((row.seq for row, known in held if known in (None, row.id)), default=NOTHING)
