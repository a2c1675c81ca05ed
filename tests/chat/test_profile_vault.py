"""The bytes of a key file: what stands in it, what does not open, and what is not even tried."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import profile_vault as vault
from chat.profile_vault import Cost, Derived, Plain, Ringed, Sealed, decode, encode
from crdt import keys
from crdt.errors import Invalid, TooNew
from tests.chat.store_authors import seeded

VECTORS = Path(__file__).parent.parent / "vectors" / "profile.json"
KEY = bytes(range(32))
CHEAP = Cost(8, 1)
"""The least work that Argon2 has: what is tried here is not how long it takes."""


def vectors() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(VECTORS.read_text("utf-8"))
    return found


def test_a_passphrase_file_is_the_one_that_the_page_describes() -> None:
    known = vectors()["passphrase_key_file"]
    data = bytes.fromhex(known["file"])
    sealed = decode(data)
    assert isinstance(sealed, Sealed)
    assert sealed.cost == (known["memory_kib"], known["passes"])
    assert sealed.salt.hex() == known["salt"]
    assert sealed.nonce.hex() == known["nonce"]
    phrase = known["passphrase"]
    # The same as another implementation of RFC 9106 says.
    stretched = keys.stretch(phrase.encode(), sealed.salt, *sealed.cost)
    assert stretched.hex() == known["argon2id"]
    for text in (phrase, known["passphrase_decomposed"]):
        assert sealed.open(sealed.stretched(text)).hex() == vectors()["key"]
    assert known["passphrase_decomposed"] != phrase
    assert encode(sealed) == data


def test_a_keyring_file_is_the_one_that_the_page_describes() -> None:
    known = vectors()["keyring_key_file"]
    ringed = decode(bytes.fromhex(known["file"]))
    assert isinstance(ringed, Ringed)
    assert ringed.name.hex() == known["name"]
    assert ringed.is_of(bytes.fromhex(vectors()["key"]))
    assert not ringed.is_of(bytes(32))
    assert not ringed.is_of(b"")
    assert vault.ringed(KEY, lambda size: bytes(range(size))) == ringed


def test_a_key_that_follows_is_the_one_that_the_page_describes() -> None:
    known = vectors()["derived_key_file"]
    derived = decode(bytes.fromhex(known["file"]))
    assert isinstance(derived, Derived)
    assert derived.salt.hex() == known["salt"]
    assert derived.key_from(bytes.fromhex(vectors()["key"])).hex() == known["key"]
    with pytest.raises(Invalid):
        derived.key_from(bytes(32))
    drawn = vault.derived(KEY, lambda size: bytes(range(0x60, 0x60 + size)))
    assert drawn == derived


FILES = st.one_of(
    st.binary(max_size=120),
    st.binary(min_size=32, max_size=32).map(lambda rest: b"\x01" + rest),
    st.binary(min_size=96, max_size=96).map(lambda rest: b"\x02" + rest),
    st.tuples(st.integers(0, 2**21), st.integers(0, 600), st.binary(min_size=88, max_size=88)).map(
        lambda parts: b"\x02" + parts[0].to_bytes(4, "big") + parts[1].to_bytes(4, "big") + parts[2]
    ),
    st.binary(min_size=32, max_size=32).map(lambda rest: b"\x03" + rest),
    st.binary(min_size=32, max_size=32).map(lambda rest: b"\x04" + rest),
)


@given(FILES)
def test_any_bytes_are_a_value_or_the_one_error(data: bytes) -> None:
    try:
        found = decode(data)
    except TooNew:
        assert data[0] > vault.DERIVED
    except Invalid:
        assert not data or data[0] <= vault.DERIVED
    else:
        assert encode(found) == data
        if isinstance(found, Sealed):
            assert vault.MEMORY_MIN_KIB <= found.cost.memory_kib <= vault.MEMORY_MAX_KIB
            assert 1 <= found.cost.passes <= vault.WORK_MAX_KIB // found.cost.memory_kib


@pytest.mark.parametrize(
    "cost",
    [
        Cost(vault.MEMORY_MAX_KIB + 1, 1),
        Cost(vault.MEMORY_MIN_KIB - 1, 1),
        Cost(8, 0),
        Cost(8, 2**32 - 1),
        Cost(2**32 - 1, 1),
        Cost(vault.MEMORY_MAX_KIB, 5),
    ],
)
def test_parameters_out_of_bounds_cost_nothing(cost: Cost) -> None:
    data = encode(Sealed(cost, bytes(16), bytes(24), bytes(48)))
    with pytest.raises(Invalid):
        decode(data)


def test_what_is_written_stays_in_the_bounds_it_is_read_with() -> None:
    sealed = Sealed(vault.COST, bytes(16), bytes(24), bytes(48))
    assert decode(encode(sealed)) == sealed


@given(st.text(max_size=30), st.text(max_size=30))
def test_another_text_is_another_passphrase(right: str, wrong: str) -> None:
    sealed = vault.sealed_with(right, KEY, seeded("seal"), CHEAP)
    assert decode(encode(sealed)) == sealed
    assert sealed.open(sealed.stretched(right)) == KEY
    if vault.prepared(right) != vault.prepared(wrong):
        with pytest.raises(Invalid):
            sealed.open(sealed.stretched(wrong))


def test_every_changed_byte_keeps_it_shut() -> None:
    data = encode(vault.sealed_with("correct horse", KEY, seeded("seal"), CHEAP))
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        try:
            found = decode(bytes(changed))
        except Invalid:
            continue
        if isinstance(found, Sealed) and found.cost.memory_kib * found.cost.passes < 2**18:
            with pytest.raises(Invalid):
                found.open(found.stretched("correct horse"))


def test_nothing_of_a_key_is_in_what_a_traceback_prints() -> None:
    assert KEY.hex() not in repr(Plain(KEY))
    assert repr(KEY) not in repr(Plain(KEY))


def test_what_argon2_does_not_have_is_the_one_error() -> None:
    for salt, memory_kib, passes in ((b"short", 8, 1), (bytes(16), 1, 1), (bytes(16), 8, 0)):
        with pytest.raises(Invalid):
            keys.stretch(b"text", salt, memory_kib, passes)
    with pytest.raises(Invalid):
        keys.stretch(b"text", bytes(16), 2**41, 1)
