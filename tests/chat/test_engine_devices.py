"""Several devices of one member: they come in by a code or a paper, read and write as one person,
and what was removed reads nothing new."""

from dataclasses import dataclass

import pytest

from chat.engine.devices import DEVICES_MAX, OwnDevices
from chat.engine.members import Ops
from chat.errors import TrustError, UsageError
from chat.invitation import parse
from chat.store import Store
from chat.workspace import Identity
from crdt import invites
from crdt.claims import SignedClaim
from crdt.errors import NotReadable
from crdt.keys import DeviceKeys
from crdt.roster_ops import LEVEL_READER, DeviceAdd
from tests.chat.engine_team import START_MS, Desk, Team, seeded

MINUTES_MS = 10 * 60 * 1000


def own(desk: Desk) -> OwnDevices:
    return OwnDevices(desk.workspace, desk.engine.people, desk.engine.members)


@dataclass
class Code:
    """A code that is on the screen of a device."""

    link: str
    id: bytes


def offer(team: Team, desk: Desk, *, paper: bool = False, lasts_ms: int = MINUTES_MS) -> Code:
    expires = None if paper else lasts_ms
    made = own(desk).code(expires_ms=expires, hints=(), now=team.now(desk))
    team.do(desk, lambda now: desk.engine.publish(made.news, now))
    return Code(made.view.link, made.news.op.id)


def claim(team: Team, name: str, desk: Desk, code: Code) -> tuple[SignedClaim, Identity]:
    """What a new machine says that holds a code, and who it will be."""
    secret = parse(code.link).secret
    rest = invites.open_rest(secret, desk.workspace.roster.state.invites[code.id].rest)
    keys = DeviceKeys.generate(seeded(f"{name}/keys"))
    signed = invites.make_claim(
        secret,
        rest,
        code.id,
        keys,
        salt=seeded(f"{name}/salt")(16),
        nick=name,
        entropy=seeded(f"{name}/nick"),
    )
    identity = Identity(
        rest.workspace,
        rest.member,
        keys.sign_seed,
        keys.link_secret,
        keys.box_secret,
        rest.net_key,
    )
    return signed, identity


def seat(team: Team, name: str, signed: SignedClaim, identity: Identity, code: Code) -> Desk:
    store = Store.in_memory(seeded(f"{name}/store"))
    store.workspace(identity.workspace).add_claim(signed.id, signed.wire, START_MS)
    store.commit()
    desk = team._seat(name, identity, store)
    derived = invites.InviteKeys.of(parse(code.link).secret)
    desk.workspace.epochs.open_for(derived.public, derived.box)
    return desk


def newcomer(team: Team, name: str, desk: Desk, code: Code) -> Desk:
    return seat(team, name, *claim(team, name, desk, code), code)


def second(team: Team, name: str, desk: Desk) -> Desk:
    """Another device of a desk's member, let in by that desk."""
    device = newcomer(team, name, desk, offer(team, desk))
    team.link(device, desk)
    team.run()
    assert device.workspace.level == desk.workspace.level
    return device


def publish(team: Team, desk: Desk, ops: Ops) -> None:
    team.do(desk, lambda now: desk.engine.publish_each(ops, now))


def remove(team: Team, desk: Desk, device: Desk) -> None:
    me = device.workspace
    publish(team, desk, own(desk).remove(me.me, me.device, team.now(desk)))


# Coming in ------------------------------------------------------------------------------------


def test_a_second_device_reads_all_and_speaks_as_the_same_author() -> None:
    team = Team(seed=1)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.channel(ana, "secret", bo)
    team.run()
    team.post(bo, "before")
    team.post(bo, "inside", "secret")
    team.run()
    phone = second(team, "phone", bo)
    assert phone.workspace.me == bo.workspace.me
    assert phone.texts() == ["before"]
    assert phone.texts("secret") == ["inside"]
    team.mesh()
    mid = team.post(phone, "from the phone", "secret")
    team.run()
    for desk in (ana, bo, phone):
        message = desk.message("from the phone", "secret")
        assert message.author == desk.message("inside", "secret").author
        assert message.author.nick == "bo"
    assert bo.message("from the phone", "secret").mine
    # Either device changes what the other said.
    team.say(bo, lambda talking: talking.edit(mid, "changed at the desk"))
    team.run()
    assert phone.texts("secret") == ["inside", "changed at the desk"]
    assert [known.nick for known in ana.views.members()] == ["ana", "bo"]
    assert ana.views.member(bo.workspace.me).devices == 2
    # Who wrote counts for nobody's reading; of two members one is left to reach.
    assert phone.reached("changed at the desk", "secret")[1] == 1
    assert ana.canonical() == bo.canonical() == phone.canonical()


