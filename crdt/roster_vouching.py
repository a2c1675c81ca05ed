"""Who may witness: of whom it is not known that it was out.

A witness gives an admission its place in time, and place decides: whether the invite was used or
revoked before, and who wins when two show a claim for it. So somebody who was removed must not be
able to witness as if earlier, nor by somebody whom it makes up. But an admission is judged when
only the ops of more senior turns are, and a witness may be junior to the newcomer: whether it was
in cannot be known for sure, without going in circles. What can be asked is this, at the turn of a
level L: is there a chain of admissions and grants, from the founder to the witness, of which
nothing that was judged before L says that it is broken? It is broken

- by a link that was judged and does not count, or an invite that does not;
- by a removal (or a grant of less), more senior than L, of somebody whom the chain leads through,
  unless that acted before it, or was given its level again after it.

It needs the pasts of the ops, and judgements of strictly more senior turns: so there is no circle.
What is left to somebody removed is to witness for newcomers who are at least as senior as those
who removed it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from crdt.roster_history import History, Node, bits
from crdt.roster_ops import Grant
from crdt.roster_standing import Event


class Vouching:
    """Chains of a judgement.

    `counts` says whether an op of an earlier turn does; `lost` is told of an op, and the index of
    one beside it that may break its chain; `is_ours` says whether an op's device was its member's,
    as far as a turn knows.
    """

    def __init__(
        self,
        history: History,
        events: Mapping[bytes, Sequence[Event]],
        counts: Callable[[Node], bool],
        lost: Callable[[Node, int], object],
        is_ours: Callable[[Node, int], bool],
    ) -> None:
        self._history = history
        self._events = events
        self._counts = counts
        self._lost = lost
        self._is_ours = is_ours
        self._doubted: dict[int, int] = defaultdict(int)
        """Turn to the admissions and grants that are no links, as far as that turn knows."""
        self._looked_at: dict[int, int] = defaultdict(int)
        """Turn to how many of the history's gifts were looked at."""

    def may_witness(self, node: Node) -> bool:
        """Whether an admission's author may be its witness, as far as its turn knows."""
        self._look(node.stratum, node.index)
        return self._is_author_linked(node, node.stratum)

    def _is_author_linked(self, node: Node, turn: int) -> bool:
        level = node.op.body.level
        return self._is_ours(node, turn) and self._is_linked(node.member, level, node, turn)

    def _look(self, turn: int, end: int) -> None:
        """Look at the admissions and grants with indexes below `end`, parents first."""
        gifts = self._history.gifts
        position = self._looked_at[turn]
        while position < len(gifts) and gifts[position].index < end:
            if not self._is_link(gifts[position], turn):
                self._doubted[turn] |= gifts[position].bit
            position += 1
        self._looked_at[turn] = position

    def _is_link(self, node: Node, turn: int) -> bool:
        if node.stratum < turn:
            return self._counts(node)
        if not self._is_author_linked(node, turn):
            return False
        if isinstance(node.op.args, Grant):
            return True
        invite = self._history.invite_of(node)
        inviter, level = invite.member, invite.op.body.level
        if invite.stratum < turn:
            if not self._counts(invite):
                return False
        elif not self._is_author_linked(invite, turn):
            return False
        return self._is_linked(inviter, level, node, turn)

    def _is_linked(self, member: bytes, level: int, node: Node, turn: int) -> bool:
        """Whether a chain leads to a member at a level, when it did something."""
        nodes = self._history.nodes
        given = self._history.given.get((member, level), 0) & node.past & ~self._doubted[turn]
        for event in self._events.get(member, ()):
            if event.admission or event.stratum >= turn or event.level <= level:
                continue
            taken = nodes[event.indexes[0]]
            if taken.past & node.bit:
                continue
            if not node.past & taken.bit:
                if taken.member == member:
                    continue
                self._lost(node, taken.index)
            given = sum(1 << index for index in bits(given) if nodes[index].past & taken.bit)
        return bool(given)
