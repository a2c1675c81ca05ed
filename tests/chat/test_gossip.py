"""Stories of devices that are not all linked: who is online, and who writes, from hand to hand."""

from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.engine import ephemeral, limits
from chat.engine.ephemeral import Away, CursorAt, Here, Lost, Writing
from crdt import keys
from tests.chat.gossip_town import START_MS, WORKSPACE, Person, Town
from transport.proto.overlay import Overlay

GENERAL, PLANS = b"g" * 16, b"p" * 16
SECOND, MINUTE = 1_000, 60_000


def chain(*names: str) -> tuple[Town, list[Person]]:
    """Each linked with the one before."""
    town = Town()
    people = [town.add(name) for name in names]
    for left, right in pairwise(people):
        town.link(left, right)
    town.run(SECOND)
    return town, people


def spread(town: Town, count: int) -> list[Person]:
    """So many, linked as the overlay has it."""
    people = [town.add(f"p{number}") for number in range(count)]
    overlay = Overlay(person.device for person in people)
    for index, person in enumerate(people):
        wanted = overlay.neighbours(person.device)
        for other in people[index + 1 :]:
            if other.device in wanted:
                town.link(person, other)
    return people


def test_everybody_in_a_chain_knows_who_is_online_and_sees_who_writes() -> None:
    town, people = chain("ana", "bo", "cid", "dee")
    for person in people:
        assert town.knows(person) == {"ana", "bo", "cid", "dee"} - {person.name}
    ana, bo, cid, dee = people
    assert dee.gossip.online[ana.device].urls == ("ws://10.0.0.1:7311",)
    town.say(ana, Writing(GENERAL))
    town.say(ana, CursorAt(GENERAL, b"\1"))
    town.run(SECOND)
    for person in (bo, cid, dee):
        said = [(name, said) for name, said, _ in person.shown]
        assert said == [("ana", Writing(GENERAL)), ("ana", CursorAt(GENERAL, b"\1"))]
    assert ana.shown == []
    assert not any(person.faults for person in people)


def test_who_may_not_see_a_channel_neither_hears_nor_passes_on_who_writes_in_it() -> None:
    town, (ana, bo, cid, dee) = chain("ana", "bo", "cid", "dee")
    town.readers[PLANS] = {"ana", "bo", "dee"}
    town.bytes.clear()
    town.say(ana, Writing(PLANS))
    town.run(SECOND)
    assert town.bytes.keys() == {1}, "it passed on ana's link with bo, and on no other"
    assert [name for name, _, _ in bo.shown] == ["ana"]
    assert cid.shown == dee.shown == []
    # Nor does anybody believe somebody who writes where they are not.
    town.say(cid, Writing(PLANS))
    town.run(SECOND)
    assert not any(name == "cid" for person in (ana, bo, dee) for name, _, _ in person.shown)
    assert not any(person.faults for person in (ana, bo, cid, dee))


# Coming, going, being lost ---------------------------------------------------------------------


def test_a_goodbye_is_known_everywhere_at_once() -> None:
    town, people = chain("ana", "bo", "cid", "dee")
    town.leave(people[0])
    town.run(50)
    for person in people[1:]:
        assert "ana" not in town.knows(person)


def test_a_crash_is_known_everywhere_soon_and_a_lost_link_is_no_crash() -> None:
    town, (ana, bo, cid, dee) = chain("ana", "bo", "cid", "dee")
    town.link(dee, ana)  # A ring: who loses one neighbour has another.
    town.run(SECOND)
    town.cut(ana, bo)
    for _ in range(60):
        town.run(SECOND)
        assert town.knows(cid) == {"ana", "bo", "dee"}
        assert town.knows(bo) == {"ana", "cid", "dee"}
    town.crash(ana)
    town.run(limits.LOST_AFTER_MS + limits.LOST_SPREAD_MS + limits.SUSPECT_MS + SECOND)
    for person in (bo, cid, dee):
        assert "ana" not in town.knows(person)


def test_links_that_were_let_go_make_nobody_doubt() -> None:
    town, (ana, bo, cid) = chain("ana", "bo", "cid")
    town.link(ana, cid)
    town.run(SECOND)
    before = sum(town.passed.values())
    town.cut(ana, bo, let_go=True)
    town.run(30 * SECOND)
    assert sum(town.passed.values()) == before
    assert town.knows(ana) == {"bo", "cid"}