def test_a_claim_waits_at_a_relay_until_the_other_device_comes_by() -> None:
    team = Team(seed=2)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    relay = team.join("relay", ana, relay=True)
    team.mesh(bo, relay)
    code = offer(team, bo)
    team.run()
    team.isolate_all()
    phone = newcomer(team, "phone", bo, code)
    team.link(phone, relay)
    team.run()
    assert phone.workspace.level is None
    # Ana is a founder, and still not who says what devices bo has.
    team.link(ana, relay)
    team.run()
    assert phone.workspace.level is None
    team.isolate(phone)
    team.link(bo, relay)
    team.run()
    team.isolate(bo)
    team.link(phone, relay)
    team.run()
    assert phone.workspace.level == bo.workspace.level
    team.post(phone, "hello")
    team.run()
    assert ana.texts() == ["hello"]


def test_another_member_keeps_the_claim_for_who_may_say_so() -> None:
    team = Team(seed=16)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    code = offer(team, bo)
    team.run()
    team.isolate(bo)
    phone = newcomer(team, "phone", bo, code)
    team.link(phone, ana)
    team.run()
    assert phone.workspace.level is None
    team.isolate(phone)
    team.link(bo, ana)
    team.run()
    team.link(phone, ana)
    team.run()
    assert phone.workspace.level == bo.workspace.level


def test_a_reader_has_devices_as_well() -> None:
    team = Team(seed=3)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.post(ana, "news")
    publish(team, ana, ana.engine.members.grant(bo.workspace.me, LEVEL_READER, team.now()))
    team.run()
    phone = second(team, "phone", bo)
    assert phone.texts() == ["news"]


def test_nobody_has_more_devices_than_can_be_watched() -> None:
    team = Team(seed=4)
    ana = team.found("ana")
    paper = offer(team, ana, paper=True)
    for number in range(DEVICES_MAX - 1):
        signed, _ = claim(team, f"device {number}", ana, paper)
        team.do(ana, lambda now, wire=signed.wire: ana.engine.claim_left(wire, now))  # type: ignore[misc]
    with pytest.raises(UsageError, match="16 devices"):
        offer(team, ana)


# Codes in the wrong hands ---------------------------------------------------------------------


def test_a_code_lets_in_one_device_and_a_replayed_claim_nobody() -> None:
    team = Team(seed=5)
    ana = team.found("ana")
    code = offer(team, ana)
    phone = newcomer(team, "phone", ana, code)
    team.link(phone, ana)
    team.run()
    thief = newcomer(team, "thief", ana, code)
    team.link(thief, ana)
    overheard, _ = claim(team, "phone", ana, code)
    before = ana.workspace.roster.heads
    team.do(ana, lambda now: ana.engine.claim_left(overheard.wire, now))
    team.run()
    assert thief.workspace.level is None
    assert ana.workspace.roster.heads == before
    # A claim that was heard is of no use with another device's keys.
    forged = bytearray(overheard.wire)
    at = overheard.wire.index(phone.workspace.device)
    forged[at : at + 32] = thief.workspace.device
    team.do(ana, lambda now: ana.engine.claim_left(bytes(forged), now))
    assert ana.workspace.roster.heads == before


def test_a_code_that_expired_lets_nobody_in() -> None:
    team = Team(seed=6)
    ana = team.found("ana")
    code = offer(team, ana)
    phone = newcomer(team, "phone", ana, code)
    team.run(MINUTES_MS + 1)
    team.link(phone, ana)
    team.run()
    assert phone.workspace.level is None
    assert len(ana.workspace.roster.state.devices) == 1


