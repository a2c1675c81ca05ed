"""Attacks on keys: 25 to 29. Nobody sends under a key that an outsider holds or chose."""

from typing import Any

import msgspec
import pytest

from crdt import seals
from crdt.errors import Invalid, NotReadable
from crdt.keys import DeviceKeys
from crdt.roster_ops import Grant, Op, Rekey, Remove, Share
from tests.crdt.team import Machine, found, meet, seeded, sync

ADMIN = 10


def team(*names: str) -> list[Machine]:
    """A founder and members who all have the key."""
    founder = found()
    others = [founder.admit(name) for name in names]
    for other in others:
        founder.share(other)
    meet(founder, *others)
    return [founder, *others]


def promote(founder: Machine, other: Machine) -> None:
    founder.do(Grant(other.member, ADMIN))
    other.level = ADMIN
    sync(founder, other)


def current(machine: Machine, scope: bytes = b"") -> bytes:
    epoch = machine.epochs.current(scope or machine.scope)
    assert epoch is not None
    return epoch


def args_of(op: Op) -> Rekey:
    assert isinstance(op.args, Rekey)
    return op.args


def forged(machine: Machine, scope: bytes = b"", **changes: Any) -> tuple[Rekey, bytes]:
    """The arguments of a well-made epoch with some of them changed, and its block."""
    op, block = machine.epochs.rekey(machine.place(), scope or machine.scope, machine.entropy)
    return msgspec.structs.replace(args_of(op), **changes), block


def test_25_an_outsiders_key_for_a_private_channel_is_never_sent_under() -> None:
    ana, bo, mal = team("bo", "mal")
    scope = ana.private_channel(bo)
    meet(ana, bo, mal)
    args, block = forged(mal, scope)
    mal.forge_rekey(args, block)
    meet(ana, bo, mal)
    assert [machine.epochs.current(scope) for machine in (ana, bo, mal)] == [None] * 3
    good = ana.rekey(scope).id
    meet(ana, bo, mal)
    mal.forge_rekey(args, block)
    meet(ana, bo, mal)
    assert current(ana, scope) == current(bo, scope) == good
    ana.add_to(scope, mal)
    meet(ana, bo, mal)
    assert current(ana, scope) == good, "nor when its author comes in later"


@pytest.mark.parametrize("extra", ["member outside", "stranger", "removed"])
def test_25_a_key_that_somebody_outside_holds_is_not_sent_under(extra: str) -> None:
    ana, bo, cy, gone = team("bo", "cy", "gone")
    scope = ana.private_channel(bo)
    good = ana.rekey(scope).id
    ana.remove(gone)
    public = {
        "member outside": cy.keys.public,
        "stranger": DeviceKeys.generate(seeded("stranger")).public,
        "removed": gone.keys.public,
    }[extra]
    boxes = {m.device: m.keys.public.box for m in (ana, bo)} | {public.sign: public.box}
    bad = bo.publish(*_after(ana, bo).epochs.rekey(bo.place(), scope, bo.entropy, boxes)).id
    meet(ana, bo, cy)
    assert current(ana, scope) == current(bo, scope) == good != bad


def _after(source: Machine, target: Machine) -> Machine:
    sync(source, target)
    return target


def test_25_a_key_that_leaves_somebody_out_is_not_sent_under() -> None:
    ana, bo, cy = team("bo", "cy")
    first = current(ana)
    boxes = {m.device: m.keys.public.box for m in (ana, cy)}
    partial = ana.publish(*ana.epochs.rekey(ana.place(), ana.scope, ana.entropy, boxes)).id
    meet(ana, bo, cy)
    assert {current(machine) for machine in (ana, bo, cy)} == {first}
    bo.do(Share(partial, bo.device, b"lies"))
    meet(ana, bo, cy)
    assert {current(machine) for machine in (ana, bo, cy)} == {first}, "who lacks it shares nothing"


def test_25_a_key_without_its_commitment_is_no_key() -> None:
    ana, bo = team("bo")
    first = current(ana)
    bad = ana.forge_rekey(*forged(ana, commit=bytes(32))).id
    meet(ana, bo)
    assert bo.readable() == ana.readable() == {first}
    with pytest.raises(NotReadable):
        bo.epochs.channel_key(bad, bytes(16))
    assert ana.epochs.must_rekey(ana.scope)


