"""Machines of a team for tests of keys and invites: each has its own roster, keys and blocks.

Nothing travels by itself: `sync` hands everything from one machine to another, so a test decides
who knew what when.
"""

import hashlib
from collections.abc import Sequence

from crdt import invites
from crdt.claims import SignedClaim
from crdt.epochs import Epochs
from crdt.errors import NotReadable
from crdt.keys import DeviceKeys, Entropy
from crdt.roster import Roster
from crdt.roster_history import workspace_scope
from crdt.roster_ops import (
    LEVEL_MEMBER,
    LEVEL_RELAY,
    MODE_PRIVATE,
    Admit,
    AnyArgs,
    Channel,
    DeviceAdd,
    DeviceCode,
    Genesis,
    Op,
    Place,
    Rekey,
    Remove,
    ScopeAdd,
    ScopeHistory,
    ScopeRemove,
    Share,
    build,
    channel_id,
    founding,
    member_id,
    net_commitment,
    scope_id,
)

FAR = 2**50
NET_KEY = b"n" * 32


def seeded(name: str) -> Entropy:
    """Bytes that follow from a name."""
    count = 0

    def entropy(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{name}/{count}".encode()).digest(size)

    return entropy


class Machine:
    """One device of one member."""

    def __init__(self, name: str, workspace: bytes, level: int, member: bytes = b"") -> None:
        self.name = name
        self.entropy = seeded(name)
        self.keys = DeviceKeys.generate(seeded(f"{name}/keys"))
        self.device = self.keys.public.sign
        self.salt = hashlib.shake_256(name.encode()).digest(16)
        self.member = member or member_id(self.device, self.salt)
        self.level = level
        self.incarnation = bytes(8)
        self.seq = 0
        self.time = 1_000
        self.reset(workspace)

    def reset(self, workspace: bytes) -> None:
        """Begin with an empty roster and no keys."""
        self.workspace = workspace
        self.scope = workspace_scope(workspace)
        self.roster = Roster(workspace)
        self.epochs = Epochs(self.roster, None if self.level >= LEVEL_RELAY else self.keys, {}, {})
        self.claims: dict[bytes, SignedClaim] = {}

    def place(self, parents: Sequence[bytes] = ()) -> Place:
        return Place(
            self.workspace,
            tuple(sorted(parents)) or self.roster.parents(self.device),
            self.device,
            self.incarnation,
            self.seq,
            self.member,
            self.level,
            self.time,
        )

    def publish(self, op: Op, block: bytes | None = None) -> Op:
        """Take an own op."""
        self.seq += 1
        self.time += 1
        self.roster.add(op.wire)
        if block is not None:
            self.epochs.add_seals(op.id, block)
        self.epochs.refresh()
        return op

    def do(self, args: AnyArgs, private: bytes = b"", parents: Sequence[bytes] = ()) -> Op:
        return self.publish(build(self.place(parents), args, self.keys.sign_seed, private))

    def rekey(self, scope: bytes = b"") -> Op:
        return self.publish(*self.epochs.rekey(self.place(), scope or self.scope, self.entropy))

    def forge_rekey(
        self, args: Rekey, block: bytes | None = None, parents: Sequence[bytes] = ()
    ) -> Op:
        return self.publish(build(self.place(parents), args, self.keys.sign_seed), block)

    def share(self, other: "Machine", scope: bytes = b"") -> Op:
        epoch = self.epochs.current(scope or self.scope)
        assert epoch is not None
        return self.publish(self.epochs.share(self.place(), epoch, other.device))

    def private_channel(self, *others: "Machine") -> bytes:
        """A scope of its own; gives the scope's id."""
        where = (self.device, self.incarnation, self.seq)
        members = tuple(sorted(other.member for other in others))
        scope = scope_id(*where)
        self.do(Channel(channel_id(*where), scope, MODE_PRIVATE, b"", members))
        return scope

    def add_to(self, scope: bytes, other: "Machine") -> Op:
        return self.do(ScopeAdd(scope, (other.member,)))

    def close(self, scope: bytes) -> Op:
        return self.do(ScopeHistory(scope, False))

    def open(self, scope: bytes) -> Op:
        return self.do(ScopeHistory(scope, True))

    def take_from(self, scope: bytes, other: "Machine") -> Op:
        return self.do(ScopeRemove(scope, (other.member,)))

    def remove(self, other: "Machine") -> Op:
        return self.do(Remove(other.member))

    def admit(self, name: str, level: int = LEVEL_MEMBER) -> "Machine":
        """Invite somebody and let them in; their machine learns what this one knows."""
        secret = self.entropy(invites.SECRET_BYTES)
        invite = self.do(
            invites.make_invite(
                secret,
                workspace=self.workspace,
                net_key=NET_KEY,
                level=level,
                not_after=FAR,
                entropy=self.entropy,
            )
        )
        other = Machine(name, self.workspace, level)
        claim = invites.make_claim(
            secret,
            invites.Rest(1, self.workspace, NET_KEY, level),
            invite.id,
            other.keys,
            salt=other.salt,
            nick=name,
            entropy=other.entropy,
        )
        self.do(Admit(claim.wire))
        sync(self, other)
        return other

    def second(self, name: str) -> "Machine":
        """Another device of this member, which comes in by a code and knows what this one does."""
        secret = self.entropy(invites.SECRET_BYTES)
        made = invites.make_invite(
            secret,
            workspace=self.workspace,
            net_key=NET_KEY,
            level=LEVEL_MEMBER,
            not_after=FAR,
            entropy=self.entropy,
        )
        code = self.do(DeviceCode(made.key, FAR, made.door, made.rest))
        other = Machine(name, self.workspace, self.level, self.member)
        claim = invites.make_claim(
            secret,
            invites.Rest(1, self.workspace, NET_KEY, self.level),
            code.id,
            other.keys,
            salt=other.salt,
            nick=name,
            entropy=other.entropy,
        )
        self.do(DeviceAdd(claim.wire))
        sync(self, other)
        return other

    def share_anyhow(self, epoch: bytes) -> Op:
        """Say that one was handed an epoch's key by oneself."""
        return self.do(Share(epoch, self.device, bytes(112)))

    def can_read(self, epoch: bytes) -> bool:
        return epoch in self.readable()

    def readable(self) -> set[bytes]:
        return {
            node.op.id
            for node in self.roster.history.nodes
            if isinstance(node.op.args, Rekey) and self._has(node.op.id)
        }

    def _has(self, epoch: bytes) -> bool:
        try:
            self.epochs.key(epoch)
        except NotReadable:
            return False
        return True


def found(name: str = "ana") -> Machine:
    """The founder's machine, with a first key."""
    machine = Machine(name, bytes(32), 0)
    public = machine.keys.public
    genesis = founding(
        public,
        Genesis(public.link, public.box, machine.salt, net_commitment(NET_KEY, machine.salt)),
        incarnation=machine.incarnation,
        time=1_000,
        sign_seed=machine.keys.sign_seed,
    )
    machine.reset(genesis.id)
    machine.publish(genesis)
    machine.rekey()
    return machine


def sync(source: Machine, target: Machine) -> list[bytes]:
    """Everything `source` holds; gives the epochs that `target` can read since."""
    for op_id in source.roster.missing_from(target.roster.heads):
        target.roster.add(source.roster.wire(op_id))
    for epoch in target.epochs.missing():
        block = source.epochs.seals(epoch)
        if block is not None:
            target.epochs.add_seals(epoch, block)
    return target.epochs.refresh()


def meet(*machines: Machine) -> None:
    """All hold what any holds."""
    for _ in range(2):
        for source in machines:
            for target in machines:
                if source is not target:
                    sync(source, target)