def test_who_only_knows_the_workspace_comes_in_by_no_code() -> None:
    """A member makes up a code for somebody else: it is one for a device of its own."""
    team = Team(seed=7)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.run()
    code = offer(team, bo)
    signed, _ = claim(team, "sock", bo, code)
    team.publish(bo, DeviceAdd(signed.wire))
    team.run()
    sock = DeviceKeys.generate(seeded("sock/keys")).public.sign
    assert ana.workspace.member_of(sock) == bo.workspace.me
    # And what ana did not offer is nobody's to add.
    theirs = offer(team, ana)
    team.run()
    signed, _ = claim(team, "another", ana, theirs)
    with pytest.raises(TrustError, match="let in by its member"):
        team.publish(bo, DeviceAdd(signed.wire))


def test_the_code_of_a_removed_device_lets_nobody_in() -> None:
    team = Team(seed=8)
    ana = team.found("ana")
    phone = second(team, "phone", ana)
    code = offer(team, phone)
    team.run()
    remove(team, ana, phone)
    team.run()
    tablet = newcomer(team, "tablet", ana, code)
    team.link(tablet, ana)
    team.run()
    assert tablet.workspace.level is None
    assert ana.workspace.roster.state.invites.get(code.id) is None or (
        ana.workspace.roster.state.invites[code.id].revoked
    )


# Going ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["another device", "somebody senior"])
def test_a_removed_device_reads_nothing_new_and_its_member_goes_on(who: str) -> None:
    team = Team(seed=9)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    phone = second(team, "phone", bo)
    team.channel(bo, "secret", ana)
    team.run()
    team.mesh()
    team.post(phone, "kept")
    team.run()
    lost = phone.store.workspace(phone.workspace.id).epoch_keys()
    remove(team, bo if who == "another device" else ana, phone)
    team.run()
    assert not any(team.linked(phone, other) for other in (ana, bo))
    assert phone.workspace.was_member
    assert phone.workspace.level is None
    for channel in ("general", "secret"):
        team.post(ana, "new", channel)
    team.run()
    for channel in ("general", "secret"):
        scope = ana.workspace.scope_of(ana.workspace.find_channel(channel))
        epoch = ana.workspace.epochs.current(scope)
        assert epoch is not None
        assert epoch not in lost
        assert phone.workspace.device not in ana.workspace.roster.op(epoch).args.devices  # type: ignore[union-attr]
        with pytest.raises(NotReadable):
            phone.workspace.epochs.key(epoch)
    assert bo.texts() == ["kept", "new"]
    assert bo.texts("secret") == ["new"]
    with pytest.raises(TrustError):
        team.post(phone, "still here")
    assert ana.canonical() == bo.canonical()


def test_what_a_removed_device_wrote_meanwhile_is_void_until_its_member_accepts_it() -> None:
    team = Team(seed=10)
    ana = team.found("ana")
    bo, cy = team.join("bo", ana), team.join("cy", ana)
    phone = second(team, "phone", bo)
    team.mesh()
    team.post(phone, "known")
    team.post(bo, "at the desk")
    team.run()
    for desk in (phone, cy):
        team.isolate(desk)
    team.link(phone, cy)
    team.post(phone, "on the train")
    remove(team, bo, phone)
    team.run()
    assert "on the train" in cy.texts()
    team.isolate(phone)
    team.mesh(ana, bo, cy)
    team.post(bo, "after")
    team.run()
    stands = ["known", "at the desk", "after"]
    for desk in (ana, bo, cy):
        assert desk.texts() == stands
    publish(team, bo, bo.engine.members.accept(bo.workspace.me, team.now()))
    team.run()
    for desk in (ana, bo, cy):
        assert sorted(desk.texts()) == sorted([*stands, "on the train"])


def test_the_last_device_is_not_removed_by_itself() -> None:
    team = Team(seed=11)
    ana = team.found("ana")
    with pytest.raises(UsageError, match="this device"):
        remove(team, ana, ana)


