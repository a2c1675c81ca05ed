"""Roster operations: the bytes of every change of who is in, at which level, with which keys.

    wire = body || signature            signature: 64 bytes, Ed25519 by the author's device
    body = [version, workspace, parents, device, incarnation, seq, member, level, time, kind,
            args, private]              a msgpack array
    id   = digest("x1.roster", body)    the signature covers "x1/roster\\0" || id

A workspace's id is the id of its genesis, which names no workspace (zeros) and has no parents.
`level` is what the author claims to have; the rules (`roster_rules`) decide whether that is so.
`args` is an array whose shape follows from `kind`. `private` is what only members may read
(names, nicks), sealed by `epochs`; it is empty where there is nothing of that sort.

Everything else is readable, so that a relay can judge every op. A kind that this build does not
know is kept and passed on; its `args` stay as received. Format: docs/protocol/roster.md.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from crdt import keys, limits
from crdt.errors import Invalid, TooNew
from crdt.keys import DevicePublic, digest
from crdt.roster_args import (
    KINDS,
    LASTING,
    LEVEL_ADMIN_MAX,
    LEVEL_FOUNDER,
    LEVEL_MEMBER,
    LEVEL_READER,
    LEVEL_RELAY,
    LEVEL_WRITER_MAX,
    MODE_HIDDEN,
    MODE_PRIVATE,
    MODE_PUBLIC,
    Accept,
    Admit,
    AnyArgs,
    Args,
    Bytes8,
    Bytes16,
    Bytes32,
    Channel,
    DeviceAdd,
    DeviceCode,
    DeviceRemove,
    Genesis,
    Grant,
    Invite,
    Kept,
    Level,
    Rekey,
    Remove,
    Revoke,
    ScopeAdd,
    ScopeHistory,
    ScopeRemove,
    Share,
    Time,
)
from crdt.tagged import is_newer

__all__ = [
    "KINDS",
    "LASTING",
    "LEVEL_ADMIN_MAX",
    "LEVEL_FOUNDER",
    "LEVEL_MEMBER",
    "LEVEL_READER",
    "LEVEL_RELAY",
    "LEVEL_WRITER_MAX",
    "MODE_HIDDEN",
    "MODE_PRIVATE",
    "MODE_PUBLIC",
    "NO_WORKSPACE",
    "VERSION",
    "Accept",
    "Admit",
    "AnyArgs",
    "Args",
    "Body",
    "Bytes8",
    "Bytes16",
    "Bytes32",
    "Channel",
    "DeviceAdd",
    "DeviceCode",
    "DeviceRemove",
    "Genesis",
    "Grant",
    "Invite",
    "Kept",
    "Level",
    "Op",
    "Place",
    "Rekey",
    "Remove",
    "Revoke",
    "ScopeAdd",
    "ScopeHistory",
    "ScopeRemove",
    "Share",
    "Time",
    "build",
    "channel_id",
    "decode",
    "founding",
    "member_id",
    "net_commitment",
    "op_id",
    "scope_id",
]

VERSION: Literal[1] = 1
NO_WORKSPACE = bytes(limits.DIGEST_BYTES)
"""What a genesis has in place of a workspace id."""

_KIND_OF = {args: kind for kind, args in KINDS.items()}
_DECODERS = {kind: msgspec.msgpack.Decoder(args) for kind, args in KINDS.items()}


class Body(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What is signed. `seq` counts a device's ops in one incarnation from 0."""

    version: Literal[1]
    workspace: Bytes32
    parents: Annotated[tuple[Bytes32, ...], Meta(max_length=limits.ROSTER_PARENTS_MAX)]
    device: Bytes32
    incarnation: Bytes8
    seq: Annotated[int, Meta(ge=0, le=limits.SEQ_MAX)]
    member: Bytes16
    level: Level
    time: Time
    kind: Annotated[int, Meta(ge=1, lt=2**16)]
    args: msgspec.Raw
    private: bytes = b""


class Op(msgspec.Struct, frozen=True):
    """A decoded op whose signature was checked. `args` is None for kinds of a newer version."""

    id: bytes
    wire: bytes
    body: Body
    args: AnyArgs | None

    @property
    def parents(self) -> tuple[bytes, ...]:
        return self.body.parents

    @property
    def workspace(self) -> bytes:
        """The workspace it belongs to; a genesis makes its own."""
        return self.id if isinstance(self.args, Genesis) else self.body.workspace


class Place(msgspec.Struct, frozen=True):
    """Where a device's next op goes: on which heads, in whose name, when."""

    workspace: bytes
    parents: tuple[bytes, ...]
    device: bytes
    incarnation: bytes
    seq: int
    member: bytes
    level: int
    time: int


_encoder = msgspec.msgpack.Encoder()
_bodies = msgspec.msgpack.Decoder(Body)


def member_id(device: bytes, salt: bytes) -> bytes:
    """The id of the member that began with this device: nobody can take another's."""
    return digest(b"x1.member", device, salt)[: limits.ID_BYTES]


def channel_id(device: bytes, incarnation: bytes, seq: int) -> bytes:
    """The channel id that an op at this place owns: no other device can take it."""
    return digest(b"x1.channel", _place(device, incarnation, seq))[: limits.ID_BYTES]


def scope_id(device: bytes, incarnation: bytes, seq: int) -> bytes:
    """The scope id that an op at this place owns."""
    return digest(b"x1.scope", _place(device, incarnation, seq))[: limits.ID_BYTES]