def test_25_replayed_seals_and_wraps_give_nothing() -> None:
    ana, bo = team("bo")
    second, block = ana.epochs.rekey(ana.place(), ana.scope, ana.entropy)
    ana.publish(second, block)
    replayed, _ = forged(ana, seals=args_of(second).seals)
    again = ana.forge_rekey(replayed, block).id
    old_wraps = args_of(second).wraps
    third_args, third_block = forged(ana, wraps=old_wraps)
    third = ana.forge_rekey(third_args, third_block)
    meet(ana, bo)
    assert bo.can_read(second.id)
    assert not bo.can_read(again)
    newcomer = ana.admit("cy")
    ana.share(newcomer)
    sync(ana, newcomer)
    assert newcomer.readable() == {third.id}, "wraps of another epoch lead nowhere"


@pytest.mark.parametrize("place", ["first", "last", "every"])
def test_25_a_changed_block_of_seals_is_refused(place: str) -> None:
    ana, bo = team("bo")
    op = ana.rekey()
    for op_id in ana.roster.missing_from(bo.roster.heads):
        bo.roster.add(ana.roster.wire(op_id))
    block = ana.epochs.seals(op.id)
    assert block is not None
    at = {"first": [0], "last": [len(block) - 1], "every": list(range(0, len(block), 7))}[place]
    for position in at:
        bad = block[:position] + bytes((block[position] ^ 1,)) + block[position + 1 :]
        with pytest.raises(Invalid):
            bo.epochs.add_seals(op.id, bad)
    assert not bo.can_read(op.id)


def test_25_a_member_neither_floods_nor_freezes_a_channel_with_keys() -> None:
    ana, bo, mal = team("bo", "mal")
    first = current(ana)
    for _ in range(30):
        mal.rekey()
    meet(ana, bo, mal)
    assert current(ana) == current(bo) == current(mal) == first


def test_26_after_two_removals_apart_nothing_is_sent_until_one_heals_it() -> None:
    ana, bo, cy, dan = team("bo", "cy", "dan")
    promote(ana, dan)
    ana.remove(bo)
    dan.remove(cy)
    dirty = {ana.rekey().id, dan.rekey().id}
    meet(ana, dan)
    for machine in (ana, dan):
        assert machine.epochs.current(machine.scope) is None
        assert machine.epochs.must_rekey(machine.scope)
    healed = dan.rekey().id
    meet(ana, bo, cy, dan)
    assert current(ana) == current(dan) == healed
    assert dirty < ana.readable(), "what was sealed in between stays readable"
    assert healed not in bo.readable() | cy.readable()


def test_27_all_old_keys_together_open_no_later_epoch() -> None:
    """Every key, seal, wrap and share that ever was, in the hands of who was removed."""
    ana, bo, mal = team("bo", "mal")
    for _ in range(3):
        ana.rekey()
    meet(ana, bo, mal)
    old = {epoch: mal.epochs.key(epoch) for epoch in mal.readable()}
    assert len(old) == 4
    ana.remove(mal)
    later = {ana.rekey().id}
    meet(ana, bo, mal)
    later |= {bo_op.id for bo_op in (ana.rekey(), ana.rekey())}
    newcomer = ana.admit("dee")
    ana.share(newcomer)
    meet(ana, bo, newcomer, mal)
    assert later <= bo.readable()
    assert not later & mal.readable()
    for epoch in later:
        args = args_of(ana.roster.op(epoch))
        for key in old.values():
            assert seals.commitment(key, args.salt, args.scope) != args.commit
            for earlier, wrapped in args.wraps:
                with pytest.raises(Invalid):
                    seals.unwrap(key, args.scope, earlier, wrapped)
        block = ana.epochs.seals(epoch)
        assert block is not None
        for at in range(len(args.devices)):
            with pytest.raises(Invalid):
                seals.open_seal(
                    mal.keys.box_secret,
                    seals.seal_at(block, at),
                    args.scope,
                    args.salt,
                    args.commit,
                )


