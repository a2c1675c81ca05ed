"""History for newcomers: what was closed to somebody stays closed, to all others nothing is."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import seals
from crdt.errors import Invalid
from crdt.roster_ops import Grant, Rekey, ScopeHistory
from tests.crdt.team import Machine, found, meet, sync

ADMIN = 10


def team(*names: str) -> list[Machine]:
    """A founder and members who all have the workspace's key."""
    founder = found()
    others = [founder.admit(name) for name in names]
    for other in others:
        founder.share(other)
    meet(founder, *others)
    return [founder, *others]


def current(machine: Machine, scope: bytes) -> bytes:
    epoch = machine.epochs.current(scope)
    assert epoch is not None
    return epoch


def mend(*machines: Machine) -> None:
    """Everybody does about keys what is theirs to do, and tells the others, until nothing is."""
    for _ in range(40):
        for machine in machines:
            if any(_mend_one(machine)):
                break
        else:
            return
        meet(*machines)
    raise AssertionError("keys are never settled")


def _mend_one(machine: Machine) -> Iterator[bool]:
    for scope, members in machine.roster.state.scopes.items():
        if machine.member not in members:
            continue
        if machine.epochs.must_rekey(scope):
            machine.rekey(scope)
            yield True
            return
        here = machine.epochs.current(scope)
        lacks = [(here, device) for device in machine.epochs.lacking(scope) if here]
        for epoch, device in (*lacks, *machine.epochs.lacking_history(scope)):
            machine.publish(machine.epochs.share(machine.place(), epoch, device))
            yield True
            return


# Stories -----------------------------------------------------------------------------------------


def test_who_is_added_to_a_closed_channel_reads_from_there_on() -> None:
    ana, bo, cy = team("bo", "cy")
    scope = ana.private_channel(bo)
    before = {ana.rekey(scope).id, ana.rekey(scope).id}
    ana.close(scope)
    meet(ana, bo, cy)
    assert current(bo, scope) in before, "closing alone changes no key"
    bo.add_to(scope, cy)
    assert bo.epochs.current(scope) is None, "nobody goes on under a key that leads back"
    fresh = bo.rekey(scope).id
    meet(ana, bo, cy)
    mend(ana, bo, cy)
    assert current(ana, scope) == current(cy, scope) == fresh, "any member's key counts for this"
    assert cy.readable().isdisjoint(before)
    assert before <= ana.readable()
    assert set(cy.epochs.closed_here(scope)) == before
    assert ana.epochs.closed_here(scope) == bo.epochs.closed_here(scope) == []
    assert cy.epochs.closed_here(cy.scope) == []


def test_a_new_key_wraps_what_all_may_read_and_nothing_else() -> None:
    ana, bo, cy, dan = team("bo", "cy", "dan")
    scope = ana.private_channel(bo, dan)
    old = ana.rekey(scope).id
    ana.close(scope)
    ana.add_to(scope, cy)
    second = ana.rekey(scope)
    assert isinstance(second.args, Rekey)
    assert second.args.wraps == ()
    ana.take_from(scope, dan)
    third = ana.rekey(scope)
    assert isinstance(third.args, Rekey)
    assert [epoch for epoch, _ in third.args.wraps] == [second.id]
    ana.take_from(scope, cy)
    fourth = ana.rekey(scope)
    assert isinstance(fourth.args, Rekey)
    assert {epoch for epoch, _ in fourth.args.wraps} == {third.id, old}, "only old hands are left"


def test_another_device_of_an_old_member_reads_what_the_member_does() -> None:
    ana, bo, cy = team("bo", "cy")
    scope = ana.private_channel(bo)
    old = {ana.rekey(scope).id, ana.rekey(scope).id}
    ana.close(scope)
    ana.add_to(scope, cy)
    late = {ana.rekey(scope).id}
    ana.take_from(scope, bo)  # Who made a key may be gone; what it opens stays everybody's.
    late.add(ana.rekey(scope).id)
    meet(ana, bo, cy)
    phone, pad = ana.second("phone"), cy.second("pad")
    everybody = (ana, cy, phone, pad)
    meet(*everybody)
    mend(*everybody)
    assert phone.readable() >= old | late
    assert pad.readable() >= late
    assert old.isdisjoint(pad.readable() | cy.readable())


