"""Who is in, as values: what the rest of the application reads of a roster.

Everything here is frozen and the same on every replica that has the same ops.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from crdt.cuts import Cut, Judged, cuts_by_member
from crdt.roster_history import History, Node, bits
from crdt.roster_invites import InviteState, invite_states
from crdt.roster_ops import (
    LEVEL_RELAY,
    Channel,
    DeviceAdd,
    Genesis,
    Invite,
    Rekey,
    Share,
)
from crdt.roster_resolution import Resolution
from crdt.roster_scopes import Scopes
from crdt.roster_standing import NOBODY


@dataclass(frozen=True, slots=True)
class MemberState:
    """A member who is in.

    Attributes:
        devices: ids, sorted.
        admit_op: by which it came in; None for the founder.
        time_ms: when, by the clock of who published that.
        invite: the invite op; None for the founder.
    """

    member: bytes
    level: int
    devices: tuple[bytes, ...]
    admit_op: bytes | None
    time_ms: int
    invite: bytes | None


@dataclass(frozen=True, slots=True)
class FormerState:
    """A member who was in and is not any more.

    Attributes:
        admit_op: by which it came in, as in `MemberState`.
        op: what took it out, of several the most senior's.
        by: the author of that: itself when it left.
    """

    member: bytes
    admit_op: bytes | None
    op: bytes
    by: bytes


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device, of a member who is in or (among the former ones) was or claimed to be.

    Attributes:
        level: its member's; of a former device what it came in with.
        link: Noise static public key; empty for a paper, which is on no machine.
        box: public key that seals are for.
        op: by which it came in.
        end: of a former device whose member is in, what took it out.
    """

    device: bytes
    member: bytes
    level: int
    link: bytes
    box: bytes
    op: bytes = b""
    end: bytes = b""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """A channel. `op` is the id of the op that made it, `key` the epoch key of a public one."""

    id: bytes
    scope: bytes
    mode: int
    op: bytes
    time_ms: int
    key: bytes


@dataclass(frozen=True, slots=True)
class RekeyState:
    """An epoch: its op's id, and who made it with which level at that time."""

    id: bytes
    scope: bytes
    level: int
    device: bytes
    member: bytes
    time_ms: int
    args: Rekey


@dataclass(frozen=True, slots=True)
class ShareState:
    """A key handed on: the op's id and author."""

    id: bytes
    device: bytes
    member: bytes
    args: Share


@dataclass(frozen=True, slots=True)
class Equivocation:
    """Several ops that one device put in one place of its own sequence."""

    device: bytes
    incarnation: bytes
    seq: int
    ops: tuple[bytes, ...]


@dataclass(frozen=True)
class State:
    """Everything that a set of ops says.

    Attributes:
        former_members: who was in once.
        former_devices: those who were removed, or whose member was, or whose admission or
            addition does not count.
        scopes: scope id to the members in it; everybody but relays for the workspace's own.
        founders: scope id to the member who began it.
        closed: scopes whose history is closed to who comes in now.
        rekeys: those that count, parents first.
        former_rekeys: epochs whose author lost the right meanwhile; for reading only.
        shares: those that count, parents first.
        unknown: ops of kinds this build does not know.
        paused: changes of authority that rest on such an op, until a newer build judges them.
        void: ops that do not count.
        cuts: by member, the ends of its writing beside which not everything stands (`cuts`).
        equivocations: lies of single devices, which change nothing by themselves.
    """

    members: Mapping[bytes, MemberState]
    former_members: Mapping[bytes, FormerState]
    devices: Mapping[bytes, DeviceState]
    former_devices: Mapping[bytes, DeviceState]
    channels: Mapping[bytes, ChannelState]
    scopes: Mapping[bytes, frozenset[bytes]]
    founders: Mapping[bytes, bytes]
    closed: frozenset[bytes]
    invites: Mapping[bytes, InviteState]
    rekeys: tuple[RekeyState, ...]
    former_rekeys: tuple[RekeyState, ...]
    shares: tuple[ShareState, ...]
    unknown: frozenset[bytes]
    paused: frozenset[bytes]
    void: frozenset[bytes]
    cuts: Mapping[bytes, tuple[Cut, ...]]
    equivocations: tuple[Equivocation, ...]


