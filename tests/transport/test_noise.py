"""Noise: the published vectors, and what a hostile other side gets for its trouble."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transport.proto import crypto
from transport.proto.errors import LocalFault, Reason, RemoteFault
from transport.proto.noise import XX_PSK0, CipherState, HandshakePattern, HandshakeState, Token

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "noise.json").read_text())

PATTERNS: dict[str, tuple[tuple[str, ...], bool, bool]] = {
    # Messages; whether the initiator's and the responder's static keys are known (section 7.5).
    "NN": (("e", "e ee"), False, False),
    "NK": (("e es", "e ee"), False, True),
    "NX": (("e", "e ee s es"), False, False),
    "XN": (("e", "e ee", "s se"), False, False),
    "XK": (("e es", "e ee", "s se"), False, True),
    "XX": (("e", "e ee s es", "s se"), False, False),
    "KN": (("e", "e ee se"), True, False),
    "KK": (("e es ss", "e ee se"), True, True),
    "KX": (("e", "e ee se s es"), True, False),
    "IN": (("e s", "e ee se"), False, False),
    "IK": (("e es s ss", "e ee se"), False, True),
    "IX": (("e s", "e ee se s es"), False, False),
}

LOW_ORDER_POINTS = (
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
)


def pattern_named(name: str) -> HandshakePattern:
    """The pattern of a protocol name's second part, psk modifiers applied (section 9.4)."""
    base, modifiers = re.fullmatch(r"([NKXI][NKX])(.*)", name).groups()  # type: ignore[union-attr]
    messages, initiator_known, responder_known = PATTERNS[base]
    tokens = [[Token(token) for token in message.split()] for message in messages]
    for place in map(int, re.findall(r"psk(\d)", modifiers)):
        if place == 0:
            tokens[0].insert(0, Token.PSK)
        else:
            tokens[place - 1].append(Token.PSK)
    return HandshakePattern(name, tuple(map(tuple, tokens)), initiator_known, responder_known)


def fixed(secret: bytes | None) -> Callable[[int], bytes]:
    def entropy(count: int) -> bytes:
        assert secret is not None
        assert count == len(secret)
        return secret

    return entropy


def side_of(vector: dict[str, object], role: str) -> HandshakeState:
    def key(name: str) -> bytes | None:
        text = vector.get(f"{role}_{name}")
        return bytes.fromhex(str(text)) if text else None

    psks = vector.get(f"{role}_psks") or []
    assert isinstance(psks, list)
    return HandshakeState(
        pattern_named(str(vector["protocol_name"]).split("_")[1]),
        initiator=role == "init",
        prologue=key("prologue") or b"",
        entropy=fixed(key("ephemeral")),
        static_secret=key("static"),
        remote_static=key("remote_static"),
        psks=[bytes.fromhex(psk) for psk in psks],
    )


@pytest.mark.parametrize(
    "vector",
    VECTORS["vectors"],
    ids=lambda v: f"{v['source']}-{v['protocol_name'].split('_')[1]}",
)
def test_engine_agrees_with_published_vector(vector: dict[str, object]) -> None:
    initiator, responder = side_of(vector, "init"), side_of(vector, "resp")
    messages = vector["messages"]
    assert isinstance(messages, list)
    ciphers = None
    for index, message in enumerate(messages):
        payload = bytes.fromhex(message["payload"])
        ciphertext = bytes.fromhex(message["ciphertext"])
        from_initiator = index % 2 == 0
        if not initiator.finished:
            writer, reader = (initiator, responder) if from_initiator else (responder, initiator)
            assert writer.write_message(payload) == ciphertext
            assert reader.read_message(ciphertext) == payload
            continue
        ciphers = ciphers or (initiator.split(), responder.split())
        send, receive = (
            (ciphers[0][0], ciphers[1][1]) if from_initiator else (ciphers[1][0], ciphers[0][1])
        )
        assert send.encrypt(b"", payload) == ciphertext
        assert receive.decrypt(b"", ciphertext) == payload
    assert ciphers is not None, "every vector reaches the transport phase"
    assert initiator.handshake_hash == responder.handshake_hash
    if "handshake_hash" in vector:
        assert initiator.handshake_hash.hex() == vector["handshake_hash"]


def pair(
    *, psk: tuple[bytes, bytes] = (b"k" * 32,) * 2, prologue: tuple[bytes, bytes] = (b"p",) * 2
) -> tuple[HandshakeState, HandshakeState]:
    """Ana who dials and Ben who answers, with their psk and prologue each."""
    draw = random.Random(7).randbytes
    ana, ben = (
        HandshakeState(
            XX_PSK0,
            initiator=role == 0,
            prologue=prologue[role],
            entropy=draw,
            static_secret=draw(32),
            psks=[psk[role]],
        )
        for role in (0, 1)
    )
    return ana, ben


def talk(ana: HandshakeState, ben: HandshakeState) -> None:
    ben.read_message(ana.write_message(b""))
    ana.read_message(ben.write_message(b"from ben"))
    ben.read_message(ana.write_message(b"from ana"))


