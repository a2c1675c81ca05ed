"""Whom to dial and when, in a time that the tests move."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.links import limits
from chat.links.targets import Origin, Target, Targets
from transport.proto.backoff import Redial
from transport.proto.hints import LOBBY_CONTEXT, LinkSecret

TEAM = LinkSecret(b"K" * 32, b"W" * 32, "team")
INVITE = LinkSecret(b"I" * 32, LOBBY_CONTEXT, "invite")
BEN, CAT = b"\2" * 32, b"\3" * 32
A, B, C = "ws://10.0.0.2:1", "ws://10.0.0.2:2", "ws://10.0.0.3:1"


def anybody(_: Target) -> bool:
    return True


def asked(target: Target) -> bool:
    return target.asked


def dial(targets: Targets, now: float, room: int = 99) -> list[Target]:
    return targets.due(now, room, anybody)


def one(targets: Targets, now: float) -> Target:
    (target,) = dial(targets, now)
    return target


def fail(targets: Targets, target: Target, now: float, rand: float = 0.5) -> None:
    target.dialling = False
    targets.failed(target, now, rand, "nothing answers at that address")


def link(targets: Targets, target: Target, device: bytes, now: float) -> None:
    target.dialling = False
    targets.linked(target, device, now)


def lose(targets: Targets, device: bytes, now: float, **how: object) -> None:
    given = {"stood": 60.0, "ours": True, "cooling": False, "reason": "the connection broke"}
    targets.lost(device, now, 0.5, **{**given, **how})  # type: ignore[arg-type]


def test_asked_is_dialled_at_once_and_rests_while_linked() -> None:
    targets = Targets()
    targets.ask(A, None, 100.0)
    assert targets.next_due(asked) == 100.0
    target = one(targets, 100.0)
    assert targets.next_due(anybody) is None, "it is being dialled"
    fail(targets, target, 100.0)
    assert targets.next_due(anybody) == pytest.approx(100.2)
    assert dial(targets, 100.1) == []
    link(targets, one(targets, 100.2), BEN, 100.3)
    assert targets.next_due(anybody) is None
    lose(targets, BEN, 500.0)
    assert targets.next_due(anybody) == pytest.approx(500.2)


def test_asked_is_never_given_up_and_others_are() -> None:
    targets = Targets()
    targets.ask(A, None, 0.0)
    targets.ask(B, None, 0.0, keep=False)
    targets.found([C], TEAM, 0.0)
    now = 0.0
    for _ in range(2000):
        due = targets.next_due(anybody)
        assert due is not None
        now = max(now, due)
        for target in dial(targets, now):
            fail(targets, target, now, 0.99)
    assert now > limits.FOUND_FORGET_SECONDS
    assert [target.urls for target in targets] == [(A,)]


def test_announcement_of_a_linked_device_makes_nobody_dial() -> None:
    targets = Targets()
    targets.ask(A, None, 0.0)
    link(targets, one(targets, 0.0), BEN, 0.0)
    targets.found([B, A], TEAM, 1.0)
    assert dial(targets, 2.0) == []
    # It said more than we knew, and that is tried when the link is lost; ours stays the first.
    lose(targets, BEN, 10.0)
    assert one(targets, 11.0).urls == (A, B)


def test_withdrawn_announcement_is_dialled_once_more_and_not_again() -> None:
    """Anybody can withdraw for another, so only what also leads nowhere is forgotten."""
    targets = Targets()
    targets.ask(C, None, 0.0)
    targets.found([A], TEAM, 0.0)
    link(targets, dial(targets, 0.0)[1], BEN, 0.0)
    targets.gone([A, C])
    targets.gone([A])
    lose(targets, BEN, 10.0)
    (target,) = dial(targets, 11.0)
    assert target.urls == (A,)
    link(targets, target, BEN, 11.0)
    lose(targets, BEN, 20.0)
    fail(targets, one(targets, 21.0), 21.0)
    assert [target.urls for target in targets] == [(C,)]
    targets.found([A], TEAM, 30.0)
    assert one(targets, 30.0).urls == (A,)


def test_accepted_link_spares_the_dial_to_the_same_host() -> None:
    targets = Targets()
    targets.found([A], TEAM, 0.0)
    targets.heard(BEN, [A], [C], 0.0)
    assert dial(targets, 1.0) == []
    targets.found([A], TEAM, 2.0)
    assert dial(targets, 3.0) == []
    # The one who dialled has a second before this side tries.
    lose(targets, BEN, 10.0, ours=False)
    due = targets.next_due(anybody)
    assert due is not None
    assert due > 11.0
    assert one(targets, due).urls == (A,)


def test_member_that_names_addresses_of_others_keeps_nobody_apart() -> None:
    """Cat is linked from 10.0.0.3 and says that she listens at ben's address."""
    targets = Targets()
    targets.ask(B, None, 0.0)
    targets.heard(CAT, [C], [A, B], 0.0)
    assert one(targets, 0.0).urls == (B,)
    targets.found([A], TEAM, 1.0)
    assert [target.urls for target in dial(targets, 1.0)] == [(A,)]
    # And what somebody asked for is dialled even if she does share the host.
    targets.ask("ws://10.0.0.3:9", None, 2.0)
    targets.heard(CAT, ["ws://10.0.0.3:9"], [], 2.0)
    assert one(targets, 2.0).urls == ("ws://10.0.0.3:9",)