def assemble(history: History, resolution: Resolution, scopes: Scopes) -> State:
    """The values for the ops that a resolution is about."""
    levels = _levels(resolution)
    devices, former = device_states(history, resolution, levels, history.admissions)
    owned: dict[bytes, list[bytes]] = {member: [] for member in levels}
    for device, known in devices.items():
        owned[known.member].append(device)
    within = [node for node in history.nodes if resolution.within >> node.index & 1]
    invites = invite_states(resolution, within, levels)
    devices.update(papers(invites.values(), devices.keys() | former.keys()))
    valid = resolution.valid & ~scopes.void
    unknown = [node for node in within if node.op.args is None]
    left = resolution.within & ~valid & ~resolution.paused
    for node in unknown:
        left &= ~node.bit
    return State(
        members={
            member: member_state(history, resolution, member, level, owned[member], devices)
            for member, level in levels.items()
        },
        former_members={
            member: gone
            for member in resolution.events.keys() - levels.keys()
            if (gone := former_state(history, resolution, member, devices)) is not None
        },
        devices=devices,
        former_devices=former,
        channels={made.id: made for made in map(channel_state, scopes.channels)},
        scopes=_scopes(history, scopes, levels),
        founders={scope: node.member for scope, node in scopes.founding.items()},
        closed=scopes.closed(),
        invites=invites,
        rekeys=tuple(map(rekey_state, sorted(scopes.rekeys, key=_order))),
        former_rekeys=tuple(map(rekey_state, sorted(scopes.void_rekeys, key=_order))),
        shares=tuple(
            ShareState(node.op.id, node.op.body.device, node.member, node.op.args)
            for node in sorted(within, key=_order)
            if isinstance(node.op.args, Share) and valid & node.bit
        ),
        unknown=frozenset(node.op.id for node in unknown),
        paused=frozenset(history.nodes[index].op.id for index in bits(resolution.paused)),
        void=frozenset(history.nodes[index].op.id for index in bits(left)),
        cuts=cuts_by_member(within, Judged(history.by_id, valid, scopes.is_open_to), former),
        equivocations=_equivocations(history, resolution),
    )


def _order(node: Node) -> tuple[int, bytes]:
    return node.order


def _levels(resolution: Resolution) -> dict[bytes, int]:
    standings = (
        (member, resolution.standing(member, resolution.within)) for member in resolution.events
    )
    return {member: level for member, level in standings if level != NOBODY}


def device_states(
    history: History,
    resolution: Resolution,
    levels: Mapping[bytes, int],
    members: Iterable[bytes],
) -> tuple[dict[bytes, DeviceState], dict[bytes, DeviceState]]:
    """The devices of some members, and those that were or said so; `levels` is of who is in."""
    devices: dict[bytes, DeviceState] = {}
    former: dict[bytes, DeviceState] = {}
    for device, known in _bindings(history, resolution, members).items():
        level = levels.get(known.member)
        end = resolution.devices.end_of(device, known.member)
        if level is None or end is not None:
            former[device] = replace(known, end=b"" if end is None else end.op.id)
        else:
            devices[device] = replace(known, level=level)
    return devices, former


def _bindings(
    history: History, resolution: Resolution, members: Iterable[bytes]
) -> dict[bytes, DeviceState]:
    """Every device that came in or said so; what counts goes before what does not, then the first.

    A device may come in twice, with other keys: which ones it has must not depend on what was
    heard first.
    """
    nodes = [
        history.nodes[index]
        for member in members
        for index in bits(
            (history.admissions.get(member, 0) | history.additions.get(member, 0))
            & resolution.within
        )
    ]
    nodes.sort(key=lambda node: (not resolution.valid & node.bit, node.order))
    found: dict[bytes, DeviceState] = {}
    for node in nodes:
        for known in _claimed(history, node):
            found.setdefault(known.device, known)
    return found


def papers(invites: Iterable[InviteState], taken: Collection[bytes]) -> dict[bytes, DeviceState]:
    """Papers that keys are sealed for, by the key that their claims are signed with.

    They sign no op and write nothing, and take nobody's id.
    """
    return {
        paper.key: DeviceState(paper.key, paper.member, paper.level, b"", paper.box, paper.op)
        for paper in invites
        if paper.box and not paper.revoked and paper.key not in taken
    }


