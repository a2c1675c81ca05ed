"""Story of the one wrapper: what was sealed opens, and every failure is `Invalid`."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey, SealedBox

from crdt import keys
from crdt.errors import Invalid

SEED = bytes(range(32))


def counter_entropy() -> keys.Entropy:
    count = 0

    def entropy(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.blake2b(count.to_bytes(4, "big"), digest_size=size).digest()

    return entropy


def test_signature_verifies_under_its_own_prefix_only() -> None:
    signature = keys.sign(SEED, keys.SIGN_ENTRY, b"hello")
    public = keys.sign_public(SEED)
    keys.verify(public, keys.SIGN_ENTRY, b"hello", signature)
    with pytest.raises(Invalid):
        keys.verify(public, keys.SIGN_ROSTER, b"hello", signature)


@given(st.binary(max_size=100), st.binary(max_size=100), st.binary(max_size=80))
def test_verify_of_anything_is_a_value_or_invalid(
    public: bytes, message: bytes, signature: bytes
) -> None:
    with pytest.raises(Invalid):
        keys.verify(public, keys.SIGN_ENTRY, message, signature)


@given(st.binary(max_size=40), st.binary(max_size=60), st.binary(max_size=60))
def test_opening_anything_is_invalid(nonce: bytes, ciphertext: bytes, associated: bytes) -> None:
    with pytest.raises(Invalid):
        keys.open_sealed(SEED, nonce, ciphertext, associated)
    with pytest.raises(Invalid):
        keys.box_open(SEED, ciphertext)


@given(
    st.binary(max_size=64),
    st.binary(max_size=64),
    st.integers(0, 2**16),
    st.binary(max_size=300),
    st.binary(max_size=300),
)
def test_only_the_very_bytes_open(
    key: bytes, nonce: bytes, cut: int, plaintext: bytes, associated: bytes
) -> None:
    sealed = keys.seal(SEED, bytes(24), plaintext, associated)
    assert keys.open_sealed(SEED, bytes(24), sealed, associated) == plaintext
    for other in (key, SEED + key[:1] + b"x", SEED[:-1]):
        with pytest.raises(Invalid):
            keys.open_sealed(other, bytes(24), sealed, associated)
    for other in (nonce + b"x", bytes(23), bytes(25)):
        with pytest.raises(Invalid):
            keys.open_sealed(SEED, other, sealed, associated)
    with pytest.raises(Invalid):
        keys.open_sealed(SEED, bytes(24), sealed[: cut % len(sealed)], associated)
    with pytest.raises(Invalid):
        keys.open_sealed(SEED, bytes(24), sealed, associated + b"x")


def test_seal_binds_the_associated_data() -> None:
    sealed = keys.seal(SEED, bytes(24), b"cat", b"here")
    assert keys.open_sealed(SEED, bytes(24), sealed, b"here") == b"cat"
    with pytest.raises(Invalid):
        keys.open_sealed(SEED, bytes(24), sealed, b"there")


def test_box_is_libsodiums_sealed_box() -> None:
    entropy = counter_entropy()
    device = keys.DeviceKeys.generate(entropy)
    sealed = keys.box_seal(device.public.box, b"epoch key", entropy)
    assert SealedBox(PrivateKey(device.box_secret)).decrypt(sealed) == b"epoch key"
    assert keys.box_open(device.box_secret, sealed) == b"epoch key"
    with pytest.raises(Invalid):
        keys.box_open(device.link_secret, sealed)


def test_sealing_to_a_low_order_point_is_invalid() -> None:
    with pytest.raises(Invalid):
        keys.box_seal(bytes(32), b"x", counter_entropy())


def test_secrets_stay_out_of_reprs() -> None:
    device = keys.DeviceKeys.generate(counter_entropy())
    assert device.sign_seed.hex() not in repr(device)
    assert "sign_seed" not in repr(device)
