"""A small roster for tests of replication: anybody may write ops, the ancestry is real."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from crdt.errors import Invalid
from crdt.keys import digest


class FakeOp(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """`device` is at `level` from here on; 255 means out."""

    parents: tuple[bytes, ...]
    device: bytes
    level: int


class FakeDevice(NamedTuple):
    level: int


class FakeState(NamedTuple):
    devices: dict[bytes, FakeDevice]


class FakeRoster:
    """A roster whose ops anybody may write, with real ancestry."""

    def __init__(self) -> None:
        self._ops: dict[bytes, FakeOp] = {}
        self._wires: dict[bytes, bytes] = {}
        self._waiting: dict[bytes, bytes] = {}
        self._past: dict[bytes, frozenset[bytes]] = {}
        self._sets: dict[bytes, tuple[bytes, ...]] = {}
        self.state = FakeState({})
        self.members: dict[bytes, bytes] = {}
        """Who several devices belong to; of the others each is a member of its own."""

    def read_again(self) -> "FakeRoster":
        """The same ops in a new process, which knows no head sets."""
        again = FakeRoster()
        again.members = self.members
        for op_id in self.missing_from(()):
            again.add(self.wire(op_id))
        return again

    def add(self, wire: bytes) -> list[bytes]:
        try:
            msgspec.msgpack.decode(wire, type=FakeOp)
        except msgspec.MsgspecError:
            raise Invalid("not an op") from None
        self._waiting[digest(b"x1.roster", wire)] = wire
        added: list[bytes] = []
        while True:
            ready = [
                (op_id, wire)
                for op_id, wire in self._waiting.items()
                if all(parent in self._ops for parent in self._parents(wire))
            ]
            if not ready:
                return added
            for op_id, wire in ready:
                del self._waiting[op_id]
                if op_id not in self._ops:
                    self._take(op_id, wire)
                    added.append(op_id)

    @staticmethod
    def _parents(wire: bytes) -> tuple[bytes, ...]:
        return msgspec.msgpack.decode(wire, type=FakeOp).parents

    def _take(self, op_id: bytes, wire: bytes) -> None:
        op = msgspec.msgpack.decode(wire, type=FakeOp)
        self._ops[op_id], self._wires[op_id] = op, wire
        past = (self._past[parent] | {parent} for parent in op.parents)
        self._past[op_id] = frozenset().union(*past)
        self.state = FakeState(self._devices(frozenset(self._ops)))

    def _devices(self, ids: frozenset[bytes]) -> dict[bytes, FakeDevice]:
        levels: dict[bytes, int] = {}
        for op_id in ids:
            op = self._ops[op_id]
            levels[op.device] = max(levels.get(op.device, 0), op.level)
        return {device: FakeDevice(level) for device, level in levels.items() if level < 255}

    def admit(self, device: bytes, level: int = 100) -> bytes:
        """Add an op on top of the current heads; gives its id."""
        op = FakeOp(tuple(self.heads), device, level)
        return self.add(msgspec.msgpack.encode(op))[0]

    @property
    def heads(self) -> list[bytes]:
        covered = frozenset().union(*self._past.values()) if self._past else frozenset()
        return sorted(op_id for op_id in self._ops if op_id not in covered)

    @property
    def heads_hash(self) -> bytes:
        return digest(b"x1.heads", *self.heads)

    def missing(self) -> list[bytes]:
        needed = {parent for wire in self._waiting.values() for parent in self._parents(wire)}
        return sorted(needed - self._ops.keys() - self._waiting.keys())

    def missing_from(self, their_heads: Sequence[bytes]) -> list[bytes]:
        known = [head for head in their_heads if head in self._ops]
        theirs = frozenset(known).union(*(self._past[head] for head in known))
        lacking = [op_id for op_id in self._ops if op_id not in theirs]
        return sorted(lacking, key=lambda op_id: (len(self._past[op_id]), op_id))

    def wire(self, op_id: bytes) -> bytes:
        return self._wires[op_id]

    def has(self, op_id: bytes) -> bool:
        return op_id in self._ops

    def farewell(self, device: bytes) -> list[bytes]:
        return []  # Nobody is ever taken out.

    def same_member(self, one: bytes, other: bytes) -> bool:
        return self.members.get(one, one) == self.members.get(other, other)

    def register_heads(self, heads: Sequence[bytes]) -> bytes | None:
        if not all(head in self._ops for head in heads):
            return None
        roster_hash = digest(b"x1.heads", *heads)
        self._sets[roster_hash] = tuple(heads)
        return roster_hash

    def _ancestry(self, roster_hash: bytes) -> frozenset[bytes]:
        heads = self._sets[roster_hash]
        return frozenset(heads).union(*(self._past[head] for head in heads))

    def may_write(self, device: bytes, roster_hash: bytes) -> bool | None:
        if roster_hash not in self._sets:
            return None
        found = self._devices(self._ancestry(roster_hash)).get(device)
        return found is not None and found.level < 200

    def descends(self, new_hash: bytes, old_hash: bytes) -> bool:
        return self._ancestry(old_hash) <= self._ancestry(new_hash)