def test_28_a_newcomer_reads_all_that_was_said_before() -> None:
    """One key leads to the history through the wraps, also to that of removals side by side."""
    ana, bo, cy, dan = team("bo", "cy", "dan")
    promote(ana, dan)
    epochs = {current(ana)} | {ana.rekey().id for _ in range(20)}
    meet(ana, bo, cy, dan)
    ana.remove(bo)
    dan.remove(cy)
    epochs |= {ana.rekey().id, dan.rekey().id}
    meet(ana, dan)
    epochs.add(ana.rekey().id)
    dee = ana.admit("dee")
    assert dee.readable() == set()
    ana.share(dee)
    sync(ana, dee)
    assert dee.readable() == epochs


def test_29_garbage_for_one_device_is_seen_and_mended_by_any_other() -> None:
    ana, bo, cy = team("bo", "cy")
    promote(ana, cy)
    op, block = cy.epochs.rekey(cy.place(), cy.scope, cy.entropy)
    at = args_of(op).devices.index(bo.device) * seals.SEAL_BYTES
    spoiled = block[:at] + bytes(range(112)) + block[at + seals.SEAL_BYTES :]
    args = msgspec.structs.replace(args_of(op), seals=seals.block_digest(spoiled))
    bad = cy.forge_rekey(args, spoiled).id
    meet(ana, bo, cy)
    assert current(ana) == bad
    assert not bo.can_read(bad)
    assert ana.epochs.lacking(ana.scope) == [bo.device]
    cy.do(Share(bad, bo.device, b"not the key"))
    meet(ana, bo, cy)
    assert ana.epochs.lacking(ana.scope) == [bo.device], "another lie mends nothing"
    ana.share(bo)
    meet(ana, bo, cy)
    assert bo.can_read(bad)
    assert ana.epochs.lacking(ana.scope) == []


def test_29_nobody_is_held_up_by_a_removal_of_who_made_the_key() -> None:
    ana, bo, cy = team("bo", "cy")
    promote(ana, cy)
    cy.rekey()
    meet(ana, bo, cy)
    ana.do(Remove(cy.member))
    fresh = ana.rekey().id
    meet(ana, bo)
    assert current(bo) == fresh
    assert bo.can_read(fresh)


def test_29_who_keeps_back_the_seals_of_a_key_stops_nobody() -> None:
    ana, bo, mal, dan = team("bo", "mal", "dan")
    promote(ana, mal)
    meet(ana, bo, mal)
    before = current(ana)
    # Nobody is out: the key of before serves, which the withheld one would only follow.
    withheld = mal.forge_rekey(forged(mal)[0]).id
    meet(ana, bo, mal)
    assert current(ana) == current(bo) == withheld
    assert ana.epochs.sendable(ana.scope) == bo.epochs.sendable(bo.scope) == before
    # Dan is out, and holds the key of before: it serves no longer.
    mal.remove(dan)
    withheld = mal.forge_rekey(forged(mal)[0]).id
    meet(ana, bo, mal)
    assert current(ana) == current(bo) == withheld
    assert ana.epochs.sendable(ana.scope) is bo.epochs.sendable(bo.scope) is None
    # Only an admin's key would count, so only an admin's device makes one.
    assert ana.epochs.may_replace_unsealed(ana.scope)
    assert not bo.epochs.may_replace_unsealed(bo.scope)
    good = ana.rekey().id
    meet(ana, bo, mal)
    assert current(ana) == current(bo) == good
    assert bo.can_read(good)
    assert not dan.can_read(good)
    assert not ana.epochs.may_replace_unsealed(ana.scope)
    assert ana.epochs.sendable(ana.scope) == good


def test_29_who_gets_the_key_by_a_share_makes_none_that_leads_to_nothing() -> None:
    ana, bo, cy = team("bo", "cy")
    promote(ana, bo)
    meet(ana, bo, cy)
    op, _ = bo.epochs.rekey(bo.place(), bo.scope, bo.entropy)
    bo.publish(op)
    sync(bo, ana)
    eve = ana.admit("eve", ADMIN)
    assert current(eve) == op.id
    assert eve.epochs.sendable(eve.scope) is None
    assert not eve.epochs.may_replace_unsealed(eve.scope)
