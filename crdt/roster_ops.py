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
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from crdt import keys, limits
from crdt.errors import Invalid, TooNew
from crdt.keys import DevicePublic, digest

VERSION: Literal[1] = 1
NO_WORKSPACE = bytes(limits.DIGEST_BYTES)
"""What a genesis has in place of a workspace id."""

LEVEL_FOUNDER = 0
LEVEL_ADMIN_MAX = 99
LEVEL_MEMBER = 100
LEVEL_WRITER_MAX = 198
LEVEL_READER = 200
LEVEL_RELAY = 250

MODE_PRIVATE, MODE_HIDDEN, MODE_PUBLIC = 0, 1, 2

Bytes8 = Annotated[bytes, Meta(min_length=8, max_length=8)]
Bytes16 = Annotated[bytes, Meta(min_length=16, max_length=16)]
Bytes32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
Level = Annotated[int, Meta(ge=0, le=LEVEL_RELAY)]
Time = Annotated[int, Meta(ge=0, lt=2**53)]


class Args(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Base of the arguments of every kind."""


class Genesis(Args, frozen=True):
    """A workspace begins; its author is the founder.

    Attributes:
        link, box: the founding device's public keys.
        salt: makes the founder's member id.
        net: `net_commitment` of the workspace's link key.
        recovery_sign, recovery_box: public keys of the paper key; empty when there is none.
    """

    link: Bytes32
    box: Bytes32
    salt: Bytes16
    net: Bytes32
    recovery_sign: Annotated[bytes, Meta(max_length=32)] = b""
    recovery_box: Annotated[bytes, Meta(max_length=32)] = b""


class Invite(Args, frozen=True):
    """One person may come in. Private: [note, nick key].

    Attributes:
        key: public key whose secret follows from the invite's; it signs the claim.
        level: what the newcomer gets; 250 makes it a relay's ticket.
        not_after: witnesses refuse claims after this wall time, milliseconds.
        door: link key of the invite, by which devices of the workspace answer its holder.
        rest: what the link does not say, sealed with a key from the invite's secret.
    """

    key: Bytes32
    level: Level
    not_after: Time
    door: Bytes32
    rest: Annotated[bytes, Meta(min_length=1, max_length=limits.INVITE_REST_MAX_BYTES)]


class Admit(Args, frozen=True):
    """A newcomer's claim was checked and is in. Private: [nick]."""

    claim: Annotated[bytes, Meta(min_length=1, max_length=limits.CLAIM_MAX_BYTES)]


class Revoke(Args, frozen=True):
    """An invite admits nobody any more."""

    invite: Bytes32


class Channel(Args, frozen=True):
    """A channel exists. Private: [name].

    Attributes:
        id: `channel_id` of the op's place; other ids count, but can be taken by equals.
        scope: whose keys seal it; a scope not known before begins with this op, and has
            `scope_id` of its place as id, for the same reason.
        mode: MODE_PRIVATE, MODE_HIDDEN or MODE_PUBLIC.
        key: the epoch key in clear for public channels, else empty.
        members: who is in the new scope beside the author; empty for the workspace's scope.
    """

    id: Bytes16
    scope: Bytes16
    mode: Annotated[int, Meta(ge=0, le=15)]
    key: Annotated[bytes, Meta(max_length=32)] = b""
    members: Annotated[tuple[Bytes16, ...], Meta(max_length=limits.SCOPE_CHANGE_MAX)] = ()


class ScopeAdd(Args, frozen=True):
    """Members come into a scope."""

    scope: Bytes16
    members: Annotated[tuple[Bytes16, ...], Meta(min_length=1, max_length=limits.SCOPE_CHANGE_MAX)]


class ScopeRemove(Args, frozen=True):
    """Members leave a scope."""

    scope: Bytes16
    members: Annotated[tuple[Bytes16, ...], Meta(min_length=1, max_length=limits.SCOPE_CHANGE_MAX)]


class Rekey(Args, frozen=True):
    """A scope has a new content key: this op's id names the epoch.

    Attributes:
        scope: whose key.
        salt, commit: `epoch_commitment(key, salt, scope)`; a key that does not fit is no key.
        seals: `x1.seals` of the block of sealed keys, one for each device, in this order.
        devices: who gets a seal, sorted.
        wraps: (earlier epoch, its key sealed with this one), so that newcomers read history.
    """

    scope: Bytes16
    salt: Bytes16
    commit: Bytes32
    seals: Bytes32
    devices: Annotated[tuple[Bytes32, ...], Meta(max_length=limits.SEALED_DEVICES_MAX)]
    wraps: Annotated[tuple[tuple[Bytes32, bytes], ...], Meta(max_length=limits.WRAPS_MAX)] = ()


class Share(Args, frozen=True):
    """A device that has no seal of an epoch gets its key."""

    epoch: Bytes32
    device: Bytes32
    sealed: Annotated[bytes, Meta(min_length=1, max_length=limits.SHARED_KEY_MAX_BYTES)]


class Grant(Args, frozen=True):
    """A member gets another level. `cuts`: `x1.cuts` of a block of cuts, or empty."""

    member: Bytes16
    level: Level
    cuts: Annotated[bytes, Meta(max_length=32)] = b""


class Remove(Args, frozen=True):
    """A member is out. `cuts`: `x1.cuts` of a block that says what of theirs stays, or empty."""

    member: Bytes16
    cuts: Annotated[bytes, Meta(max_length=32)] = b""


AnyArgs = (
    Genesis
    | Invite
    | Admit
    | Revoke
    | Channel
    | ScopeAdd
    | ScopeRemove
    | Rekey
    | Share
    | Grant
    | Remove
)
KINDS: dict[int, type[Any]] = {
    1: Genesis,
    2: Invite,
    3: Admit,
    4: Revoke,
    5: Channel,
    6: ScopeAdd,
    7: ScopeRemove,
    8: Rekey,
    9: Share,
    10: Grant,
    11: Remove,
}
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
        if 0x90 < data[0] < 0xA0 and len(data) > 1 and VERSION < data[1] < 0x80:
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


def _check_sorted(values: Sequence[bytes]) -> None:
    if list(values) != sorted(set(values)):
        raise Invalid("ids in a roster op are not sorted")
