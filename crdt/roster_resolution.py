"""Which ops count, against everything else that is known: authority over the strictly lesser.

An op may only affect who has a strictly larger level number, so ops can be judged level by level,
the most senior first, and the judgement of one level never depends on a lesser one: no cycles, no
second pass, and the same result whatever came in which order. An op of level L counts when

- its author has exactly level L after the ops in its past (`standing`);
- no op of a more senior level that removes or demotes the author stands beside it (in neither's
  past). What the author did before it was removed stays; what it claims to have done meanwhile
  does not;
- a grant or removal: its target does not have L or less in its past, nor is given it by a
  more senior op beside it.

An admission opens the turn of the level that it gives: then everything is known that more senior
people did, and nobody has acted at that level yet. Its authority is the invite's author's: the
invite counts, its author still has at least that authority, and nobody revoked it before, or,
strictly senior, meanwhile. Its witness only says when; but it must be somebody of whom it is not
known by then that it was out (`roster_vouching`). One claim wins an invite (the one whose witness
is most senior, then the smallest id); admissions with the same claim are one, whoever published
them.

What was refused only because of an op beside it is remembered with that op (`contested`). For any
smaller set of ops that has no such half of a pair, everything was decided by pasts alone, and the
judgement of the larger set holds for it as well; that makes looking into the past cheap.
"""

from collections import defaultdict
from collections.abc import Iterable

from crdt.roster_devices import Devices
from crdt.roster_history import STRATUM_GENESIS, History, Node
from crdt.roster_ops import (
    LEVEL_FOUNDER,
    Admit,
    DeviceRemove,
    Genesis,
    Grant,
    Invite,
    Remove,
    Revoke,
)
from crdt.roster_standing import NOBODY, Event, Standings
from crdt.roster_vouching import Vouching

_PAUSABLE = (Invite, Admit, Grant, Remove)


