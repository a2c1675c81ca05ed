"""Random histories of a roster: what must hold for every graph, in every order.

ROSTER_EXAMPLES sets how many graphs each property searches: 100, and with `make attacks` 3,000.
"""

import os
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from crdt.roster import Roster
from crdt.roster_ops import KINDS, Admit, DeviceAdd, DeviceRemove, Grant, Op, Remove
from crdt.roster_resolution import Resolution
from crdt.roster_scopes import Scopes
from crdt.roster_state import State, assemble
from tests.crdt.roster_people import KINDS as STEP_KINDS
from tests.crdt.roster_people import Play, Step, Team, genesis, member, public

EXAMPLES = int(os.environ.get("ROSTER_EXAMPLES", "100"))
pytestmark = pytest.mark.timeout(max(120, EXAMPLES))
NUMBER = st.integers(0, 99)
STEP = st.tuples(
    NUMBER, st.lists(st.integers(0, 12), min_size=1, max_size=3).map(tuple), NUMBER, NUMBER, NUMBER
)
STEPS = st.lists(STEP, min_size=3, max_size=16)
LIVING = [
    STEP_KINDS.index(kind)
    for kind in (
        "admit", "admit", "replay", "replay", "grant", "grant", "remove", "remove", "leave",
        "code", "paper", "device", "device", "drop", "drop", "revoke", "invite",
        "scope", "add", "add", "take", "take", "accept", "accept", "close",
    )
]  # fmt: skip
"""Steps about people and scopes, one behind the other but for a few."""
LIVES = st.lists(
    st.tuples(
        st.sampled_from(LIVING),
        st.sampled_from([(0,), (0,), (0,), (0,), (0, 1), (1,)]),
        NUMBER,
        NUMBER,
        NUMBER,
    ),
    min_size=8,
    max_size=24,
)
many: Callable[[Callable[..., None]], Callable[..., None]] = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def played(steps: list[Step]) -> Play:
    play = Play.start()
    for step in steps:
        play.take(step)
    return play


def read(workspace: bytes, wires: list[bytes]) -> Roster:
    roster = Roster(workspace)
    for wire in wires:
        roster.add(wire)
    return roster


def under(play: Play, heads: list[bytes]) -> list[bytes]:
    """The wires of some ops and everything before them."""
    found: dict[bytes, bytes] = {}
    ready = list(heads)
    while ready:
        op = play.team.roster.op(ready.pop())
        if op.id not in found:
            found[op.id] = op.wire
            ready += op.parents
    return list(found.values())


_BOTH = [(0, (0,), 0, 0, 0), (6, (0,), 0, 0, 0), (35, (0,), 0, 18, 0)]


@many
@given(STEPS, st.integers(0, 2**32))
@example([*_BOTH, (30, (4,), 0, 2, 0), (53, (0,), 0, 27, 0)], 694408)
def test_any_order_and_any_batches_give_the_same_state(steps: list[Step], seed: int) -> None:
    play, shuffled = played(steps), random.Random(seed)
    wires = play.wires + shuffled.choices(play.wires, k=3)
    shuffled.shuffle(wires)
    roster = Roster(play.team.roster.workspace)
    came: list[bytes] = []
    for wire in wires:
        came += roster.add(wire)
        if shuffled.random() < 0.3:
            assert set(roster.state.members) <= {member(name) for name in play.people}
    assert sorted(came) == sorted(op.id for op in play.ops)
    assert roster.state == play.team.roster.state
    assert roster.heads == play.team.roster.heads
    assert roster.missing() == []
    assert roster.state == read(roster.workspace, play.wires).state


@many
@given(STEPS | LIVES, st.integers(0, 2**32))
def test_a_state_that_grew_op_by_op_is_the_one_that_is_made_at_once(
    steps: list[Step], seed: int
) -> None:
    """In any order in which parents come first, and after every single op."""
    play, chosen = played(steps), random.Random(seed)
    roster = Roster(play.team.roster.workspace)
    left = list(play.ops)
    while left:
        ready = [op for op in left if all(map(roster.has, op.parents))]
        # Mostly as it happened, so that it grows long, sometimes another first.
        op = ready[0] if chosen.random() < 0.8 else chosen.choice(ready)
        left.remove(op)
        roster.add(op.wire)
        assert roster.state == made_anew(roster)
    assert roster.state == read(roster.workspace, play.wires).state


def made_anew(roster: Roster) -> State:
    history = roster.history
    resolution = Resolution(history, history.everything)
    return assemble(history, resolution, Scopes(history, resolution))


def test_a_state_grows_by_what_a_living_workspace_does() -> None:
    """Nothing is made anew by an op behind all others; else the property above says little."""
    kinds: dict[str, int] = {}
    for seed in range(60):
        source, play = random.Random(seed), Play.start()
        for _ in range(24):
            kind = source.choice([k for k in range(len(STEP_KINDS)) if STEP_KINDS[k] != "unknown"])
            play.take((kind, (0,), *(source.randrange(100) for _ in range(3))))
        roster = Roster(play.team.roster.workspace)
        for op in play.ops:
            roster.add(op.wire)
            grew = roster._state is not None
            assert roster.state.members
            if len(roster.heads) == 1 and op is not play.ops[0]:
                name = type(op.args).__name__
                kinds[name] = kinds.get(name, 0) + (not grew)
    assert kinds.keys() == {args.__name__ for args in KINDS.values()} - {"Genesis", "Share"}
    assert {name: count for name, count in kinds.items() if count} == {}