def test_a_device_that_is_quiet_for_ever_is_forgotten_and_one_that_stays_is_not() -> None:
    town, people = chain("ana", "bo", "cid")
    for _ in range(30):
        town.run(MINUTE)
        assert town.knows(people[2]) == {"ana", "bo"}
    # Its process hangs: links stand, and it says nothing any more.
    people[0].wake_at = None
    del town.people["ana"]
    town.run(5 * MINUTE)
    assert town.knows(people[2]) == {"bo"}


def test_a_removed_device_is_not_known_and_not_heard() -> None:
    town, (ana, bo, cid) = chain("ana", "bo", "cid")
    town.removed.add(ana.device)
    town.say(ana, Writing(GENERAL))
    town.run(5 * MINUTE)
    assert bo.shown == cid.shown == []
    assert town.knows(cid) == {"bo"}
    assert bo.faults == []


def test_new_addresses_are_told_at_once() -> None:
    town, (ana, _, cid) = chain("ana", "bo", "cid")
    ana.gossip.listens_at(["ws://192.168.7.7:1", "ws://" + "x" * 200, "ws://192.168.7.8:1"])
    town.look(ana)
    town.run(SECOND)
    told = ("ws://192.168.7.7:1", "ws://192.168.7.8:1")
    assert cid.gossip.online[ana.device].urls == told
    ana.gossip.listens_at([f"ws://10.{n}.0.1:7311/{'p' * 60}" for n in range(8)])
    town.look(ana)
    town.run(SECOND)
    urls = cid.gossip.online[ana.device].urls
    assert 2 <= len(urls) < 8, "as many as fit into a card"


# Relays ----------------------------------------------------------------------------------------


def test_a_relay_brings_together_who_is_linked_with_it_and_learns_of_nobody_else() -> None:
    town = Town()
    relay = town.add("relay", relay=True)
    ana, bo, cid = town.add("ana"), town.add("bo"), town.add("cid")
    town.link(ana, cid)  # Cid is not linked with the relay.
    town.link(ana, relay)
    town.link(bo, relay)
    town.run(SECOND)
    dee = town.add("dee")
    town.link(dee, cid)  # She comes later, and is told of the relay as well.
    town.run(SECOND)
    assert town.knows(dee) == {"ana", "cid", "relay"}
    town.leave(dee)
    assert town.knows(relay) == {"ana", "bo"}
    assert town.knows(ana) == {"bo", "cid", "relay"}
    assert town.knows(bo) == {"ana", "relay"}
    # Who knows others through a relay alone must keep it, and so has to tell them apart.
    assert ana.gossip.online[cid.device].near
    assert not ana.gossip.online[bo.device].near
    assert not bo.gossip.online[ana.device].near
    # So that goes no further, but for the relay itself.
    assert town.knows(cid) == {"ana", "relay"}
    town.say(ana, Writing(GENERAL))
    town.run(SECOND)
    assert bo.shown == relay.shown == []
    assert [name for name, _, _ in cid.shown] == ["ana"]
    # Nor does it take what somebody tells it of others.
    town.give(ana, relay, ana.gossip.online[cid.device].message)
    town.run(SECOND)
    assert town.knows(relay) == {"ana", "bo"}
    town.link(ana, bo)
    town.run(SECOND)
    assert ana.gossip.online[bo.device].near
    assert town.knows(cid) == {"ana", "bo", "relay"}
    for _ in range(10):
        town.run(MINUTE)
        assert town.knows(relay) == {"ana", "bo"}
        assert town.knows(bo) == {"ana", "cid", "relay"}


# Hostile members -------------------------------------------------------------------------------


def signed(person: Person, said: ephemeral.AnySaid, stamp: int, hops: int = 5) -> ephemeral.Signed:
    return ephemeral.sign(WORKSPACE, person.device, person.seed, stamp=stamp, hops=hops, said=said)


def test_nobody_speaks_for_another() -> None:
    town, (ana, bo, cid) = chain("ana", "bo", "cid")
    true = signed(cid, Writing(GENERAL), START_MS + 2_000)
    forged = msgspec.structs.replace(true, device=bo.device)
    town.give(
        ana, bo, msgspec.structs.replace(true, device=cid.device, said=b"\x92\x01\xc4\x10" + PLANS)
    )
    town.run(SECOND)
    assert bo.faults == ["ana"]
    assert bo.shown == cid.shown == []
    town.link(ana, bo)
    town.give(ana, bo, forged)  # Of bo's own words bo needs nobody.
    town.run(SECOND)
    assert bo.faults == ["ana"]
    elsewhere = ephemeral.sign(
        b"X" * 32, cid.device, cid.seed, stamp=START_MS + 3_000, hops=5, said=Writing(GENERAL)
    )
    town.give(ana, bo, elsewhere)  # What cid said in another workspace is no word here.
    town.run(SECOND)
    assert bo.faults == ["ana", "ana"]
    assert bo.shown == []


