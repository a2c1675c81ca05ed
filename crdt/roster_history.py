"""The history behind a roster: ops, who came before whom, and what each op says it brings about.

Ops enter parents first and get consecutive indexes. A set of ops is one integer whose bit `i`
stands for the op with index `i`: the past of an op, a set of heads with all that is under them,
and every index below. "Is `a` before `b`", "does this cover that" and "what do they lack" are each
one operation on such sets. Indexes differ between replicas, so nothing may be decided by them;
where order matters it is (depth, id), which is the same everywhere and keeps parents first.

The indexes by member, device and scope hold what ops *say*; which of them counts is decided by
`roster_rules` (in an op's own past) and `roster_resolution` (against everything else).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crdt.claims import SignedClaim
from crdt.keys import digest
from crdt.limits import ID_BYTES
from crdt.roster_ops import (
    Accept,
    Admit,
    Channel,
    DeviceAdd,
    DeviceCode,
    DeviceRemove,
    Genesis,
    Grant,
    Invite,
    Op,
    Revoke,
)

STRATUM_GENESIS = -1
"""More senior than any level: nothing comes before the founding."""


Place = tuple[bytes, bytes, int]
"""Device, incarnation and seq."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An op at its place.

    Attributes:
        past: the ops before it, without itself.
        depth: the longest way to the genesis.
        stratum: the level in whose turn it is judged: the author's, and of an admission the
            newcomer's.
        claim: of an admission whose claim was checked.
        plausible: it keeps the rules in its own past. False only behind an op of an unknown kind.
    """

    index: int
    op: Op
    past: int
    depth: int
    stratum: int
    claim: SignedClaim | None
    plausible: bool

    @property
    def bit(self) -> int:
        return 1 << self.index

    @property
    def member(self) -> bytes:
        return self.op.body.member

    @property
    def place(self) -> Place:
        """Where its device says that it stands."""
        body = self.op.body
        return body.device, body.incarnation, body.seq

    @property
    def order(self) -> tuple[int, bytes]:
        """Sorts parents first, the same everywhere."""
        return self.depth, self.op.id


def bits(mask: int) -> Iterator[int]:
    """The indexes in a set, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def workspace_scope(workspace: bytes) -> bytes:
    """The scope of everybody."""
    return digest(b"x1.scope", workspace)[:ID_BYTES]


