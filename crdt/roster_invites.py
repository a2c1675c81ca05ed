"""Invites as values: offers to come in, as a member or as another device of one.

Both are answered at the same doors and claimed in the same way; what a claim brings about differs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crdt.roster_history import Node
from crdt.roster_ops import DeviceCode, Invite
from crdt.roster_resolution import Resolution


@dataclass(frozen=True, slots=True)
class InviteState:
    """An invite, or a code by which a member's own device comes in.

    Attributes:
        op: its id.
        member: the author.
        used: somebody came in by it; never of a paper's.
        revoked: it admits nobody any more, also because its author lost the authority.
        private: it has a private part, for members.
        device: it is a device code: it makes no member, but a device of its author.
        lasting: on paper: many devices may come in by it.
        box: of a paper, public key that seals are for.
    """

    op: bytes
    key: bytes
    level: int
    not_after: int
    door: bytes
    rest: bytes
    member: bytes
    used: bool
    revoked: bool
    private: bool
    device: bool = False
    lasting: bool = False
    box: bytes = b""


def invite_states(
    resolution: Resolution, within: Iterable[Node], levels: Mapping[bytes, int]
) -> dict[bytes, InviteState]:
    """The invites among some ops that count, and the codes of who is in; `levels` is of those."""
    found: dict[bytes, InviteState] = {}
    for node in within:
        args, authority = node.op.args, levels.get(node.member)
        if not resolution.valid & node.bit:
            continue
        if isinstance(args, Invite):
            found[node.op.id] = invite_state(resolution, node, args, authority)
        elif isinstance(args, DeviceCode) and authority is not None:
            found[node.op.id] = _code_state(resolution, node, args, authority)
    return found


def invite_state(
    resolution: Resolution, node: Node, args: Invite, authority: int | None
) -> InviteState:
    """An invite that counts; `authority` is its author's level now, None when they are out."""
    op = node.op
    lost = authority is None or authority > op.body.level
    lost = lost or resolution.devices.end_of(op.body.device, node.member) is not None
    return InviteState(
        op.id,
        args.key,
        args.level,
        args.not_after,
        args.door,
        args.rest,
        node.member,
        used=bool(resolution.winners.get(op.id)),
        revoked=bool(resolution.revoked.get(op.id)) or lost,
        private=bool(op.body.private),
    )


def _code_state(resolution: Resolution, node: Node, args: DeviceCode, level: int) -> InviteState:
    return InviteState(
        node.op.id,
        args.key,
        level,
        args.not_after,
        args.door,
        args.rest,
        node.member,
        used=not args.lasting and resolution.devices.was_used(node),
        revoked=resolution.devices.is_revoked(node),
        private=bool(node.op.body.private),
        device=True,
        lasting=args.lasting,
        box=args.box,
    )
