"""What newcomers read: which epochs are open to whoever comes, and who holds the others.

The history of a scope is open until an op closes it (`ScopeHistory`; what such ops say together is
in `roster_scopes`). An epoch is open when every closing that counts is in its past, and the history
is open by that past; so whatever is closed once stays closed, and an epoch made after the history
was opened again is open.

A closed epoch is for the members who hold it, with all devices that they ever have:

    the members of its author's device, and of those that it names;
    of the target of a share whose author's member holds it;
    those who hold a later epoch that wraps this one, if the author of that one holds this one.

The last condition keeps out who claims to wrap what it never had. These are facts about who had a
key and could hand it on, so it does not matter whether the ops count: nobody gets anything by them
that their authors could not have given away. Rules: docs/protocol/epochs.md.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence

from crdt.roster_history import Node
from crdt.roster_ops import Rekey, ScopeHistory, Share
from crdt.roster_scopes import is_closed

Ops = Callable[[bytes], Sequence[Node]]


class EpochHistory:
    """Who may be handed which epoch.

    Args:
        rekeys: the epochs of a scope, `shares` the shares of an epoch; valid or not.
        counts: whether an op does, against everything that is known.
        member_of: the member a device belongs or belonged to; empty for a stranger's.
    """

    def __init__(
        self,
        rekeys: Ops,
        shares: Ops,
        counts: Callable[[bytes], bool],
        member_of: Callable[[bytes], bytes],
    ) -> None:
        self._rekeys = rekeys
        self._shares = shares
        self._counts = counts
        self._member_of = member_of
        self._rulings: dict[bytes, list[Node]] = defaultdict(list)
        self._held: dict[bytes, dict[bytes, set[bytes]]] = {}
        """By scope and epoch, the members who hold it."""

    def rule(self, scope: bytes, node: Node) -> None:
        """An op that closes or opens the history of a scope became known."""
        self._rulings[scope].append(node)

    def was_ruled(self, scope: bytes) -> bool:
        """Whether somebody ever said something about the history of a scope."""
        return scope in self._rulings

    def forget(self) -> None:
        """Others may hold what they did not before."""
        self._held.clear()

    def is_closed(self, scope: bytes, within: int | None = None) -> bool:
        """Whether who comes into a scope reads nothing from before, as a set of ops says."""
        return is_closed(self._counting(scope, within))

    def is_open(self, epoch: Node, within: int | None = None) -> bool:
        """Whether an epoch is open to whoever comes into its scope."""
        rulings = list(self._counting(_rekey(epoch).scope, within))
        return all(map(_opens, (node for node in rulings if not epoch.past & node.bit))) and (
            not is_closed(node for node in rulings if epoch.past & node.bit)
        )

    def may_have(self, epoch: Node, member: bytes) -> bool:
        """Whether a member in the scope may be handed an epoch's key."""
        return self.is_open(epoch) or member in self.holders(epoch)

    def holders(self, epoch: Node) -> set[bytes]:
        """The members who hold an epoch."""
        scope = _rekey(epoch).scope
        if scope not in self._held:
            self._held[scope] = self._who_holds(scope)
        return self._held[scope][epoch.op.id]

    # Inside -------------------------------------------------------------------------------------

    def _counting(self, scope: bytes, within: int | None) -> Iterator[Node]:
        for node in self._rulings.get(scope, ()):
            if (within is None or within & node.bit) and self._counts(node.op.id):
                yield node

    def _who_holds(self, scope: bytes) -> dict[bytes, set[bytes]]:
        """The members who hold each epoch of a scope, later ones first: those decide."""
        nodes = {node.op.id: node for node in self._rekeys(scope)}
        held = {op_id: self._named(node) for op_id, node in nodes.items()}
        wrapping: dict[bytes, list[Node]] = defaultdict(list)
        for node in nodes.values():
            for earlier, _ in _rekey(node).wraps:
                wrapping[earlier].append(node)
        left = deque(reversed(nodes))
        while left:
            op_id = left.popleft()
            before = len(held[op_id])
            self._spread(op_id, held, wrapping[op_id])
            if len(held[op_id]) > before:
                named = (each for each, _ in _rekey(nodes[op_id]).wraps)
                left.extend(each for each in named if each in nodes)
        return held

    def _named(self, epoch: Node) -> set[bytes]:
        return {epoch.member, *map(self._member_of, _rekey(epoch).devices)} - {b""}

    def _spread(self, epoch: bytes, held: dict[bytes, set[bytes]], wrapping: list[Node]) -> None:
        """Add to the holders of an epoch those whom others of them handed it to."""
        found, shares = held[epoch], self._shares(epoch)
        size = -1
        while size < len(found):
            size = len(found)
            for node in wrapping:
                if node.member in found:
                    found |= held[node.op.id]
            for share in shares:
                if share.member in found:
                    found.add(self._member_of(_target(share)))
        found.discard(b"")


def _opens(node: Node) -> bool:
    return isinstance(node.op.args, ScopeHistory) and node.op.args.open


def _rekey(node: Node) -> Rekey:
    assert isinstance(node.op.args, Rekey)
    return node.op.args


def _target(node: Node) -> bytes:
    assert isinstance(node.op.args, Share)
    return node.op.args.device
