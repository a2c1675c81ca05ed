"""Attacks on the way in: 30 to 32. An invite lets in one person, visibly, and shows nothing."""

import msgspec
import pytest

from chat.errors import UsageError
from chat.invitation import parse
from chat.lobby import MESSAGES_PER_LINK_MAX, LobbyAsk, LobbyClaim, LobbyState, encode
from chat.nearby.messages import NearbyAgree, NearbyAsk, NearbyInvite
from chat.welcome import Doorman, KeepClaim
from crdt import invites, keys
from crdt.claims import build_claim, decode_claim
from crdt.errors import Invalid
from crdt.invites import InviteKeys, open_rest
from crdt.keys import DeviceKeys
from crdt.roster_ops import LEVEL_MEMBER, LEVEL_RELAY, Admit, Invite, Op, Revoke
from tests.attacks.mallory import REPLACE, mutations
from tests.chat.engine_team import WEEK_MS, Team
from tests.chat.nearby_room import ORDERS, Between
from tests.crdt.team import FAR, NET_KEY, Machine, found, meet, seeded, sync

SECRET = bytes(range(16))
OTHER = bytes(range(16, 32))
NOW = 10_000


def invited(machine: Machine, secret: bytes = SECRET, not_after: int = FAR) -> Op:
    """A new invite of a machine."""
    return machine.do(
        invites.make_invite(
            secret,
            workspace=machine.workspace,
            net_key=NET_KEY,
            level=LEVEL_MEMBER,
            not_after=not_after,
            name="Cats",
            hints=("ws://192.168.1.20:4000/",),
            entropy=machine.entropy,
        )
    )


def claimed(machine: Machine, name: str, invite: Op, secret: bytes = SECRET) -> bytes:
    """A good claim of a new device."""
    rest = invites.Rest(1, machine.workspace, NET_KEY, LEVEL_MEMBER)
    device = DeviceKeys.generate(seeded(name))
    return invites.make_claim(
        secret, rest, invite.id, device, salt=bytes(16), nick=name, entropy=seeded(f"{name}/e")
    ).wire


def count(machine: Machine) -> int:
    return len(machine.roster.state.members)


def test_30_an_overheard_claim_with_other_keys_is_refused() -> None:
    """Mallory hears everything, puts her keys in, and signs with what she has."""
    ana = found()
    invite = invited(ana)
    overheard = decode_claim(claimed(ana, "bo", invite))
    mal = DeviceKeys.generate(seeded("mal"))
    for changes in (
        {"sign": mal.public.sign},
        {"box": mal.public.box},
        {"link": mal.public.link},
        {"salt": b"another members!"},
    ):
        body = msgspec.msgpack.encode(REPLACE(overheard.claim, **changes))
        own = keys.sign(mal.sign_seed, keys.SIGN_CLAIM, keys.digest(b"x1.claim", body))
        for signature in (own, overheard.by_device):
            with pytest.raises(Invalid, match="does not verify"):
                ana.do(Admit(body + overheard.by_invite + signature))
    assert count(ana) == 1


def test_30_any_changed_byte_of_a_claim_is_refused() -> None:
    ana = found()
    wire = claimed(ana, "bo", invited(ana))
    for bad in mutations(wire):
        with pytest.raises(Invalid):
            ana.do(Admit(bad))
    assert count(ana) == 1
    ana.do(Admit(wire))
    assert count(ana) == 2


def test_30_an_invite_is_used_once_one_after_the_other_and_apart() -> None:
    ana = found()
    cy = ana.admit("cy")
    first, second = invited(ana), invited(ana, OTHER)
    meet(ana, cy)
    for name in ("bo", "mal"):
        ana.do(Admit(claimed(ana, name, first)))
    assert count(ana) == 3
    ana.do(Admit(claimed(ana, "dee", second, OTHER)))
    cy.do(Admit(claimed(cy, "mal", second, OTHER)))
    meet(ana, cy)
    assert count(ana) == count(cy) == 4
    assert ana.roster.state == cy.roster.state


@pytest.mark.parametrize("over", ["used", "expired", "revoked"])
def test_30_an_invite_that_is_over_lets_nobody_in(over: str) -> None:
    """Neither at the door nor, where the roster decides, by whoever admits all the same."""
    ana = found()
    invite = invited(ana, not_after=NOW)
    if over == "used":
        ana.do(Admit(claimed(ana, "bo", invite)))
    elif over == "revoked":
        ana.do(Revoke(invite.id))
    late = claimed(ana, "mal", invite)
    members = count(ana)
    doorman = Doorman(ana.workspace, lambda: ana.roster.state, lambda _: True)
    assert doorman.judge(late, NOW + 1) == LobbyState("refused", over)
    if over != "expired":  # Whoever witnesses checks the clock, and nobody later can.
        ana.do(Admit(late))
        assert count(ana) == members


def test_30_a_claim_for_another_invite_or_workspace_is_refused() -> None:
    ana, other = found(), found("ada")
    first, second, foreign = invited(ana), invited(ana, OTHER), invited(other)
    for wrong in (claimed(ana, "mal", first, OTHER), claimed(ana, "mal", second)):
        with pytest.raises(Invalid):
            ana.do(Admit(wrong))
    with pytest.raises(Invalid):
        ana.do(Admit(claimed(other, "mal", foreign)))
    mixed = build_claim(
        other.workspace,
        first.id,
        DeviceKeys.generate(seeded("mal")).public,
        bytes(16),
        b"",
        invite_seed=InviteKeys.of(SECRET).sign_seed,
        sign_seed=DeviceKeys.generate(seeded("mal")).sign_seed,
    )
    with pytest.raises(Invalid, match="another workspace"):
        ana.do(Admit(mixed.wire))
    assert count(ana) == 1


