"""An invite nearby in memory: two honest people, people who say no, time, and somebody in between.

The promise behind all of it: an invite is sent only after both people have said that the digits on
their screens are the same, and somebody in between cannot choose what these digits are.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import UsageError
from chat.invitation import parse
from chat.nearby import label, limits, standing
from chat.nearby.code import code, commitment, fits, shown
from chat.nearby.label import Label
from chat.nearby.messages import (
    NearbyAgree,
    NearbyAsk,
    NearbyCommit,
    NearbyEnd,
    NearbyInvite,
    NearbyNonce,
    NearbyReveal,
    NearbyTaken,
    decode,
    encode,
)
from chat.nearby.offer import MakeInvite, Offer, TakeBack
from crdt.errors import Invalid, TooNew
from tests.chat.engine_team import seeded
from tests.chat.nearby_room import (
    INVITE,
    ORDERS,
    Between,
    Desk,
    Guest,
    Room,
    closed,
    link_hash,
    said,
)
from transport.proto.announcement import Announcement, parse_announcement

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "nearby.json").read_text("utf-8"))
ASK, AGREE, TAKEN = encode(NearbyAsk()), encode(NearbyAgree()), encode(NearbyTaken())
NONCE = encode(NearbyNonce(b"n" * 16))


# Bytes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS["labels"], ids=lambda vector: vector["words"])
def test_labels_are_these_bytes_and_words(vector: dict[str, str]) -> None:
    known = label.read(bytes.fromhex(vector["wire"]))
    assert known.text == vector["words"]
    assert known.wire.hex() == vector["wire"]
    assert known.door.key.hex() == vector["door"]
    assert known.door.at_door
    first, second = vector["words"].split("-")
    for typed in (vector["words"], f" {first.upper()}  {second} ", f"{first[:4]}, {second[:4]}"):
        assert label.parse(typed) == known


@pytest.mark.parametrize("vector", VECTORS["bad_labels"], ids=lambda vector: vector["about"])
def test_what_is_no_label_is_invalid(vector: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        label.read(bytes.fromhex(vector["wire"]))


@given(st.integers(0, 2**22 - 1))
def test_a_label_survives_the_air_and_a_keyboard(number: int) -> None:
    known = Label(number)
    assert label.read(known.wire) == label.parse(known.text) == known


@given(st.text(max_size=80))
def test_any_text_is_a_label_or_one_error(text: str) -> None:
    try:
        known = label.parse(text)
    except UsageError:
        return
    assert label.parse(known.text) == known


def test_an_announcement_says_the_label_and_the_doors_tag_and_nothing_else() -> None:
    vector = VECTORS["announcement"]
    known = label.read(bytes.fromhex(vector["label"]))
    nonce = bytes.fromhex(vector["nonce"])
    made = Announcement.of_secrets([known.door], nonce, known.wire)
    assert made.encode().hex() == vector["txt"]
    assert parse_announcement(made.encode()) == made
    assert len(made.encode()) == 3 * 3 + 16 + 8 + 3


@pytest.mark.parametrize("vector", VECTORS["codes"], ids=lambda vector: vector["about"])
def test_codes_are_these_digits(vector: dict[str, str]) -> None:
    names = ("handshake_hash", "inviter_nonce", "newcomer_nonce", "commitment")
    handshake, ours, theirs, committed = (bytes.fromhex(vector[name]) for name in names)
    assert code(handshake, ours, theirs) == vector["code"]
    assert commitment(handshake, ours) == committed
    assert fits(committed, handshake, ours)
    assert not fits(committed, handshake, theirs)
    assert shown(vector["code"]).replace(" ", "") == vector["code"]


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda vector: vector["about"])
def test_messages_are_these_bytes(vector: dict[str, str]) -> None:
    message = decode(bytes.fromhex(vector["bytes"]))
    assert encode(message).hex() == vector["bytes"]
    assert type(message).__name__ == vector["is"]
    assert "clowder:" not in repr(message)


@pytest.mark.parametrize("vector", VECTORS["bad_messages"], ids=lambda vector: vector["about"])
def test_what_is_no_message_is_invalid_and_what_is_newer_says_so(vector: dict[str, str]) -> None:
    with pytest.raises(TooNew if vector["error"] == "too new" else Invalid) as caught:
        decode(bytes.fromhex(vector["bytes"]))
    assert (vector["error"] == "too new") is isinstance(caught.value, TooNew)


@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda data: b"\x92" + data))
def test_any_bytes_are_a_message_or_one_error(data: bytes) -> None:
    try:
        message = decode(data)
    except Invalid:
        return
    assert decode(encode(message)) == message


# Two honest people ------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["ana", "bo"])
def test_both_see_the_same_digits_and_the_invite_passes_when_both_have_said_so(first: str) -> None:
    room = Room()
    room.run()
    ana, bo = room.codes
    assert ana == bo
    assert len(ana) == limits.CODE_DIGITS
    room.ana_says(True) if first == "ana" else room.bo_says(True)
    assert (room.desk.invites, room.guest.invite) == (0, ""), "one yes is not enough"
    assert room.whys == ("", "")
    room.bo_says(True) if first == "ana" else room.ana_says(True)
    assert (room.desk.invites, room.guest.invite) == (1, INVITE)
    assert room.desk.offer.stands.where == room.guest.approach.stands.where == "done"
    assert room.desk.taken_back == 0
    assert room.desk.offer.due is room.guest.approach.due is None


@pytest.mark.parametrize("who", ["ana", "bo"])
@pytest.mark.parametrize("other_first", [False, True])
def test_a_no_of_either_ends_it_and_no_invite_is_made(who: str, other_first: bool) -> None:
    room = Room()
    room.run()
    says = {"ana": room.ana_says, "bo": room.bo_says}
    if other_first:
        says["bo" if who == "ana" else "ana"](True)
    says[who](False)
    assert room.whys == (standing.DIFFERS, standing.DIFFERS)
    assert (room.desk.invites, room.guest.invite) == (0, "")
    for late in (room.ana_says, room.bo_says):
        late(True)
    assert (room.desk.invites, room.guest.invite) == (0, ""), "what is over stays over"


def test_whoever_gives_up_says_so() -> None:
    for who in ("ana", "bo"):
        room = Room()
        room.run()
        if who == "ana":
            room.desk.does(room.desk.offer.cancel())
        else:
            room.guest.does(room.guest.approach.cancel())
        room.run()
        here, there = room.whys if who == "ana" else room.whys[::-1]
        assert (here, there) == (standing.LEFT, standing.CLOSED)
        assert room.desk.offer.cancel() == room.guest.approach.cancel() == []


def test_an_invite_that_cannot_be_made_is_told() -> None:
    room = Room()
    room.desk.able = False
    room.run()
    room.ana_says(True)
    room.bo_says(True)
    assert room.whys == (standing.FAILED, standing.FAILED)
    assert (room.desk.taken_back, room.guest.invite) == (0, "")


# Time and places --------------------------------------------------------------------------------


def test_nobody_comes_for_two_minutes() -> None:
    desk = Desk()
    assert desk.offer.due == limits.OFFER_MS
    desk.does(desk.offer.tick(limits.OFFER_MS - 1))
    assert desk.offer.stands.where == "open"
    desk.does(desk.offer.tick(limits.OFFER_MS))
    assert desk.offer.stands.why == standing.NOBODY
    assert said(desk.offer.link_up(1, link_hash("late"), limits.OFFER_MS)) == [NearbyEnd("busy")]


def test_a_code_that_nobody_answers_for_a_minute_is_late() -> None:
    room = Room()
    room.run()
    room.pass_time(limits.COMPARE_MS - 1)
    assert room.whys == ("", "")
    room.ana_says(True)
    room.pass_time(1)
    assert room.whys == (standing.LATE, standing.LATE)
    assert room.desk.invites == 0


def test_the_second_newcomer_is_refused_and_disturbs_nobody() -> None:
    room = Room()
    second = room.desk.offer.link_up(2, link_hash("two"), 0)
    assert (said(second), closed(second)) == ([NearbyEnd("busy")], [2])
    room.run()
    third = room.desk.offer.link_up(3, link_hash("three"), 0)
    assert closed(third) == [3]
    for payload in (ASK, NONCE, AGREE, TAKEN, b"nonsense"):
        assert room.desk.offer.receive(2, payload, 0) == []
    assert room.desk.offer.link_down(3) == []
    room.ana_says(True)
    room.bo_says(True)
    assert room.guest.invite == INVITE


def test_before_the_code_whoever_leaves_is_silent_or_breaks_a_rule_makes_way() -> None:
    desk = Desk()
    desk.does(desk.offer.link_up(1, link_hash("leaves"), 0))
    desk.does(desk.offer.receive(1, ASK, 0))
    desk.does(desk.offer.link_down(1))
    desk.does(desk.offer.link_up(2, link_hash("is silent"), 0))
    assert desk.offer.due == limits.GREETING_MS
    desk.does(desk.offer.tick(limits.GREETING_MS))
    for link, wrong in enumerate([NONCE, AGREE, TAKEN, encode(NearbyReveal(b"x" * 16)), b""], 3):
        desk.does(desk.offer.link_up(link, link_hash(str(link)), 6_000))
        desk.does(desk.offer.receive(link, wrong, 6_000))
    desk.does(desk.offer.link_up(8, link_hash("newer"), 6_000))
    desk.wire.clear()
    desk.does(desk.offer.receive(8, encode(NearbyAsk(2)), 6_000))
    assert [decode(payload) for _, payload in desk.wire] == [NearbyEnd("newer")]
    assert desk.gone == [2, 3, 4, 5, 6, 7, 8]
    assert desk.offer.stands.where == "open"
    guest = Guest(9, link_hash("nine"), now=7_000)
    desk.does(desk.offer.link_up(9, guest.handshake_hash, 7_000))
    desk.does(desk.offer.receive(9, ASK, 7_000))
    assert isinstance(decode(desk.wire[-1][1]), NearbyCommit)


def test_the_newcomer_gives_up_on_who_is_silent_busy_or_breaks_a_rule() -> None:
    guest = Guest(1, link_hash("one"))
    guest.does(guest.approach.tick(limits.GREETING_MS))
    assert (guest.approach.stands.why, guest.gone) == (standing.LOST, True)
    commit = encode(NearbyCommit(b"c" * 32))
    for wrong in ([NONCE], [encode(NearbyReveal(b"x" * 16))], [commit, commit], [ASK], [b"\xc1"]):
        guest = Guest(1, link_hash("one"))
        for payload in wrong:
            guest.does(guest.approach.receive(payload, 0))
        assert (guest.approach.stands.why, guest.gone) == (standing.FAULT, True), wrong
    for reason, why in (("busy", standing.BUSY), ("\x1b[2J", standing.UNKNOWN)):
        guest = Guest(1, link_hash("one"))
        guest.does(guest.approach.receive(encode(NearbyEnd(reason)), 0))
        assert guest.approach.stands.why == why
        assert guest.approach.stands.reason == standing.SENTENCES[why]
        assert guest.approach.receive(commit, 0) == []


def test_messages_of_a_newer_build_are_passed_over_but_not_without_end() -> None:
    newer = b"\x91\x17"
    for side in range(2):
        room = Room(there=lambda p: [newer, p], back=lambda p: [newer, p])
        room.run()
        assert room.codes[0] == room.codes[1] != ""
        receive: Any = room.desk.offer.receive if side else None
        for _ in range(limits.MESSAGES_PER_LINK_MAX):
            effects: Any = receive(1, newer, 0) if side else room.guest.approach.receive(newer, 0)
        assert room.whys[1 - side] == standing.FAULT
        assert effects == []


# Somebody in between ----------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_somebody_in_between_shows_two_different_codes(order: tuple[str, ...]) -> None:
    pairs = []
    for seed in range(200):
        between = Between(seed)
        between.pass_on(order)
        pairs.append(between.codes)
    assert all(len(ana) == len(bo) == limits.CODE_DIGITS for ana, bo in pairs)
    assert not [pair for pair in pairs if pair[0] == pair[1]]
    assert len({ana for ana, _ in pairs}) > 190, "digits are spread"


def test_handing_everything_on_unchanged_does_not_make_the_codes_equal() -> None:
    between = Between(7)
    (commit,) = between.to_ana(NearbyAsk())
    (nonce,) = between.to_bo(commit)
    (reveal,) = between.to_ana(nonce)
    between.to_bo(reveal)
    assert between.codes[0]
    assert between.guest.approach.stands.why == standing.FAULT, "it was bound to another link"


def test_a_nonce_cannot_be_chosen_after_the_other_one_is_known() -> None:
    """Somebody in between who sees bo's nonce would need one of its own that fits ana's digits."""
    between = Between(3)
    own = between.random(16)
    between.to_ana(NearbyAsk())
    (theirs,) = between.to_bo(NearbyCommit(commitment(between.guest.handshake_hash, own)))
    between.to_ana(NearbyNonce(between.random(16)))
    wanted = between.codes[0]
    hash_of_bo = between.guest.handshake_hash
    searched = ((n, n.to_bytes(16, "big")) for n in range(10_000_000))
    better = next(n for _, n in searched if code(hash_of_bo, n, theirs.nonce)[:3] == wanted[:3])
    between.to_bo(NearbyReveal(better))
    assert between.guest.approach.stands.why == standing.FAULT
    assert between.guest.invite == ""


def test_somebody_in_between_has_one_try_towards_ana() -> None:
    desk = Desk()
    for link in range(1, 50):
        desk.does(desk.offer.link_up(link, link_hash(str(link)), 0))
        desk.does(desk.offer.receive(link, ASK, 0))
        desk.does(desk.offer.link_down(link))
    commitments = [decode(payload) for _, payload in desk.wire]
    assert len({str(each) for each in commitments}) == 49, "each link has another nonce"
    assert not any(isinstance(each, NearbyReveal) for each in commitments)
    desk.does(desk.offer.link_up(50, link_hash("50"), 0))
    desk.does(desk.offer.receive(50, ASK, 0))
    desk.does(desk.offer.receive(50, NONCE, 0))
    assert desk.offer.stands.where == "code"
    desk.does(desk.offer.link_down(50))
    assert desk.offer.stands.why == standing.LOST
    again = desk.offer.link_up(51, link_hash("51"), 0)
    assert said(again) == [NearbyEnd("busy")]


def test_what_passed_once_is_of_no_use_on_another_link() -> None:
    there: list[bytes] = []
    back: list[bytes] = []

    def keep(kept: list[bytes], payload: bytes) -> list[bytes]:
        kept.append(payload)
        return [payload]

    first = Room(there=lambda p: keep(there, p), back=lambda p: keep(back, p))
    first.run()
    first.ana_says(True)
    first.bo_says(True)
    assert first.guest.invite == INVITE
    desk = Desk("ana on another day")
    desk.does(desk.offer.link_up(1, link_hash("another"), 0))
    for payload in there:
        desk.does(desk.offer.receive(1, payload, 0))
    assert desk.offer.stands.code != first.codes[0]
    assert desk.invites == 0
    guest = Guest(1, link_hash("another"), "bo on another day")
    for payload in back:
        guest.does(guest.approach.receive(payload, 0))
    assert (guest.approach.stands.why, guest.invite) == (standing.FAULT, "")


def test_a_machine_that_sends_an_invite_unasked_gives_none() -> None:
    room = Room()
    room.run()
    room.guest.does(room.guest.approach.receive(encode(NearbyInvite(INVITE)), 0))
    assert (room.guest.invite, room.whys[1]) == ("", standing.FAULT)
    room = Room(back=lambda p: [encode(NearbyInvite("no invite"))] if b"clowder:" in p else [p])
    room.run()
    room.ana_says(True)
    room.bo_says(True)
    assert (room.guest.invite, room.whys[1]) == ("", standing.FAULT)
    assert room.desk.taken_back == 1


@pytest.mark.parametrize("lost", ["the invite", "the thanks"])
def test_an_invite_that_may_not_have_come_is_taken_back(lost: str) -> None:
    room = Room(
        back=lambda p: [] if lost == "the invite" and b"clowder:" in p else [p],
        there=lambda p: [] if lost == "the thanks" and p == TAKEN else [p],
    )
    room.run()
    room.bo_says(True)
    room.ana_says(True)
    assert (room.desk.invites, room.desk.taken_back) == (1, 0)
    room.pass_time(limits.HANDOVER_MS)
    assert room.desk.taken_back == 1
    assert room.whys[0] == standing.LOST


def test_an_invite_that_is_made_too_late_is_taken_back() -> None:
    offer = Offer(seeded("ana"), 0)
    offer.link_up(1, link_hash("one"), 0)
    for payload in (ASK, NONCE, AGREE):
        offer.receive(1, payload, 0)
    assert MakeInvite() in offer.answer(True, 0)
    assert offer.link_down(1) == [offer.stands]
    assert offer.give(INVITE) == [TakeBack()]


Move = tuple[str, bytes]
_MOVES = st.one_of(
    st.sampled_from([ASK, NONCE, AGREE, TAKEN, encode(NearbyEnd("no"))]).map(lambda p: ("hear", p)),
    st.binary(max_size=20).map(lambda p: ("hear", p)),
    st.sampled_from(["up", "down", "yes", "no", "made", "failed", "cancel", "tick"]).map(
        lambda what: (what, b"")
    ),
)


@given(st.lists(_MOVES, max_size=25))
def test_whatever_happens_an_invite_goes_only_to_a_link_with_two_yeses(moves: list[Move]) -> None:
    """The whole promise, over every order of messages, answers, links and time."""
    offer, now, link, yes, agreed, asked, sent = Offer(seeded("ana"), 0), 0, 0, False, False, 0, 0
    for what, payload in [("up", b""), *moves]:
        now += 700
        effects: list[Any] = []
        shows = offer.stands.where in ("code", "waiting")
        match what:
            case "up":
                link += 1
                effects = offer.link_up(link, link_hash(str(link)), now)
            case "down":
                effects = offer.link_down(link)
            case "hear":
                effects = offer.receive(link, payload, now)
                agreed = agreed or (shows and payload == AGREE)
            case "yes" | "no":
                effects = offer.answer(what == "yes", now)
                yes = yes or (what == "yes" and shows)
            case "made" if asked > sent:
                effects = offer.give(INVITE)
                sent += 1
            case "failed" if asked > sent:
                effects = offer.fail()
                sent += 1
            case "cancel":
                effects = offer.cancel()
            case "tick":
                now += limits.GREETING_MS
                effects = offer.tick(now)
        asked += sum(isinstance(each, MakeInvite) for each in effects)
        for message in said(effects):
            assert not isinstance(message, NearbyInvite) or (yes and agreed and asked == 1)
        assert asked == 0 or (yes and agreed)
        assert asked <= 1
        assert (offer.due is None) is offer.stands.is_final
    if offer.stands.where == "done":
        assert asked == sent == 1


def test_who_is_in_already_does_not_take_the_invite() -> None:
    room = Room()
    room.guest.home = parse(INVITE).workspace
    room.run()
    room.bo_says(True)
    room.ana_says(True)
    assert room.whys == ("already", "inside")
    assert (room.desk.invites, room.desk.taken_back, room.guest.invite) == (1, 1, "")