def test_two_addresses_of_one_device_are_not_dialled_at_the_same_time() -> None:
    targets = Targets()
    targets.ask(A, None, 0.0)
    targets.ask(B, None, 0.0)
    for target in dial(targets, 0.0):
        link(targets, target, BEN, 0.0)
    lose(targets, BEN, 10.0)
    first = one(targets, 11.0)
    assert dial(targets, 12.0) == []
    assert targets.next_due(anybody) is None
    fail(targets, first, 12.0, 0.99)
    assert one(targets, 12.0) is not first


def test_dial_that_fails_while_another_led_to_the_device_starts_nothing() -> None:
    targets = Targets()
    targets.ask(A, None, 0.0)
    link(targets, one(targets, 0.0), BEN, 0.0)
    lose(targets, BEN, 10.0)
    target = one(targets, 11.0)
    targets.linked(None, BEN, 11.0)
    fail(targets, target, 12.0)
    targets.refused(target, 12.0, 0.5, "no")
    assert targets.next_due(anybody) is None


def test_whoever_was_met_with_an_invite_is_dialled_anew_for_the_workspace() -> None:
    targets = Targets()
    targets.ask(A, INVITE, 0.0)
    target = one(targets, 0.0)
    target.dialling = False
    targets.linked(target, BEN, 0.0, lobby=True)
    assert targets.next_due(anybody) is None
    targets.leave_lobby(5.0)
    again = one(targets, 5.0)
    assert (again, again.secret) == (target, None)
    # Not let in yet: it is tried again although the lobby's link stands.
    fail(targets, again, 5.0)
    assert targets.next_due(anybody) is not None


def test_another_link_of_the_lobby_does_not_keep_a_new_member_from_the_workspace() -> None:
    """Ana dials the newcomer with the invite in the very moment in which he learns the rest."""
    targets = Targets()
    targets.ask(A, INVITE, 0.0)
    link(targets, one(targets, 0.0), BEN, 0.0)
    targets.leave_lobby(1.0)
    targets.linked(None, BEN, 1.0, lobby=True)
    target = one(targets, 1.0)
    assert target.secret is None
    # But a member that follows an invite's announcement dials the newcomer once.
    targets.found([C], INVITE, 2.0)
    newcomer = one(targets, 2.0)
    newcomer.dialling = False
    targets.linked(newcomer, CAT, 2.0, lobby=True)
    assert targets.next_due(anybody) is None


def test_fault_cools_down_for_longer_each_time_and_a_steady_link_forgives() -> None:
    targets = Targets()
    targets.ask(A, None, 0.0)
    now = 0.0
    waits = []
    for _ in range(8):
        link(targets, one(targets, now), BEN, now)
        lose(targets, BEN, now, stood=0.1, cooling=True)
        due = targets.next_due(anybody)
        assert due is not None
        waits.append(due - now)
        now = due
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(1.5)
    assert waits[-1] == pytest.approx(45.0)
    link(targets, one(targets, now), BEN, now)
    lose(targets, BEN, now + 3600, stood=3600.0, cooling=True)
    due = targets.next_due(anybody)
    assert due == pytest.approx(now + 3601.5)
    # An announcement does not shorten it; another network does.
    targets.found([A], TEAM, now + 3600)
    assert targets.next_due(anybody) == due
    targets.network_changed(now + 3600)
    assert targets.next_due(anybody) == now + 3600


