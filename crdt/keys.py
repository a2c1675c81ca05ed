"""The one wrapper of PyNaCl for content and signatures.

Rules:
- Every failure of the library, whatever class it has, leaves here as `Invalid`.
- Every use has its own label (KDF) or prefix (signatures), so that bytes made for one purpose
  never verify or decrypt as another.
- Randomness is an argument (`Entropy`); nothing here draws its own.

Primitives: Ed25519 (RFC 8032), X25519 sealed boxes (libsodium crypto_box_seal), BLAKE2b with
personalisation (RFC 7693), XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), Argon2id (RFC 9106).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest

from nacl import bindings
from nacl._sodium import ffi, lib  # type: ignore[import-not-found]
from nacl.exceptions import CryptoError

from crdt.errors import Invalid
from crdt.limits import KEY_BYTES, NONCE_BYTES, SIGNATURE_BYTES, TAG_BYTES

Entropy = Callable[[int], bytes]
"""`entropy(n)` gives n bytes nobody can guess (in a simulation: seeded ones)."""

# Signature prefixes: the first bytes of what is signed.
SIGN_ENTRY = b"x1/entry\0"
SIGN_ROSTER = b"x1/roster\0"
SIGN_CLAIM = b"x1/claim\0"
SIGN_HAVE = b"x1/have\0"

_BAD = (CryptoError, ValueError, TypeError, RuntimeError)
"""What PyNaCl raises: its own tree, and plain built-ins for short or mistyped input."""


_open: Callable[..., int] = lib.crypto_aead_xchacha20poly1305_ietf_decrypt


_BEGUN: dict[bytes, hashlib.blake2b] = {}
"""States with a label and nothing else: a copy takes half the time. There are few labels."""


def digest(label: bytes, *parts: bytes) -> bytes:
    """32-byte BLAKE2b of the concatenated parts, personalised by `label` (<= 16 bytes)."""
    begun = _BEGUN.get(label)
    if begun is None:
        begun = _BEGUN[label] = hashlib.blake2b(digest_size=32, person=label)
    state = begun.copy()
    for part in parts:
        state.update(part)
    return state.digest()


def kdf(key: bytes, label: bytes, data: bytes = b"") -> bytes:
    """A 32-byte key derived from `key` (<= 64 bytes) for one labelled purpose."""
    return hashlib.blake2b(data, digest_size=32, key=key, person=label).digest()


def stretch(passphrase: bytes, salt: bytes, memory_kib: int, passes: int) -> bytes:
    """A 32-byte key from what a person can remember: Argon2id with one lane and a 16-byte salt.

    Takes `memory_kib` KiB and, for each of the `passes`, about a second for each 512 MiB. Whoever
    calls this bounds both.

    Raises:
        Invalid: the memory is not there, or parameters that Argon2 does not have.
    """
    try:
        key: bytes = bindings.crypto_pwhash_alg(
            KEY_BYTES,
            passphrase,
            salt,
            passes,
            memory_kib * 1024,
            bindings.crypto_pwhash_ALG_ARGON2ID13,
        )
    except (*_BAD, MemoryError):
        raise Invalid("this passphrase cannot be stretched here") from None
    return key


def equal(left: bytes, right: bytes) -> bool:
    """Compare in constant time."""
    return compare_digest(left, right)


def sign(seed: bytes, prefix: bytes, message: bytes) -> bytes:
    """64-byte Ed25519 signature over `prefix || message` by the 32-byte `seed`."""
    public = _public_of_seed(seed)
    signed: bytes = bindings.crypto_sign(prefix + message, seed + public)
    return signed[:SIGNATURE_BYTES]


_SIGN_PUBLIC_CACHE: dict[bytes, bytes] = {}
"""Seed to public key: deriving costs as much as signing. Holds this process's own devices only."""


def _public_of_seed(seed: bytes) -> bytes:
    public = _SIGN_PUBLIC_CACHE.get(seed)
    if public is None:
        public, _ = bindings.crypto_sign_seed_keypair(seed)
        _SIGN_PUBLIC_CACHE[seed] = public
    return public


