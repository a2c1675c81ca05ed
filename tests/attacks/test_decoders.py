"""Attacks on decoders: 2 and 50. Any bytes give a value or the package's one error, and no other.

Which decoders there are says the table of `tests.fuzz.targets`, each with genuine inputs; a byte of
one is changed, cut or added at every place, and Hypothesis edits it further.
"""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl import bindings, exceptions

import chat.blocks.errors
import transport.proto.errors
from chat.blocks import sealing
from crdt import keys
from crdt.errors import Invalid
from crdt.invites import InviteKeys
from crdt.keys import DeviceKeys
from tests.attacks.mallory import mutations
from tests.crdt.team import seeded
from tests.fuzz.contract import hold
from tests.fuzz.targets import TARGETS

SECRET = bytes(range(16))
REF, _ = sealing.seal_bytes(bytes(range(256)) * 1_200, bytes(32))
MUTATIONS = 400
"""Of a genuine input whose changes need not all be refused."""


@pytest.mark.parametrize("name", TARGETS)
def test_02_any_changed_cut_or_added_byte_is_refused_or_another_value(name: str) -> None:
    target = TARGETS[name]
    genuine = target.seeds[0]
    stride = 1 if target.signed else 3 * len(genuine) // MUTATIONS + 1
    for number, bad in enumerate(mutations(genuine)):
        if number % stride:
            continue
        accepted = hold(target, bad)
        assert not (accepted and target.signed), f"byte {number // 3} changed, nobody noticed"


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=50)
@given(data=st.data())
def test_02_any_bytes_are_a_value_or_the_one_error(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    bad = bytearray(data.draw(st.sampled_from((b"", *target.seeds))))
    for _ in range(3):
        at = data.draw(st.integers(0, len(bad)))
        bad[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=30))
    hold(target, bytes(bad))


@pytest.mark.parametrize(
    "name", ["roster op", "claim", "sync message", "run of entries", "operation"]
)
@pytest.mark.parametrize(
    "bomb", [b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"]
)
def test_02_depth_and_length_bombs_cost_nothing(name: str, bomb: bytes) -> None:
    target = TARGETS[name]
    for prefix in (b"", target.seeds[0][:3]):
        assert not hold(target, prefix + bomb)


# 50: what libraries raise -----------------------------------------------------------------------

GARBAGE: list[Any] = [b"", b"x", bytes(15), bytes(31), bytes(32), bytes(33), bytes(64), bytes(200)]


def all_of_it() -> list[type[BaseException]]:
    """Every class that PyNaCl defines."""
    return [found for _, found in inspect.getmembers(exceptions, inspect.isclass)]


@pytest.mark.parametrize("raised", [*all_of_it(), ValueError, TypeError, RuntimeError], ids=str)
def test_50_whatever_the_library_raises_is_one_error(
    monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    """Also what it raises at no input that anybody has found yet."""

    def fail(*_: object, **__: object) -> object:
        raise raised("anything")

    for name in ("crypto_sign_open", "crypto_box_seal_open", "crypto_box"):
        monkeypatch.setattr(bindings, name, fail)
    monkeypatch.setattr(keys, "_open", fail)
    calls: list[Callable[[], object]] = [
        lambda: keys.verify(bytes(32), keys.SIGN_ENTRY, b"", bytes(64)),
        lambda: keys.box_open(bytes(32), bytes(80)),
        lambda: keys.box_seal(bytes(32), b"", seeded("x")),
        lambda: keys.open_sealed(bytes(32), bytes(24), bytes(40), b""),
    ]
    for call in calls:
        with pytest.raises(Invalid):
            call()


@pytest.mark.parametrize("odd", GARBAGE, ids=len)
def test_50_odd_sizes_are_one_error(odd: bytes) -> None:
    for call in (
        lambda: keys.verify(odd, keys.SIGN_ENTRY, b"m", bytes(64)),
        lambda: keys.verify(bytes(32), keys.SIGN_ENTRY, b"m", odd),
        lambda: keys.open_sealed(odd, bytes(24), bytes(40), b""),
        lambda: keys.open_sealed(bytes(32), odd, bytes(40), b""),
        lambda: keys.open_sealed(bytes(32), bytes(24), odd, b""),
        lambda: keys.box_open(bytes(range(32)), odd),
    ):
        with pytest.raises(Invalid):
            call()


def test_50_points_of_low_order_are_no_keys() -> None:
    for point in (bytes(32), b"\x01" + bytes(31)):
        with pytest.raises(Invalid):
            keys.box_seal(point, b"secret", seeded("low"))
        with pytest.raises(Invalid):
            keys.verify(point, keys.SIGN_ENTRY, b"", bytes(64))


def test_50_a_signature_has_one_form() -> None:
    """S + L verifies in some libraries, and would give one entry two forms."""
    seed = bytes(range(32))
    signature = keys.sign(seed, keys.SIGN_ENTRY, b"m")
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(signature[32:], "little") + order
    other = signature[:32] + scalar.to_bytes(32, "little")
    with pytest.raises(Invalid):
        keys.verify(keys.sign_public(seed), keys.SIGN_ENTRY, b"m", other)


def test_50_errors_of_each_package_have_one_root() -> None:
    for module, root in (
        (chat.blocks.errors, chat.blocks.errors.BlockError),
        (transport.proto.errors, transport.proto.errors.TransportError),
    ):
        for _, found_there in inspect.getmembers(module, inspect.isclass):
            if issubclass(found_there, Exception) and found_there.__module__ == module.__name__:
                assert issubclass(found_there, root)


def test_50_secrets_are_in_no_representation() -> None:
    derived = InviteKeys.of(SECRET)
    device = DeviceKeys.generate(seeded("device"))
    for shown, hidden in (
        (repr(derived), derived.door),
        (repr(device), device.sign_seed),
        (repr(REF), REF.key),
    ):
        assert repr(hidden)[2:-1] not in shown
        assert hidden.hex() not in shown
