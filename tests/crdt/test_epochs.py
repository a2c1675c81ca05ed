"""Keys: newcomers get them, the removed lose them, and no forged epoch is ever sent under."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crdt import limits, seals
from crdt.epochs import Epochs
from crdt.errors import Invalid, NotReadable
from crdt.keys import DeviceKeys, box_public
from crdt.ops import padded_size
from crdt.roster import Roster
from crdt.roster_ops import (
    LEVEL_ADMIN_MAX,
    LEVEL_READER,
    LEVEL_RELAY,
    MODE_PRIVATE,
    MODE_PUBLIC,
    Channel,
    Grant,
    Op,
    Rekey,
    Share,
    build,
    channel_id,
    decode,
    scope_id,
)
from tests.crdt.team import Machine, found, meet, seeded, sync

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "epochs.json").read_text("utf-8")
)
ADMIN = 10
FOUNDER = found()


def team(*names: str) -> list[Machine]:
    """A founder and members who all have the key."""
    founder = found()
    others = [founder.admit(name) for name in names]
    for other in others:
        founder.share(other)
    meet(founder, *others)
    return [founder, *others]


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


# Newcomers ---------------------------------------------------------------------------------------


def test_a_newcomer_gets_the_key_by_a_share_and_nobody_stops_sending() -> None:
    ana = found()
    first = current(ana)
    bo = ana.admit("bo")
    assert current(ana) == current(bo) == first
    assert ana.epochs.lacking(ana.scope) == [bo.device]
    with pytest.raises(NotReadable):
        bo.epochs.key(first)
    assert bo.epochs.lacking(bo.scope) == [], "who lacks the key cannot hand it on"
    ana.share(bo)
    assert sync(ana, bo) == [first]
    assert bo.epochs.key(first) == ana.epochs.key(first)
    assert ana.epochs.lacking(ana.scope) == bo.epochs.lacking(bo.scope) == []
    cy = bo.admit("cy", 101)
    bo.share(cy)
    assert sync(bo, cy) == [first]


def test_a_newcomer_reads_the_whole_history_through_wraps() -> None:
    ana, bo = team("bo")
    epochs = [current(ana)] + [ana.rekey().id for _ in range(40)]
    cy = ana.admit("cy")
    ana.share(cy)
    assert set(sync(ana, cy)) == set(epochs)
    assert all(cy.epochs.key(epoch) == ana.epochs.key(epoch) for epoch in epochs)
    sync(ana, bo)
    assert bo.readable() == set(epochs)


def test_concurrent_epochs_are_all_handed_on() -> None:
    ana, bo, cy = team("bo", "cy")
    for machine in (bo, cy):
        machine.level = ADMIN
    for machine in (bo, cy):
        ana.do(Grant(machine.member, ADMIN))
    meet(ana, bo, cy)
    apart = [machine.rekey().id for machine in (ana, bo, cy)]
    meet(ana, bo, cy)
    assert current(ana) == current(bo) == current(cy) == apart[0], "the founder's level is lowest"
    healed = bo.rekey()
    assert {epoch for epoch, _ in args_of(healed).wraps} == set(apart)
    dan = bo.admit("dan")
    bo.share(dan)
    sync(bo, dan)
    assert dan.readable() == bo.readable() >= {*apart, healed.id}


# Removals ----------------------------------------------------------------------------------------


def test_a_removed_member_reads_nothing_new() -> None:
    ana, bo, cy = team("bo", "cy")
    first = current(ana)
    ana.remove(bo)
    assert ana.epochs.current(ana.scope) is None
    assert ana.epochs.must_rekey(ana.scope)
    second = ana.rekey().id
    third = ana.rekey().id
    meet(ana, bo, cy)
    assert current(cy) == third
    assert cy.readable() == {first, second, third}
    assert bo.readable() == {first}
    assert not ana.epochs.must_rekey(ana.scope)


def test_after_two_concurrent_removals_nobody_sends_until_one_rekey() -> None:
    ana, bo, cy, eve = team("bo", "cy", "eve")
    ana.do(Grant(eve.member, ADMIN))
    eve.level = ADMIN
    sync(ana, eve)
    ana.remove(bo)
    eve.remove(cy)
    dirty = {ana.rekey().id, eve.rekey().id}
    meet(ana, eve)
    for machine in (ana, eve):
        assert machine.epochs.must_rekey(machine.scope)
    healed = eve.rekey().id
    meet(ana, bo, cy, eve)
    assert current(ana) == current(eve) == healed
    assert dirty < ana.readable(), "what was sealed in between stays readable"
    assert healed not in bo.readable() | cy.readable()


def test_any_member_may_renew_after_a_removal_but_not_at_will() -> None:
    ana, bo, cy = team("bo", "cy")
    first = current(ana)
    bo.rekey()
    assert current(bo) == first
    ana.remove(cy)
    meet(ana, bo)
    assert bo.epochs.must_rekey(bo.scope)
    renewed = bo.rekey().id
    meet(ana, bo)
    assert current(ana) == current(bo) == renewed
    for _ in range(3):
        bo.rekey()
        assert current(bo) == renewed
    ana.rekey()
    meet(ana, bo)
    assert current(bo) == current(ana) != renewed, "the founder may at any time"


def test_whether_a_renewal_was_called_for_is_judged_by_what_its_author_knew() -> None:
    ana, bo, cy, dan = team("bo", "cy", "dan")
    ana.remove(cy)
    boxes = {m.device: m.keys.public.box for m in (ana, dan)}
    partial = ana.publish(*ana.epochs.rekey(ana.place(), ana.scope, ana.entropy, boxes)).id
    meet(ana, bo, dan)
    assert bo.epochs.current(bo.scope) is None, "bo was left out"
    renewed = bo.rekey().id
    dan.publish(dan.epochs.share(dan.place(), partial, bo.device))
    assert current(dan) == partial
    meet(ana, bo, dan)
    assert current(ana) == current(bo) == current(dan) == renewed


def test_leaving_a_scope_makes_its_key_unusable_there_only() -> None:
    ana, bo, cy = team("bo", "cy")
    scope = ana.private_channel(bo, cy)
    ana.rekey(scope)
    meet(ana, bo, cy)
    general = current(ana)
    ana.take_from(scope, cy)
    assert ana.epochs.must_rekey(scope)
    assert current(ana) == general
    secret = ana.rekey(scope).id
    meet(ana, bo, cy)
    assert bo.can_read(secret)
    assert not cy.can_read(secret)
    assert cy.epochs.lacking(scope) == []
    ana.add_to(scope, cy)
    assert ana.epochs.lacking(scope) == [cy.device]
    ana.share(cy, scope)
    sync(ana, cy)
    assert cy.can_read(secret)


# Forged epochs -----------------------------------------------------------------------------------


def test_an_outsiders_epoch_never_counts() -> None:
    ana, bo, cy = team("bo", "cy")
    scope = ana.private_channel(bo)
    meet(ana, bo, cy)
    assert cy.epochs.current(scope) is None
    args, block = forged(cy, scope)
    assert args.devices == tuple(sorted((ana.device, bo.device)))
    cy.forge_rekey(args, block)
    meet(ana, bo, cy)
    for machine in (ana, bo, cy):
        assert machine.epochs.current(scope) is None
    ana.add_to(scope, cy)
    assert ana.epochs.current(scope) is None, "nor when its author comes in later"


def test_an_epoch_with_an_extra_recipient_is_not_sent_under() -> None:
    ana, bo, cy = team("bo", "cy")
    scope = ana.private_channel(bo)
    good = ana.rekey(scope).id
    stranger = DeviceKeys.generate(seeded("stranger")).public
    for extra in (cy.keys.public, stranger):
        boxes = {m.device: m.keys.public.box for m in (ana, bo)} | {extra.sign: extra.box}
        ana.publish(*ana.epochs.rekey(ana.place(), scope, ana.entropy, boxes))
        assert current(ana, scope) == good


def test_an_epoch_that_leaves_somebody_out_waits_for_a_share() -> None:
    ana, bo, cy = team("bo", "cy")
    first = current(ana)
    boxes = {m.device: m.keys.public.box for m in (ana, cy)}
    partial = ana.publish(*ana.epochs.rekey(ana.place(), ana.scope, ana.entropy, boxes)).id
    meet(ana, bo, cy)
    assert current(ana) == current(bo) == current(cy) == first
    cy.publish(cy.epochs.share(cy.place(), partial, bo.device))
    meet(ana, bo, cy)
    assert current(ana) == current(bo) == current(cy) == partial
    assert bo.can_read(partial)


def test_a_share_by_somebody_without_the_key_hands_on_nothing() -> None:
    ana, bo, cy = team("bo", "cy")
    boxes = {ana.device: ana.keys.public.box}
    partial = ana.publish(*ana.epochs.rekey(ana.place(), ana.scope, ana.entropy, boxes)).id
    first = current(ana)
    meet(ana, bo, cy)
    for target in (bo, cy):
        bo.do(Share(partial, target.device, b"nothing"))
    meet(ana, bo, cy)
    assert current(ana) == current(bo) == current(cy) == first
    assert bo.readable() == cy.readable() == {first}


def test_a_key_that_does_not_fit_its_commitment_is_no_key() -> None:
    ana, bo = team("bo")
    first = current(ana)
    args, block = forged(ana, commit=bytes(32))
    bad = ana.forge_rekey(args, block)
    meet(ana, bo)
    assert bo.readable() == ana.readable() == {first}
    with pytest.raises(NotReadable):
        bo.epochs.channel_key(bad.id, bytes(16))
    assert ana.epochs.must_rekey(ana.scope), "an admin sees it and makes another"
    assert not bo.epochs.must_rekey(bo.scope)
    good = ana.rekey().id
    meet(ana, bo)
    assert current(ana) == current(bo) == good
    assert bo.can_read(good)


def test_a_replayed_seal_opens_nothing() -> None:
    ana, bo = team("bo")
    op, block = ana.epochs.rekey(ana.place(), ana.scope, ana.entropy)
    ana.publish(op, block)
    replayed, _ = forged(ana, seals=args_of(op).seals)
    again = ana.forge_rekey(replayed, block).id
    meet(ana, bo)
    assert bo.can_read(op.id)
    assert not bo.can_read(again)


def test_a_seal_is_for_its_own_salt_and_scope() -> None:
    key, secret = b"k" * 32, bytes(range(32))
    one, two = bytes(16), b"2" * 16
    sealed = seals.seal(key, one, one, bytes(32), box_public(secret))
    for scope, salt in ((one, two), (two, one)):
        with pytest.raises(Invalid):
            seals.open_seal(secret, sealed, scope, salt, seals.commitment(key, salt, scope))
    assert seals.open_seal(secret, sealed, one, one, seals.commitment(key, one, one)) == key


def test_a_replayed_wrap_opens_nothing() -> None:
    ana, bo = team("bo")
    first = current(ana)
    second = ana.rekey()
    old_wraps = args_of(second).wraps
    args, block = forged(ana, wraps=old_wraps)
    third = ana.forge_rekey(args, block)
    scope = ana.private_channel(bo)
    swapped, other_block = forged(ana, scope, wraps=((first, old_wraps[0][1]),))
    ana.forge_rekey(swapped, other_block)
    cy = ana.admit("cy")
    ana.share(cy)
    sync(ana, cy)
    assert current(cy) == third.id
    assert cy.readable() == {third.id}, "the wraps of another epoch lead nowhere"


def test_a_wrap_leads_to_its_own_scope_only() -> None:
    ana, bo, cy = team("bo", "cy")
    scope = ana.private_channel(bo)
    secret = ana.rekey(scope).id
    op, block = ana.epochs.rekey(ana.place(), ana.scope, ana.entropy)
    leak = seals.wrap(ana.epochs.key(op.id), ana.scope, secret, ana.epochs.key(secret), bytes(24))
    ana.forge_rekey(msgspec.structs.replace(args_of(op), wraps=((secret, leak),)), block)
    meet(ana, bo, cy)
    assert bo.can_read(secret)
    assert not cy.can_read(secret)


def test_a_garbage_seal_to_one_device_is_mended_by_whoever_sees_it() -> None:
    ana, bo, cy = team("bo", "cy")
    op, block = ana.epochs.rekey(ana.place(), ana.scope, ana.entropy)
    at = args_of(op).devices.index(bo.device) * seals.SEAL_BYTES
    spoiled = block[:at] + bytes(seals.SEAL_BYTES) + block[at + seals.SEAL_BYTES :]
    args = msgspec.structs.replace(args_of(op), seals=seals.block_digest(spoiled))
    bad = ana.forge_rekey(args, spoiled).id
    ana.epochs._keys[bad] = ana.epochs.key(op.id)  # what its author knows, and does not say
    meet(ana, bo, cy)
    assert current(cy) == bad
    assert not bo.can_read(bad)
    assert cy.epochs.lacking(cy.scope) == [bo.device]
    bo.do(Share(bad, bo.device, b"not the key"))
    meet(ana, bo, cy)
    assert cy.epochs.lacking(cy.scope) == [bo.device], "a share of nothing mends nothing"
    cy.share(bo)
    meet(ana, bo, cy)
    assert bo.can_read(bad)
    assert cy.epochs.lacking(cy.scope) == []


def test_a_block_is_taken_only_where_it_belongs() -> None:
    ana, bo = team("bo")
    op = ana.rekey()
    for op_id in ana.roster.missing_from(bo.roster.heads):
        bo.roster.add(ana.roster.wire(op_id))
    assert bo.epochs.missing() == [op.id]
    block = ana.epochs.seals(op.id)
    assert block is not None
    for wrong in (b"", block[:-1], block + b"x", bytes(len(block)), block[::-1]):
        with pytest.raises(Invalid):
            bo.epochs.add_seals(op.id, wrong)
    with pytest.raises(Invalid):
        bo.epochs.add_seals(bytes(32), block)
    assert bo.epochs.seals(op.id) is None
    bo.epochs.add_seals(op.id, block)
    assert bo.epochs.missing() == []
    assert bo.epochs.refresh() == [op.id]
    assert bo.epochs.refresh() == []


# Relays and the public ----------------------------------------------------------------------------


def test_a_relay_keeps_seals_and_opens_nothing() -> None:
    ana, bo = team("bo")
    relay = ana.admit("relay", LEVEL_RELAY)
    place = ana.place()
    name = ana.epochs.seal_private(["attic"], current(ana), place, Channel, ana.entropy)
    where = (ana.device, ana.incarnation, ana.seq)
    op = ana.do(Channel(channel_id(*where), ana.scope, MODE_PRIVATE), name)
    assert ana.epochs.lacking(ana.scope) == [], "a relay lacks nothing"
    last = ana.rekey().id
    assert sync(ana, relay) == []
    assert relay.epochs.refresh() == []
    assert relay.readable() == set()
    assert relay.epochs.current(relay.scope) == last
    with pytest.raises(NotReadable):
        relay.epochs.open_private(op.id)
    sync(relay, bo)
    assert bo.can_read(last), "what a relay passes on is whole"
    assert bo.epochs.open_private(op.id) == ("attic",)


def test_a_stored_key_is_there_after_a_restart() -> None:
    ana, bo = team("bo")
    epoch = current(bo)
    again = Epochs(bo.roster, bo.keys, {epoch: bo.epochs.key(epoch)}, {})
    assert again.key(epoch) == bo.epochs.key(epoch)
    assert again.refresh() == []
    assert ana.epochs.convergence_secret(epoch) == again.convergence_secret(epoch)


def test_a_public_channels_key_is_in_its_op() -> None:
    ana, bo = team("bo")
    where = (ana.device, ana.incarnation, ana.seq)
    scope, key = scope_id(*where), b"k" * 32
    op = ana.do(Channel(channel_id(*where), scope, MODE_PUBLIC, key))
    sync(ana, bo)
    assert bo.epochs.current(scope) == op.id
    assert bo.epochs.key(op.id) == key


@pytest.mark.parametrize("everybody", [True, False], ids=["workspace", "private"])
def test_nobody_can_publish_what_others_keep_private(everybody: bool) -> None:
    ana, bo = team("bo")
    scope = ana.scope if everybody else ana.private_channel(bo)
    if not everybody:
        ana.rekey(scope)
    meet(ana, bo)
    epoch = current(ana, scope)
    where = (bo.device, bo.incarnation, bo.seq)
    bo.do(Channel(channel_id(*where), scope, MODE_PUBLIC, b"k" * 32))
    meet(ana, bo)
    assert current(ana, scope) == current(bo, scope) == epoch


# Private parts ------------------------------------------------------------------------------------


def test_a_private_part_opens_in_its_own_op_only() -> None:
    ana, bo = team("bo")
    private = ana.epochs.seal_private(
        ["attic", b"\x00\xff", 7], current(ana), ana.place(), Channel, ana.entropy
    )
    where = (ana.device, ana.incarnation, ana.seq)
    args = Channel(channel_id(*where), ana.scope, MODE_PRIVATE)
    op = ana.do(args, private)
    moved = ana.do(msgspec.structs.replace(args, id=bytes(16)), private)
    bare = ana.do(msgspec.structs.replace(args, id=b"b" * 16))
    sync(ana, bo)
    assert bo.epochs.open_private(op.id) == ("attic", b"\x00\xff", 7)
    for wrong in (moved.id, bare.id, bytes(32)):
        with pytest.raises(Invalid):
            bo.epochs.open_private(wrong)


@given(
    st.lists(
        st.text(max_size=64) | st.binary(max_size=64) | st.integers(0, 2**63 - 1),
        min_size=1,
        max_size=seals.VALUES_MAX,
    )
)
def test_values_come_out_as_they_went_in(values: list[str | bytes | int]) -> None:
    key, place = b"k" * 32, FOUNDER.place()
    args = Channel(bytes(16), place.workspace[:16], MODE_PRIVATE)
    private = seals.seal_private(values, b"e" * 32, key, place, Channel, bytes(24))
    op = build(place, args, FOUNDER.keys.sign_seed, private)
    assert list(seals.open_private(op.body, key)) == values
    assert len(private) - 72 == padded_size(len(private) - 72), "sizes come in steps"


@given(st.binary(max_size=200), st.booleans())
def test_any_opened_bytes_are_values_or_invalid(data: bytes, padded: bool) -> None:
    if padded:
        data = len(data).to_bytes(2, "big") + data
        data = data.ljust(padded_size(len(data)), b"\0")
    try:
        values = seals.read_values(data)
    except Invalid:
        return
    assert all(isinstance(value, str | bytes | int) for value in values)


@given(st.binary(max_size=120), st.binary(min_size=16, max_size=16))
def test_any_seal_or_wrap_is_a_key_or_invalid(data: bytes, scope: bytes) -> None:
    secret = bytes(range(32))
    with pytest.raises(Invalid):
        seals.open_seal(secret, data, scope, bytes(16), bytes(32))
    with pytest.raises(Invalid):
        seals.unwrap(secret, scope, bytes(32), data)
    with pytest.raises(Invalid):
        seals.private_epoch(data[:71])


def test_a_device_with_an_unusable_box_key_shuts_out_itself_only() -> None:
    assert seals.seal(b"k" * 32, bytes(16), bytes(16), bytes(32), bytes(32)) == bytes(112)


# Any order ----------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(("rekey", "remove", "share", "meet", "evil")),
        st.integers(0, 3),
    ),
    min_size=2,
    max_size=9,
)


@given(steps=STEPS, order=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_current_epoch_and_what_is_readable_do_not_depend_on_the_order(
    steps: list[tuple[int, str, int]], order: Any
) -> None:
    machines = team("bo", "cy", "eve")
    machines[0].do(Grant(machines[3].member, ADMIN))
    machines[3].level = ADMIN
    meet(*machines)
    for at, what, other in steps:
        _live(machines, at, what, other)
    meet(*machines)
    wanted = machines[1].epochs.current(machines[1].scope)
    readable = {machine.name: machine.readable() for machine in machines}
    wires = [machines[0].roster.wire(op) for op in machines[0].roster.missing_from(())]
    blocks = {
        epoch: block
        for epoch in {e for m in machines for e in m.roster.history.by_id}
        if (block := machines[0].epochs.seals(epoch)) is not None
    }
    for machine in machines:
        order.shuffle(wires)
        roster = Roster(machine.workspace)
        epochs = Epochs(roster, machine.keys, {}, {})
        opened: set[bytes] = set()
        for wire in wires:
            roster.add(wire)
            for epoch in epochs.missing():
                if epoch in blocks and order.random() < 0.7:
                    epochs.add_seals(epoch, blocks[epoch])
            opened.update(epochs.refresh())
            epochs.current(machine.scope)
        for epoch in epochs.missing():
            epochs.add_seals(epoch, blocks[epoch])
        opened.update(epochs.refresh())
        assert epochs.current(machine.scope) == wanted
        assert opened == readable[machine.name]
    assert_only_the_present_hold(machines, wanted)


def _live(machines: list[Machine], at: int, what: str, other: int) -> None:
    """One step; what the rules refuse does not happen."""
    machine, target = machines[at], machines[other]
    if what == "meet":
        meet(machine, target)
    elif {machine.device, target.device} <= machine.roster.state.devices.keys():
        try:
            if what == "rekey":
                machine.rekey()
            elif what == "remove" and target.level > machine.level:
                machine.remove(target)
            elif what == "share" and machine.epochs.current(machine.scope):
                machine.share(target)
            elif what == "evil":
                boxes = {machine.device: machine.keys.public.box, bytes(32): bytes(32)}
                machine.publish(
                    *machine.epochs.rekey(machine.place(), machine.scope, machine.entropy, boxes)
                )
        except NotReadable:
            return


def assert_only_the_present_hold(machines: list[Machine], epoch: bytes | None) -> None:
    """Whoever was removed cannot read what is sent from now on."""
    if epoch is None:
        return
    inside = machines[0].roster.state.devices
    for machine in machines:
        assert machine.device in inside or not machine.can_read(epoch)


# The documented bytes -----------------------------------------------------------------------------


def raw(name: str) -> bytes:
    return bytes.fromhex(VECTORS[name])


def test_what_follows_from_a_key_is_as_documented() -> None:
    key, salt, scope = raw("key"), raw("salt"), raw("scope")
    assert seals.commitment(key, salt, scope) == raw("commit")
    assert seals.channel_key(key, raw("channel")) == raw("channel_key")
    assert seals.convergence_secret(key) == raw("convergence_secret")
    sealed = seals.seal(key, scope, salt, raw("device"), box_public(raw("box_secret")))
    assert sealed == raw("seal")
    assert seals.open_seal(raw("box_secret"), sealed, scope, salt, raw("commit")) == key
    assert seals.block_digest(sealed) == raw("seals")
    wrapped = seals.wrap(key, scope, raw("earlier"), raw("earlier_key"), raw("nonce"))
    assert wrapped == raw("wrap")
    assert len(wrapped) == limits.WRAPPED_KEY_BYTES
    assert seals.unwrap(key, scope, raw("earlier"), wrapped) == raw("earlier_key")


def test_a_private_part_is_as_documented() -> None:
    op = decode(raw("op"))
    assert seals.private_epoch(op.body.private) == raw("epoch")
    assert list(seals.open_private(op.body, raw("key"))) == VECTORS["values"]
    assert ADMIN <= LEVEL_ADMIN_MAX < LEVEL_READER