def test_what_was_closed_stays_closed_when_history_is_opened() -> None:
    ana, bo, cy, dan = team("bo", "cy", "dan")
    scope = ana.private_channel(bo)
    first = ana.rekey(scope).id
    ana.close(scope)
    ana.add_to(scope, cy)
    second = ana.rekey(scope).id
    ana.open(scope)
    assert ana.epochs.current(scope) is None, "what is said from now on is for newcomers, too"
    third = ana.rekey(scope).id
    ana.add_to(scope, dan)
    assert current(ana, scope) == third, "nobody needs another key any more"
    meet(ana, bo, cy, dan)
    mend(ana, bo, cy, dan)
    fourth = ana.rekey(scope).id
    meet(ana, bo, cy, dan)
    assert dan.readable() & {first, second, third, fourth} == {third, fourth}
    assert cy.readable() & {first, second, third, fourth} == {second, third, fourth}
    assert bo.readable() >= {first, second, third, fourth}


def test_closing_wins_beside_opening_and_ends_what_was_made_beside_it() -> None:
    ana, bo, cy = team("bo", "cy")
    ana.do(Grant(bo.member, ADMIN))
    bo.level = ADMIN
    scope = ana.private_channel(bo)
    ana.rekey(scope)
    meet(ana, bo, cy)
    ana.close(scope)
    bo.open(scope)
    beside = bo.rekey(scope).id
    meet(ana, bo)
    assert scope in ana.roster.state.closed
    assert bo.roster.state == ana.roster.state
    ana.add_to(scope, cy)
    ana.rekey(scope)
    meet(ana, bo, cy)
    mend(ana, bo, cy)
    assert not cy.can_read(beside)


def test_only_an_admin_inside_or_who_began_the_channel_closes_its_history() -> None:
    ana, bo, cy = team("bo", "cy")
    scope = bo.private_channel(cy)
    meet(ana, bo, cy)
    cy.close(scope)
    ana.close(scope)
    meet(ana, bo, cy)
    assert not bo.roster.state.closed, "a member who did not begin it, and an admin outside"
    bo.close(scope)
    meet(ana, bo, cy)
    assert ana.roster.state.closed == cy.roster.state.closed == {scope}
    with pytest.raises(Invalid):
        cy.do(ScopeHistory(cy.scope, False))
    ana.close(ana.scope)
    assert ana.roster.state.closed == {scope, ana.scope}


def test_a_closed_workspace_shows_a_newcomer_only_what_follows() -> None:
    ana, bo = team("bo")
    old = {current(ana, ana.scope), ana.rekey().id}
    ana.close(ana.scope)
    cy = ana.admit("cy")
    fresh = ana.rekey().id
    meet(ana, bo, cy)
    mend(ana, bo, cy)
    assert cy.readable() == {fresh}
    assert bo.readable() == {*old, fresh}


def test_two_who_come_in_apart_need_one_more_key_and_read_neither_others_past() -> None:
    ana, bo, cy, dan = team("bo", "cy", "dan")
    scope = ana.private_channel(bo)
    ana.rekey(scope)
    ana.close(scope)
    meet(ana, bo, cy, dan)
    ana.add_to(scope, cy)
    one = ana.rekey(scope).id
    bo.add_to(scope, dan)
    other = bo.rekey(scope).id
    meet(ana, bo, cy, dan)
    assert ana.epochs.current(scope) is bo.epochs.current(scope) is None
    mend(ana, bo, cy, dan)
    assert current(ana, scope) not in (one, other)
    assert cy.readable() & {one, other} == {one}
    assert dan.readable() & {one, other} == {other}
    assert ana.readable() >= {one, other} <= bo.readable()