class History:
    """All ops of one workspace whose parents are here."""

    def __init__(self, workspace: bytes) -> None:
        self.workspace = workspace
        self.scope = workspace_scope(workspace)
        self.nodes: list[Node] = []
        self.by_id: dict[bytes, Node] = {}
        self.heads: set[bytes] = set()
        self.everything = 0
        self.bound: dict[tuple[bytes, bytes], int] = defaultdict(int)
        """(device, member) to the ops that say they belong together."""
        self.given: dict[tuple[bytes, int], int] = defaultdict(int)
        """(member, level) to the ops that say they give it."""
        self.admissions: dict[bytes, int] = defaultdict(int)
        """Member to the ops by which it came in."""
        self.concerns: dict[bytes, int] = defaultdict(int)
        """Member to its ops, the admissions by its invites, and the removals of its devices."""
        self.admits: dict[bytes, int] = defaultdict(int)
        """Invite to the admissions by it."""
        self.scoped: dict[bytes, int] = defaultdict(int)
        """Scope to the channels in it."""
        self.members_of: dict[bytes, list[bytes]] = {}
        """Device to the members that it says it belongs to: one, unless it lies."""
        self.devices_of: dict[bytes, list[bytes]] = defaultdict(list)
        """Member to the devices that say they belong to it."""
        self.gifts: list[Node] = []
        """Admissions and grants."""
        self.offers: dict[bytes, list[Node]] = defaultdict(list)
        """Member to its invites and device codes."""
        self.reshown: set[bytes] = set()
        """Members who came in by several ops: their claim was shown again."""
        self.accepts: list[Node] = []
        self.unknown = 0
        self.rooted: dict[tuple[bytes, bytes], int] = defaultdict(int)
        """(device, member) to the ops by which the member began with it."""
        self.added: dict[tuple[bytes, bytes], list[Node]] = defaultdict(list)
        """(device, member) to the additions of the device."""
        self.additions: dict[bytes, int] = defaultdict(int)
        """Member to the additions of its devices."""
        self.taken: dict[tuple[bytes, bytes], list[Node]] = defaultdict(list)
        """(device, member) to its removals by devices of the same member."""
        self.shrunk: set[bytes] = set()
        """Members of whom somebody removed a device."""
        self.codes: set[bytes] = set()
        """Device codes."""
        self.adds_by: dict[bytes, list[Node]] = defaultdict(list)
        """Device code to the additions by it."""
        self.revokes: dict[bytes, list[Node]] = defaultdict(list)
        """Device code to what takes it back."""
        self.device_claims: dict[int, SignedClaim] = {}
        """Index of an addition to its claim."""
        self.device_ops: list[Node] = []
        """What `roster_devices` judges, and removals of devices by others."""
        self._places: dict[Place, bytes] = {}
        self.doubled: dict[Place, list[bytes]] = {}
        """Places that several ops claim: one of a device's lies."""

    def past_of(self, ids: Iterable[bytes]) -> int:
        """These ops, all here, and everything before them."""
        mask = 0
        for op_id in ids:
            node = self.by_id[op_id]
            mask |= node.past | node.bit
        return mask

    def invite_of(self, node: Node) -> Node:
        """The invite behind an admission that is plausible."""
        assert node.claim is not None
        return self.by_id[node.claim.claim.invite]

    def code_of(self, node: Node) -> Node:
        """The device code behind an addition that is plausible."""
        return self.by_id[self.device_claims[node.index].claim.invite]

    def append(self, op: Op, past: int, claim: SignedClaim | None, *, plausible: bool) -> Node:
        """Take an op whose parents are here."""
        depth = 1 + max((self.by_id[parent].depth for parent in op.parents), default=-1)
        stratum = op.body.level
        if isinstance(op.args, Genesis):
            stratum = STRATUM_GENESIS
        elif claim is not None and isinstance(op.args, DeviceAdd):
            self.device_claims[len(self.nodes)], claim = claim, None
        elif claim is not None:
            invite = self.by_id[claim.claim.invite].op.args
            assert isinstance(invite, Invite)
            stratum = invite.level
        node = Node(len(self.nodes), op, past, depth, stratum, claim, plausible)
        self.nodes.append(node)
        self.by_id[op.id] = node
        self.everything |= node.bit
        self.heads.difference_update(op.parents)
        self.heads.add(op.id)
        if plausible:
            self._index(node)
        return node

    def _index(self, node: Node) -> None:
        op, body, args = node.op, node.op.body, node.op.args
        self.concerns[body.member] |= node.bit
        place = node.place
        first = self._places.setdefault(place, op.id)
        if first != op.id:
            self.doubled.setdefault(place, [first]).append(op.id)
        if isinstance(args, Genesis):
            self._index_admission(node, body.device, body.member, body.level)
            if args.recovery_sign:
                self._index_admission(node, args.recovery_sign, body.member, body.level)
        elif isinstance(args, Admit):
            assert node.claim is not None
            claim, invite = node.claim.claim, self.invite_of(node)
            assert isinstance(invite.op.args, Invite)
            self._index_admission(node, claim.sign, claim.member, invite.op.args.level)
            self.admits[invite.op.id] |= node.bit
            self.concerns[invite.member] |= node.bit
            self.gifts.append(node)
        elif isinstance(args, Grant):
            self.given[args.member, args.level] |= node.bit
            self.gifts.append(node)
        elif isinstance(args, Channel):
            self.scoped[args.scope] |= node.bit
        elif isinstance(args, Invite):
            self.offers[node.member].append(node)
        elif isinstance(args, Accept):
            self.accepts.append(node)
        elif args is None:
            self.unknown |= node.bit
        else:
            self._index_device(node)

    def _index_device(self, node: Node) -> None:
        """Keep what is about a member's devices."""
        args, op_id = node.op.args, node.op.id
        if isinstance(args, DeviceCode):
            self.codes.add(op_id)
            self.offers[node.member].append(node)
        elif isinstance(args, DeviceAdd):
            claim, code = self.device_claims[node.index].claim, self.code_of(node)
            pair = claim.sign, code.member
            self._bind(node, *pair)
            self.added[pair].append(node)
            self.additions[code.member] |= node.bit
            self.adds_by[code.op.id].append(node)
            self.admits[code.op.id] |= node.bit
        elif isinstance(args, DeviceRemove):
            self.shrunk.add(args.member)
            self.concerns[args.member] |= node.bit
            if args.member == node.member:
                self.taken[args.device, args.member].append(node)
        elif isinstance(args, Revoke) and args.invite in self.codes:
            self.revokes[args.invite].append(node)
        else:
            return
        self.device_ops.append(node)

    def _bind(self, node: Node, device: bytes, member: bytes) -> None:
        self.bound[device, member] |= node.bit
        members = self.members_of.setdefault(device, [])
        if member not in members:
            members.append(member)
            self.devices_of[member].append(device)

    def _index_admission(self, node: Node, device: bytes, member: bytes, level: int) -> None:
        self._bind(node, device, member)
        self.rooted[device, member] |= node.bit
        self.given[member, level] |= node.bit
        if self.admissions[member] & ~node.bit:
            self.reshown.add(member)
        self.admissions[member] |= node.bit
