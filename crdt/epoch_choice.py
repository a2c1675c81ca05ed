"""Which epoch a scope seals with: decided from the roster alone, the same for all who hold it.

Let holders(e) be the author's device, the devices that the op names, and, again and again, the
targets of shares that a holder published. An epoch whose op is valid is usable with respect to a
state of the roster when

    clean       every holder is a device of the scope: nobody who was removed, no stranger;
    complete    every device that was in the scope at the op, and is now, is a holder
                (newcomers may lack the key: they get shares);
    open enough while the scope's history is closed to newcomers every member of the scope has a
                device among the holders, else no closing made it a closed epoch (`epoch_history`);
    called for  its author is an admin, or no epoch in its past was usable when it was written,
                so that no member can flood or freeze a scope with keys.

Of the usable epochs the causally latest is current; among concurrent ones that of the lowest
author level, then of the smaller device id, then with the smaller epoch id. An outsider holds what
it makes, so its epochs are never clean. A public channel's key stands in its op: the first such op
is the epoch of a scope all of whose channels are public, for ever.

Relays are no devices of a scope: they hold no keys. Why so: docs/protocol/epochs.md.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import Protocol

from crdt.epoch_history import EpochHistory
from crdt.roster_history import History, Node, bits
from crdt.roster_ops import (
    LEVEL_ADMIN_MAX,
    LEVEL_RELAY,
    MODE_PUBLIC,
    Channel,
    Rekey,
    ScopeHistory,
    Share,
)


class ScopeDevice(Protocol):
    """A device that is in."""

    @property
    def member(self) -> bytes: ...
    @property
    def level(self) -> int: ...
    @property
    def box(self) -> bytes: ...


class ScopeState(Protocol):
    """Who is in, and in which scopes."""

    @property
    def devices(self) -> Mapping[bytes, ScopeDevice]: ...
    @property
    def former_devices(self) -> Mapping[bytes, ScopeDevice]: ...
    @property
    def scopes(self) -> Mapping[bytes, frozenset[bytes]]: ...


class EpochRoster(Protocol):
    """What the choice needs of a roster."""

    @property
    def history(self) -> History: ...
    @property
    def heads_hash(self) -> bytes: ...
    @property
    def state(self) -> ScopeState: ...
    def state_at(self, heads: Sequence[bytes]) -> ScopeState:
        """The state as these ops and their past alone give it."""
        ...

    def is_valid(self, op_id: bytes) -> bool:
        """Whether an op counts, against everything that is known."""
        ...


class EpochChoice:
    """The epochs of all scopes, judged anew when the roster has changed."""

    def __init__(self, roster: EpochRoster) -> None:
        self._roster = roster
        self._read = 0
        self._rekeys: dict[bytes, list[Node]] = {}
        self._shares: dict[bytes, list[Node]] = {}
        self._judged = b""
        self._current: dict[bytes, bytes | None] = {}
        self._called_for: dict[bytes, bool] = {}
        self.newcomers = EpochHistory(self.rekeys_of, self.shares, roster.is_valid, self._member_of)

    # Ops ----------------------------------------------------------------------------------------

    def rekeys(self) -> Iterator[Node]:
        """All rekey ops of the history, valid or not, those of a scope parents first."""
        self._read_ops()
        return chain.from_iterable(self._rekeys.values())

    def rekeys_of(self, scope: bytes) -> Sequence[Node]:
        """All rekey ops of a scope, valid or not, parents first."""
        self._read_ops()
        return self._rekeys.get(scope, ())

    def was_called_for(self, node: Node) -> bool:
        """Whether an epoch could be used as its author saw it who is still in the scope.

        It may not count any more: who removes somebody, and is demoted beside it, made an epoch
        for a removal that never was, and others wrote with it in good faith.
        """
        args = node.op.args
        assert isinstance(args, Rekey)
        inside = node.op.body.device in self.devices(args.scope)
        good = self._roster.is_valid(node.op.id) or (node.plausible and inside)
        return good and self._is_called_for(node)

    def is_for(self, node: Node, device: bytes) -> bool:
        """Whether a device of the scope may be handed an epoch's key."""
        self._read_ops()
        return self.newcomers.may_have(node, self._member_of(device))

    def may_be_wrapped(self, node: Node) -> bool:
        """Whether the next epoch of its scope may lead to one.

        It is handed to newcomers if the history is open, so only what is open itself; else to who
        is inside now.
        """
        args = node.op.args
        assert isinstance(args, Rekey)
        self._read_ops()
        if self.newcomers.is_open(node):
            return True
        if not self.newcomers.is_closed(args.scope):
            return False
        members = {known.member for known in self.devices(args.scope).values()}
        return members <= self.newcomers.holders(node)

    def _member_of(self, device: bytes) -> bytes:
        """The member a device belongs or belonged to; empty for a stranger's."""
        state = self._roster.state
        known = state.devices.get(device) or state.former_devices.get(device)
        return b"" if known is None else known.member

    def shares(self, epoch: bytes) -> Sequence[Node]:
        """All shares of an epoch, valid or not, parents first."""
        self._read_ops()
        return self._shares.get(epoch, ())

    def _read_ops(self) -> None:
        nodes = self._roster.history.nodes
        if self._read < len(nodes):
            self.newcomers.forget()
        for node in nodes[self._read :]:
            args = node.op.args
            if isinstance(args, Rekey):
                self._rekeys.setdefault(args.scope, []).append(node)
            elif isinstance(args, Share):
                self._shares.setdefault(args.epoch, []).append(node)
            elif isinstance(args, ScopeHistory):
                self.newcomers.rule(args.scope, node)
        self._read = len(nodes)

    # What is decided ----------------------------------------------------------------------------

    def current(self, scope: bytes) -> bytes | None:
        """The epoch to send with, None when there is no usable one."""
        if self._judged != self._roster.heads_hash:
            self._judged = self._roster.heads_hash
            self._current.clear()
            self._called_for.clear()
            self._read_ops()
        if scope not in self._current:
            public = self.public(scope)
            self._current[scope] = self._choose(scope) if public is None else public.op.id
        return self._current[scope]

    def best_of(self, scope: bytes, held: Set[bytes]) -> bytes | None:
        """The epoch that would be current if there were these alone."""
        self.current(scope)  # Judges anew what has changed.
        return self._choose(scope, held)

    def public(self, scope: bytes) -> Node | None:
        """The op with the public key of a scope: all its channels are public, this is the first.

        A channel that is not public takes that from its scope, so nobody can publish what others
        keep private.
        """
        history = self._roster.history
        if scope == history.scope:
            return None
        found = [history.nodes[index] for index in bits(history.scoped.get(scope, 0))]
        found = [node for node in found if self._roster.is_valid(node.op.id)]
        if not found or not all(map(_is_public, found)):
            return None
        return min(found, key=lambda node: node.order)

    def devices(self, scope: bytes) -> dict[bytes, ScopeDevice]:
        """The devices that are in a scope now, by id."""
        return self._devices(self._roster.state, scope)

    def holders(self, epoch: Node, within: int | None = None) -> set[bytes]:
        """The devices that can have an epoch's key, as far as valid ops say."""
        args = epoch.op.args
        assert isinstance(args, Rekey)
        found = {epoch.op.body.device, *args.devices}
        open_shares = [
            node
            for node in self._shares.get(epoch.op.id, ())
            if (within is None or node.bit & within) and self._roster.is_valid(node.op.id)
        ]
        while True:
            reached = [node for node in open_shares if node.op.body.device in found]
            if not reached:
                return found
            open_shares = [node for node in open_shares if node.op.body.device not in found]
            found.update(_target(node) for node in reached)

    # Inside -------------------------------------------------------------------------------------

    def _choose(self, scope: bytes, held: Set[bytes] | None = None) -> bytes | None:
        now = self.devices(scope)
        usable: list[Node] = []
        for node in sorted(self._rekeys.get(scope, ()), key=lambda node: node.order, reverse=True):
            covered = any(later.past & node.bit for later in usable)
            if covered or not self._roster.is_valid(node.op.id):
                continue
            if held is not None and node.op.id not in held:
                continue
            if self._is_usable(node, now, None) and self._is_called_for(node):
                usable.append(node)
        best = min(
            usable,
            key=lambda node: (node.op.body.level, node.op.body.device, node.op.id),
            default=None,
        )
        return None if best is None else best.op.id

    def _is_usable(self, epoch: Node, now: Mapping[bytes, ScopeDevice], within: int | None) -> bool:
        """Clean, complete and open enough, with respect to the scope's devices and the ops in a
        set."""
        holders = self.holders(epoch, within)
        if not (holders <= now.keys() and self._devices_at(epoch).keys() & now.keys() <= holders):
            return False
        args = epoch.op.args
        assert isinstance(args, Rekey)
        if not self.newcomers.is_closed(args.scope, within):
            return self.newcomers.is_open(epoch, within)
        members = {known.member for known in now.values()}
        return members == {now[device].member for device in holders}

    def _is_called_for(self, node: Node) -> bool:
        """Whether its author was an admin, or had no usable epoch when making it."""
        if node.op.body.level <= LEVEL_ADMIN_MAX:
            return True
        args = node.op.args
        assert isinstance(args, Rekey)
        earlier = [
            other
            for other in self._rekeys[args.scope]
            if node.past & other.bit and self._roster.is_valid(other.op.id)
        ]
        # Those before it are judged first, in the order of the history, so this never nests.
        for other in sorted((*earlier, node), key=lambda each: each.order):
            if other.op.id not in self._called_for:
                self._called_for[other.op.id] = self._judge_call(other, args.scope)
        return self._called_for[node.op.id]

    def _judge_call(self, node: Node, scope: bytes) -> bool:
        if node.op.body.level <= LEVEL_ADMIN_MAX:
            return True
        before = [
            other
            for other in self._rekeys[scope]
            if node.past & other.bit and self._called_for.get(other.op.id)
        ]
        if not before:
            return True
        then = self._devices_at(node)
        return not any(self._is_usable(other, then, node.past) for other in before)

    def _devices_at(self, node: Node) -> dict[bytes, ScopeDevice]:
        args = node.op.args
        assert isinstance(args, Rekey)
        return self._devices(self._roster.state_at(node.op.parents), args.scope)

    def _devices(self, state: ScopeState, scope: bytes) -> dict[bytes, ScopeDevice]:
        inside = {
            device: known for device, known in state.devices.items() if known.level < LEVEL_RELAY
        }
        if scope == self._roster.history.scope:
            return inside
        members = state.scopes.get(scope, frozenset())
        return {device: known for device, known in inside.items() if known.member in members}


def _is_public(node: Node) -> bool:
    args = node.op.args
    return isinstance(args, Channel) and args.mode == MODE_PUBLIC and bool(args.key)


def _target(node: Node) -> bytes:
    args = node.op.args
    assert isinstance(args, Share)
    return args.device