class Resolution:
    """The judgement over a set of ops that holds all their pasts."""

    def __init__(self, history: History, within: int) -> None:
        self._history = history
        self._nodes = history.nodes
        self.within = 0
        self.valid = 0
        self.paused = 0
        self._contested: list[tuple[int, int]] = []
        self._losers = 0
        self._standings = Standings(self._nodes)
        self.events = self._standings.events
        self.devices = Devices(history, self._lost, self._expelled)
        self._vouching = Vouching(history, self.events, self._counts, self._lost, self._is_ours)
        self.winners: dict[bytes, list[Node]] = {}
        """Invite to the admissions by it that count."""
        self.revoked: dict[bytes, list[Node]] = defaultdict(list)
        self.owners: dict[bytes, Node] = {}
        """Device to the admission that binds it to its member."""
        self._candidates: dict[bytes, list[Node]] = defaultdict(list)
        self._pausing: list[Node] = []
        self._resolve(within)

    # Whole judgement --------------------------------------------------------------------------

    def _resolve(self, within: int) -> None:
        self.within = within
        self.devices.look_at(within)
        turns: dict[int, tuple[list[Node], list[Node]]] = defaultdict(lambda: ([], []))
        whole = within == self._history.everything
        for node in self._nodes:
            if node.plausible and (whole or within >> node.index & 1):
                turns[node.stratum][node.claim is not None].append(node)
        for stratum in sorted(turns):
            others, admissions = turns[stratum]
            self._judge_admissions(admissions)
            for node in sorted(others, key=_is_of_founding) if stratum == 0 else others:
                self._judge(node)
        for node in self._history.device_ops:
            if within >> node.index & 1 and self.devices.is_own(node) and self.devices.counts(node):
                self.valid |= node.bit

    def append(self, node: Node) -> bool:
        """Judge one more op; False when it may change the judgement of others.

        Its parents are within, and it is in nobody's past.
        """
        beside = self.within & ~node.past
        if beside and self._disturbs(node, beside):
            return False
        self.within |= node.bit
        self.devices.look_at(self.within)
        if node.plausible:
            if self.devices.is_own(node):
                if self.devices.counts(node):
                    self.valid |= node.bit
            elif node.claim is None:
                self._judge(node)
            else:
                self._judge_admissions([node])
        return True

    def _disturbs(self, node: Node, beside: int) -> bool:
        """Whether it might decide over an op beside it."""
        history, args = self._history, node.op.args
        if not node.plausible:
            return False
        if isinstance(args, DeviceRemove):
            return True
        if node.index in history.device_claims:
            return bool(history.admits.get(history.code_of(node).op.id, 0) & beside)
        if isinstance(args, Revoke):
            return bool(history.admits.get(args.invite, 0) & beside)
        if isinstance(args, Grant | Remove):
            known = self.events.get(args.member, ())
            if history.concerns.get(args.member, 0) & beside:
                return True
            return any(beside >> index & 1 for event in known for index in event.indexes)
        if node.claim is not None:
            claim = node.claim.claim
            known = self.events.get(claim.member, ())
            return (
                any(not event.admission for event in known)
                or claim.member in history.shrunk
                or claim.sign in self.owners
                or bool(self._candidates.get(claim.invite))
            )
        return False

    def holds_for(self, within: int) -> bool:
        """Whether the judgement of this set is that of a smaller one too."""
        if not self._losers & within:
            return True
        return all(
            not within >> loser & 1 or within >> winner & 1 for loser, winner in self._contested
        )

    # Standing ---------------------------------------------------------------------------------

    def standing(self, member: bytes, within: int, most: int = NOBODY) -> int:
        """A member's level after a set of ops with all their pasts; NOBODY when it is not in.

        Levels above `most` are not looked at: they may not be known yet.
        """
        return self._standings.standing(member, within, most)

    # One op -----------------------------------------------------------------------------------

    def _judge(self, node: Node) -> None:
        """Let an op that is no admission count, or not."""
        args, level = node.op.args, node.stratum
        if isinstance(args, Genesis):
            self._found(node)
            return
        if self.devices.is_own(node) or self.standing(node.member, node.past, level) != level:
            return
        if not self._is_ours(node, level):
            return
        if self._lost(node, self._demotion_beside(node, node.member, level)):
            return
        if args is None:
            self._pausing.append(node)
            return
        if self._is_paused(node, node.member, level):
            return
        if isinstance(args, Grant):
            # What makes a founder opens their turn: it asks for nobody's standing but its author's.
            if args.level > LEVEL_FOUNDER and not self._may_affect(node, args.member):
                return
            self._happens(node, args.member, args.level)
        elif isinstance(args, Remove):
            if args.member != node.member and not self._may_affect(node, args.member):
                return
            self._happens(node, args.member, NOBODY)
        elif isinstance(args, Revoke):
            self.revoked[args.invite].append(node)
        elif isinstance(args, DeviceRemove):
            if not self._may_affect(node, args.member):
                return
            self.devices.remove(node)
        self.valid |= node.bit

    def _found(self, node: Node) -> None:
        args, member = node.op.args, node.member
        assert isinstance(args, Genesis)
        self.events[member].append(
            Event((node.index,), STRATUM_GENESIS, node.op.body.level, node.op.id, True)
        )
        self.owners[node.op.body.device] = node
        if args.recovery_sign:
            self.owners[args.recovery_sign] = node
        self.valid |= node.bit

    def _happens(self, node: Node, member: bytes, level: int) -> None:
        self.events[member].append(Event((node.index,), node.stratum, level, node.op.id, False))

    def _is_ours(self, node: Node, turn: int) -> bool:
        """Whether an op's device was its member's, as far as a turn knows."""
        return self.devices.in_the_way(node, turn) is None

    def _expelled(self, node: Node, turn: int) -> Node | None:
        """What of a more senior turn takes a turn's level from an op's member, and does not have
        the op in its past; unless the member had been given one again before the op."""
        nodes, events = self._nodes, self.events.get(node.member, ())
        for event in events:
            taken = nodes[event.indexes[0]]
            if event.admission or event.stratum >= turn or taken.member == node.member:
                continue
            if (event.level <= turn and event.level != NOBODY) or taken.past & node.bit:
                continue
            given = (index for other in events if other.level != NOBODY for index in other.indexes)
            if node.past & taken.bit and any(
                node.past >> index & 1 and nodes[index].past & taken.bit for index in given
            ):
                continue
            return taken
        return None

    def _counts(self, node: Node) -> bool:
        return bool(self.valid & node.bit)

    def _lost(self, node: Node, winner: int | None) -> bool:
        """Remember that an op is refused because of the one beside it."""
        if winner is None:
            return False
        self._contested.append((node.index, winner))
        self._losers |= node.bit
        return True

    def _beside(self, node: Node, index: int) -> bool:
        return (
            index != node.index
            and not node.past >> index & 1
            and not self._nodes[index].past >> node.index & 1
        )

    def _demotion_beside(self, node: Node, member: bytes, level: int) -> int | None:
        """A more senior op that takes a level from the member meanwhile."""
        for event in self.events.get(member, ()):
            if (
                not event.admission
                and event.stratum < level < event.level
                and self._beside(node, event.indexes[0])
            ):
                return event.indexes[0]
        return None

    def _may_affect(self, node: Node, target: bytes) -> bool:
        """Whether the target is, and stays, strictly junior."""
        if self.standing(target, node.past, node.stratum) <= node.stratum:
            return False
        for event in self.events.get(target, ()):
            if event.level <= node.stratum:
                # A claim that was known counts no second time, whoever publishes it again.
                if any(node.past >> index & 1 for index in event.indexes):
                    continue
                for index in event.indexes:
                    if self._beside(node, index):
                        self._lost(node, index)
                        return False
        return True

    def _is_paused(self, node: Node, member: bytes, level: int) -> bool:
        """Whether it rests on an op of unknown kind that could have changed its authority.

        That is a member's, at a level.
        """
        if not self._pausing or not isinstance(node.op.args, _PAUSABLE):
            return False
        for unknown in self._pausing:
            if node.past & unknown.bit and (
                unknown.stratum < level or (unknown.stratum == level and unknown.member == member)
            ):
                self.paused |= node.bit
                return True
        return False

    # Admissions -------------------------------------------------------------------------------

    def _judge_admissions(self, nodes: Iterable[Node]) -> None:
        """Judge admissions of one turn."""
        asked: dict[bytes, list[Node]] = defaultdict(list)
        for node in nodes:
            invite = self._history.invite_of(node)
            if self._is_candidate(node, invite):
                asked[invite.op.id].append(node)
        accepted = [node for invite, some in asked.items() for node in self._winners(invite, some)]
        for node in sorted(accepted, key=lambda node: node.order):
            self._admit(node)

    def _is_candidate(self, node: Node, invite: Node) -> bool:
        inviter, level = invite.member, invite.stratum
        if self._is_paused(node, inviter, level) or not self._counts(invite):
            return False
        if self.standing(inviter, node.past, level) > level:
            return False
        assert node.claim is not None
        # An invite takes nothing away from who is in already.
        if self.standing(node.claim.claim.member, node.past, node.stratum) < node.stratum:
            return False
        revokes = self.revoked.get(invite.op.id, ())
        if any(node.past & revoke.bit for revoke in revokes):
            return False
        for revoke in revokes:
            if revoke.stratum < level and self._beside(node, revoke.index):
                return not self._lost(node, revoke.index)
        if self._lost(node, self._demotion_beside(node, inviter, level)):
            return False
        if self.devices.taken_from(invite, node, node.stratum) is not None:
            return False
        return self._vouching.may_witness(node)

    def _winners(self, invite: bytes, asked: list[Node]) -> list[Node]:
        """The admissions with the claim that wins the invite."""
        known = self._candidates[invite]
        known.extend(asked)
        first = [node for node in asked if not any(node.past >> other.index & 1 for other in known)]
        if not first:
            return []
        best = min(first, key=lambda node: (node.op.body.level, node.op.id))
        assert best.claim is not None
        won = []
        for node in first:
            assert node.claim is not None
            if node.claim.id == best.claim.id:
                won.append(node)
            else:
                self._lost(node, best.index)
        return won

    def _admit(self, node: Node) -> None:
        assert node.claim is not None
        claim = node.claim.claim
        owner = self.owners.setdefault(claim.sign, node)
        if not self._same_member(owner, claim.member):
            if not node.past & owner.bit:
                self._lost(node, owner.index)
            return
        self.valid |= node.bit
        before = self.winners.setdefault(claim.invite, [])
        events = self.events[claim.member]
        if before:
            events[:] = [event for event in events if before[0].index not in event.indexes]
        before.append(node)
        indexes = tuple(other.index for other in before)
        key = min(other.op.id for other in before)
        events.append(Event(indexes, node.stratum, node.stratum, key, True))

    @staticmethod
    def _same_member(owner: Node, member: bytes) -> bool:
        if owner.claim is None:
            return owner.member == member
        return owner.claim.claim.member == member


def _is_of_founding(node: Node) -> bool:
    """Sorts what makes founders, their leaving, and what nobody knows yet before the rest."""
    args = node.op.args
    leaving = isinstance(args, Remove) and args.member == node.member
    founds = isinstance(args, Grant) and args.level == LEVEL_FOUNDER
    return not (args is None or leaving or founds)