# Paper ----------------------------------------------------------------------------------------


def test_who_lost_every_device_comes_back_by_the_paper_through_a_relay_alone() -> None:
    team = Team(seed=12)
    ana = team.found("ana")
    relay = team.join("relay", ana, relay=True)
    team.mesh()
    paper = offer(team, ana, paper=True)
    team.post(ana, "before the loss")
    team.run()
    team.isolate_all()
    laptop = newcomer(team, "new laptop", ana, paper)
    team.link(laptop, relay)
    team.run()
    assert laptop.workspace.level == 0, "the relay says so, since the paper proves it"
    assert laptop.texts() == ["before the loss"], "the keys were sealed for the paper"
    remove(team, laptop, ana)
    team.run()
    assert laptop.workspace.roster.state.members[ana.workspace.me].devices == (
        laptop.workspace.device,
    )
    scope = laptop.workspace.scope
    assert ana.workspace.epochs.current(scope) != laptop.workspace.epochs.current(scope)
    team.post(laptop, "back")
    team.run()
    assert laptop.texts() == ["before the loss", "back"]


def test_the_paper_brings_back_the_history_while_a_member_is_there() -> None:
    team = Team(seed=13)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.run()
    paper = offer(team, bo, paper=True)
    team.post(bo, "before the loss")
    team.run()
    team.isolate(bo)
    laptop = newcomer(team, "new laptop", bo, paper)
    team.link(laptop, ana)
    team.run()
    assert laptop.texts() == ["before the loss"]
    remove(team, laptop, bo)
    team.run()
    assert ana.workspace.roster.state.members[bo.workspace.me].devices == (laptop.workspace.device,)
    # The paper is as good as before, until it is taken back.
    third = newcomer(team, "third", bo, paper)
    team.link(third, ana)
    team.run()
    assert third.workspace.level is not None
    state = laptop.workspace.roster.state
    publish(team, laptop, own(laptop).retire(state.invites[paper.id], team.now()))
    team.run()
    fourth = newcomer(team, "fourth", bo, paper)
    team.link(fourth, ana)
    team.run()
    assert fourth.workspace.level is None
    # Nor does who found it read with it what is written from now on.
    epoch = ana.workspace.epochs.current(ana.workspace.scope)
    assert epoch is not None
    assert state.invites[paper.id].key not in ana.workspace.roster.op(epoch).args.devices  # type: ignore[union-attr]


# Founders -------------------------------------------------------------------------------------


def test_a_founder_makes_another_who_cannot_be_removed() -> None:
    team = Team(seed=14)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    cy = team.join("cy", ana)
    team.mesh()
    with pytest.raises(TrustError, match="Only founders and admins"):
        publish(team, bo, bo.engine.members.grant(cy.workspace.me, 0, team.now()))
    publish(team, ana, ana.engine.members.grant(bo.workspace.me, 0, team.now()))
    team.run()
    assert bo.workspace.level == 0
    for desk, target in ((ana, bo), (bo, ana)):
        with pytest.raises(TrustError, match="only who is senior"):
            publish(team, desk, desk.engine.members.remove(target.workspace.me, team.now()))
    publish(team, bo, bo.engine.members.remove(cy.workspace.me, team.now()))
    team.run()
    assert cy.workspace.was_member


def test_whoever_promotes_says_the_removals_of_devices_again() -> None:
    team = Team(seed=15)
    ana = team.found("ana")
    bo, cy = team.join("bo", ana), team.join("cy", ana)
    publish(team, ana, ana.engine.members.grant(bo.workspace.me, 50, team.now()))
    team.run()
    phone = second(team, "phone", cy)
    team.mesh()
    team.run()
    remove(team, bo, phone)
    team.run()
    before = len(ana.workspace.roster.history.nodes)
    publish(team, ana, ana.engine.members.grant(cy.workspace.me, 40, team.now()))
    added = [node.op.args for node in ana.workspace.roster.history.nodes[before:]]
    assert [type(args).__name__ for args in added][:2] == ["DeviceRemove", "Grant"]
    team.run()
    assert cy.workspace.level == 40
    assert phone.workspace.level is None
