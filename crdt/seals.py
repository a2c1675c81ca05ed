"""Content keys as bytes: sealed to devices, wrapped for history, and what is derived from them.

    commit   = kdf(key, "x1.commit", salt || scope)
    seal     = sealed box to the device's box key of  key 32 || scope 16 || salt 16    112 bytes
    block    = the seals in the order of the op's devices; the op names digest("x1.seals", block)
    wrap     = nonce 24 || AEAD(kdf(key, "x1.wrap"), earlier key)                       72 bytes
               associated data: scope 16 || earlier epoch 32
    private  = epoch 32 || nonce 24 || AEAD(kdf(key, "x1.private"), padded values)
               associated data: workspace 32 || device 32 || incarnation 8 || seq 8 || kind 2

The box's one-time secret is kdf(key, "x1.seal", device), so a seal follows from the key and its
recipient. Who holds the key can therefore see that a seal for somebody else is not the right one,
and hand the key on without being asked. To all others the one-time secret is as random as any.

A key that does not fit its commitment is no key: XChaCha20-Poly1305 alone would let an author
seal bytes that open to different texts under different keys. Format: docs/protocol/epochs.md.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from crdt import keys, limits
from crdt.errors import Invalid
from crdt.keys import digest, kdf
from crdt.ops import padded_size
from crdt.roster_ops import KINDS, AnyArgs, Body, Place

SEAL_BYTES = limits.KEY_BYTES + 2 * limits.ID_BYTES + 48
"""Key, scope and salt in a sealed box."""
VALUES_MAX = 16
"""Values in the private part of an op; two are the most in use."""

Value = str | bytes | int
_KIND_OF = {args: kind for kind, args in KINDS.items()}
_LENGTH_BYTES = 2
_NO_SEAL = bytes(SEAL_BYTES)
_encoder = msgspec.msgpack.Encoder()
_values = msgspec.msgpack.Decoder(
    Annotated[tuple[Any, ...], Meta(min_length=1, max_length=VALUES_MAX)]
)


# What follows from a key ------------------------------------------------------------------------


def commitment(key: bytes, salt: bytes, scope: bytes) -> bytes:
    """What a rekey op says of its key."""
    return kdf(key, b"x1.commit", salt + scope)


def channel_key(key: bytes, channel: bytes) -> bytes:
    """The key that seals a channel's entries."""
    return kdf(key, b"x1.chan", channel)


def convergence_secret(key: bytes) -> bytes:
    """What file keys of the scope and epoch follow from."""
    return kdf(key, b"x1.conv")


# Seals ------------------------------------------------------------------------------------------


def seal(key: bytes, scope: bytes, salt: bytes, device: bytes, box: bytes) -> bytes:
    """The epoch key for one device, whose box key is `box`.

    A device with an unusable box key gets zeros: it shuts out itself, and nobody else.
    """
    try:
        return keys.box_seal(box, key + scope + salt, lambda _: kdf(key, b"x1.seal", device))
    except Invalid:
        return _NO_SEAL


def open_seal(box_secret: bytes, sealed: bytes, scope: bytes, salt: bytes, commit: bytes) -> bytes:
    """The key in a seal, which has to be for this scope and salt and to fit the commitment.

    Raises:
        Invalid: it is not for this device, is another op's, or holds no key of this epoch.
    """
    plaintext = keys.box_open(box_secret, sealed)
    key = plaintext[: limits.KEY_BYTES]
    if plaintext[limits.KEY_BYTES :] != scope + salt or len(key) != limits.KEY_BYTES:
        raise Invalid("a seal of another epoch")
    return checked(key, salt, scope, commit)


def checked(key: bytes, salt: bytes, scope: bytes, commit: bytes) -> bytes:
    """The key itself.

    Raises:
        Invalid: it does not fit the commitment.
    """
    if not keys.equal(commitment(key, salt, scope), commit):
        raise Invalid("a key that its epoch does not commit to")
    return key