def test_links_that_fall_at_once_are_not_dialled_in_a_loop() -> None:
    targets = Targets()
    targets.ask(A, None, 0.0)
    now = 0.0
    for _ in range(12):
        link(targets, one(targets, now), BEN, now)
        lose(targets, BEN, now, stood=0.0)
        due = targets.next_due(anybody)
        assert due is not None
        wait, now = due - now, due
    assert wait == pytest.approx(0.8)


def test_announcements_without_end_make_few_dials() -> None:
    """Somebody who holds the link key announces a thousand devices a second."""
    targets = Targets()
    targets.ask(A, None, 0.0)
    dials = 0
    for number in range(10_000):
        now = number / 1000
        host = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        targets.found([f"ws://{host}:{port}" for port in range(1, 20)], TEAM, now)
        assert len(list(targets)) <= limits.TARGETS_MAX + 1
        for target in dial(targets, now, 8):
            assert len(target.urls) <= limits.TARGET_URLS_MAX
            dials += not target.asked
            fail(targets, target, now, 0.99)
    # The burst, one for each half second, and the tries after the first of each.
    assert dials <= 10 * (limits.FOUND_BURST + 10 / limits.FOUND_EVERY_SECONDS)
    assert any(target.asked for target in targets)


def test_full_mesh_dials_only_what_was_asked_for() -> None:
    targets = Targets()
    targets.found([C], TEAM, 0.0)
    assert targets.next_due(asked) is None
    assert targets.due(5.0, 9, asked) == []
    targets.ask(A, None, 6.0)
    assert [each.urls for each in targets.due(6.0, 9, asked)] == [(A,)]


def test_own_addresses_are_learned_and_forgotten_with_the_network() -> None:
    targets = Targets()
    targets.found([A, B], TEAM, 0.0)
    target = one(targets, 0.0)
    target.dialling = False
    targets.own(target, [A])
    assert target.urls == (B,)
    targets.own(target, [B])
    assert list(targets) == []
    targets.found([A], TEAM, 1.0)
    targets.remember(B, 1.0)
    targets.heard(BEN, [A], [B], 1.0)
    assert list(targets) == []
    targets.network_changed(2.0)
    targets.remember(A, 2.0)
    assert one(targets, 2.0).urls == (A,)


def test_invite_has_served_when_the_workspace_is_there() -> None:
    targets = Targets()
    targets.ask(A, INVITE, 0.0)
    targets.found([C], TEAM, 0.0)
    targets.leave_lobby(0.0)
    assert {target.secret for target in targets} == {None, TEAM}


urls = st.sampled_from([f"ws://10.0.0.{host}:{port}" for host in (1, 2, 3) for port in (1, 2)])
some = st.lists(urls, max_size=4)
devices = st.sampled_from([BEN, CAT])
step = st.one_of(
    st.tuples(st.just("ask"), urls),
    st.tuples(st.just("found"), some),
    st.tuples(st.just("heard"), devices, some, some),
    st.tuples(st.just("remember"), urls),
    st.tuples(st.just("drop"), urls),
    st.tuples(st.just("dial"), st.sampled_from(["fail", "refuse", "own", BEN, CAT])),
    st.tuples(st.just("lose"), devices, st.booleans()),
    st.tuples(st.just("move")),
)


