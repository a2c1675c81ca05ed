"""Who links with whom in a large team: what a full mesh would cost, and what stands in its place.

The graph is looked at alone, as ids and edges; what real engines do on it is in
tests/chat/test_overlay_team.py.
"""

import heapq
import random
from collections import deque
from collections.abc import Collection, Iterable
from hashlib import blake2b, sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transport.proto.limits import (
    LINKS_MAX,
    OVERLAY_BRIDGES,
    OVERLAY_CHOICES,
    OVERLAY_CHOICES_LARGE,
    OVERLAY_LARGE_FROM,
    OVERLAY_MESH_MAX,
)
from transport.proto.overlay import Overlay, bridges

SIZES = (33, 64, 200, 500)
DEGREE_MAX = 32
"""Six chosen and those that chose: 12 on average; more than this in no team that was drawn."""

Graph = dict[bytes, set[bytes]]


def device(number: int, seed: int = 0) -> bytes:
    return sha256(f"{seed}/{number}".encode()).digest()


def team(size: int, seed: int = 0) -> list[bytes]:
    return [device(number, seed) for number in range(size)]


def graph(overlay: Overlay, devices: Collection[bytes]) -> Graph:
    return {each: set(overlay.neighbours(each)) for each in devices}


def full_mesh(devices: Collection[bytes]) -> Graph:
    return {each: set(devices) - {each} for each in devices}


def hops(links: Graph, start: bytes) -> dict[bytes, int]:
    """To everybody that can be reached."""
    far = {start: 0}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for there in links[here]:
            if there in links and there not in far:
                far[there] = far[here] + 1
                queue.append(there)
    return far


def is_connected(links: Graph) -> bool:
    return not links or len(hops(links, next(iter(links)))) == len(links)


def without(links: Graph, dead: Iterable[bytes]) -> Graph:
    gone = set(dead)
    return {each: there - gone for each, there in links.items() if each not in gone}


def flood(links: Graph, start: bytes, rng: random.Random, copy_ms: float) -> tuple[float, int]:
    """When the last device has a live message (ms), and how many copies were sent.

    A hop takes 0.5 to 2 ms on the line and 0.3 ms to judge and store; `copy_ms` is what sealing and
    writing one copy costs its sender, one after the other. Nobody sends to whom it has it from.
    """
    heard: dict[bytes, float] = {}
    copies = 0
    queue: list[tuple[float, bytes, bytes]] = [(0.0, start, start)]
    while queue:
        at, here, source = heapq.heappop(queue)
        if here in heard:
            continue
        heard[here] = at
        busy = at + 0.3
        for there in links[here] - {source}:
            busy += copy_ms
            copies += 1
            if there not in heard:
                heapq.heappush(queue, (busy + rng.uniform(0.5, 2.0), there, here))
    assert len(heard) == len(links)
    return max(heard.values()), copies


# Where a full mesh fails --------------------------------------------------------------------------


def test_a_full_mesh_costs_the_square_of_its_members_and_ends_at_the_links_of_a_process() -> None:
    """What decides for a mesh up to 32 and against it above, in numbers.

    Delay does not: a full mesh is one hop. Copies do, which everybody has to open before it knows
    that it has them: a message in a team of 200 is opened 39,000 times, and by the graph 2,200
    times. Handshakes do: everybody who arrives costs 199 of them, with three DH each. And above 512
    there is no full mesh at all.
    """
    copies: dict[int, tuple[int, int]] = {}
    for size in (32, *SIZES):
        devices = team(size)
        rng = random.Random(size)
        mesh = flood(full_mesh(devices), devices[0], rng, 0.02)
        sparse = flood(graph(Overlay(devices), devices), devices[0], rng, 0.02)
        copies[size] = (mesh[1], sparse[1])
        assert mesh[1] == (size - 1) ** 2
        assert sparse[0] < 50, "the last has it within 50 ms of the first"
    assert copies[32][0] == copies[32][1], "up to here the mesh is the graph"
    assert copies[32][0] < 1_000
    assert copies[200][0] > 39_000
    assert copies[200][1] < 2_500
    assert copies[500][0] > 40 * copies[500][1]
    assert LINKS_MAX - 1 < 600, "a team of 600 cannot be a full mesh"


# The graph ----------------------------------------------------------------------------------------


def chosen_slowly(devices: Collection[bytes], chooser: bytes, count: int) -> set[bytes]:
    """The definition, with nothing kept: the oracle of what `Overlay` keeps up to date."""

    def rank(other: bytes) -> tuple[bytes, bytes]:
        return blake2b(chooser + other, digest_size=8, person=b"x1.overlay").digest(), other

    return set(sorted((each for each in devices if each != chooser), key=rank)[-count:])