def _place(device: bytes, incarnation: bytes, seq: int) -> bytes:
    return device + incarnation + seq.to_bytes(8, "big")


def net_commitment(net_key: bytes, salt: bytes) -> bytes:
    """What a genesis says of the workspace's link key."""
    return keys.kdf(net_key, b"x1.commit", salt)


def op_id(body: bytes) -> bytes:
    """The id of the op with this body."""
    return digest(b"x1.roster", body)


def build(place: Place, args: AnyArgs, sign_seed: bytes, private: bytes = b"") -> Op:
    """A new signed op. `private` is what `epochs` sealed, or nothing.

    Raises:
        Invalid: it would be too large or break a limit.
    """
    body = _encoder.encode(
        Body(
            VERSION,
            place.workspace,
            place.parents,
            place.device,
            place.incarnation,
            place.seq,
            place.member,
            place.level,
            place.time,
            _KIND_OF[type(args)],
            msgspec.Raw(_encoder.encode(args)),
            private,
        )
    )
    return decode(body + keys.sign(sign_seed, keys.SIGN_ROSTER, op_id(body)))


def founding(
    public: DevicePublic, args: Genesis, *, incarnation: bytes, time: int, sign_seed: bytes
) -> Op:
    """The op that begins a workspace."""
    member = member_id(public.sign, args.salt)
    place = Place(NO_WORKSPACE, (), public.sign, incarnation, 0, member, LEVEL_FOUNDER, time)
    return build(place, args, sign_seed)


def decode(wire: bytes) -> Op:
    """An op from its wire form: well-formed, of bounded size, and signed by its device.

    Raises:
        TooNew: of a wire version this build does not know.
        Invalid: anything else that is wrong.
    """
    if not limits.SIGNATURE_BYTES < len(wire) <= limits.ROSTER_OP_MAX_BYTES:
        raise Invalid("roster op has no valid size")
    body_bytes, signature = wire[: -limits.SIGNATURE_BYTES], wire[-limits.SIGNATURE_BYTES :]
    body = _decode_body(body_bytes)
    _check_places(body)
    decoder = _DECODERS.get(body.kind)
    args: AnyArgs | None = None
    if decoder is not None:
        try:
            args = decoder.decode(body.args)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Invalid(f"roster op of kind {body.kind} is malformed: {error}") from None
    _check_args(args)
    if isinstance(args, Genesis):
        _check_founder(body, args)
    identity = op_id(body_bytes)
    keys.verify(body.device, keys.SIGN_ROSTER, identity, signature)
    return Op(identity, wire, body, args)


def _decode_body(data: bytes) -> Body:
    try:
        return _bodies.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if is_newer(data, VERSION):
            raise TooNew("roster op needs a newer Clowder") from None
        raise Invalid(f"not a roster op: {error}") from None


def _check_places(body: Body) -> None:
    founding = body.kind == 1
    if founding != (body.workspace == NO_WORKSPACE) or founding == bool(body.parents):
        raise Invalid("a genesis, and nothing else, stands without workspace and parents")
    if list(body.parents) != sorted(set(body.parents)):
        raise Invalid("roster op's parents are not sorted")


def _check_founder(body: Body, args: Genesis) -> None:
    if body.level != LEVEL_FOUNDER or body.member != member_id(body.device, args.salt):
        raise Invalid("a genesis makes its author the founder")
    if args.recovery_sign == body.device:
        raise Invalid("a paper key is a key of its own")


def _check_args(args: AnyArgs | None) -> None:
    if isinstance(args, Genesis):
        sizes = {len(args.recovery_sign), len(args.recovery_box)}
        if sizes not in ({0}, {limits.KEY_BYTES}):
            raise Invalid("a paper key has two public keys of 32 bytes, or none")
    elif isinstance(args, Channel):
        if len(args.key) not in (0, limits.KEY_BYTES):
            raise Invalid("a channel's key has 32 bytes")
        if args.key and args.mode in (MODE_PRIVATE, MODE_HIDDEN):
            raise Invalid("only a public channel's key stands in the open")
        _check_sorted(args.members)
    elif isinstance(args, ScopeAdd | ScopeRemove):
        _check_sorted(args.members)
    elif isinstance(args, Rekey):
        _check_sorted(args.devices)
        if any(len(wrapped) != limits.WRAPPED_KEY_BYTES for _, wrapped in args.wraps):
            raise Invalid("a wrapped key has 72 bytes")
    elif isinstance(args, Grant | Remove) and len(args.cuts) not in (0, limits.DIGEST_BYTES):
        raise Invalid("cuts are named by a digest")
    elif isinstance(args, DeviceCode):
        if len(args.box) not in (0, limits.KEY_BYTES) or (args.box and not args.lasting):
            raise Invalid("a paper has a public key of 32 bytes, and a code none")
    elif isinstance(args, Accept):
        _check_sorted(args.scopes)
        _check_logs(args.logs)


def _check_logs(rows: Sequence[Kept]) -> None:
    logs = [(row.channel, row.part, row.device, row.incarnation) for row in rows]
    if logs != sorted(set(logs)):
        raise Invalid("logs in a roster op are not sorted, each once")


def _check_sorted(values: Sequence[bytes]) -> None:
    if list(values) != sorted(set(values)):
        raise Invalid("ids in a roster op are not sorted")
