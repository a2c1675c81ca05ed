"""Opening a link: who gets in, what strangers learn, what a changed byte costs."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.link_pair import TEAM, SessionPair, handshake_machines, shake_hands
from transport.proto import limits
from transport.proto.errors import HandshakeRefused, LocalFault, Reason, RemoteFault
from transport.proto.handshake import Initiator, Responder
from transport.proto.hints import (
    LOBBY_CONTEXT,
    LinkSecret,
    discovery_tag,
    link_hint,
    link_psk,
    matching_secret,
    tagged_secrets,
)
from transport.proto.preamble import split_preamble

OTHER_TEAM = LinkSecret(b"O" * 32, b"X" * 32, "other")


def test_both_sides_agree_on_everything() -> None:
    a, b = shake_hands(*handshake_machines())
    assert a.handshake_hash == b.handshake_hash
    assert (a.remote_payload, b.remote_payload) == (b"I am Ben of team", b"I am Ana")
    assert a.remote_static != b.remote_static
    assert (a.initiator, b.initiator) == (True, False)
    assert a.send.key == b.receive.key
    assert a.receive.key == b.send.key
    assert a.send.key != a.receive.key
    assert a.secret == b.secret == TEAM


def test_responder_finds_the_right_one_of_its_secrets() -> None:
    lobby = LinkSecret(b"I" * 32, LOBBY_CONTEXT, "invite")
    ana, ben = handshake_machines(lobby, (TEAM, OTHER_TEAM, lobby))
    _, b = shake_hands(ana, ben)
    assert b.secret.name == "invite"


def test_stranger_is_refused_before_any_key_is_used() -> None:
    ana, ben = handshake_machines(OTHER_TEAM)
    with pytest.raises(HandshakeRefused) as caught:
        ben.receive(ana.data_to_send()[0])
    assert caught.value.reason is Reason.NO_MATCH
    assert ben.data_to_send() == []


def test_same_key_in_another_workspace_is_refused() -> None:
    """The context is part of the prologue: Ana and Ben must mean the same workspace."""
    ana, ben = handshake_machines(LinkSecret(TEAM.key, b"Z" * 32, "elsewhere"))
    with pytest.raises(RemoteFault) as caught:
        ben.receive(ana.data_to_send()[0])
    assert caught.value.reason is Reason.DECRYPT


def test_observer_of_the_hint_without_the_key_is_refused() -> None:
    """Mallory saw Ana dial, so she can repeat the hint; she cannot make the message under it."""
    ana, ben = handshake_machines()
    seen = ana.data_to_send()[0][: limits.PREAMBLE_BYTES]
    forged, _ = handshake_machines(OTHER_TEAM, seed=9)
    message = forged.data_to_send()[0][limits.PREAMBLE_BYTES :]
    with pytest.raises(RemoteFault):
        ben.receive(seen + message)


def test_replayed_first_message_gets_an_answer_nobody_can_use() -> None:
    ana, ben = handshake_machines()
    first = ana.data_to_send()[0]
    ben.receive(first)
    ana.receive(ben.data_to_send()[0])
    third = ana.data_to_send()[0]
    draw = random.Random(5).randbytes
    again = Responder(lambda nonce, hint: TEAM, draw(32), draw, lambda secret: b"")
    again.receive(first)
    assert again.data_to_send()
    with pytest.raises(RemoteFault):
        again.receive(third)
    assert again.result is None


@pytest.mark.parametrize("version", [0, 2, 255])
def test_other_version_is_refused_with_a_sentence(version: int) -> None:
    ana, ben = handshake_machines()
    first = bytearray(ana.data_to_send()[0])
    first[0] = version
    with pytest.raises(HandshakeRefused) as caught:
        ben.receive(bytes(first))
    assert caught.value.reason is Reason.VERSION
    assert f"version {version}" in str(caught.value)
    assert "newer Clowder" in str(caught.value)


def test_device_does_not_talk_to_itself() -> None:
    draw = random.Random(3).randbytes
    own = draw(32)
    ana = Initiator(TEAM, own, draw, b"")
    mirror = Responder(lambda nonce, hint: TEAM, own, draw, lambda secret: b"")
    mirror.receive(ana.data_to_send()[0])
    with pytest.raises(HandshakeRefused) as caught:
        ana.receive(mirror.data_to_send()[0])
    assert caught.value.reason is Reason.SELF
    assert ana.data_to_send() == []


def test_each_changed_byte_of_each_message_ends_the_handshake() -> None:
    for step in range(3):
        lengths = []
        for position in range(200):
            ana, ben = handshake_machines()
            route = ((ana, ben), (ben, ana), (ana, ben))
            for source, target in route[:step]:
                target.receive(source.data_to_send()[0])
            source, target = route[step]
            message = bytearray(source.data_to_send()[0])
            lengths.append(len(message))
            if position >= len(message):
                break
            message[position] ^= 1 << (position % 8)
            with pytest.raises(RemoteFault):
                target.receive(bytes(message))
            assert target.result is None
            with pytest.raises(LocalFault):
                target.receive(bytes(message))
        assert len(lengths) == lengths[0] + 1, "every byte was changed once"


def test_each_truncation_ends_the_handshake() -> None:
    for cut in range(81):
        ana, ben = handshake_machines()
        with pytest.raises(RemoteFault):
            ben.receive(ana.data_to_send()[0][:cut])


def test_oversized_messages_and_payloads_are_refused() -> None:
    ana, ben = handshake_machines()
    with pytest.raises(RemoteFault) as caught:
        ben.receive(ana.data_to_send()[0] + bytes(limits.HANDSHAKE_MESSAGE_MAX_BYTES))
    assert caught.value.reason is Reason.OVERSIZED
    draw = random.Random(3).randbytes
    with pytest.raises(LocalFault):
        Initiator(TEAM, draw(32), draw, bytes(limits.HANDSHAKE_PAYLOAD_MAX_BYTES + 1))
    payload = bytes(limits.HANDSHAKE_PAYLOAD_MAX_BYTES)
    ana = Initiator(TEAM, draw(32), draw, payload)
    _, b = shake_hands(ana, handshake_machines()[1])
    assert b.remote_payload == payload


@given(data=st.binary(max_size=300))
def test_responder_gives_an_answer_or_a_remote_fault(data: bytes) -> None:
    _, ben = handshake_machines()
    with pytest.raises(RemoteFault):
        ben.receive(data)


@given(data=st.binary(max_size=300))
def test_preamble_decoder_gives_a_value_or_remote_fault(data: bytes) -> None:
    try:
        preamble, message = split_preamble(data)
    except RemoteFault:
        return
    assert preamble.encode() + message == data


def test_nothing_more_is_taken_once_established() -> None:
    ana, ben = handshake_machines()
    shake_hands(ana, ben)
    for machine in (ana, ben):
        with pytest.raises(LocalFault):
            machine.receive(b"")


def test_hints_of_one_team_cannot_be_connected() -> None:
    draw = random.Random(2).randbytes
    hints = {link_hint(TEAM.key, draw(16)) for _ in range(100)}
    assert len(hints) == 100
    nonce = draw(16)
    assert link_hint(TEAM.key, nonce) != link_hint(OTHER_TEAM.key, nonce)
    assert link_psk(TEAM.key) not in (TEAM.key, link_psk(OTHER_TEAM.key))


def test_announcement_is_recognised_by_holders_only() -> None:
    nonce = b"n" * 16
    tags = [b"?" * 8, discovery_tag(TEAM.key, nonce)]
    assert tagged_secrets([TEAM, OTHER_TEAM], nonce, tags) == [TEAM]
    assert tagged_secrets([OTHER_TEAM], nonce, tags) == []
    assert matching_secret([OTHER_TEAM], nonce, link_hint(TEAM.key, nonce)) is None


def test_key_is_not_in_representations() -> None:
    pair = SessionPair()
    for shown in (repr(TEAM), repr(pair.ana.established)):
        assert repr(TEAM.key)[2:-1] not in shown
        assert "CipherState" not in shown