def neighbours_slowly(devices: Collection[bytes], one: bytes) -> set[bytes]:
    if len(devices) <= OVERLAY_MESH_MAX:
        return set(devices) - {one}
    large = len(devices) >= OVERLAY_LARGE_FROM
    count = OVERLAY_CHOICES_LARGE if large else OVERLAY_CHOICES
    choosers = {each for each in devices if one in chosen_slowly(devices, each, count)}
    return choosers | chosen_slowly(devices, one, count)


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_everybody_comes_to_the_same_links_whatever_came_and_went_before(
    data: st.DataObject,
) -> None:
    now = set(team(data.draw(st.sampled_from([2, 31, 32, 33, 40])), 7))
    views = []
    for _ in range(2):  # Two histories that end at the same devices.
        overlay = Overlay()
        order = [*now, *team(data.draw(st.integers(0, 30)), 8)]
        data.draw(st.randoms()).shuffle(order)
        for each in order:
            overlay.come(each)
        overlay.go(device(0, 9))  # Nobody knows it.
        assert overlay.follow(now) == (len(order) > len(now))
        assert not overlay.follow(now)
        views.append(overlay)
    for one in now:
        wanted = neighbours_slowly(now, one)
        assert views[0].neighbours(one) == views[1].neighbours(one) == wanted
        for other in wanted:
            assert views[0].are_linked(one, other)
            assert views[1].are_linked(other, one)


@pytest.mark.parametrize("size", SIZES)
def test_the_graph_is_connected_by_few_links_and_few_hops(size: int) -> None:
    for seed in range(2 if size == 500 else 6):
        devices = team(size, seed)
        links = graph(Overlay(devices), devices)
        degrees = [len(there) for there in links.values()]
        assert is_connected(links)
        assert max(degrees) <= DEGREE_MAX
        large = size >= OVERLAY_LARGE_FROM
        assert min(degrees) >= (OVERLAY_CHOICES_LARGE if large else OVERLAY_CHOICES)
        assert max(hops(links, devices[0]).values()) <= 5


@pytest.mark.parametrize(("size", "share"), [(33, 0.3), (64, 0.3), (200, 0.3), (500, 0.3)])
def test_it_stays_connected_when_many_vanish_at_once(size: int, share: float) -> None:
    cut = tries = 0
    for seed in range(3):
        devices = team(size, seed)
        links = graph(Overlay(devices), devices)
        for draw in range(40):
            rng = random.Random(f"{size}/{seed}/{draw}")
            tries += 1
            cut += not is_connected(without(links, rng.sample(devices, int(size * share))))
    # Before repair. Whoever is cut off notices that its neighbours are gone, and chooses others.
    assert cut <= tries // 20, f"{cut} of {tries}"


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32), st.sampled_from([33, 64, 200]))
def test_under_churn_it_is_connected_after_each_repair(seed: int, size: int) -> None:
    rng = random.Random(seed)
    everybody = team(size * 2, seed)
    online = set(everybody[:size])
    overlay = Overlay(online)
    for _ in range(4):
        leaving = rng.sample(sorted(online), size // 4)
        coming = rng.sample(sorted(set(everybody) - online), size // 4)
        before = graph(overlay, online)
        online = (online - set(leaving)) | set(coming)
        overlay.follow(online)
        links = graph(overlay, online)
        assert is_connected(links)
        assert max(len(there) for there in links.values()) <= DEGREE_MAX
        # Most links between those who stayed stay.
        stayed = {(a, b) for a in before for b in before[a] if {a, b} <= online}
        kept = sum(b in links[a] for a, b in stayed)
        assert kept >= 0.6 * len(stayed)


def test_devices_with_different_views_are_connected_all_the_same() -> None:
    """Each has not heard of a tenth of the others: the links that are kept by either side."""
    for seed in range(3):
        devices = team(100, seed)
        rng = random.Random(seed)
        links: Graph = {each: set() for each in devices}
        for each in devices:
            view = {*rng.sample(devices, 90), each}
            for other in Overlay(view).neighbours(each):
                links[each].add(other)
                links[other].add(each)
        assert is_connected(links)


def test_few_devices_keep_a_link_to_a_relay_and_others_take_over() -> None:
    devices = team(100)
    relays = team(20, 1)
    load: dict[bytes, int] = {}
    for relay in relays:
        chosen = bridges(relay, devices)
        assert chosen == bridges(relay, Overlay(reversed(devices)))
        assert len(chosen) == OVERLAY_BRIDGES
        for each in chosen:
            load[each] = load.get(each, 0) + 1
    assert max(load.values()) <= 4, "not the same devices for all relays"
    gone, stays = sorted(bridges(relays[0], devices))
    devices.remove(gone)
    assert bridges(relays[0], devices) > {stays}
    few = devices[:OVERLAY_MESH_MAX]
    assert bridges(relays[0], few) == set(few)
