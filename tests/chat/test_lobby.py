"""The lobby: a newcomer and whoever stands at the door, over links that carry what is said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import effects, lobby
from chat.joining import CLAIMS_MADE_MAX, Joining, Learned, Newcomer, Stands
from chat.lobby import LobbyAsk, LobbyClaim, LobbyInvite, LobbyState
from chat.welcome import (
    DOORS_MAX,
    EXPIRED_DOOR_MS,
    LOBBY_LINKS_MAX,
    Admit,
    Doorman,
    KeepClaim,
    doors,
)
from crdt.claims import decode_claim
from crdt.errors import Invalid, TooNew
from crdt.invites import InviteKeys, make_invite
from crdt.roster_ops import LEVEL_MEMBER, LEVEL_RELAY, Revoke
from crdt.roster_ops import Admit as AdmitOp
from tests.crdt.team import NET_KEY, Machine, found, meet, seeded, sync

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "invites.json").read_text("utf-8")
)
SECRET = bytes(range(16))
NOT_AFTER = 1_000_000
NOW = 10_000


class Host:
    """A machine with its doorman, who publishes what it may admit."""

    def __init__(self, machine: Machine, kept: tuple[bytes, ...] = ()) -> None:
        self.machine = machine
        self.kept: list[bytes] = []
        self.now = NOW
        self.doorman = Doorman(
            machine.workspace,
            lambda: machine.roster.state,
            lambda _: machine.level < LEVEL_RELAY,
            kept,
        )

    def carry_out(self, done: list[Any]) -> list[effects.Send | effects.CloseLink]:
        """Publish and keep; gives what goes onto links."""
        out: list[effects.Send | effects.CloseLink] = []
        for effect in done:
            if isinstance(effect, Admit):
                self.machine.do(AdmitOp(effect.claim.wire))
                out += self.carry_out(self.doorman.roster_changed(self.now))
            elif isinstance(effect, KeepClaim):
                self.kept.append(effect.claim.wire)
            else:
                out.append(effect)
        return out


def joining(name: str = "bo", check: bytes = b"", secret: bytes = SECRET) -> Joining:
    device = seeded(f"{name}/device")
    return Joining(secret, check, device(32), device(32), device(32), device(16), name)


class Talk:
    """One lobby link between a newcomer and a host."""

    def __init__(self, newcomer: Newcomer, host: Host, invite: bytes, link: int = 1) -> None:
        self.newcomer, self.host, self.link = newcomer, host, link
        self.closed = ""
        self.learned: list[Joining] = []
        self.heard: list[Stands] = []
        to_host = self.newcomer.link_up(link)
        self.to_newcomer(host.carry_out(list(host.doorman.link_up(link, invite))))
        self.to_host(to_host)

    def to_host(self, said: list[Any]) -> None:
        for effect in said:
            if isinstance(effect, Learned):
                self.learned.append(effect.joining)
            elif isinstance(effect, Stands):
                self.heard.append(effect)
            elif isinstance(effect, effects.CloseLink):
                self.closed = effect.reason
            else:
                assert effect.kind == effects.KIND_LOBBY
                answer = self.host.doorman.receive(effect.link, effect.payload, self.host.now)
                self.to_newcomer(self.host.carry_out(list(answer)))

    def to_newcomer(self, said: list[Any]) -> None:
        for effect in said:
            if isinstance(effect, effects.CloseLink):
                self.closed = effect.reason
            elif effect.link == self.link:
                self.to_host(list(self.newcomer.receive(effect.link, effect.payload)))


def invite(machine: Machine, secret: bytes = SECRET, level: int = LEVEL_MEMBER) -> bytes:
    return machine.do(
        make_invite(
            secret,
            workspace=machine.workspace,
            net_key=NET_KEY,
            level=level,
            not_after=NOT_AFTER,
            name="Cats",
            entropy=machine.entropy,
        )
    ).id


def newcomer(name: str = "bo", **changes: Any) -> Newcomer:
    return Newcomer(msgspec.structs.replace(joining(name), **changes), seeded(name))


# Stories ----------------------------------------------------------------------------------------


def test_a_member_lets_the_newcomer_in_at_once() -> None:
    ana = Host(found())
    bo = newcomer(check=ana.machine.workspace[:8])
    talk = Talk(bo, ana, invite(ana.machine))
    assert [stands.state for stands in talk.heard] == ["pending", "admitted"]
    assert bo.stands == Stands("admitted")
    rest = bo.joining.rest
    assert rest is not None
    assert (rest.workspace, rest.net_key, rest.name) == (ana.machine.workspace, NET_KEY, "Cats")
    assert talk.learned == [bo.joining], "kept before it is claimed"
    assert bo.joining.keys.public.sign in ana.machine.roster.state.devices
    assert not talk.closed


def test_a_relay_keeps_the_claim_until_a_member_comes() -> None:
    ana = Host(found())
    relay = Host(ana.machine.admit("relay", LEVEL_RELAY))
    at = invite(ana.machine)
    sync(ana.machine, relay.machine)
    bo = newcomer()
    talk = Talk(bo, relay, at)
    assert talk.heard == [Stands("pending")]
    assert len(relay.kept) == 1
    # Later the claim reaches ana through replication.
    verdict = ana.doorman.judge(relay.kept[0], NOW)
    assert isinstance(verdict, Admit)
    ana.carry_out([verdict])
    assert ana.doorman.judge(relay.kept[0], NOW) == LobbyState("admitted")
    sync(ana.machine, relay.machine)
    talk.to_newcomer(list(relay.doorman.roster_changed(NOW)))
    assert talk.heard == [Stands("pending"), Stands("admitted")]
    assert relay.doorman.roster_changed(NOW) == [], "it is said once"


def test_a_join_goes_on_after_a_restart_with_the_same_claim() -> None:
    ana = Host(found())
    relay = Host(ana.machine.admit("relay", LEVEL_RELAY))
    at = invite(ana.machine)
    sync(ana.machine, relay.machine)
    first = Talk(newcomer(), relay, at)
    stored = msgspec.msgpack.encode(first.learned[-1])
    again = Newcomer(msgspec.msgpack.decode(stored, type=Joining), seeded("another run"))
    assert again.stands == Stands("pending")
    relay = Host(relay.machine, tuple(relay.kept))
    talk = Talk(again, relay, at, link=2)
    assert talk.heard == []
    assert talk.learned == []
    assert again.stands.state == "pending"
    assert len({decode_claim(wire).id for wire in relay.kept}) <= 1
    met = Talk(again, ana, at, link=3)
    assert met.heard == [Stands("admitted")]


def test_two_hosts_at_once_get_the_same_claim() -> None:
    ana = Host(found())
    cy = Host(ana.machine.admit("cy"))
    at = invite(ana.machine)
    meet(ana.machine, cy.machine)
    bo = newcomer()
    for link, host in enumerate((ana, cy)):
        Talk(bo, host, at, link)
    meet(ana.machine, cy.machine)
    assert len(ana.machine.roster.state.members) == 3
    assert ana.machine.roster.state.members == cy.machine.roster.state.members


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda host, at: Talk(newcomer("mia"), host, at, 9), lobby.REASONS["used"]),
        (lambda host, at: host.machine.do(Revoke(at)), lobby.REASONS["revoked"]),
        (lambda host, at: setattr(host, "now", NOT_AFTER + 1), lobby.REASONS["expired"]),
    ],
    ids=["used", "revoked", "expired"],
)
def test_an_invite_that_is_over_says_why(
    spoil: Callable[[Host, bytes], object], sentence: str
) -> None:
    ana = Host(found())
    at = invite(ana.machine)
    spoil(ana, at)
    before = len(ana.machine.roster.state.members)
    bo = newcomer()
    assert Talk(bo, ana, at).heard == [Stands("refused", sentence)]
    assert len(ana.machine.roster.state.members) == before


def test_a_refusal_is_remembered_over_a_restart_and_ends_nothing() -> None:
    ana = Host(found())
    at = invite(ana.machine)
    bo = newcomer()
    blob = ana.machine.roster.state.invites[at].rest
    bo.link_up(1)
    say(bo, 1, LobbyInvite(at, blob))
    say(bo, 1, LobbyState("refused", "used"))
    stored = msgspec.msgpack.encode(bo.joining)
    again = Newcomer(msgspec.msgpack.decode(stored, type=Joining), seeded("another run"))
    assert again.joining.refused == lobby.REASONS["used"]
    assert again.stands == Stands("")  # It was the word of an earlier day.
    assert Talk(again, ana, at).heard == [Stands("pending"), Stands("admitted")]
    assert again.joining.refused == ""


def test_a_join_that_an_earlier_build_kept_was_not_refused() -> None:
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(joining()))
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(fields[:9]), type=Joining)
    assert kept == joining()
    assert kept.refused == ""


def test_an_invite_revoked_while_the_claim_waits() -> None:
    ana = Host(found())
    relay = Host(ana.machine.admit("relay", LEVEL_RELAY))
    at = invite(ana.machine)
    sync(ana.machine, relay.machine)
    talk = Talk(newcomer(), relay, at)
    ana.machine.do(Revoke(at))
    sync(ana.machine, relay.machine)
    talk.to_newcomer(list(relay.doorman.roster_changed(NOW)))
    assert talk.heard[-1] == Stands("refused", lobby.REASONS["revoked"])
    assert ana.doorman.judge(relay.kept[0], NOW) == LobbyState("refused", "revoked")


def test_one_claimant_for_an_invite_is_kept() -> None:
    ana = Host(found())
    relay = Host(ana.machine.admit("relay", LEVEL_RELAY))
    at = invite(ana.machine)
    sync(ana.machine, relay.machine)
    for n in range(50):
        Talk(newcomer(f"someone {n}"), relay, at, link=n)
        relay.doorman.link_down(n)
    assert len(relay.kept) == 1
    late = Talk(newcomer("late"), relay, at, link=99)
    assert late.heard == [Stands("refused", lobby.REASONS["taken"])]


def test_a_tickets_holder_becomes_a_relay() -> None:
    ana = Host(found())
    at = invite(ana.machine, level=LEVEL_RELAY)
    box = newcomer("box")
    Talk(box, ana, at)
    rest = box.joining.rest
    assert rest is not None
    assert (rest.level, rest.name) == (LEVEL_RELAY, "")
    assert ana.machine.roster.state.devices[box.joining.keys.public.sign].level == LEVEL_RELAY
    assert ana.machine.epochs.lacking(ana.machine.scope) == []


# Liars ------------------------------------------------------------------------------------------


def say(newcomer: Newcomer, link: int, message: lobby.AnyLobby) -> list[Any]:
    return list(newcomer.receive(link, lobby.encode(message)))


def test_a_host_of_another_workspace_is_left() -> None:
    ana, ada = Host(found()), Host(found("ada"))
    at = invite(ada.machine)
    bo = newcomer(check=ana.machine.workspace[:8])
    talk = Talk(bo, ada, at)
    assert "another workspace" in talk.closed
    assert bo.joining.claims == ()
    assert bo.joining.blob == b""


def test_a_lying_host_costs_waiting_and_nothing_else() -> None:
    ana = Host(found())
    at = invite(ana.machine)
    blob = ana.machine.roster.state.invites[at].rest
    bo = newcomer()
    bo.link_up(1)
    assert [type(e) for e in say(bo, 1, LobbyInvite(b"x" * 32, blob))] == [Learned, effects.Send]
    assert say(bo, 1, LobbyState("refused", "used")) == [Stands("refused", lobby.REASONS["used"])]
    assert say(bo, 1, LobbyState("refused", "\x1b[2J")) == [Stands("refused", lobby.UNKNOWN_REASON)]
    assert Talk(bo, ana, at, link=2).heard[-1] == Stands("admitted")
    for n in range(CLAIMS_MADE_MAX + 1):
        bo.link_up(10 + n)
        last = say(bo, 10 + n, LobbyInvite(bytes([n]) * 32, blob))
    assert isinstance(last[0], effects.CloseLink)
    assert len(bo.joining.claims) == CLAIMS_MADE_MAX


def test_a_host_without_the_secret_cannot_make_a_rest() -> None:
    bo = newcomer()
    bo.link_up(1)
    forged = make_invite(
        bytes(16),
        workspace=b"w" * 32,
        net_key=NET_KEY,
        level=LEVEL_MEMBER,
        not_after=NOT_AFTER,
        entropy=seeded("liar"),
    )
    assert isinstance(say(bo, 1, LobbyInvite(b"x" * 32, forged.rest))[0], effects.CloseLink)
    assert bo.joining.claims == ()


def test_a_claim_that_is_not_the_doors_is_refused() -> None:
    ana = Host(found())
    at, other = invite(ana.machine), invite(ana.machine, b"another secret 1")
    bo = newcomer()
    bo.link_up(1)
    say(bo, 1, LobbyInvite(at, ana.machine.roster.state.invites[at].rest))
    wire = bo.joining.claims[0][1]
    wrong = {
        other: wire,
        at: wire[:-128] + bytes(64) + wire[-64:],
        bytes(32): wire,
    }
    for link, (door, claim) in enumerate(wrong.items()):
        ana.doorman.link_up(link, door)
        (closed,) = ana.doorman.receive(link, lobby.encode(LobbyClaim(claim)), NOW)
        assert isinstance(closed, effects.CloseLink)
    assert len(ana.machine.roster.state.members) == 1


def test_links_and_messages_are_bounded() -> None:
    ana = Host(found())
    at = invite(ana.machine)
    for link in range(LOBBY_LINKS_MAX):
        assert ana.doorman.link_up(link, at) == []
    assert isinstance(ana.doorman.link_up(99, at)[0], effects.CloseLink)
    ask = lobby.encode(LobbyAsk())
    for _ in range(lobby.MESSAGES_PER_LINK_MAX):
        assert isinstance(ana.doorman.receive(0, ask, NOW)[0], effects.Send)
    assert isinstance(ana.doorman.receive(0, ask, NOW)[0], effects.CloseLink)
    assert ana.doorman.receive(0, ask, NOW) == []
    bo = newcomer()
    bo.link_up(1)
    for _ in range(lobby.MESSAGES_PER_LINK_MAX):
        say(bo, 1, LobbyState("pending"))
    assert isinstance(say(bo, 1, LobbyState("pending"))[0], effects.CloseLink)


def test_another_version_is_told_so() -> None:
    ana = Host(found())
    at = invite(ana.machine)
    ana.doorman.link_up(1, at)
    (said,) = ana.doorman.receive(1, lobby.encode(LobbyAsk(2)), NOW)
    assert isinstance(said, effects.Send)
    assert lobby.decode(said.payload) == LobbyState("refused", "newer")
    bo = newcomer()
    bo.link_up(1)
    assert bo.receive(1, msgspec.msgpack.encode([7, "more"])) == []
    with pytest.raises(TooNew):
        lobby.decode(msgspec.msgpack.encode([7, "more"]))


# Doors ------------------------------------------------------------------------------------------


def test_open_doors_come_first_and_their_number_is_bounded() -> None:
    ana = found()
    used = invite(ana)
    Talk(newcomer(), Host(ana), used)
    open_ones = [invite(ana, bytes([n]) * 16) for n in range(3)]
    assert {door.invite for door in doors(ana.roster.state, NOW)[:3]} == set(open_ones)
    assert doors(ana.roster.state, NOW)[3].invite == used
    assert doors(ana.roster.state, NOW)[3].key == InviteKeys.of(SECRET).door
    assert len(doors(ana.roster.state, NOT_AFTER + EXPIRED_DOOR_MS)) == 4
    assert doors(ana.roster.state, NOT_AFTER + EXPIRED_DOOR_MS + 1) == []
    for n in range(DOORS_MAX):
        invite(ana, bytes([n]) + b"more and more.."[:15])
    assert len(doors(ana.roster.state, NOW)) == DOORS_MAX


# Bytes ------------------------------------------------------------------------------------------


def test_messages_are_as_documented() -> None:
    for vector in VECTORS["lobby"]:
        data = bytes.fromhex(vector["bytes"])
        assert lobby.encode(lobby.decode(data)) == data


@given(st.binary(max_size=200) | st.binary(max_size=40).map(b"\x92\x04".__add__))
def test_anything_is_a_message_or_invalid(data: bytes) -> None:
    try:
        lobby.decode(data)
    except Invalid:
        return


@given(st.binary(max_size=200))
def test_no_payload_breaks_either_side(data: bytes) -> None:
    bo = newcomer()
    bo.link_up(1)
    bo.receive(1, data)
    HOST.doorman.link_up(1, HOST_INVITE)
    HOST.doorman.receive(1, data, NOW)
    HOST.doorman.link_down(1)
    assert len(HOST.machine.roster.state.members) == 1


def test_secrets_are_in_no_repr() -> None:
    kept = joining()
    assert kept.secret.hex() not in repr(kept)
    assert repr(kept.sign_seed) not in repr(kept)


HOST = Host(found())
HOST_INVITE = invite(HOST.machine)
