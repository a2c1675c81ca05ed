"""The rules an op keeps in its own past.

They need nothing but the op and what came before it, so every replica decides them once, when the
op comes in, and all decide alike for ever. An op that breaks one never becomes part of a history:
a stranger's device cannot put anything there, however many keys it makes. (Behind an op of a kind
that this build does not know it is kept instead, without effect: a newer build may know better.)

What they ask is whether the author *could* have had the level it claims: some op before says it
gave it. Whether it still had it, against everything that others did at the same time, is the
question of `roster_resolution`.
"""

from crdt import limits
from crdt.claims import SignedClaim, decode_claim, verify
from crdt.cuts import ends_of
from crdt.errors import Invalid
from crdt.roster_history import History
from crdt.roster_ops import (
    LEVEL_ADMIN_MAX,
    LEVEL_FOUNDER,
    LEVEL_MEMBER,
    LEVEL_READER,
    LEVEL_RELAY,
    LEVEL_WRITER_MAX,
    Accept,
    Admit,
    Channel,
    DeviceAdd,
    DeviceCode,
    DeviceRemove,
    Grant,
    Invite,
    Op,
    Rekey,
    Remove,
    Revoke,
    ScopeAdd,
    ScopeHistory,
    ScopeRemove,
    Share,
)


def check(history: History, op: Op, past: int) -> SignedClaim | None:
    """Check an op (no genesis) against its past; gives the claim of an admission or a device.

    Raises:
        Invalid: it breaks a rule.
    """
    body, args = op.body, op.args
    if not history.bound.get((body.device, body.member), 0) & past:
        raise Invalid("the device is not one of the member's")
    if not history.given.get((body.member, body.level), 0) & past:
        raise Invalid("nobody gave the author this level")
    if args is None:
        return None
    leaving = isinstance(args, Remove) and args.member == body.member
    if isinstance(args, DeviceCode | DeviceAdd | DeviceRemove):
        return _check_device(history, op, past)
    if isinstance(args, Revoke) and args.invite in history.codes:
        _check_code_revoke(history, op, args.invite, past)
        return None
    if body.level > LEVEL_WRITER_MAX and not leaving:
        raise Invalid("readers and relays change nothing")
    if isinstance(args, Admit):
        return _check_claim(history, args, past)
    if isinstance(args, Invite):
        _check_invite(body.level, args.level)
    elif isinstance(args, Revoke):
        _check_revoke(history, op, args.invite, past)
    elif isinstance(args, Grant):
        _check_grant(history, body.level, args, past)
    elif isinstance(args, Remove) and not leaving:
        _check_admin(body.level)
        _check_known(history, args.member, past)
    elif isinstance(args, Accept):
        _check_accept(history, op, args.op, past)
    elif isinstance(args, Channel | ScopeAdd | ScopeRemove | ScopeHistory | Rekey | Share):
        _check_scope(history, body.level, args, past)
    return None


def _check_invite(level: int, given: int) -> None:
    """Strictly below oneself; readers are for members and up to invite, relays for admins."""
    if given <= level:
        raise Invalid("an invite gives less than its author has")
    if given == LEVEL_RELAY:
        _check_admin(level)
    elif given == LEVEL_READER:
        if level > LEVEL_MEMBER:
            raise Invalid("readers are invited by level 100 and up")
    elif given > LEVEL_WRITER_MAX:
        raise Invalid("no such level")


def _check_device(history: History, op: Op, past: int) -> SignedClaim | None:
    """Codes are for who reads; nobody adds devices to others, and admins take them from others."""
    body, args = op.body, op.args
    if isinstance(args, DeviceCode):
        if body.level > LEVEL_READER:
            raise Invalid("a relay has one device")
    elif isinstance(args, DeviceAdd):
        return _check_added(history, op, args, past)
    elif isinstance(args, DeviceRemove):
        if args.member != body.member:
            _check_admin(body.level)
        if not history.bound.get((args.device, args.member), 0) & past:
            raise Invalid("the device to remove is not one of the member's")
    return None