def test_what_was_recorded_is_not_believed_again() -> None:
    town, (ana, bo, cid) = chain("ana", "bo", "cid")
    card = bo.gossip.online[cid.device].message
    writing = signed(cid, Writing(GENERAL), START_MS + 2_000)
    town.give(cid, bo, writing)
    town.run(SECOND)
    assert len(ana.shown) == 1
    town.link(ana, cid)
    town.give(ana, bo, writing)
    town.give(ana, cid, writing)
    town.run(SECOND)
    assert len(ana.shown) == len(bo.shown) == 1
    town.leave(cid)
    town.run(SECOND)
    town.give(ana, bo, card)
    town.run(SECOND)
    assert "cid" not in town.knows(bo), "a card from before the goodbye"
    assert not any(person.faults for person in (ana, bo))


def test_a_card_from_before_a_goodbye_is_no_news_to_who_came_in_between() -> None:
    town, (ana, bo, cid) = chain("ana", "bo", "cid")
    card = bo.gossip.online[cid.device].message
    cid.gossip.listens_at(["ws://192.168.7.7:1"])
    town.look(cid)
    town.run(SECOND)
    dee = town.add("dee")
    town.link(ana, dee)
    town.run(SECOND)
    assert "cid" in town.knows(dee)
    town.leave(cid)
    town.run(SECOND)
    town.give(ana, dee, card)
    town.run(SECOND)
    assert "cid" not in town.knows(dee)


def test_what_is_older_than_ten_minutes_is_no_news_to_who_was_not_here() -> None:
    town, (ana, bo, cid) = chain("ana", "bo", "cid")
    card = bo.gossip.online[cid.device].message
    writing = signed(cid, Writing(GENERAL), START_MS + 2_000)
    town.leave(cid)
    town.run(limits.STAMP_WINDOW_MS)
    dee = town.add("dee")
    town.link(ana, dee)
    town.give(ana, dee, card)
    town.give(ana, dee, writing)
    town.run(SECOND)
    assert "cid" not in town.knows(dee)
    assert dee.shown == []
    assert not any(person.faults for person in (ana, bo, dee))


def test_who_says_that_others_are_lost_makes_them_say_that_they_are_not() -> None:
    town, (ana, _, cid, dee) = chain("ana", "bo", "cid", "dee")
    for number in range(200):
        stamp = dee.gossip.online[ana.device].message.stamp
        town.give(dee, cid, signed(dee, Lost(ana.device, stamp), START_MS + int(town.time)))
        town.run(500)
        assert "ana" in town.knows(cid), number
    # It cost ana one card in three seconds.
    assert town.passed["ana"] < 10 + 100 // 3 + 5


def test_a_device_that_floods_is_passed_on_at_a_bounded_rate() -> None:
    town, (ana, bo, cid) = chain("ana", "bo", "cid")
    before = town.passed["bo"]
    for number in range(1_000):
        town.give(ana, bo, signed(ana, Writing(GENERAL), START_MS + 2_000 + number))
        town.run(10)
    town.run(SECOND)
    most = limits.BURST_MAX + 11 * SECOND // limits.EVERY_MS + 1
    assert town.passed["bo"] - before <= most
    assert 20 <= len(cid.shown) <= most
    assert bo.faults == []
    # Others are heard all the while.
    town.say(bo, Writing(GENERAL))
    town.run(SECOND)
    assert cid.shown[-1][0] == "bo"


