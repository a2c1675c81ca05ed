"""Invites: 16 secret bytes, and what follows from them.

    sign = kdf(secret, "x1.inv.sign")    Ed25519 seed; the invite op has its public key
    door = kdf(secret, "x1.inv.door")    link key by which devices of the workspace answer
    rest = kdf(secret, "x1.inv.rest")    seals what the link does not say
    nick = kdf(secret, "x1.inv.nick")    seals the claimant's name; members get it in the op
    box  = kdf(secret, "x1.inv.box")     of a paper, opens what is sealed for it

The secret alone goes from hand to hand. Members and relays hold the op, so all of them can answer
the door and none can claim: the claim is signed with a key that only the secret gives. The rest
is sealed for the same reason: a relay that keeps the op learns nothing from it.

    blob = nonce 24 || AEAD(rest, [1, workspace, net_key, level, name, hints]),
           associated data "x1/rest\\0"; a device code's has the member, a paper's `true` as well

No content key is in an invite. A stolen one gives a visible member, never silent reading; a
relay's ticket gives what is needed to link, and nothing to read. Nor does an invite say who was in
when it was made: a newcomer's admission descends from the invite op, so a roster that admits it
holds all that the inviter knew. Format: docs/protocol/invites.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from crdt import keys, limits, text
from crdt.claims import Claim, SignedClaim, build_claim
from crdt.errors import Invalid, TooNew
from crdt.keys import DeviceKeys, Entropy, kdf
from crdt.roster_ops import LASTING, LEVEL_RELAY, Bytes32, DeviceCode, Invite, Level
from crdt.tagged import is_newer

VERSION: Literal[1] = 1
SECRET_BYTES = 16
HINTS_MAX = 4
"""Addresses in one invite: a LAN, a VPN, a relay, and one more."""
HINT_MAX_CHARS = 128
"""A host name of usual length with its port; longer ones are left out."""

_REST_DATA = b"x1/rest\0"
_NICK_BYTES = 4 * limits.NICK_MAX_CHARS
"""Every name is padded to what the longest needs, so its size tells nothing."""

assert _NICK_BYTES + limits.NONCE_BYTES + limits.TAG_BYTES <= limits.SEALED_NICK_MAX_BYTES


@dataclass(frozen=True, slots=True)
class InviteKeys:
    """What follows from an invite's secret. All secret, never shown.

    Attributes:
        sign_seed: signs the claim.
        door: link key.
        rest, nick: content keys.
        box: secret key that opens seals for a paper.
    """

    sign_seed: bytes = field(repr=False)
    door: bytes = field(repr=False)
    rest: bytes = field(repr=False)
    nick: bytes = field(repr=False)
    box: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "InviteKeys":
        """The keys of a 16-byte secret."""
        assert len(secret) == SECRET_BYTES
        return cls(
            kdf(secret, b"x1.inv.sign"),
            kdf(secret, b"x1.inv.door"),
            kdf(secret, b"x1.inv.rest"),
            kdf(secret, b"x1.inv.nick"),
            kdf(secret, b"x1.inv.box"),
        )

    @property
    def public(self) -> bytes:
        """What the invite op names, and claims are verified with."""
        return keys.sign_public(self.sign_seed)


class Rest(msgspec.Struct, array_like=True, frozen=True):
    """What an invite's link does not say.

    A later version may append fields, which this one passes over.

    Attributes:
        workspace: its whole id, against which the roster verifies itself.
        net_key: the workspace's link key.
        level: what the newcomer gets; a relay's ticket says LEVEL_RELAY.
        name: the workspace's name, to be shown while waiting; a ticket has none.
        hints: addresses to dial, best first.
        member: whose device its holder becomes; empty where it makes a member of its own.
        lasting: it is a paper's, good for ever. Papers of earlier versions do not say so.
    """

    version: Literal[1]
    workspace: Bytes32
    net_key: Bytes32
    level: Level
    name: Annotated[str, Meta(max_length=limits.CHANNEL_NAME_MAX_CHARS)] = ""
    hints: Annotated[
        tuple[Annotated[str, Meta(max_length=HINT_MAX_CHARS)], ...], Meta(max_length=HINTS_MAX)
    ] = ()
    member: Annotated[bytes, Meta(max_length=limits.ID_BYTES)] = b""
    lasting: bool = False

    def __repr__(self) -> str:
        return f"Rest(workspace={self.workspace.hex()[:8]}, level={self.level})"


_encoder = msgspec.msgpack.Encoder()
_rests = msgspec.msgpack.Decoder(Rest)


def make_invite(
    secret: bytes,
    *,
    workspace: bytes,
    net_key: bytes,
    level: int,
    not_after: int,
    name: str = "",
    hints: Sequence[str] = (),
    entropy: Entropy,
) -> Invite:
    """The arguments of an invite op; `not_after` is wall time in milliseconds.

    Its private part is `[note, InviteKeys.of(secret).nick]`. Hints that do not fit are left out,
    and a relay's ticket never has the workspace's name.
    """
    derived = InviteKeys.of(secret)
    shown = "" if level == LEVEL_RELAY else text.clean_line(name, limits.CHANNEL_NAME_MAX_CHARS)
    rest = Rest(VERSION, workspace, net_key, level, shown, _hints(hints))
    return Invite(
        key=derived.public,
        level=level,
        not_after=not_after,
        door=derived.door,
        rest=_seal_rest(derived, rest, entropy),
    )


def make_code(
    secret: bytes,
    *,
    workspace: bytes,
    net_key: bytes,
    member: bytes,
    level: int,
    not_after: int,
    name: str = "",
    hints: Sequence[str] = (),
    entropy: Entropy,
) -> DeviceCode:
    """The arguments of a device code's op, for one more device of a member, who is at `level`.

    Its private part is `[note, InviteKeys.of(secret).nick]`, as an invite's; the claimant's name
    is the device's there. `not_after` is wall time in milliseconds, or LASTING.
    """
    derived = InviteKeys.of(secret)
    shown = text.clean_line(name, limits.CHANNEL_NAME_MAX_CHARS)
    lasting = not_after == LASTING
    rest = Rest(VERSION, workspace, net_key, level, shown, _hints(hints), member, lasting)
    return DeviceCode(
        key=derived.public,
        not_after=not_after,
        door=derived.door,
        rest=_seal_rest(derived, rest, entropy),
        box=keys.box_public(derived.box) if lasting else b"",
    )


def _hints(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(filter(_fits, given))[:HINTS_MAX]


def _seal_rest(derived: InviteKeys, rest: Rest, entropy: Entropy) -> bytes:
    fields = msgspec.structs.astuple(rest)
    # What says nothing is left out at the end, so an invite is the same in every version.
    said = len(fields) - (0 if rest.lasting else 1 if rest.member else 2)
    nonce = entropy(limits.NONCE_BYTES)
    plaintext = _encoder.encode(fields[:said])
    return nonce + keys.seal(derived.rest, nonce, plaintext, _REST_DATA)


def _fits(hint: str) -> bool:
    return hint.isascii() and hint.isprintable() and 0 < len(hint) <= HINT_MAX_CHARS


def open_rest(secret: bytes, blob: bytes) -> Rest:
    """The rest of an invite, whose strings are cleaned.

    Raises:
        TooNew: of a version this build does not know.
        Invalid: it is not this secret's.
    """
    nonce, ciphertext = blob[: limits.NONCE_BYTES], blob[limits.NONCE_BYTES :]
    key = InviteKeys.of(secret).rest
    return read_rest(keys.open_sealed(key, nonce, ciphertext, _REST_DATA))


def read_rest(plaintext: bytes) -> Rest:
    """The rest of an invite from its opened bytes. Raises as `open_rest`."""
    try:
        rest = _rests.decode(plaintext)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if is_newer(plaintext, VERSION):
            raise TooNew("this invite needs a newer Clowder") from None
        raise Invalid(f"the rest of an invite is malformed: {error}") from None
    if len(rest.member) not in (0, limits.ID_BYTES):
        raise Invalid("a member in an invite has 16 bytes")
    if not all(map(_fits, rest.hints)):
        raise Invalid("an address in an invite is not printable ASCII")
    name = text.clean_line(rest.name, limits.CHANNEL_NAME_MAX_CHARS)
    return msgspec.structs.replace(rest, name=name)


def make_claim(
    secret: bytes,
    rest: Rest,
    invite: bytes,
    device: DeviceKeys,
    *,
    salt: bytes,
    nick: str,
    entropy: Entropy,
) -> SignedClaim:
    """The claim of a new device on the invite op with this id.

    `salt` (16 bytes) makes the member's id. Make one claim for an invite and keep it: another
    salt would be another person.

    Raises:
        Invalid: a limit is broken.
    """
    derived = InviteKeys.of(secret)
    public = device.public
    sealed = _seal_nick(
        derived.nick,
        text.clean_line(nick, limits.NICK_MAX_CHARS),
        _nick_data(rest.workspace, invite, public.sign),
        entropy(limits.NONCE_BYTES),
    )
    return build_claim(
        rest.workspace,
        invite,
        public,
        salt,
        sealed,
        invite_seed=derived.sign_seed,
        sign_seed=device.sign_seed,
    )


def _nick_data(workspace: bytes, invite: bytes, device: bytes) -> bytes:
    return workspace + invite + device


def _seal_nick(key: bytes, nick: str, associated: bytes, nonce: bytes) -> bytes:
    plaintext = nick.encode().ljust(_NICK_BYTES, b"\0")
    return nonce + keys.seal(key, nonce, plaintext, associated)


def open_nick(nick_key: bytes, claim: Claim) -> str:
    """How a claimant wants to be called, cleaned; `nick_key` is in the invite's private part.

    Raises:
        Invalid: it does not open, or is no text.
    """
    nonce, ciphertext = claim.nick[: limits.NONCE_BYTES], claim.nick[limits.NONCE_BYTES :]
    associated = _nick_data(claim.workspace, claim.invite, claim.sign)
    if len(nick_key) != limits.KEY_BYTES:
        raise Invalid("the key of a claimant's name has 32 bytes")
    plaintext = keys.open_sealed(nick_key, nonce, ciphertext, associated)
    try:
        nick = plaintext.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise Invalid("a claimant's name is not UTF-8") from None
    return text.clean_line(nick, limits.NICK_MAX_CHARS)
