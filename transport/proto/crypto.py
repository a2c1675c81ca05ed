"""The one wrapper of PyNaCl for links, and the hashes that go with it.

Content and signatures have their own wrapper elsewhere; this one knows the four primitives of
`25519_ChaChaPoly_BLAKE2b` (Noise specification, section 12) and one labelled KDF. Every failure
of the library leaves here as `RemoteFault`: only their bytes can make these calls fail, because
the lengths of our own are asserted.
"""

import hashlib
import hmac
from collections.abc import Callable

from nacl import bindings
from nacl.exceptions import CryptoError

from transport.proto.errors import Reason, RemoteFault
from transport.proto.limits import KEY_BYTES, TAG_BYTES

Entropy = Callable[[int], bytes]
"""`entropy(n)` gives n bytes nobody can guess (in a test: fixed ones)."""

_BAD = (CryptoError, ValueError, TypeError, RuntimeError)
"""What PyNaCl raises: its own tree, and plain built-ins for short input and low-order points."""


def kdf(key: bytes, label: bytes, data: bytes = b"") -> bytes:
    """32 bytes derived from `key` for one purpose: keyed BLAKE2b, `label` as personalisation.

    Args:
        label: at most 16 bytes; RFC 7693 pads it with zeros.
    """
    assert len(key) == KEY_BYTES
    return hashlib.blake2b(data, digest_size=32, key=key, person=label).digest()


def blake2b(*parts: bytes) -> bytes:
    """64-byte BLAKE2b of the concatenated parts: Noise's HASH."""
    state = hashlib.blake2b()
    for part in parts:
        state.update(part)
    return state.digest()


def hkdf(chaining_key: bytes, input_key: bytes, outputs: int) -> list[bytes]:
    """Noise's HKDF (specification section 4.3): two or three outputs of 64 bytes."""
    temporary = hmac.digest(chaining_key, input_key, "blake2b")
    output: list[bytes] = []
    previous = b""
    for index in range(1, outputs + 1):
        previous = hmac.digest(temporary, previous + bytes((index,)), "blake2b")
        output.append(previous)
    return output


def public_key(secret: bytes) -> bytes:
    """The X25519 public key of a 32-byte secret."""
    assert len(secret) == KEY_BYTES
    public: bytes = bindings.crypto_scalarmult_base(secret)
    return public


def diffie_hellman(secret: bytes, public: bytes) -> bytes:
    """X25519 (RFC 7748), 32 bytes.

    Raises:
        RemoteFault: `public` is a low-order point, so the result would be no secret.
    """
    assert len(secret) == KEY_BYTES
    try:
        shared: bytes = bindings.crypto_scalarmult(secret, public)
    except _BAD:
        raise RemoteFault(Reason.PUBLIC_KEY, "their public key gives no shared secret") from None
    return shared


def seal(key: bytes, nonce: bytes, associated: bytes, plaintext: bytes) -> bytes:
    """ChaCha20-Poly1305 (RFC 8439): ciphertext with its 16-byte tag."""
    sealed: bytes = bindings.crypto_aead_chacha20poly1305_ietf_encrypt(
        plaintext, associated, nonce, key
    )
    return sealed


def open_sealed(key: bytes, nonce: bytes, associated: bytes, ciphertext: bytes) -> bytes:
    """The plaintext of `seal`.

    Raises:
        RemoteFault: wrong key, nonce or associated data, or changed bytes.
    """
    if len(ciphertext) < TAG_BYTES:
        raise RemoteFault(Reason.DECRYPT, "a sealed message is shorter than its tag")
    try:
        plaintext: bytes = bindings.crypto_aead_chacha20poly1305_ietf_decrypt(
            ciphertext, associated, nonce, key
        )
    except _BAD:
        raise RemoteFault(Reason.DECRYPT, "a sealed message does not open") from None
    return plaintext