@many
@given(STEPS, st.lists(st.integers(0, 30), min_size=1, max_size=3))
def test_the_past_is_judged_by_itself(steps: list[Step], picks: list[int]) -> None:
    play = played(steps)
    heads = sorted({play.ops[pick % len(play.ops)].id for pick in picks})
    alone = read(play.team.roster.workspace, under(play, heads))
    assert play.team.roster.state_at(heads) == alone.state
    named = play.team.roster.register_heads(heads)
    assert named is not None
    for name in (*play.people, *(name for some in play.devices.values() for name in some)):
        known = alone.state.devices.get(public(name).sign)
        allowed = play.team.roster.may_write(public(name).sign, named)
        assert allowed == (known is not None and known.level < 199)


def without_traces(state: State) -> State:
    """A state without what only says that ops without effect exist."""
    return replace(
        state,
        former_devices={},
        former_rekeys=(),
        unknown=frozenset(),
        void=frozenset(),
        paused=frozenset(),
        equivocations=(),
    )


def shut_out(play: Play) -> dict[str, int]:
    """Those whom somebody else put out for good, and the smallest level of who did.

    Not who left when it was senior to these: what it did beside leaving stays.
    """
    team, roster = play.team, play.team.roster
    counted = [op for op in play.ops if roster.is_valid(op.id)]
    found: dict[str, int] = {}
    for name in play.people:
        if member(name) in roster.state.members:
            continue
        gifts = [op.id for op in counted if is_gift(team, op, member(name))]
        removals = [op for op in counted if is_removal(op, member(name))]
        left = [op.body.level for op in removals if op.body.member == member(name)]
        levels = [
            op.body.level
            for op in removals
            if op.body.member != member(name)
            and not any(level <= op.body.level for level in left)
            and not any(roster.before(op.id, later) for later in gifts)
        ]
        if levels:
            found[name] = min(levels)
    return found


def is_removal(op: Op, of: bytes) -> bool:
    return isinstance(op.args, Remove) and op.args.member == of


def is_gift(team: Team, op: Op, to: bytes) -> bool:
    """Whether an op says that it gives a member a level."""
    if isinstance(op.args, Admit):
        claim = team.roster.history.by_id[op.id].claim
        return claim is not None and claim.claim.member == to
    return isinstance(op.args, Grant) and op.args.member == to


# Ana removes ben, an admin; and he shows, as if beside his op of an unknown kind, the claim that
# had to wait because of that.
@example(
    steps=[(0, (0,), 0, 0, 0), (2, (0,), 0, 1, 0), (18, (0,), 1, 0, 0), (2, (0,), 0, 2, 0)],
    attack=[(0, (0,), 0, 0, 0), (5, (4,), 0, 0, 0)],
    victim=0,
)
@many
@given(STEPS, st.lists(STEP, min_size=2, max_size=8), NUMBER)
def test_who_was_removed_changes_nothing_any_more(
    steps: list[Step], attack: list[Step], victim: int
) -> None:
    """Though it knows every invite's secret, and makes up others who help it.

    But for invites that give no less than the level of who removed it: see docs/protocol/roster.md.
    """
    play = played(steps)
    if not shut_out(play):
        play.take((11, (0,), 0, 1 + victim, 0))
    attackers = shut_out(play)
    assume(attackers)
    attacker = list(attackers)[victim % len(attackers)]
    before = play.team.roster.state
    known_people = len(play.people)
    play.people.append("sock")
    play.admits_above, play.papers = attackers[attacker], False
    for step in attack:
        play.take(step, [attacker, *play.people[known_people:]])
    after = play.team.roster.state
    assert without_traces(after) == without_traces(before)
    # And everybody else goes on upon what was thrown in; only its own unknown op stops anybody.
    founder = member("ana")
    stopped = any(op.args is None and op.body.member == founder for op in play.ops)
    known = after.members.get(founder)
    # Who founded, left and came in again by somebody's invite is a founder no more.
    there = known is not None and public("ana").sign in known.devices
    play.team.using = {}
    if known is not None and known.level == 0 and there and not stopped:
        last = play.team.invite("ana")
        assert play.team.roster.is_valid(last.id)
        assert play.team.roster.is_valid(play.team.admit("ana", "fay", last).id)
        assert play.team.level("fay") == 100