def _claimed(history: History, node: Node) -> list[DeviceState]:
    args, body = node.op.args, node.op.body
    if isinstance(args, Genesis):
        op, member, level = node.op.id, body.member, body.level
        founder = DeviceState(body.device, member, level, args.link, args.box, op)
        if not args.recovery_sign:
            return [founder]
        return [founder, DeviceState(args.recovery_sign, member, level, b"", args.recovery_box, op)]
    if isinstance(args, DeviceAdd):
        added, code = history.device_claims[node.index].claim, history.code_of(node)
        level, op = code.op.body.level, node.op.id
        return [DeviceState(added.sign, code.member, level, added.link, added.box, op)]
    assert node.claim is not None
    claim, invite = node.claim.claim, history.invite_of(node).op.args
    assert isinstance(invite, Invite)
    level, op = invite.level, node.op.id
    return [DeviceState(claim.sign, claim.member, level, claim.link, claim.box, op)]


def member_state(
    history: History,
    resolution: Resolution,
    member: bytes,
    level: int,
    owned: Sequence[bytes],
    devices: Mapping[bytes, DeviceState],
) -> MemberState:
    """A member with the admission that is shown for it: the newest claim's.

    Several may have published one claim. Who is still in goes before who is not, so that somebody
    who was removed cannot give a newcomer another nick afterwards.
    """
    nodes = [history.nodes[i] for i in bits(history.admissions[member] & resolution.within)]
    nodes = [node for node in nodes if resolution.valid & node.bit] or nodes
    newest = max(nodes, key=_order)
    same = [node for node in nodes if _claim_id(node) == _claim_id(newest)]
    shown = min(
        same,
        key=lambda node: (node.op.body.device not in devices, node.op.body.level, node.op.id),
    )
    claim = shown.claim
    return MemberState(
        member,
        level,
        tuple(sorted(owned)),
        None if claim is None else shown.op.id,
        shown.op.body.time,
        None if claim is None else claim.claim.invite,
    )


def former_state(
    history: History,
    resolution: Resolution,
    member: bytes,
    devices: Mapping[bytes, DeviceState],
) -> FormerState | None:
    """What there is to say of a member who is not in; None of who never was."""
    events = resolution.events.get(member, ())
    ends = [history.nodes[e.indexes[0]] for e in events if e.level == NOBODY]
    if not ends or not any(event.admission for event in events):
        return None
    admitted = member_state(history, resolution, member, NOBODY, [], devices)
    # Who was removed cannot make it look like leaving.
    end = min(ends, key=lambda n: (n.member == member, n.op.body.level, n.op.id))
    return FormerState(member, admitted.admit_op, end.op.id, end.member)


def _claim_id(node: Node) -> bytes:
    return b"" if node.claim is None else node.claim.id


def channel_state(node: Node) -> ChannelState:
    """A channel that an op made."""
    args, op = node.op.args, node.op
    assert isinstance(args, Channel)
    return ChannelState(args.id, args.scope, args.mode, op.id, op.body.time, args.key)


def _scopes(
    history: History, scopes: Scopes, levels: Mapping[bytes, int]
) -> dict[bytes, frozenset[bytes]]:
    people = frozenset(member for member, level in levels.items() if level < LEVEL_RELAY)
    found = {scope: people & members for scope, members in scopes.members().items()}
    found[history.scope] = people
    return found


def rekey_state(node: Node) -> RekeyState:
    """An epoch."""
    args, body = node.op.args, node.op.body
    assert isinstance(args, Rekey)
    return RekeyState(node.op.id, args.scope, body.level, body.device, body.member, body.time, args)


def _equivocations(history: History, resolution: Resolution) -> tuple[Equivocation, ...]:
    found = []
    for (device, incarnation, seq), ids in history.doubled.items():
        here = [i for i in ids if resolution.within >> history.by_id[i].index & 1]
        if len(here) > 1:
            found.append(Equivocation(device, incarnation, seq, tuple(sorted(here))))
    return tuple(sorted(found, key=lambda lie: (lie.device, lie.incarnation, lie.seq)))