def test_a_wrong_clock_costs_hearsay_and_nothing_first_hand() -> None:
    town = Town()
    ana, bo, cid = town.add("ana"), town.add("bo"), town.add("cid")
    ana.wall_ahead_ms = 24 * 60 * MINUTE
    town.link(ana, bo)
    town.link(bo, cid)
    town.run(SECOND)
    assert town.knows(bo) == {"ana", "cid"}
    assert town.knows(cid) == {"bo"}
    town.say(ana, Writing(GENERAL))
    town.run(SECOND)
    assert [name for name, _, _ in bo.shown] == ["ana"]
    assert cid.shown == []


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_whatever_a_member_signs_is_taken_passed_over_or_one_error(data: st.DataObject) -> None:
    town, (ana, bo, _) = chain("ana", "bo", "cid")
    said = data.draw(
        st.binary(max_size=limits.SAID_MAX_BYTES)
        | st.builds(ephemeral.encode, st.builds(Here, st.integers(0, 2**40), st.just(("x",) * 3)))
        | st.builds(
            ephemeral.encode, st.builds(Lost, st.binary(max_size=40), st.integers(0, 2**60))
        )
        | st.just(msgspec.msgpack.encode([99, "news"]))
    )
    stamp = data.draw(st.sampled_from([1, START_MS + 2_000, 2**53 - 1]))
    covered = WORKSPACE + ana.device + stamp.to_bytes(8, "big") + said
    signature = keys.sign(ana.seed, ephemeral.SIGN_EPHEMERAL, covered)
    town.give(ana, bo, ephemeral.Signed(ana.device, stamp, 5, said, signature))
    town.run(MINUTE)
    assert all(name == "ana" for name in bo.faults)


# Large teams -----------------------------------------------------------------------------------


def idle_bytes_per_second(town: Town, minutes: int) -> list[float]:
    town.bytes.clear()
    town.run(minutes * MINUTE)
    links = {n for person in town.people.values() for n in person.links}
    return sorted(town.bytes[number] / (60 * minutes) for number in links)


def test_in_a_full_mesh_nobody_passes_anything_on() -> None:
    town = Town()
    people = [town.add(f"p{number}") for number in range(12)]
    for index, person in enumerate(people):
        for other in people[index + 1 :]:
            town.link(person, other)
    town.run(SECOND)
    town.passed.clear()
    town.say(people[0], Writing(GENERAL))
    town.run(SECOND)
    assert all(len(person.shown) == 1 for person in people[1:])
    assert dict(town.passed) == {"p0": 11}
    assert idle_bytes_per_second(town, 20)[-1] < 5


def test_a_hundred_devices_know_of_each_other_and_see_who_writes_within_fifty_ms() -> None:
    town = Town()
    people = spread(town, 100)
    town.run(2 * SECOND)
    everybody = {person.name for person in people}
    for person in people:
        assert town.knows(person) == everybody - {person.name}
    begun = town.time
    town.say(people[0], Writing(GENERAL))
    town.run(SECOND)
    times = [person.shown[0][2] for person in people[1:]]
    assert max(times) - begun < 50
    assert all(len(person.shown) == 1 for person in people[1:])


def test_when_a_third_of_a_team_crashes_the_rest_knows_before_it_has_new_links() -> None:
    town = Town()
    people = spread(town, 64)
    town.run(2 * SECOND)
    for person in people[:20]:
        town.crash(person)
    town.run(30 * SECOND)
    left = {person.name for person in people[20:]}
    wrong = [person.name for person in people[20:] if town.knows(person) != left - {person.name}]
    assert wrong == []


def test_an_idle_team_of_forty_says_little_and_forgets_nobody() -> None:
    town = Town()
    people = spread(town, 40)
    town.run(5 * MINUTE)
    rates = idle_bytes_per_second(town, 20)
    assert rates[-1] < 90, "and a card is said less often, the more there are"
    everybody = {person.name for person in people}
    assert all(town.knows(person) == everybody - {person.name} for person in people)


@pytest.mark.parametrize("seed", range(3))
def test_devices_that_come_later_are_known_by_all_and_know_all(seed: int) -> None:
    town = Town(seed)
    people = spread(town, 40)
    town.run(SECOND)
    late = [town.add(f"late{number}") for number in range(5)]
    for person in late:
        town.link(person, town.random.choice(people))
    town.run(SECOND)
    everybody = {person.name for person in (*people, *late)}
    for person in (*people, *late):
        assert town.knows(person) == everybody - {person.name}


# Away ------------------------------------------------------------------------------------------


def away(person: Person) -> dict[str, str]:
    """Who is away, as somebody knows it."""
    return {member.decode(): text for member, text in person.gossip.away.items()}


def test_who_is_away_is_away_everywhere_and_back_everywhere() -> None:
    town, people = chain("ana", "bo", "cid", "dee")
    town.say_away(people[0], "lunch")
    town.run(SECOND)
    assert all(away(person) == {"ana": "lunch"} for person in people)
    town.say_away(people[0], "lunch, long")
    town.run(SECOND)
    assert all(away(person) == {"ana": "lunch, long"} for person in people)
    told = [person.away_changes for person in people]
    town.run(10 * MINUTE)  # Said again with each card, which is no news.
    assert all(away(person) == {"ana": "lunch, long"} for person in people)
    assert [person.away_changes for person in people] == told == [2, 2, 2, 2]
    town.say_away(people[0], back=True)
    town.run(SECOND)
    assert not any(away(person) for person in people)
    assert not any(person.faults for person in people)