def _check_added(history: History, op: Op, args: DeviceAdd, past: int) -> SignedClaim:
    signed = decode_claim(args.claim)
    claim = signed.claim
    if claim.workspace != history.workspace:
        raise Invalid("a claim for another workspace")
    code = history.by_id.get(claim.invite)
    if code is None or not past & code.bit or not isinstance(code.op.args, DeviceCode):
        raise Invalid("a device without its code")
    if not code.plausible:
        raise Invalid("a device by a code that breaks the rules")
    verify(signed, code.op.args.key)
    if any(history.bound[claim.sign, m] & past for m in history.members_of.get(claim.sign, ())):
        raise Invalid("the device came in before")
    if not code.op.args.lasting:
        if op.body.member != code.member:
            raise Invalid("a device is let in by its member")
        if history.admits.get(code.op.id, 0) & past:
            raise Invalid("the code was used before")
    if (history.additions.get(code.member, 0) & past).bit_count() >= limits.DEVICES_EVER_MAX:
        raise Invalid("a member with too many devices")
    return signed


def _check_code_revoke(history: History, op: Op, code_id: bytes, past: int) -> None:
    code = history.by_id[code_id]
    if not past & code.bit or code.member != op.body.member:
        raise Invalid("a code is taken back by its member")


def _check_claim(history: History, args: Admit, past: int) -> SignedClaim:
    signed = decode_claim(args.claim)
    claim = signed.claim
    if claim.workspace != history.workspace:
        raise Invalid("a claim for another workspace")
    invite = history.by_id.get(claim.invite)
    if invite is None or not past & invite.bit or not isinstance(invite.op.args, Invite):
        raise Invalid("a claim without its invite")
    if not invite.plausible:
        raise Invalid("a claim for an invite that breaks the rules")
    verify(signed, invite.op.args.key)
    return signed


def _check_revoke(history: History, op: Op, invite_id: bytes, past: int) -> None:
    invite = history.by_id.get(invite_id)
    if invite is None or not past & invite.bit or not isinstance(invite.op.args, Invite):
        raise Invalid("no such invite to revoke")
    if invite.member != op.body.member and invite.op.body.level <= op.body.level:
        raise Invalid("an invite is revoked by its author or somebody senior to them")


def _check_grant(history: History, level: int, args: Grant, past: int) -> None:
    _check_admin(level)
    if args.level <= level and not args.level == level == LEVEL_FOUNDER:
        raise Invalid("a grant gives less than its author has")
    if args.level > LEVEL_WRITER_MAX and args.level != LEVEL_READER:
        raise Invalid("no such level")
    _check_known(history, args.member, past)


def _check_accept(history: History, op: Op, end_id: bytes, past: int) -> None:
    end = history.by_id.get(end_id)
    if end is None or not past & end.bit or not ends_of(end.op):
        raise Invalid("nobody's writing was ended there")
    if end.member != op.body.member:
        _check_admin(op.body.level)
        if end.op.body.level <= op.body.level:
            raise Invalid("what stays is said by who ended it or somebody senior to them")


def _check_known(history: History, member: bytes, past: int) -> None:
    if not history.admissions.get(member, 0) & past:
        raise Invalid("this member never came in")


def _check_admin(level: int) -> None:
    if level > LEVEL_ADMIN_MAX:
        raise Invalid("this takes an admin")


def _check_scope(
    history: History,
    level: int,
    args: Channel | ScopeAdd | ScopeRemove | ScopeHistory | Rekey | Share,
    past: int,
) -> None:
    if isinstance(args, Share):
        rekey = history.by_id.get(args.epoch)
        if rekey is None or not past & rekey.bit or not isinstance(rekey.op.args, Rekey):
            raise Invalid("a share of no epoch")
        return
    everybody = args.scope == history.scope
    if isinstance(args, Channel):
        if everybody and args.members:
            raise Invalid("everybody is in the workspace's scope already")
    elif everybody:
        if isinstance(args, ScopeHistory):
            _check_admin(level)
        elif not isinstance(args, Rekey):
            raise Invalid("the workspace's scope follows from who is in")
    elif not history.scoped.get(args.scope, 0) & past:
        raise Invalid("no such scope")
