"""What a roster operation says, by kind: levels, modes, and the arguments of every kind.

Each kind is a number on the wire and an array of fixed arity; `KINDS` has both. What a single
value may be stands in its type, what must hold between several is checked in `roster_ops`.
Format: docs/protocol/roster.md.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from crdt import limits

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
LASTING = 2**53 - 1
"""The last time of a paper's code: it never expires."""


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
    """A member gets another level. `cuts`: empty, or a digest that no rule reads."""

    member: Bytes16
    level: Level
    cuts: Annotated[bytes, Meta(max_length=32)] = b""


class Remove(Args, frozen=True):
    """A member is out. `cuts`: empty, or a digest that no rule reads; see `Accept`."""

    member: Bytes16
    cuts: Annotated[bytes, Meta(max_length=32)] = b""


class Kept(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A log up to one of its entries.

    Attributes:
        channel, part, device, incarnation: which log.
        seq, id: the last entry that stays, and its id, which vouches for all before it.
    """

    channel: Bytes16
    part: Annotated[int, Meta(ge=0, le=255)]
    device: Bytes32
    incarnation: Bytes8
    seq: Annotated[int, Meta(ge=0, le=limits.SEQ_MAX)]
    id: Bytes32


class Accept(Args, frozen=True):
    """Of what somebody wrote beside the end of their writing, this stays; see `cuts`.

    Attributes:
        op: the end: a removal, a grant of reading alone, or a change of a scope.
        scopes: in whose channels everything else does not, sorted; the author has to be inside.
        logs: what stays, sorted, each log once.
    """

    op: Bytes32
    scopes: Annotated[tuple[Bytes16, ...], Meta(max_length=limits.SCOPE_CHANGE_MAX)] = ()
    logs: Annotated[tuple[Kept, ...], Meta(max_length=limits.ACCEPT_LOGS_MAX)] = ()


class DeviceCode(Args, frozen=True):
    """A device of the author's member may come in. Private: [note, nick key].

    Attributes:
        key: public key whose secret follows from the code's; it signs the claim.
        not_after: own devices refuse claims after this wall time, milliseconds; LASTING is a
            paper's, which many devices may come in by, and for which anybody may witness.
        door: link key of the code, by which devices of the workspace answer its holder.
        rest: what the code does not say, sealed with a key from its secret.
        box: of a paper, public key that seals are for: its holder reads, when nobody is left who
            could hand on keys. Else empty.
    """

    key: Bytes32
    not_after: Time
    door: Bytes32
    rest: Annotated[bytes, Meta(min_length=1, max_length=limits.INVITE_REST_MAX_BYTES)]
    box: Annotated[bytes, Meta(max_length=32)] = b""

    @property
    def lasting(self) -> bool:
        """Whether it is on paper."""
        return self.not_after == LASTING


class DeviceAdd(Args, frozen=True):
    """A claim of a device code was checked: its device is the member's. Private: [name]."""

    claim: Annotated[bytes, Meta(min_length=1, max_length=limits.CLAIM_MAX_BYTES)]


class DeviceRemove(Args, frozen=True):
    """A device is its member's no more, and never again. `Accept` says what stays of its logs."""

    member: Bytes16
    device: Bytes32


class ScopeHistory(Args, frozen=True):
    """Whether who comes into a scope from now on reads what was said before (`epoch_history`)."""

    scope: Bytes16
    open: bool


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
    | Accept
    | DeviceCode
    | DeviceAdd
    | DeviceRemove
    | ScopeHistory
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
    12: Accept,
    13: DeviceCode,
    14: DeviceAdd,
    15: DeviceRemove,
    16: ScopeHistory,
}