@given(steps=st.lists(st.tuples(step, st.floats(0, 40)), max_size=40))
def test_whatever_happens_somebody_asked_for_is_linked_or_will_be_dialled(
    steps: list[tuple[tuple[object, ...], float]],
) -> None:
    targets = Targets()
    asked: set[str] = set()
    linked: set[bytes] = set()
    now = 0.0
    for (what, *how), passed in steps:
        now += passed
        match what, *how:
            case "ask", str(url):
                targets.ask(url, None, now)
                asked.add(url)
            case "found", list(found):
                targets.found(found, TEAM, now)
            case "heard", bytes(device), list(sure), list(unsure):
                if device in linked:
                    targets.heard(device, sure, unsure, now)
            case "remember", str(url):
                targets.remember(url, now)
            case "drop", str(url):
                dropped = {u for t in targets if url in t.urls for u in t.urls}
                targets.drop(url)
                asked -= dropped
            case "dial", outcome:
                chosen = targets.due(now, 2, anybody)
                assert not {target.device for target in chosen} & linked
                for target in chosen:
                    end_dial(targets, target, outcome, now, asked, linked)
            case "lose", bytes(device), bool(cooling):
                if device in linked:
                    linked.discard(device)
                    lose(targets, device, now, cooling=cooling, stood=passed)
            case _:
                targets.network_changed(now)
        for target in targets:
            assert 1 <= len(target.urls) <= limits.TARGET_URLS_MAX
            assert (target.redial.due is None) == (target.device in linked)
            assert (
                target.redial.due is None
                or target.redial.due <= now + limits.COOL_DOWN_MAX_SECONDS + 1
            )
    held = {url for target in targets if target.origin is Origin.ASKED for url in target.urls}
    assert asked <= held


def end_dial(
    targets: Targets,
    target: Target,
    outcome: object,
    now: float,
    asked: set[str],
    linked: set[bytes],
) -> None:
    target.dialling = False
    if outcome == "fail":
        targets.failed(target, now, 0.5, "nobody")
    elif outcome == "refuse":
        targets.refused(target, now, 0.5, "no")
    elif outcome == "own":
        asked.difference_update(target.urls[:1])
        targets.failed(target, now, 0.5, "self")
        targets.own(target, target.urls[:1])
    else:
        assert isinstance(outcome, bytes)
        linked.add(outcome)
        targets.linked(target, outcome, now)


# What is told through others ---------------------------------------------------------------------


def test_device_told_of_is_dialled_with_back_off_and_given_up_when_nobody_tells_of_it() -> None:
    targets = Targets()
    targets.told(BEN, [A, B], 0.0, 0.5)
    assert dial(targets, 0.4) == []
    target = one(targets, 0.5)
    assert (target.urls, target.device) == ((A, B), BEN)
    fail(targets, target, 0.6, 0.99)
    due = targets.next_due(anybody)
    assert due is not None
    targets.told(BEN, [B, A], 0.7, 0.0)
    assert targets.next_due(anybody) == due, "said again it is no news"
    targets.told(BEN, [C], 0.7, 0.0)
    target = one(targets, 1.8)
    assert target.urls == (C, A, B)
    waits = []
    now = 1.8
    while True:
        fail(targets, target, now, 0.99)
        due = targets.next_due(anybody)
        assert due is not None
        if not dial(targets, due):
            break
        waits.append(due - now)
        now = due
    assert max(waits) > 25, "who may be unreachable from here is not dialled every second"
    assert now < 0.7 + limits.HEARD_FORGET_SECONDS
    assert list(targets) == []


def test_device_told_of_that_is_linked_is_not_dialled_and_its_word_binds_no_other_address() -> None:
    targets = Targets()
    targets.told(BEN, [A], 0.0, 0.0)
    link(targets, one(targets, 0.0), BEN, 0.1)
    targets.told(BEN, [A, B], 1.0, 0.0)
    assert dial(targets, 2.0) == []
    # Ben names Cat's address as his own: whoever announces itself there is dialled all the same.
    targets.found([B], TEAM, 3.0)
    assert one(targets, 3.0).device is None
    targets.told(CAT, [C], 3.0, 0.0)
    assert one(targets, 3.0).device == CAT
    asked_for = Targets()
    asked_for.ask(A, None, 0.0)
    link(asked_for, one(asked_for, 0.0), BEN, 0.0)
    asked_for.told(BEN, [C], 1.0, 0.0)
    assert dial(asked_for, 9.0) == [], "who is linked tells of its addresses itself"
    own = Targets()
    own.own(Target((A,), None, Origin.FOUND, Redial(), 0.0), [A])
    own.told(BEN, [A], 0.0, 0.0)
    assert list(own) == [], "that address is this device's"