def test_30_a_changed_link_is_a_sentence_and_never_another_invite() -> None:
    """The check covers the whole link: secret, workspace and the address to dial."""
    team = Team(seed=30)
    ana = team.found("ana")
    link = ana.engine.people.invite(
        relay=False,
        expires_ms=WEEK_MS,
        note="",
        hints=("ws://192.168.1.20:4000/",),
        now=team.now(ana),
    ).view.link
    good = parse(link)
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    for place in range(len("clowder:"), len(link)):
        for letter in letters:
            bad = link[:place] + letter + link[place + 1 :]
            try:
                found_there = parse(bad)
            except UsageError:
                continue
            assert found_there == good, f"letter {place}"


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_30_somebody_between_two_people_in_one_room_gets_no_invite(order: tuple[str, ...]) -> None:
    """Mallory answers bo as ana and ana as bo, says yes to everybody, and both look at screens."""
    for seed in range(20):
        between = Between(seed)
        between.pass_on(order)
        ana, bo = between.codes
        assert ana
        assert bo
        between.to_ana(NearbyAgree())
        heard = between.people_compare()
        assert ana != bo
        assert not [message for message in heard if isinstance(message, NearbyInvite)]
        assert (between.desk.invites, between.guest.invite) == (0, "")
        assert between.to_ana(NearbyAgree()) == between.to_ana(NearbyAsk()) == []


def test_30_a_tampered_rest_opens_with_no_secret() -> None:
    ana = found()
    args = invited(ana).args
    assert isinstance(args, Invite)
    assert open_rest(SECRET, args.rest).hints == ("ws://192.168.1.20:4000/",)
    for bad in mutations(args.rest):
        with pytest.raises(Invalid):
            open_rest(SECRET, bad)


def test_31_the_thief_of_a_link_reads_nothing_and_is_seen() -> None:
    """With the secret, everything a relay has, and all that follows from both."""
    ana = found()
    relay = ana.admit("relay", LEVEL_RELAY)
    invite = invited(ana)
    sync(ana, relay)
    epoch = ana.epochs.current(ana.scope)
    assert epoch is not None
    thief = Machine("thief", ana.workspace, LEVEL_MEMBER)
    sync(relay, thief)
    assert thief.readable() == set()
    args = invite.args
    assert isinstance(args, Invite)
    derived, rest = InviteKeys.of(SECRET), open_rest(SECRET, args.rest)
    content = ana.epochs.key(epoch)
    known = {derived.door, derived.rest, derived.nick, derived.sign_seed, rest.net_key}
    assert content not in known
    assert not any(content in op for op in map(ana.roster.wire, ana.roster.missing_from(())))
    ana.do(Admit(claimed(ana, "thief", invite)))
    assert count(ana) == 3, "who comes in by it stands in everybody's list of members"
    assert ana.roster.state.invites[invite.id].used, "and whom it was meant for is told so"


def test_32_a_flood_of_claims_leaves_one_for_each_open_invite() -> None:
    """From as many links, devices and messages as somebody with the secret cares to make."""
    ana = found()
    relay = ana.admit("relay", LEVEL_RELAY)
    open_ones = [invited(ana, seeded(f"secret {number}")(16)) for number in range(3)]
    sync(ana, relay)
    doorman = Doorman(relay.workspace, lambda: relay.roster.state, lambda _: False)
    kept: list[bytes] = []
    for link in range(300):
        at = link % 3
        secret = seeded(f"secret {at}")(16)
        doorman.link_up(link, open_ones[at].id)
        for number in range(20):
            wire = claimed(relay, f"mal {link} {number}", open_ones[at], secret)
            for effect in doorman.receive(link, encode(LobbyClaim(wire)), NOW):
                if isinstance(effect, KeepClaim):
                    kept.append(effect.claim.claim.invite)
            if link > 40:
                break
    assert sorted(kept) == sorted(invite.id for invite in open_ones)


def test_32_newcomers_at_the_doors_are_few_at_one_time() -> None:
    ana = found()
    invite = invited(ana)
    doorman = Doorman(ana.workspace, lambda: ana.roster.state, lambda _: True)
    let_in = [link for link in range(1_000) if not doorman.link_up(link, invite.id)]
    assert 16 <= len(let_in) <= 64
    doorman.link_down(let_in[0])
    assert doorman.link_up(1_000, invite.id) == [], "who leaves makes room"


def test_32_a_link_of_the_lobby_says_a_few_things_and_ends() -> None:
    ana = found()
    invite = invited(ana)
    doorman = Doorman(ana.workspace, lambda: ana.roster.state, lambda _: True)
    doorman.link_up(1, invite.id)
    answers = [doorman.receive(1, encode(LobbyAsk()), NOW) for _ in range(1_000)]
    assert sum(map(bool, answers)) == MESSAGES_PER_LINK_MAX + 1
    for bad in (b"", b"\xc1", bytes(8 * 1024 + 1), encode(LobbyClaim(b"x"))):
        doorman.link_up(2, invite.id)
        assert [type(effect).__name__ for effect in doorman.receive(2, bad, NOW)] == ["CloseLink"]
