"""The roster: the signed graph of who is in, at which level, with which devices and keys.

`add` takes ops in any order. One whose parents are missing waits, up to a bound; one that breaks
a rule in its own past (`roster_rules`) is refused for ever, with all that rests on it. The rest is
the history, and `state` is what it says (`roster_resolution`, `roster_scopes`): a function of the
set of ops alone, whatever came in which order, and however often.

The judgement is kept and goes on with the next op where that one can decide over none beside it;
else it is made anew when it is next asked for. Rights in the past (`may_write`) are read from the
judgement of everything where it holds for that past, and else judged by themselves.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence

from crdt import limits
from crdt.errors import Invalid
from crdt.keys import digest
from crdt.roster_growth import grown
from crdt.roster_history import History, bits
from crdt.roster_ops import LEVEL_WRITER_MAX, Genesis, Op, decode, op_id
from crdt.roster_resolution import Resolution
from crdt.roster_rules import check
from crdt.roster_scopes import Scopes
from crdt.roster_standing import NOBODY
from crdt.roster_state import State, assemble


class Roster:
    """The history of one workspace; `workspace` is the id of its genesis.

    Attributes:
        history: ops by index, with their pasts.
    """

    def __init__(self, workspace: bytes) -> None:
        self.workspace = workspace
        self.history = History(workspace)
        self._waiting = Waiting()
        self._resolution: Resolution | None = None
        self._scopes: Scopes | None = None
        self._state: State | None = None
        self._heads: tuple[bytes, ...] | None = None
        self._heads_hash: bytes | None = None
        self._sets: dict[bytes, int] = {}
        self._levels: dict[tuple[bytes, bytes], int] = {}
        self._past: OrderedDict[int, Resolution] = OrderedDict()
        self._past_states: OrderedDict[int, State] = OrderedDict()

    # Ops --------------------------------------------------------------------------------------

    def add(self, wire: bytes) -> list[bytes]:
        """Take an op; gives the ids that became part of the history, parents first.

        Raises:
            Invalid: it is no op, of another workspace, or breaks a rule in its own past.
        """
        known = op_id(wire[: -limits.SIGNATURE_BYTES])
        if known in self.history.by_id or known in self._waiting:
            return []
        op = decode(wire)
        if op.workspace != self.workspace:
            raise Invalid("a roster op of another workspace")
        if any(parent not in self.history.by_id for parent in op.parents):
            self._waiting.put(op)
            return []
        self._take(op)
        return [op.id, *self._take_waiting(op.id)]

    def _take_waiting(self, first: bytes) -> list[bytes]:
        """Take what waited for an op, and for that again; what breaks a rule is dropped."""
        added: list[bytes] = []
        ready = [first]
        while ready:
            for op in self._waiting.children(ready.pop()):
                if any(parent not in self.history.by_id for parent in op.parents):
                    continue
                self._waiting.pop(op.id)
                try:
                    self._take(op)
                except Invalid:
                    self._waiting.drop_after(op.id)
                    continue
                added.append(op.id)
                ready.append(op.id)
        return added

    def _take(self, op: Op) -> None:
        history, claim, plausible = self.history, None, True
        past = history.past_of(op.parents)
        if not isinstance(op.args, Genesis):
            try:
                claim = check(history, op, past)
            except Invalid:
                if not past & history.unknown:
                    raise
                plausible = False
        node = history.append(op, past, claim, plausible=plausible)
        judged, state, scopes = self._resolution, self._state, self._scopes
        if judged is not None and not judged.append(node):
            judged = None
        self._resolution = judged
        self._state = None
        if judged is not None and state is not None and scopes is not None:
            self._state = grown(state, history, judged, scopes, node)
        if self._state is None:
            self._scopes = None
        self._heads = self._heads_hash = None

    def has(self, op_id: bytes) -> bool:
        """Whether an op is part of the history."""
        return op_id in self.history.by_id

    def op(self, op_id: bytes) -> Op:
        """An op of the history."""
        return self.history.by_id[op_id].op

    def wire(self, op_id: bytes) -> bytes:
        """An op of the history, as it was received."""
        return self.history.by_id[op_id].op.wire

    def missing(self) -> list[bytes]:
        """Ops that others wait for and that are not here, sorted."""
        return sorted(self._waiting.wanted() - self.history.by_id.keys())

    def missing_from(self, their_heads: Sequence[bytes]) -> list[bytes]:
        """The ops that somebody with these heads lacks, parents first."""
        history = self.history
        theirs = history.past_of(head for head in their_heads if head in history.by_id)
        return [history.nodes[index].op.id for index in bits(history.everything & ~theirs)]

    def farewell(self, device: bytes) -> list[bytes]:
        """What a device may still be told when it was in and is out: the op that took it out, or
        its member, which comes last, and all before that. Empty for everybody else."""
        known = self.state.former_devices.get(device)
        if known is None:
            return []
        former = self.state.former_members.get(known.member)
        end = former.op if former is not None else known.end
        if not end:
            return []
        node = self.history.by_id[end]
        return [*(self.history.nodes[i].op.id for i in bits(node.past)), node.op.id]

    # Heads ------------------------------------------------------------------------------------

    @property
    def heads(self) -> tuple[bytes, ...]:
        """The ops that no other rests on, sorted."""
        if self._heads is None:
            self._heads = tuple(sorted(self.history.heads))
        return self._heads

    @property
    def heads_hash(self) -> bytes:
        """`x1.heads` of the heads."""
        if self._heads_hash is None:
            self._heads_hash = digest(b"x1.heads", *self.heads)
        return self._heads_hash

    def parents(self, device: bytes, cover: Sequence[bytes] = ()) -> tuple[bytes, ...]:
        """The heads that the device's next op or entry lists: sorted, at most eight.

        With more heads than that, those go first that lead to `cover` (at most eight ops that the
        device listed the last time: what a log names must descend from what it named before),
        then one without which the device could not act; the others are merged by later ops.
        """
        heads = self.heads
        if len(heads) <= limits.ROSTER_PARENTS_MAX:
            return heads
        needed = self._leading_to(cover)
        rest = [head for head in heads if head not in needed]
        room = max(0, limits.ROSTER_PARENTS_MAX - len(needed))
        first = tuple(sorted((*needed, *rest[:room])))
        if room and not self._writes_at(device, first):
            for head in rest[room:]:
                some = tuple(sorted((*needed, *rest[: room - 1], head)))
                if self._writes_at(device, some):
                    return some
        return first

    def _leading_to(self, cover: Sequence[bytes]) -> list[bytes]:
        """No more heads than ops to cover, with all of these at or under them."""
        history = self.history
        chosen: list[bytes] = []
        reached = 0
        for node in map(history.by_id.__getitem__, cover):
            if reached & node.bit:
                continue
            head = next(h for h in self.heads if history.past_of((h,)) & node.bit)
            chosen.append(head)
            reached |= history.past_of((head,))
        return chosen

    def same_member(self, one: bytes, other: bytes) -> bool:
        """Whether two devices belong, or belonged, to one member."""
        state = self.state
        first, second = (
            state.devices.get(device) or state.former_devices.get(device) for device in (one, other)
        )
        return first is not None and second is not None and first.member == second.member

    def register_heads(self, heads: Sequence[bytes]) -> bytes | None:
        """Learn a set of heads; gives its hash, or None when one of them is not here."""
        if not heads or not all(head in self.history.by_id for head in heads):
            return None
        roster_hash = digest(b"x1.heads", *heads)
        if roster_hash not in self._sets:
            self._sets[roster_hash] = self.history.past_of(heads)
        return roster_hash

    def is_registered(self, roster_hash: bytes) -> bool:
        """Whether heads with this hash were registered."""
        return roster_hash in self._sets

    def descends(self, new_hash: bytes, old_hash: bytes) -> bool:
        """Whether one registered set of heads covers another."""
        new, old = self._sets.get(new_hash), self._sets.get(old_hash)
        return new is not None and old is not None and not old & ~new

    def covers(self, roster_hash: bytes, op_id: bytes) -> bool:
        """Whether an op of the history is under a registered set of heads."""
        return bool(self._sets.get(roster_hash, 0) & self.history.by_id[op_id].bit)

    def was_outside(self, roster_hash: bytes, scope: bytes, member: bytes) -> bool:
        """Whether a registered set of heads says that a member had left a scope, or had to."""
        within = self._sets.get(roster_hash, 0)
        return self._settled().was_taken_out(scope, member, within)

    # Rights -----------------------------------------------------------------------------------

    def may_write(self, device: bytes, roster_hash: bytes) -> bool | None:
        """Whether a device may write, as these heads and their past alone say.

        None when nobody registered heads with this hash.
        """
        level = self.level_at(device, roster_hash)
        return None if level is None else level <= LEVEL_WRITER_MAX

    def level_at(self, device: bytes, roster_hash: bytes) -> int | None:
        """At which level a device writes, as these heads and their past alone say.

        `NOBODY` when it is not in, None when nobody registered heads with this hash.
        """
        within = self._sets.get(roster_hash)
        if within is None:
            return None
        known = self._levels.get((device, roster_hash))
        if known is None:
            known = self._levels[device, roster_hash] = self._level_of(device, within)
        return known

    def _writes_at(self, device: bytes, heads: Sequence[bytes]) -> bool:
        return self._level_of(device, self.history.past_of(heads)) <= LEVEL_WRITER_MAX

    def _level_of(self, device: bytes, within: int) -> int:
        resolution = self._resolution_of(within)
        history, owner = self.history, resolution.owners.get(device)
        members = history.members_of.get(device, [])
        if owner is not None and within & owner.bit and owner.claim is not None:
            members = [owner.claim.claim.member]
        standings = (
            resolution.standing(member, within)
            for member in members
            if history.bound[device, member] & within
            and resolution.devices.holds(device, member, within)
        )
        return min(standings, default=NOBODY)

    def _resolution_of(self, within: int) -> Resolution:
        """A judgement that holds for a set of ops."""
        everything = self._judged()
        if everything.holds_for(within):
            return everything
        found = self._past.get(within)
        if found is None:
            found = self._past[within] = Resolution(self.history, within)
            if len(self._past) > limits.ROSTER_VIEWS_KEPT:
                self._past.popitem(last=False)
        return found

    def _judged(self) -> Resolution:
        if self._resolution is None:
            self._resolution = Resolution(self.history, self.history.everything)
        return self._resolution

    # State ------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """What everything that is known says."""
        if self._state is None:
            self._state = assemble(self.history, self._judged(), self._settled())
        return self._state

    def _settled(self) -> Scopes:
        if self._scopes is None:
            self._scopes = Scopes(self.history, self._judged())
        return self._scopes

    def state_at(self, heads: Sequence[bytes]) -> State:
        """What these ops, all here, and their past alone say."""
        within = self.history.past_of(heads)
        found = self._past_states.get(within)
        if found is None:
            resolution = Resolution(self.history, within)
            found = assemble(self.history, resolution, Scopes(self.history, resolution))
            self._past_states[within] = found
            if len(self._past_states) > limits.ROSTER_VIEWS_KEPT:
                self._past_states.popitem(last=False)
        return found

    def is_valid(self, op_id: bytes) -> bool:
        """Whether an op counts, against everything that is known."""
        node = self.history.by_id.get(op_id)
        if node is None:
            return False
        return bool(self._judged().valid & ~self._settled().void & node.bit)

    def before(self, first: bytes, second: bytes) -> bool:
        """Whether one op of the history is in the past of another."""
        nodes = self.history.by_id
        return bool(nodes[second].past & nodes[first].bit)


class Waiting:
    """Ops whose parents are not here yet; the oldest go when there are too many bytes."""

    def __init__(self) -> None:
        self._ops: dict[bytes, Op] = {}
        self._children: dict[bytes, set[bytes]] = defaultdict(set)
        self.bytes_held = 0

    def __contains__(self, op_id: bytes) -> bool:
        return op_id in self._ops

    def put(self, op: Op) -> None:
        self._ops[op.id] = op
        self.bytes_held += len(op.wire)
        for parent in op.parents:
            self._children[parent].add(op.id)
        while self.bytes_held > limits.ROSTER_WAITING_MAX_BYTES:
            self.pop(next(iter(self._ops)))

    def pop(self, op_id: bytes) -> None:
        op = self._ops.pop(op_id)
        self.bytes_held -= len(op.wire)
        for parent in op.parents:
            children = self._children[parent]
            children.discard(op_id)
            if not children:
                del self._children[parent]

    def children(self, op_id: bytes) -> list[Op]:
        """What waits for an op."""
        return [self._ops[child] for child in sorted(self._children.get(op_id, ()))]

    def drop_after(self, op_id: bytes) -> None:
        """Forget everything that rests on an op that will never come in."""
        gone = [op_id]
        while gone:
            for child in self.children(gone.pop()):
                if child.id in self._ops:
                    self.pop(child.id)
                    gone.append(child.id)

    def wanted(self) -> set[bytes]:
        """The parents that are not waiting themselves."""
        return self._children.keys() - self._ops.keys()