def block_digest(block: bytes) -> bytes:
    """How a rekey op names its block of seals."""
    return digest(b"x1.seals", block)


def seal_at(block: bytes, place: int) -> bytes:
    """The seal of the device at this place in the op."""
    return block[place * SEAL_BYTES : (place + 1) * SEAL_BYTES]


# Wraps ------------------------------------------------------------------------------------------


def wrap(key: bytes, scope: bytes, earlier: bytes, earlier_key: bytes, nonce: bytes) -> bytes:
    """The key of an earlier epoch, for those who hold this one."""
    return nonce + keys.seal(kdf(key, b"x1.wrap"), nonce, earlier_key, scope + earlier)


def unwrap(key: bytes, scope: bytes, earlier: bytes, wrapped: bytes) -> bytes:
    """The earlier key; the caller checks it against its own commitment.

    Raises:
        Invalid: not wrapped with this key, for this scope and epoch.
    """
    nonce, ciphertext = wrapped[: limits.NONCE_BYTES], wrapped[limits.NONCE_BYTES :]
    return keys.open_sealed(kdf(key, b"x1.wrap"), nonce, ciphertext, scope + earlier)


# Private parts of ops ---------------------------------------------------------------------------


def seal_private(
    values: Sequence[Value],
    epoch: bytes,
    key: bytes,
    place: Place,
    args: type[AnyArgs],
    nonce: bytes,
) -> bytes:
    """The private part of the op that stands at `place` and has arguments of this kind."""
    body = _encoder.encode(tuple(values))
    padding = bytes(padded_size(len(body) + _LENGTH_BYTES) - len(body) - _LENGTH_BYTES)
    plaintext = len(body).to_bytes(_LENGTH_BYTES, "big") + body + padding
    associated = _private_data(
        place.workspace, place.device, place.incarnation, place.seq, _KIND_OF[args]
    )
    return epoch + nonce + keys.seal(kdf(key, b"x1.private"), nonce, plaintext, associated)


def private_epoch(private: bytes) -> bytes:
    """The epoch whose key opens a private part.

    Raises:
        Invalid: there is none.
    """
    least = limits.DIGEST_BYTES + limits.NONCE_BYTES + limits.TAG_BYTES
    if len(private) < least:
        raise Invalid("roster op has no private part")
    return private[: limits.DIGEST_BYTES]


def open_private(body: Body, key: bytes) -> tuple[Value, ...]:
    """The values in the private part of an op.

    Raises:
        Invalid: it does not open, or holds no values.
    """
    nonce_end = limits.DIGEST_BYTES + limits.NONCE_BYTES
    nonce, ciphertext = body.private[limits.DIGEST_BYTES : nonce_end], body.private[nonce_end:]
    associated = _private_data(body.workspace, body.device, body.incarnation, body.seq, body.kind)
    return read_values(keys.open_sealed(kdf(key, b"x1.private"), nonce, ciphertext, associated))


def read_values(plaintext: bytes) -> tuple[Value, ...]:
    """The values of an opened private part.

    Raises:
        Invalid: it is padded wrongly or no array of strings, bytes and numbers.
    """
    end = _LENGTH_BYTES + int.from_bytes(plaintext[:_LENGTH_BYTES], "big")
    if end > len(plaintext) or len(plaintext) != padded_size(end) or any(plaintext[end:]):
        raise Invalid("private part is padded wrongly")
    try:
        values: tuple[Any, ...] = _values.decode(plaintext[_LENGTH_BYTES:end])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid(f"private part is malformed: {error}") from None
    if any(type(value) not in (str, bytes, int) for value in values):
        raise Invalid("private part holds something else than strings, bytes and numbers")
    return values


def _private_data(
    workspace: bytes, device: bytes, incarnation: bytes, seq: int, kind: int
) -> bytes:
    return b"".join(
        (workspace, device, incarnation, seq.to_bytes(8, "big"), kind.to_bytes(2, "big"))
    )
