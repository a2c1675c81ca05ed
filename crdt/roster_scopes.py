"""Channels and scopes: who shares which keys, after it is settled who is in.

Only ops that `roster_resolution` lets count are looked at. Inside a scope there are no levels, so
what may decide over another op beside it is layered the same way, and again without cycles:

1. removals by admins who are strictly senior to the one removed, and leaving by oneself;
2. removals by who began the scope, unless removed from it (meanwhile or before) or gone;
3. everything that takes being inside (adding members, channels in the scope, new keys, closing
   and opening its history): the author is inside in its own past, and no removal of the first two
   sorts stands beside it. The history is for admins and who began the scope.

Of an addition and a removal side by side the removal wins. An id of a channel or scope belongs to
the op whose place it is derived from (`roster_ops.channel_id`, `scope_id`), whoever else takes it;
other ids belong to the first op that has them, among several side by side to the most senior
author's, then to the smallest id.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from crdt.roster_history import History, Node
from crdt.roster_ops import (
    LEVEL_ADMIN_MAX,
    MODE_PUBLIC,
    Channel,
    Rekey,
    ScopeAdd,
    ScopeHistory,
    ScopeRemove,
    channel_id,
    scope_id,
)
from crdt.roster_resolution import Resolution

Change = tuple[Node, bool]
"""An op, and whether it takes the member out of the scope."""


class Scopes:
    """Channels, scopes and epochs of a resolution."""

    def __init__(self, history: History, resolution: Resolution) -> None:
        self._history = history
        self._resolution = resolution
        self.channels: list[Node] = []
        self.rekeys: list[Node] = []
        self.void_rekeys: list[Node] = []
        self.founding: dict[bytes, Node] = {}
        self.histories: dict[bytes, list[Node]] = defaultdict(list)
        """Scope to what counts of closing and opening its history."""
        self.void = 0
        self._changes: dict[tuple[bytes, bytes], list[Change]] = defaultdict(list)
        self.named: dict[bytes, set[bytes]] = defaultdict(set)
        """Member to the scopes in which something was about it."""
        self._about: dict[bytes, int] = defaultdict(int)
        """Scope to all ops about it, whether they count or not."""
        self._removals: dict[tuple[bytes, bytes], list[Node]] = defaultdict(list)
        """By admins and founders, of other members."""
        self._settle()

    def _settle(self) -> None:
        counted = self._resolution.valid
        inside: list[Node] = []
        removes: list[Node] = []
        channels: list[Node] = []
        for node in sorted(self._relevant(), key=lambda node: node.order):
            self._about[_scope_about(node)] |= node.bit
            if not counted & node.bit:
                if isinstance(node.op.args, Rekey):
                    self.void_rekeys.append(node)
                continue
            if isinstance(node.op.args, ScopeRemove):
                removes.append(node)
                continue
            if isinstance(node.op.args, Channel):
                channels.append(node)
            inside.append(node)
        self._found(channels)
        self._remove(removes)
        usable = [node for node in inside if self._enter(node)]
        kept = [node for node in usable if isinstance(node.op.args, Channel)]
        owners = self._owners(kept, _channel_of, _channel_is_derived)
        self.channels = list(owners.values())
        for node in kept:
            if owners[_channel_of(node)] is not node:
                self.void |= node.bit

    def grow(self, node: Node) -> bool:
        """Take one more op, which was judged and decided over none beside it.

        False when what was settled before may change; then all of it is to be settled anew.
        """
        args, counted = node.op.args, bool(self._resolution.valid & node.bit)
        beside = self._about[_scope_about(node)] & ~node.past
        self._about[_scope_about(node)] |= node.bit
        if not counted:
            if isinstance(args, Rekey):
                self.void_rekeys.append(node)
            return True
        if isinstance(args, Channel):
            if args.scope in self.founding or args.id in map(_channel_of, self.channels):
                return False
            if args.scope != self._history.scope:
                self._begin(args.scope, node)
            if self._enter(node):
                self.channels.append(node)
            return True
        if isinstance(args, ScopeAdd | ScopeHistory | Rekey):
            self._enter(node)
            return True
        if isinstance(args, ScopeRemove) and not beside:
            self._remove([node])
            return True
        return False

    def _relevant(self) -> Iterable[Node]:
        kinds = (Channel, ScopeAdd, ScopeRemove, ScopeHistory, Rekey)
        within = self._resolution.within
        return (
            node
            for node in self._history.nodes
            if isinstance(node.op.args, kinds) and node.plausible and within >> node.index & 1
        )

    # Ids --------------------------------------------------------------------------------------

    def _owners(
        self,
        nodes: list[Node],
        name: Callable[[Node], bytes],
        derived: Callable[[Node], bool],
    ) -> dict[bytes, Node]:
        """To whom each id belongs."""
        rivals: dict[bytes, list[Node]] = defaultdict(list)
        for node in nodes:
            rivals[name(node)].append(node)
        owners = {}
        for named, some in rivals.items():
            entitled = [node for node in some if derived(node)] or some
            first = [n for n in entitled if not any(n.past & other.bit for other in entitled)]
            owners[named] = min(first, key=lambda node: (node.op.body.level, node.op.id))
        return owners

    def _found(self, channels: list[Node]) -> None:
        private = [node for node in channels if _scope_of(node) != self._history.scope]
        self.founding = self._owners(private, _scope_of, _scope_is_derived)
        for scope, node in self.founding.items():
            self._begin(scope, node)

    def _begin(self, scope: bytes, node: Node) -> None:
        """A scope begins with an op: its author and those whom it names are in."""
        assert isinstance(node.op.args, Channel)
        self.founding[scope] = node
        for member in {node.member, *node.op.args.members}:
            self._change(scope, member, node, leaves=False)

    def _change(self, scope: bytes, member: bytes, node: Node, *, leaves: bool) -> None:
        self._changes[scope, member].append((node, leaves))
        self.named[member].add(scope)

    # Members of a scope -----------------------------------------------------------------------

    def contains(self, scope: bytes, member: bytes, within: int) -> bool:
        """Whether a member is in a scope after a set of ops with all their pasts."""
        found = [
            change for change in self._changes.get((scope, member), ()) if within & change[0].bit
        ]
        last = [
            leaves for node, leaves in found if not any(other.past & node.bit for other, _ in found)
        ]
        return bool(last) and not any(last)

    def is_open_to(self, node: Node, scope: bytes) -> bool:
        """Whether an op's author was inside a scope; everybody is in one that is all public."""
        if scope == self._history.scope or self.contains(scope, node.member, node.past):
            return True
        made = [n.op.args for n in self.channels if _scope_of(n) == scope]
        return bool(made) and all(isinstance(m, Channel) and m.mode == MODE_PUBLIC for m in made)

    def was_taken_out(self, scope: bytes, member: bytes, within: int) -> bool:
        """Whether a member had left a scope, or was made to, after a set of ops with their pasts.

        False as well of who never was inside: those have no key.
        """
        changes = self._changes.get((scope, member), ())
        some = any(leaves and within & node.bit for node, leaves in changes)
        return some and not self.contains(scope, member, within)

    def members(self) -> dict[bytes, set[bytes]]:
        """Who is in each scope now, whether or not still in the workspace."""
        found: dict[bytes, set[bytes]] = {scope: set() for scope in self.founding}
        for scope, member in self._changes:
            if scope in found and self.contains(scope, member, self._resolution.within):
                found[scope].add(member)
        return found

    def closed(self) -> frozenset[bytes]:
        """Scopes whose history is closed now."""
        return frozenset(scope for scope, nodes in self.histories.items() if is_closed(nodes))

    def _remove(self, removes: list[Node]) -> None:
        """Settle removals: admins' and leaving, then those by who began the scope."""
        later: list[tuple[Node, bytes, bytes]] = []
        done: set[int] = set()
        for node in removes:
            args = node.op.args
            assert isinstance(args, ScopeRemove)
            for member in args.members:
                if member == node.member or self._is_senior(node, member):
                    self._take_out(node, args.scope, member)
                    done.add(node.index)
                else:
                    later.append((node, args.scope, member))
        for node, scope, member in later:
            if self._began(node, scope):
                self._take_out(node, scope, member)
                done.add(node.index)
        for node in removes:
            if node.index not in done:
                self.void |= node.bit

    def _take_out(self, node: Node, scope: bytes, member: bytes) -> None:
        self._change(scope, member, node, leaves=True)
        if member != node.member:
            self._removals[scope, member].append(node)

    def _is_senior(self, node: Node, member: bytes) -> bool:
        level = node.op.body.level
        standing = self._resolution.standing(member, node.past)
        return level <= LEVEL_ADMIN_MAX and level < standing

    def _began(self, node: Node, scope: bytes) -> bool:
        founding = self.founding.get(scope)
        if founding is None or founding.member != node.member or not node.past & founding.bit:
            return False
        lost = self._changes[scope, node.member]
        return not any(
            leaves
            and (node.past & other.bit or (other.member != node.member))
            and not other.past & node.bit
            for other, leaves in lost
        )

    def _enter(self, node: Node) -> bool:
        """Let an op count that takes being inside."""
        args = node.op.args
        assert isinstance(args, Channel | ScopeAdd | ScopeHistory | Rekey)
        scope, member = args.scope, node.member
        inside = (
            scope == self._history.scope
            or self.founding.get(scope) is node
            or (
                self.contains(scope, member, node.past)
                and not any(
                    not node.past & other.bit and not other.past & node.bit
                    for other in self._removals.get((scope, member), ())
                )
            )
        )
        if isinstance(args, ScopeHistory):
            ruling = node.op.body.level <= LEVEL_ADMIN_MAX or self._began(node, scope)
            inside = inside and ruling
        if not inside:
            self.void |= node.bit
        if isinstance(args, Rekey):
            (self.rekeys if inside else self.void_rekeys).append(node)
        elif isinstance(args, ScopeAdd) and inside:
            for added in args.members:
                self._change(scope, added, node, leaves=False)
        elif isinstance(args, ScopeHistory) and inside:
            self.histories[scope].append(node)
        return inside


def is_closed(nodes: Iterable[Node]) -> bool:
    """What ops that close and open a scope's history say together: closing wins side by side."""
    found = list(nodes)
    followed = 0
    for node in found:
        followed |= node.past
    last = (node.op.args for node in found if not followed & node.bit)
    return any(isinstance(args, ScopeHistory) and not args.open for args in last)


def _scope_about(node: Node) -> bytes:
    assert isinstance(node.op.args, Channel | ScopeAdd | ScopeRemove | ScopeHistory | Rekey)
    return node.op.args.scope


def _channel_of(node: Node) -> bytes:
    assert isinstance(node.op.args, Channel)
    return node.op.args.id


def _scope_of(node: Node) -> bytes:
    assert isinstance(node.op.args, Channel)
    return node.op.args.scope


def _channel_is_derived(node: Node) -> bool:
    body = node.op.body
    return _channel_of(node) == channel_id(body.device, body.incarnation, body.seq)


def _scope_is_derived(node: Node) -> bool:
    body = node.op.body
    return _scope_of(node) == scope_id(body.device, body.incarnation, body.seq)
