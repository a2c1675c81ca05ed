"""Which of those who are online a device links with: the overlay meets what is so."""

import random
from collections.abc import Sequence
from hashlib import sha256

from chat.links import limits
from chat.links.neighbours import Neighbours, Standing, Whereabouts
from chat.links.targets import Origin, Target
from transport.proto.backoff import Redial
from transport.proto.overlay import Overlay, bridges

OWN = sha256(b"own").digest()


def devices(count: int, kind: str = "member") -> list[bytes]:
    return [sha256(f"{kind}/{number}".encode()).digest() for number in range(count)]


def at(number: int) -> str:
    return f"ws://10.0.{number // 250}.{number % 250}:7311"


def online(
    members: Sequence[bytes], relays: Sequence[bytes] = (), far: Sequence[bytes] = ()
) -> dict[bytes, Whereabouts]:
    return {
        device: Whereabouts((at(number),), device in relays, device not in far)
        for number, device in enumerate([*members, *relays, *far])
    }


def target(url: str, device: bytes | None = None, origin: Origin = Origin.FOUND) -> Target:
    return Target((url,), None, origin, Redial(), 0.0, device)


def standing(device: bytes, *, relay: bool = False, kept: bool = False) -> Standing:
    return Standing(device, relay, 0.0, kept)


def test_up_to_thirty_two_everybody_is_wanted() -> None:
    members, relays = devices(31), devices(2, "relay")
    neighbours = Neighbours(OWN, relay=False)
    neighbours.follow(online(members, relays), {})
    assert all(neighbours.wants(device) for device in (*members, *relays))
    links = [standing(device) for device in members]
    assert neighbours.surplus(links, 1_000.0) is None


def test_above_that_the_overlay_says_who_is_dialled_and_asked_ones_are_all_the_same() -> None:
    members = devices(99)
    neighbours = Neighbours(OWN, relay=False)
    neighbours.follow(online(members), {})
    wanted = Overlay([OWN, *members]).neighbours(OWN)
    assert {device for device in members if neighbours.wants(device)} == wanted
    stranger = sha256(b"stranger").digest()
    for number, device in enumerate(members):
        # It is known whom that leads to, or somebody says that it listens there.
        assert neighbours.wants_target(target("ws://x:1", device), 9) == (device in wanted)
        assert neighbours.wants_target(target(at(number)), 9) == (device in wanted)
        assert neighbours.wants_target(target(at(number), device, Origin.ASKED), 99)
    assert neighbours.wants_target(target("ws://10.9.9.9:1"), 9), "nobody knows who that is"
    assert neighbours.wants_target(target("ws://10.9.9.9:1", stranger), 9)
    assert not neighbours.wants_target(target("ws://10.9.9.9:1"), limits.MESH_LINKS_MAX)


def test_claiming_somebodys_address_keeps_nobody_from_dialling_it() -> None:
    members = devices(99)
    wanted = Overlay([OWN, *members]).neighbours(OWN)
    victim = next(iter(wanted))
    where = online(members)
    for device in members:
        if device not in wanted:
            where[device] = Whereabouts((at(members.index(victim)),), relay=False, near=True)
    neighbours = Neighbours(OWN, relay=False)
    neighbours.follow(where, {})
    assert neighbours.wants_target(target(at(members.index(victim))), 9)


def test_links_beyond_the_overlay_are_let_go_one_by_one_once_the_wanted_ones_stand() -> None:
    members = devices(99)
    neighbours = Neighbours(OWN, relay=False)
    linked = {device: False for device in members[:48]}
    neighbours.follow(online(members), linked)
    wanted = {device for device in linked if neighbours.wants(device)}
    few = [standing(device) for device in linked if device not in wanted]
    assert neighbours.surplus(few, 1_000.0) is None, "the wanted ones do not stand yet"
    links = [*few, *(standing(device) for device in Overlay([OWN, *members]).neighbours(OWN))]
    assert neighbours.surplus(links, limits.LET_GO_AFTER_SECONDS - 1) is None
    kept = few[0].device
    links = [each._replace(kept=each.device == kept) for each in links]
    gone = []
    while (device := neighbours.surplus(links, 1_000.0)) is not None:
        gone.append(device)
        links = [each for each in links if each.device != device]
    assert set(gone) == {each.device for each in few} - {kept}
    relay = Neighbours(OWN, relay=True)
    relay.follow(online(members), linked)
    assert relay.surplus([standing(device) for device in linked], 1_000.0) is None


def test_a_relay_is_linked_with_by_its_bridges_and_by_those_who_have_nobody_else() -> None:
    members, (relay,) = devices(99), devices(1, "relay")
    views = {}
    for own in members:
        neighbours = views[own] = Neighbours(own, relay=False)
        neighbours.follow(online([m for m in members if m != own], [relay]), {relay: True})
    assert {own for own, view in views.items() if view.wants(relay)} == bridges(relay, members)
    # Three in another building know the many through the relay only: that is no mesh of theirs.
    cut_off = devices(3, "cut off")
    for own in cut_off:
        neighbours = Neighbours(own, relay=False)
        others = [device for device in cut_off if device != own]
        neighbours.follow(online(others, [relay], far=members), {relay: True})
        assert neighbours.wants(relay)
    # And each of them is worth a dial to the many's bridges: perhaps there is a way.
    for own in bridges(relay, members):
        others = [device for device in members if device != own]
        views[own].follow(online(others, [relay], far=cut_off), {relay: True})
        assert views[own].wants(relay)
        assert all(views[own].wants(device) for device in cut_off)


def test_views_that_come_and_go_lead_to_a_connected_team_of_bounded_links() -> None:
    """Everybody follows a view of its own, dials whom it wants, and lets go of whom it does not."""
    rng = random.Random(5)
    members = devices(80)
    views = {own: Neighbours(own, relay=False) for own in members}
    links: set[frozenset[bytes]] = {
        frozenset(rng.sample(members, 2)) for _ in range(len(members) * 20)
    }
    for round_number in range(60):
        for own in members:
            linked = {other: False for pair in links if own in pair for other in pair - {own}}
            known = rng.sample(members, 70) if round_number < 3 else members
            where = online([each for each in known if each != own])
            views[own].follow(where, linked)
            links |= {frozenset((own, each)) for each in where if views[own].wants(each)}
            stands = [standing(other) for other in linked]
            device = views[own].surplus(stands, 1_000.0)
            if device is not None:
                links.discard(frozenset((own, device)))
    degree = {own: sum(own in pair for pair in links) for own in members}
    assert max(degree.values()) <= 20
    overlay = Overlay(members)
    assert links == {
        frozenset((own, other)) for own in members for other in overlay.neighbours(own)
    }