def test_both_learn_the_others_static_key() -> None:
    ana, ben = pair()
    talk(ana, ben)
    assert ana.remote_static is not None
    assert ben.remote_static is not None
    assert ana.remote_static != ben.remote_static
    assert ana.handshake_hash == ben.handshake_hash


@pytest.mark.parametrize("secrets", ["psk", "prologue"])
def test_responder_refuses_first_message_under_another(secrets: str) -> None:
    ana, ben = pair(**{secrets: (b"1" * 32, b"2" * 32)})
    with pytest.raises(RemoteFault) as caught:
        ben.read_message(ana.write_message(b""))
    assert caught.value.reason is Reason.DECRYPT


@pytest.mark.parametrize("step", [0, 1, 2])
def test_each_changed_byte_ends_the_handshake(step: int) -> None:
    length = (48, 96 + 8, 64 + 8)[step]
    for position in range(length):
        ana, ben = pair()
        sides = (ana, ben, ana, ben)
        for index, payload in enumerate((b"", b"from ben", b"from ana")[: step + 1]):
            message = bytearray(sides[index].write_message(payload))
            if index < step:
                sides[index + 1].read_message(bytes(message))
        assert len(message) == length
        message[position] ^= 1 << (position % 8)
        with pytest.raises(RemoteFault):
            sides[step + 1].read_message(bytes(message))
        with pytest.raises(LocalFault):
            sides[step + 1].read_message(bytes(message))


@pytest.mark.parametrize("point", LOW_ORDER_POINTS)
def test_low_order_ephemeral_is_refused(point: bytes) -> None:
    """Ben is sent a point that would make `ee` a constant. Mallory holds the psk."""
    ana, ben = pair()
    ben.read_message(ana.write_message(b""))
    message = bytearray(ben.write_message(b""))
    message[:32] = point
    with pytest.raises(RemoteFault) as caught:
        ana.read_message(bytes(message))
    assert caught.value.reason is Reason.PUBLIC_KEY


def test_reflected_messages_are_refused() -> None:
    ana, ben = pair()
    first = ana.write_message(b"")
    with pytest.raises(RemoteFault):
        ana.read_message(first)
    ana, ben = pair()
    ben.read_message(ana.write_message(b""))
    second = ben.write_message(b"")
    with pytest.raises(RemoteFault):
        ben.read_message(second)


def test_replayed_third_message_does_not_open_in_another_handshake() -> None:
    ana, ben = pair()
    first = ana.write_message(b"")
    ben.read_message(first)
    ana.read_message(ben.write_message(b""))
    third = ana.write_message(b"")
    ben.read_message(third)
    again = HandshakeState(
        XX_PSK0,
        initiator=False,
        prologue=b"p",
        entropy=random.Random(8).randbytes,
        static_secret=b"s" * 32,
        psks=[b"k" * 32],
    )
    again.read_message(first)
    again.write_message(b"")
    with pytest.raises(RemoteFault):
        again.read_message(third)


def test_messages_out_of_turn_are_our_own_fault() -> None:
    ana, ben = pair()
    with pytest.raises(LocalFault):
        ben.write_message(b"")
    with pytest.raises(LocalFault):
        ana.split()
    talk(ana, ben)
    with pytest.raises(LocalFault):
        ana.write_message(b"")


@given(message=st.binary(max_size=200))
@settings(max_examples=200)
def test_reader_gives_payload_or_remote_fault(message: bytes) -> None:
    for steps in (0, 1):
        ana, ben = pair()
        reader = ben
        if steps:
            ben.read_message(ana.write_message(b""))
            reader = ana
            ben.write_message(b"")
        with pytest.raises(RemoteFault):
            reader.read_message(message)


def test_nonce_moves_on_only_when_a_message_opens() -> None:
    send, receive = CipherState(b"k" * 32), CipherState(b"k" * 32)
    first, second = send.encrypt(b"", b"first"), send.encrypt(b"", b"second")
    for wrong in (second, first[:-1], b"", b"x" * 40):
        with pytest.raises(RemoteFault):
            receive.decrypt(b"", wrong)
        assert receive.nonce == 0
    assert receive.decrypt(b"", first) == b"first"
    with pytest.raises(RemoteFault):
        receive.decrypt(b"", first)
    assert receive.decrypt(b"", second) == b"second"


def test_cipher_stops_before_the_reserved_nonce() -> None:
    cipher = CipherState(b"k" * 32, nonce=2**64 - 1)
    with pytest.raises(LocalFault):
        cipher.encrypt(b"", b"")


def test_rekey_changes_the_key_and_keeps_the_counter() -> None:
    cipher = CipherState(b"k" * 32, nonce=9)
    cipher.rekey()
    expected = crypto.seal(b"k" * 32, bytes(4) + b"\xff" * 8, b"", bytes(32))[:32]
    assert (cipher.key, cipher.nonce) == (expected, 9)


def test_secrets_stay_out_of_representations() -> None:
    assert b"k" * 32 not in repr(CipherState(b"k" * 32)).encode()