def test_who_comes_later_hears_that_somebody_is_away() -> None:
    town, (ana, bo) = chain("ana", "bo")
    town.say_away(ana, "lunch")
    town.run(SECOND)
    cid = town.add("cid")
    town.link(bo, cid)
    town.run(SECOND)
    assert away(cid) == {"ana": "lunch"}


def test_any_device_of_a_member_says_that_they_are_back() -> None:
    town, (desk, bo, phone) = chain("ana", "bo", "ana-phone")
    town.say_away(desk, "lunch")
    town.run(SECOND)
    assert away(phone) == away(bo) == {"ana": "lunch"}
    phone.wall_ahead_ms = -5 * MINUTE  # Whatever its clock shows, it answers to what it knows.
    town.say_away(phone, back=True)
    town.run(SECOND)
    assert away(desk) == away(bo) == away(phone) == {}
    town.run(10 * MINUTE)  # And the desk does not say it again.
    assert away(desk) == away(bo) == away(phone) == {}


def test_who_goes_offline_is_not_away_any_more() -> None:
    town, (ana, bo, cid) = chain("ana", "bo", "cid")
    town.say_away(ana)
    town.run(SECOND)
    town.crash(ana)
    town.run(MINUTE)
    assert away(bo) == away(cid) == {}


def test_a_relay_does_not_learn_who_is_away() -> None:
    town = Town()
    ana, relay, bo = town.add("ana"), town.add("relay", relay=True), town.add("bo")
    town.link(ana, relay)
    town.link(relay, bo)
    town.run(SECOND)
    town.passed.clear()
    town.say_away(ana, "at the doctor's")
    town.run(SECOND)
    assert away(relay) == away(bo) == {}
    assert not town.passed["ana"]


def test_an_old_word_or_one_of_somebody_else_counts_for_nothing() -> None:
    town, (ana, bo, cid) = chain("ana", "bo", "cid")
    town.say_away(ana, "lunch")
    town.run(SECOND)
    old = ephemeral.sign(
        WORKSPACE, ana.device, ana.seed, stamp=town.now(ana).wall - 5 * SECOND, hops=3,
        said=Away(True, "at the beach"),
    )  # fmt: skip
    town.give(ana, bo, old)
    town.run(SECOND)
    assert away(bo) == away(cid) == {"ana": "lunch"}
    town.say_away(bo, "in a meeting")
    town.run(SECOND)
    assert away(cid) == {"ana": "lunch", "bo": "in a meeting"}
    false = ephemeral.sign(
        WORKSPACE, bo.device, cid.seed, stamp=town.now(bo).wall + 1, hops=3, said=Away(False, "")
    )
    town.give(cid, bo, msgspec.structs.replace(false, device=ana.device))
    town.run(SECOND)
    assert bo.faults == ["cid"]
    assert away(bo) == {"ana": "lunch", "bo": "in a meeting"}


def test_what_is_said_of_being_away_is_clean() -> None:
    town, (ana, bo) = chain("ana", "bo")
    town.say_away(ana, "\x1b]0;owned\x07lunch\u202e")
    town.run(SECOND)
    assert away(bo) == {"ana": "]0;ownedlunch"}


words = st.tuples(st.sampled_from(["ana", "ana-phone", "ana-tablet"]), st.booleans())


@settings(max_examples=30)
@given(st.lists(words, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_whatever_order_words_come_in_everybody_believes_the_same(
    said: list[tuple[str, bool]], random: Random
) -> None:
    town = Town()
    devices = {name: town.add(name) for name in ("ana", "ana-phone", "ana-tablet")}
    bo, cid = town.add("bo"), town.add("cid")
    messages = [
        ephemeral.sign(
            WORKSPACE, devices[name].device, devices[name].seed,
            stamp=START_MS + 5_000 + number, hops=0, said=Away(gone, str(number) if gone else ""),
        )
        for number, (name, gone) in enumerate(said)
    ]  # fmt: skip
    town.run(10 * SECOND)
    for reader in (bo, cid):
        number = town.link(reader, devices["ana"])
        town.run(SECOND)
        shuffled = random.sample(messages, len(messages))
        for message in shuffled:
            reader.gossip.hear(number, message, town.now(reader))
    wanted = {"ana": str(len(said) - 1)} if said[-1][1] else {}
    assert away(bo) == away(cid) == wanted