def sign_public(seed: bytes) -> bytes:
    """The Ed25519 public key of a 32-byte seed."""
    public: bytes = bindings.crypto_sign_seed_keypair(seed)[0]
    return public


def verify(public: bytes, prefix: bytes, message: bytes, signature: bytes) -> None:
    """Check an Ed25519 signature over `prefix || message`.

    Raises:
        Invalid: the signature is not `public`'s.
    """
    try:
        bindings.crypto_sign_open(signature + prefix + message, public)
    except _BAD:
        raise Invalid("signature does not verify") from None


def seal(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """XChaCha20-Poly1305: ciphertext with its 16-byte tag."""
    sealed: bytes = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
        plaintext, associated, nonce, key
    )
    return sealed


def open_sealed(key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
    """The plaintext of `seal`.

    Raises:
        Invalid: wrong key, nonce or associated data, changed bytes, or sizes that cannot be.
    """
    if len(nonce) != NONCE_BYTES or len(key) != KEY_BYTES or len(ciphertext) < TAG_BYTES:
        raise Invalid("ciphertext, nonce or key has no valid size")
    plaintext = bytearray(len(ciphertext) - TAG_BYTES)
    try:
        # libsodium itself: PyNaCl's wrapper takes longer than opening a message does. Whatever is
        # no bytes is a TypeError here too, and the three sizes that C trusts were checked above.
        failed = _open(
            ffi.from_buffer(plaintext),
            ffi.NULL,
            ffi.NULL,
            ciphertext,
            len(ciphertext),
            associated,
            len(associated),
            nonce,
            key,
        )
    except _BAD:
        raise Invalid("ciphertext does not open") from None
    if failed:
        raise Invalid("ciphertext does not open")
    return bytes(plaintext)


def box_public(secret: bytes) -> bytes:
    """The X25519 public key of a 32-byte secret."""
    public: bytes = bindings.crypto_scalarmult_base(secret)
    return public


def box_seal(recipient: bytes, plaintext: bytes, entropy: Entropy) -> bytes:
    """libsodium's sealed box (48 bytes longer than the plaintext), its one-time key from `entropy`.

    Raises:
        Invalid: `recipient` is not a usable public key.
    """
    try:
        secret = entropy(KEY_BYTES)
        public = bindings.crypto_scalarmult_base(secret)
        nonce = hashlib.blake2b(public + recipient, digest_size=NONCE_BYTES).digest()
        boxed: bytes = bindings.crypto_box(plaintext, nonce, recipient, secret)
    except _BAD:
        raise Invalid("cannot seal to this public key") from None
    return bytes(public) + boxed


def box_open(secret: bytes, sealed: bytes) -> bytes:
    """The plaintext of a sealed box.

    Raises:
        Invalid: not sealed to this key.
    """
    try:
        plaintext: bytes = bindings.crypto_box_seal_open(sealed, box_public(secret), secret)
    except _BAD:
        raise Invalid("sealed box does not open") from None
    return plaintext


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """A device's three secret keys, each for one purpose; never shown in a repr.

    Attributes:
        sign_seed: Ed25519 seed; signs entries and roster ops.
        link_secret: X25519 secret; the Noise static key, nothing else.
        box_secret: X25519 secret; opens sealed boxes, nothing else.
    """

    sign_seed: bytes = field(repr=False)
    link_secret: bytes = field(repr=False)
    box_secret: bytes = field(repr=False)

    @classmethod
    def generate(cls, entropy: Entropy) -> "DeviceKeys":
        return cls(entropy(KEY_BYTES), entropy(KEY_BYTES), entropy(KEY_BYTES))

    @property
    def public(self) -> "DevicePublic":
        return DevicePublic(
            sign_public(self.sign_seed), box_public(self.link_secret), box_public(self.box_secret)
        )


@dataclass(frozen=True, slots=True)
class DevicePublic:
    """A device's three public keys (32 bytes each). The signing key is the device's id."""

    sign: bytes
    link: bytes
    box: bytes
