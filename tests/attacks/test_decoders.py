"""Attacks on decoders: 2 and 50. Any bytes give a value or the package's one error, and no other.

Each decoder that reads another machine's bytes is named here with a genuine input; a byte of it is
changed, cut or added at every place, and Hypothesis edits it further.
"""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl import bindings, exceptions

import chat.blocks.errors
import transport.proto.errors
from chat import invitation, lobby
from chat.blocks import manifest, messages, sealing
from chat.engine import ephemeral
from chat.errors import UsageError
from crdt import claims, forks, invites, keys, ops, roster_ops, seals, sync_messages
from crdt.entry import decode_run, encode_run, from_run
from crdt.errors import CrdtError, Invalid
from crdt.invites import InviteKeys
from crdt.keys import DeviceKeys
from tests.attacks.mallory import mutations, run_of, written
from tests.chat.engine_team import WEEK_MS, Team
from tests.crdt.team import FAR, NET_KEY, found, seeded

SECRET = bytes(range(16))
FORKS = json.loads((Path(__file__).parent.parent / "vectors" / "forks.json").read_text())
TEAM = Team(seed=2)
ANA = TEAM.found("ana")
for _number in range(3):
    TEAM.post(ANA, f"message {_number}")
RUN = run_of(ANA, written(ANA))
MACHINE = found()
INVITE = MACHINE.do(
    invites.make_invite(
        SECRET,
        workspace=MACHINE.workspace,
        net_key=NET_KEY,
        level=100,
        not_after=FAR,
        name="Cats",
        hints=("ws://192.168.1.20:4000/",),
        entropy=MACHINE.entropy,
    )
)
CLAIM = invites.make_claim(
    SECRET,
    invites.Rest(1, MACHINE.workspace, NET_KEY, 100),
    INVITE.id,
    DeviceKeys.generate(seeded("new")),
    salt=bytes(16),
    nick="new",
    entropy=seeded("nick"),
)
REF, BLOCKS = sealing.seal_bytes(bytes(range(256)) * 1_200, bytes(32))
LINK = ANA.engine.people.invite(
    relay=False, expires_ms=WEEK_MS, note="", hints=("ws://10.0.0.1:1/",), now=TEAM.now(ANA)
).view.link


class Decoder(NamedTuple):
    """How bytes are read, what genuine ones are, and the error that all others give."""

    read: Callable[[bytes], Any]
    genuine: bytes
    error: type[Exception]
    signed: bool = False
    """Whether any change must be refused, since signatures or hashes cover all of it."""


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _entries(data: bytes) -> object:
    return from_run(ANA.workspace.id, decode_run(data))


def _claim(data: bytes) -> object:
    signed = claims.decode_claim(data)
    claims.verify(signed, InviteKeys.of(SECRET).public)
    return signed


DECODERS: dict[str, Decoder] = {
    "roster op": Decoder(roster_ops.decode, INVITE.wire, Invalid, signed=True),
    "claim": Decoder(_claim, CLAIM.wire, Invalid, signed=True),
    "invite link": Decoder(lambda data: invitation.parse(_text(data)), LINK.encode(), UsageError),
    "rest of an invite": Decoder(
        lambda data: invites.open_rest(SECRET, data),
        INVITE.args.rest,  # type: ignore[union-attr]
        Invalid,
        signed=True,
    ),
    "block of a file": Decoder(
        lambda data: sealing.open_chunk(REF, 0, data),
        dict(BLOCKS)[manifest.read_manifest(dict(BLOCKS)[REF.root]).links[0]],
        chat.blocks.errors.Invalid,
        signed=True,
    ),
    "manifest": Decoder(
        manifest.read_manifest, dict(BLOCKS)[REF.root], chat.blocks.errors.BlockError
    ),
    "run of entries": Decoder(_entries, encode_run(RUN), Invalid),
    "proof of a fork": Decoder(
        lambda data: forks.check(bytes.fromhex(FORKS["workspace"]), data),
        bytes.fromhex(FORKS["proofs"][0]["proof"]),
        CrdtError,
    ),
    "operation": Decoder(
        lambda data: ops.decode(data, 1),
        ops.encode(ops.Post(bytes(16), "hello", None, (bytes(16),))),
        Invalid,
    ),
    "sync message": Decoder(
        sync_messages.decode,
        sync_messages.encode(sync_messages.Entries((RUN,))),
        CrdtError,
    ),
    "lobby message": Decoder(lobby.decode, lobby.encode(lobby.LobbyClaim(CLAIM.wire)), CrdtError),
    "ephemeral message": Decoder(
        ephemeral.decode, ephemeral.encode(ephemeral.Writing(bytes(16))), CrdtError
    ),
    "block message": Decoder(
        messages.decode,
        messages.encode(messages.Block(REF.root, b"x" * 40)),
        chat.blocks.errors.BlockError,
    ),
    "values of a private part": Decoder(seals.read_values, bytes(32), Invalid),
}


@pytest.mark.parametrize("name", DECODERS)
def test_02_any_changed_cut_or_added_byte_is_refused_or_another_value(name: str) -> None:
    decoder = DECODERS[name]
    if name != "values of a private part":
        assert decoder.read(decoder.genuine) is not None
    many = len(decoder.genuine) > 4_000
    for number, bad in enumerate(mutations(decoder.genuine)):
        if many and number % 211:
            continue
        try:
            decoder.read(bad)
        except decoder.error:
            continue
        assert not decoder.signed, f"byte {number // 3} was changed, and nobody noticed"


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=120)
@given(data=st.data())
def test_02_any_bytes_are_a_value_or_the_one_error(name: str, data: st.DataObject) -> None:
    decoder = DECODERS[name]
    bad = bytearray(decoder.genuine if data.draw(st.booleans()) else b"")
    for _ in range(3):
        at = data.draw(st.integers(0, len(bad)))
        bad[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=30))
    try:
        decoder.read(bytes(bad))
    except decoder.error:
        return


@pytest.mark.parametrize(
    "name", ["roster op", "claim", "sync message", "run of entries", "operation"]
)
@pytest.mark.parametrize(
    "bomb", [b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"]
)
def test_02_depth_and_length_bombs_cost_nothing(name: str, bomb: bytes) -> None:
    decoder = DECODERS[name]
    for prefix in (b"", decoder.genuine[:3]):
        with pytest.raises(decoder.error):
            decoder.read(prefix + bomb)


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