@many
@given(STEPS)
def test_nobody_removes_the_founder_and_levels_only_come_from_above(steps: list[Step]) -> None:
    play = played(steps)
    roster, state = play.team.roster, play.team.roster.state
    left = any(
        isinstance(op.args, Remove) and op.args.member == op.body.member == member("ana")
        for op in play.ops
    )
    if not left:
        assert state.members[member("ana")].level == 0
    made = {op.args.member for op in play.ops if isinstance(op.args, Grant) and not op.args.level}
    founders = {name for name, known in state.members.items() if not known.level}
    assert founders <= made | {member("ana")}
    assert state.devices.keys() & state.former_devices.keys() == set()
    for known in state.members.values():
        assert known.devices or any(isinstance(op.args, DeviceRemove) for op in play.ops)
    counted = [op for op in play.ops if roster.is_valid(op.id)]
    assert {op.id for op in play.ops} == (
        {op.id for op in counted} | state.void | state.paused | state.unknown
    )


@many
@given(STEPS)
def test_one_invite_lets_one_person_in(steps: list[Step]) -> None:
    play = played(steps)
    claims: dict[bytes, set[bytes]] = {}
    for op in play.ops:
        if isinstance(op.args, Admit) and play.team.roster.is_valid(op.id):
            claims.setdefault(invite_of(play.team, op), set()).add(op.args.claim)
    assert all(len(some) == 1 for some in claims.values())
    invites = play.team.roster.state.invites
    used = {invite for invite, known in invites.items() if known.used and not known.device}
    assert used == claims.keys() & invites.keys()


def invite_of(team: Team, op: Op) -> bytes:
    claim = team.roster.history.by_id[op.id].claim
    assert claim is not None
    return claim.claim.invite


@many
@given(STEPS, st.lists(STEP, min_size=2, max_size=8), NUMBER)
def test_a_removed_device_changes_nothing_but_for_its_siblings(
    steps: list[Step], attack: list[Step], victim: int
) -> None:
    """Of its member no device may be left, if what it says is dated back. Others lose nothing.

    If it was somebody senior who removed it, its siblings lose nothing either. One that took itself
    out is no part of this: docs/security.md says what its key can still do.
    """
    play = played(steps)
    team = play.team
    owner = play.people[victim % len(play.people)]
    assume(public(owner).sign in team.devices(owner))
    own, team.using = play.devices.setdefault(owner, [owner]), {}
    if len(own) < 2:
        own.append(f"{owner}'s other")
        play.ops.append(team.code(owner))
        play.ops.append(team.add(owner, own[-1], play.ops[-1]))
    stolen = own[victim % len(own)]
    known = team.roster.state.members.get(member(owner))
    assume(known is not None and public(stolen).sign in known.devices)
    other = next(
        (name for name in own if public(name).sign in team.devices(owner) and name != stolen), None
    )
    by = owner if victim % 2 and other is not None else "ana"
    assume(by != owner or other is not None)
    team.using = {owner: other or owner, "ana": "ana"} if by == owner else {}
    assume(by == owner or (owner != "ana" and team.level("ana") == 0))
    removal = team.drop(by, owner, stolen)
    assume(team.roster.is_valid(removal.id))
    play.ops.append(removal)
    before = team.roster.state
    people = len(play.people)
    play.people.append("sock")
    play.devices[owner] = [stolen]
    play.admits_above, play.papers = removal.body.level, False
    for step in attack:
        play.take(step, [owner, owner, *play.people[people:]])
    after = team.roster.state
    if by != owner:
        assert without_traces(after) == without_traces(before)
        return
    for of, was in before.members.items():
        if of != member(owner):
            assert after.members.get(of) == was
    assert after.members.keys() == before.members.keys()
    assert set(after.members[member(owner)].devices) <= set(before.members[member(owner)].devices)


@many
@given(STEPS)
def test_a_code_lets_in_one_device_and_paper_many(steps: list[Step]) -> None:
    play = played(steps)
    history = play.team.roster.history
    came: dict[bytes, set[bytes]] = {}
    for op in play.ops:
        if isinstance(op.args, DeviceAdd) and play.team.roster.is_valid(op.id):
            code = history.code_of(history.by_id[op.id]).op
            if not code.args.lasting:  # type: ignore[union-attr]
                came.setdefault(code.id, set()).add(op.args.claim)
    assert all(len(some) == 1 for some in came.values())


def test_random_histories_are_worth_their_name() -> None:
    """The steps bring about all sorts of ops that count, and of those that do not."""
    counted: set[str] = set()
    void: set[str] = set()
    source = random.Random(1)
    for _ in range(120):
        play = Play.start()
        for _ in range(20):
            parents = tuple(source.randrange(12) for _ in range(source.choice([1, 1, 2, 3])))
            play.take((source.randrange(100), parents, *(source.randrange(100) for _ in range(3))))
        for op in play.ops[12:]:
            some = counted if play.team.roster.is_valid(op.id) else void
            some.add(type(op.args).__name__)
    kinds = {"Invite", "Admit", "Revoke", "Grant", "Remove", "Channel", "ScopeAdd", "ScopeRemove"}
    kinds |= {"DeviceCode", "DeviceAdd", "DeviceRemove", "Accept"}
    assert counted == kinds | {"Rekey", "ScopeHistory"}
    assert void >= kinds | {"Rekey", "ScopeHistory", "NoneType"}
    assert genesis().id == Play.start().ops[0].id
