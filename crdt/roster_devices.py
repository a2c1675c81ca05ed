"""Which devices are a member's: what brought them in, and what took them out.

A member begins with one device (genesis, admission). Others follow: a device of the member offers
a code, somebody's new device claims it, and a device of the member says so (`DeviceAdd`). A code
that lasts is on paper; then the claim is proof enough, and whoever sees it may say so.

A member's level and its devices are two questions. Nobody but the member's own devices adds one;
they take each other out, and admins those of strictly junior members. What a device does counts
when it stands in the past of every counting removal of that device: so, as with members, what is
done beside a removal is lost, and nothing brings a removed device back.

    an op        its device is one the member began with, or came in by an addition that stands
    an addition  the code was offered by a device that counts, and was not taken back before; and
                 of a code that does not last, whoever offered it and whoever says so are not
                 removed as seen from here, and no smaller id beside it used the code otherwise
    a removal    of the member's own, as its own past says; beside it only seniors' removals matter,
                 of the device or of the member

So two devices that remove each other are both out, and there is no circle: whether a removal
counts follows from its past, and from seniors' removals, which are judged before (`turn`: those of
a smaller level count). Who came in by the paper afterwards cannot be named by what is dated back.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

from crdt.claims import SignedClaim
from crdt.roster_history import History, Node
from crdt.roster_ops import DeviceAdd, DeviceCode, DeviceRemove, Revoke
from crdt.roster_standing import NOBODY


class Devices:
    """The devices of a judgement.

    `lost` is told of an op, and the index of what stands in its way. `expelled` gives what took
    from an op's member, behind or beside it, the level of a turn.
    """

    def __init__(
        self,
        history: History,
        lost: Callable[[Node, int | None], object],
        expelled: Callable[[Node, int], Node | None],
    ) -> None:
        self._history = history
        self._expelled = expelled
        self._lost = lost
        self._within = 0
        self._by_seniors: dict[tuple[bytes, bytes], list[Node]] = defaultdict(list)
        self._found: dict[tuple[int, bytes, int, int], Node | None] = {}

    def look_at(self, within: int) -> None:
        """These ops are judged; what was found out about fewer is forgotten."""
        self._within = within
        self._found.clear()

    def remove(self, node: Node) -> None:
        """A removal by somebody senior counts."""
        args = node.op.args
        assert isinstance(args, DeviceRemove)
        self._by_seniors[args.device, args.member].append(node)
        self._found.clear()

    # Asking -----------------------------------------------------------------------------------

    def is_own(self, node: Node) -> bool:
        """Whether an op is judged here alone, and not in the turn of its level."""
        args = node.op.args
        if isinstance(args, DeviceRemove):
            return args.member == node.member
        if isinstance(args, Revoke):
            return args.invite in self._history.codes
        return isinstance(args, DeviceAdd | DeviceCode)

    def counts(self, node: Node) -> bool:
        """Whether one of these ops counts, against everything that was judged."""
        args = node.op.args
        if isinstance(args, DeviceAdd):
            return self._in_the_way_of_add(node, NOBODY, None) is None
        if isinstance(args, DeviceRemove):
            return self._removal_counts(node, NOBODY)
        return self.in_the_way(node, NOBODY) is None

    def in_the_way(self, node: Node, turn: int) -> Node | None:
        """What says that an op's device was no device of the member then, as far as a turn knows;
        None when nothing does."""
        return self._in_the_way(node, node.op.body.device, node.member, turn, None)

    def taken_from(self, invite: Node, node: Node, turn: int) -> Node | None:
        """A removal of the device that made an invite, behind which or beside which an op is."""
        if invite.member not in self._history.shrunk:
            return None
        return self._removed(node, invite.op.body.device, invite.member, turn, None)

    def holds(self, device: bytes, member: bytes, within: int) -> bool:
        """Whether a device is the member's after a set of ops with all their pasts."""
        history, pair = self._history, (device, member)
        if any(within & removal.bit for removal in self._removals(pair, NOBODY, None)):
            return False
        if history.rooted.get(pair, 0) & within:
            return True
        return any(
            within & add.bit and self._in_the_way_of_add(add, NOBODY, None) is None
            for add in history.added.get(pair, ())
        )

    def end_of(self, device: bytes, member: bytes) -> Node | None:
        """What took a device out; None when it is the member's."""
        history, pair = self._history, (device, member)
        ends = list(self._removals(pair, NOBODY, None))
        if not ends and not history.rooted.get(pair, 0) & self._within:
            adds = [add for add in history.added.get(pair, ()) if self._within & add.bit]
            found = [self._in_the_way_of_add(add, NOBODY, None) for add in adds]
            ends = [] if None in found else [node for node in found if node is not None]
        return min(ends, key=lambda node: node.order, default=None)

    def was_used(self, code: Node) -> bool:
        """Whether a device came in by a code."""
        adds = self._history.adds_by.get(code.op.id, ())
        return any(self._within & add.bit and self.counts(add) for add in adds)

    def is_revoked(self, code: Node) -> bool:
        """Whether a code that counts lets nobody in any more."""
        args, history = code.op.args, self._history
        assert isinstance(args, DeviceCode)
        if not args.lasting and self.end_of(code.op.body.device, code.member) is not None:
            return True
        return any(
            self._within & revoke.bit and self.in_the_way(revoke, NOBODY) is None
            for revoke in history.revokes.get(code.op.id, ())
        )

    # Inside -----------------------------------------------------------------------------------

    def _removals(self, pair: tuple[bytes, bytes], turn: int, view: Node | None) -> Iterator[Node]:
        """The removals of a device that count; of the member's own those before `view` alone."""
        seen = self._seen(view)
        for removal in self._history.taken.get(pair, ()):
            if seen & removal.bit and self._removal_counts(removal, turn):
                yield removal
        for removal in self._by_seniors.get(pair, ()):
            if removal.stratum < turn:
                yield removal

    def _seen(self, view: Node | None) -> int:
        return self._within if view is None else view.past

    def _removal_counts(self, removal: Node, turn: int) -> bool:
        device, member = removal.op.body.device, removal.member
        if self._in_the_way(removal, device, member, turn, removal) is not None:
            return False
        expelled = self._expelled(removal, turn)
        if expelled is not None:
            self._lost(removal, expelled.index)
        return expelled is None

    def _removed(
        self, node: Node, device: bytes, member: bytes, turn: int, view: Node | None
    ) -> Node | None:
        """A removal of a device in whose past an op is not."""
        for removal in self._removals((device, member), turn, view):
            if not removal.past & node.bit:
                self._lost(node, removal.index)
                return removal
        return None

    def _in_the_way(
        self, node: Node, device: bytes, member: bytes, turn: int, view: Node | None
    ) -> Node | None:
        history, pair = self._history, (device, member)
        rooted = bool(history.rooted.get(pair, 0) & node.past) or not node.past
        if rooted and member not in history.shrunk:
            return None
        key = (node.index, device, turn, -1 if view is None else view.index)
        if key not in self._found:
            found = self._removed(node, device, member, turn, view)
            if found is None and not rooted:
                found = self._unbound(node, pair, turn, view)
            self._found[key] = found
        return self._found[key]

    def _unbound(
        self, node: Node, pair: tuple[bytes, bytes], turn: int, view: Node | None
    ) -> Node | None:
        """Why none of the additions before an op stands."""
        first: Node | None = None
        for add in self._history.added.get(pair, ()):
            if node.past & add.bit:
                found = self._in_the_way_of_add(add, turn, view)
                if found is None:
                    return None
                first = first or found
        assert first is not None, "an op's device is bound in its past"
        return first

    def _in_the_way_of_add(self, add: Node, turn: int, view: Node | None) -> Node | None:
        key = (add.index, b"add", turn, -1 if view is None else view.index)
        if key not in self._found:
            found = self._unfounded(add, turn, view)
            if found is None:
                found = self._rival(add, turn, view)
            self._found[key] = found
            if found is not None:
                self._lost(add, found.index)
        return self._found[key]

    def _unfounded(self, add: Node, turn: int, view: Node | None) -> Node | None:
        """What an addition fails for, but for another one by the same code."""
        history, code = self._history, self._history.code_of(add)
        assert isinstance(code.op.args, DeviceCode)
        device, member = code.op.body.device, code.member
        found = self._in_the_way(code, device, member, turn, view)
        if found is None and not code.op.args.lasting:
            found = self._removed(add, device, member, turn, view)
            if found is None:
                witness = add.op.body.device
                found = self._in_the_way(add, witness, member, turn, view)
        if found is not None:
            return found
        for revoke in history.revokes.get(code.op.id, ()):
            by = revoke.op.body.device
            if add.past & revoke.bit and not self._in_the_way(revoke, by, member, turn, view):
                return revoke
        return None

    def _rival(self, add: Node, turn: int, view: Node | None) -> Node | None:
        """Another addition by the same code, beside this one, that wins."""
        history, code = self._history, self._history.code_of(add)
        assert isinstance(code.op.args, DeviceCode)
        if code.op.args.lasting:
            return None
        claim, seen = self._claim(add), self._seen(view)
        for other in history.adds_by.get(code.op.id, ()):
            if (
                other.op.id < add.op.id
                and seen & other.bit
                and self._claim(other).id != claim.id
                and self._unfounded(other, turn, view) is None
            ):
                return other
        return None

    def _claim(self, add: Node) -> SignedClaim:
        return self._history.device_claims[add.index]