def test_who_wraps_what_it_never_held_gets_nothing() -> None:
    """A newcomer makes an epoch that claims to lead to the past, so that others think it had it."""
    ana, bo, mal = team("bo", "mal")
    scope = ana.private_channel(bo)
    old = ana.rekey(scope).id
    ana.close(scope)
    ana.add_to(scope, mal)
    ana.rekey(scope)
    meet(ana, bo, mal)
    op, block = mal.epochs.rekey(mal.place(), scope, mal.entropy)
    assert isinstance(op.args, Rekey)
    lie = seals.wrap(bytes(32), scope, old, bytes(32), bytes(24))
    mal.forge_rekey(msgspec.structs.replace(op.args, wraps=((old, lie),)), block)
    mal.share_anyhow(old)
    meet(ana, bo, mal)
    mend(ana, bo, mal)
    assert ana.epochs.lacking_history(scope) == bo.epochs.lacking_history(scope) == []
    assert not mal.can_read(old)


# Random stories ----------------------------------------------------------------------------------

NAMES = ("bo", "cy", "dan")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("close", "close", "open", "add", "add", "take", "rekey", "device", "mend")
        ),
        st.sampled_from((0, 0, 0, 1, 2, 3)),
        st.integers(0, 3),
    ),
    min_size=4,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_nobody_reads_what_was_closed_before_they_came(steps: list[tuple[str, int, int]]) -> None:
    """Whatever happens in which order: who comes in never gets a key that was there while the
    history was closed, and that they had not; all devices of a member read what one did; and all
    settle on one key."""
    people = team(*NAMES)
    scope = people[0].private_channel(people[1])
    meet(*people)
    mend(*people)
    machines = list(people)
    barred: dict[bytes, set[bytes]] = {}
    """Member to the epochs that they may never read."""
    had: dict[bytes, set[bytes]] = {}
    closed: set[bytes] = set()
    """Epochs that were there while the history was closed."""
    for what, who, whom in steps:
        actor, target = people[who], people[whom]
        inside = actor.roster.state.scopes[scope]
        if actor.member not in inside:
            continue
        if what == "add" and target.member not in inside:
            own = (machine for machine in machines if machine.member == target.member)
            has = set[bytes]().union(*(machine.readable() for machine in own))
            barred.setdefault(target.member, set()).update(closed - has)
            actor.add_to(scope, target)
        elif what == "take" and target.member != actor.member and target.member in inside:
            actor.take_from(scope, target)
        elif what in ("close", "open"):
            getattr(actor, what)(scope)
        elif what == "rekey" and actor.level <= ADMIN:  # Others' are not called for.
            actor.rekey(scope)
        elif what == "device" and len(machines) < 7:
            machines.append(actor.second(f"{actor.name}'s {len(machines)}"))
        meet(*machines)
        if what == "mend":
            mend(*machines)
        if scope in actor.roster.state.closed:
            closed.update(node.op.id for node in actor.epochs.choice.rekeys_of(scope))
        for machine in machines:
            had.setdefault(machine.member, set()).update(machine.readable())
    mend(*machines)
    for machine in machines:
        assert machine.readable().isdisjoint(barred.get(machine.member, ()))
    states = {machine.epochs.current(scope) for machine in machines}
    assert len(states) == 1
    for machine in machines:
        if machine.member in machine.roster.state.scopes[scope]:
            assert machine.can_read(current(machine, scope))
            lost = had.get(machine.member, set()) - machine.readable()
            assert not lost & {n.op.id for n in machine.epochs.choice.rekeys_of(scope)}


def test_random_stories_bar_some() -> None:
    """The property above is about something: this story bars a member, and gives them a key."""
    ana, bo, cy = team("bo", "cy")
    scope = ana.private_channel(bo)
    ana.rekey(scope)
    ana.close(scope)
    old = ana.readable()
    ana.add_to(scope, cy)
    sync(ana, cy)
    mend(ana, cy)
    assert cy.can_read(current(cy, scope))
    assert not cy.readable() & (old - {current(ana, ana.scope)})
