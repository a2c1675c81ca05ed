"""Claims: how somebody who holds an invite asks to come in.

    wire = body || signature by the invite's key || signature by the new device
    body = [1, workspace, invite, sign, link, box, salt, nick]      a msgpack array

Both signatures are Ed25519 over "x1/claim\\0" || digest("x1.claim", body). The first says that the
claimant holds the invite's secret, the second that the device keys are its own; because both cover
workspace, invite and keys, a claim that is overheard is of no use with other keys, for another
invite or in another workspace. `nick` is sealed (by `invites`), so relays do not learn names.
Format: docs/protocol/roster.md.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from crdt import keys, limits
from crdt.errors import Invalid, TooNew
from crdt.keys import DevicePublic, digest
from crdt.roster_ops import Bytes16, Bytes32, member_id
from crdt.tagged import is_newer

VERSION: Literal[1] = 1
_SIGNATURES_BYTES = 2 * limits.SIGNATURE_BYTES


class Claim(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What is signed.

    Attributes:
        invite: id of the invite op.
        sign, link, box: public keys of the new device.
        salt: makes the new member's id, with `sign`.
        nick: how the newcomer wants to be called, sealed.
    """

    version: Literal[1]
    workspace: Bytes32
    invite: Bytes32
    sign: Bytes32
    link: Bytes32
    box: Bytes32
    salt: Bytes16
    nick: Annotated[bytes, Meta(max_length=limits.SEALED_NICK_MAX_BYTES)] = b""

    @property
    def member(self) -> bytes:
        """The id of the member that this claim makes."""
        return member_id(self.sign, self.salt)


class SignedClaim(msgspec.Struct, frozen=True):
    """A well-formed claim whose signatures are still to be checked, by `verify`.

    Attributes:
        id: `x1.claim` of the body, which both signatures cover.
    """

    id: bytes
    wire: bytes
    claim: Claim
    by_invite: bytes
    by_device: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Claim)


def build_claim(
    workspace: bytes,
    invite: bytes,
    public: DevicePublic,
    salt: bytes,
    nick: bytes,
    *,
    invite_seed: bytes,
    sign_seed: bytes,
) -> SignedClaim:
    """A claim of the device with these keys, signed with the invite's seed and the device's.

    Raises:
        Invalid: it would break a limit.
    """
    body = _encoder.encode(
        Claim(VERSION, workspace, invite, public.sign, public.link, public.box, salt, nick)
    )
    covered = digest(b"x1.claim", body)
    return decode_claim(
        body
        + keys.sign(invite_seed, keys.SIGN_CLAIM, covered)
        + keys.sign(sign_seed, keys.SIGN_CLAIM, covered)
    )


def decode_claim(wire: bytes) -> SignedClaim:
    """A claim from its wire form; its signatures are not checked yet.

    Raises:
        TooNew: of a version this build does not know.
        Invalid: anything else that is wrong.
    """
    if not _SIGNATURES_BYTES < len(wire) <= limits.CLAIM_MAX_BYTES:
        raise Invalid("claim has no valid size")
    body, signatures = wire[:-_SIGNATURES_BYTES], wire[-_SIGNATURES_BYTES:]
    try:
        claim = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if is_newer(body, VERSION):
            raise TooNew("claim needs a newer Clowder") from None
        raise Invalid(f"not a claim: {error}") from None
    half = limits.SIGNATURE_BYTES
    return SignedClaim(digest(b"x1.claim", body), wire, claim, signatures[:half], signatures[half:])


def verify(signed: SignedClaim, invite_key: bytes) -> None:
    """Check both signatures of a claim; `invite_key` is the invite's public key.

    Raises:
        Invalid: the claimant does not hold the invite, or not the keys.
    """
    keys.verify(invite_key, keys.SIGN_CLAIM, signed.id, signed.by_invite)
    keys.verify(signed.claim.sign, keys.SIGN_CLAIM, signed.id, signed.by_device)
