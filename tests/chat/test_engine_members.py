"""Stories of engines: coming in, talking, being apart, private channels, leaving."""

from collections.abc import Callable

import pytest

from chat import effects
from chat.engine.people import channel_name
from chat.errors import NotFound, TrustError, UsageError
from crdt import ops
from crdt.limits import CLOCK_MERGE_MAX_MS
from crdt.roster_ops import MODE_PUBLIC, Remove, Share
from tests.chat.engine_team import START_MS, Desk, Team


def everywhere(*desks: Desk) -> None:
    """All show the same."""
    first, *others = [desk.canonical() for desk in desks]
    assert all(other == first for other in others)


def plaintexts_in(desk: Desk, *texts: str) -> list[str]:
    """Which of these stand readable in anything a desk has stored."""
    store = desk.workspace.store
    held = b"".join(store.ops())
    held += b"".join(entry.ciphertext or b"" for _, entry in store.since(0, 100_000))
    held += b"".join(store.seals().values())
    return [text for text in texts if text.encode() in held]


# Coming in ------------------------------------------------------------------------------------


def test_a_newcomer_reads_what_was_said_before_and_is_known_by_name() -> None:
    team = Team(seed=1)
    ana = team.found("ana")
    for number in range(70):
        team.post(ana, f"hello {number}")
    bo = team.join("bo", ana)
    assert bo.texts() == [f"hello {number}" for number in range(70)]
    assert bo.workspace.name() == "Cats"
    assert [member.nick for member in bo.views.members()] == ["ana", "bo"]
    assert [member.role for member in ana.views.members()] == ["founder", "member"]
    assert [member.online for member in ana.views.members()] == [True, True]
    team.post(bo, "hello from bo")
    team.run()
    assert ana.texts()[-1] == "hello from bo"
    assert ana.reached("hello from bo") == (1, 1)
    everywhere(ana, bo)


def test_a_newcomer_who_stays_linked_needs_no_restart_to_write() -> None:
    team = Team(seed=2)
    ana = team.found("ana")
    bo = team.claim("bo", ana)
    with pytest.raises(TrustError, match="may not write"):
        bo.workspace.sending_epoch(ana.workspace.find_channel("general"))
    team.link(ana, bo)
    team.run(3_000)
    assert bo.workspace.has_key
    team.post(bo, "in")
    team.run()
    assert ana.texts() == ["in"]


def test_members_who_did_not_invite_let_newcomers_in_and_share_the_key() -> None:
    team = Team(seed=3)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.post(ana, "before")
    team.run()
    cid = team.claim("cid", ana)
    team.run()
    team.isolate(ana)  # The inviter is away from now on.
    team.link(bo, cid)
    team.run()
    assert cid.texts() == ["before"]
    admission = cid.workspace.roster.state.members[cid.workspace.me].admit_op
    assert admission is not None
    assert cid.workspace.roster.op(admission).body.device == bo.workspace.device
    assert bo.workspace.nick(cid.workspace.me) == "cid"
    team.mesh()
    team.run()
    everywhere(ana, bo, cid)


def test_a_claim_waits_at_a_relay_until_somebody_who_may_witness_comes_by() -> None:
    team = Team(seed=4)
    ana = team.found("ana")
    relay = team.join("relay", ana, relay=True)
    team.post(ana, "before")
    team.run()
    bo = team.claim("bo", ana)
    team.run()
    team.isolate(ana)
    wire = team.link(bo, relay)
    team.run()
    assert bo.workspace.level is None
    assert len(relay.workspace.store.claims()) == 1
    team.cut(wire)  # Both go before ana is back.
    team.link(ana, relay)
    team.run()
    assert bo.workspace.me in ana.workspace.roster.state.members
    assert relay.workspace.store.claims() == []
    team.link(bo, relay)
    team.run()
    assert bo.texts() == ["before"]
    team.post(bo, "thanks")
    team.run()
    assert ana.texts() == ["before", "thanks"]


def test_a_relay_holds_ciphertext_only_and_forwards_it() -> None:
    team = Team(seed=5)
    ana = team.found("ana")
    bo, relay = team.join("bo", ana), team.join("relay", ana, relay=True)
    team.isolate_all()
    team.link(ana, relay)
    team.link(bo, relay)
    team.channel(ana, "plans", bo)
    team.post(ana, "secret kitten", "plans")
    team.post(ana, "public kitten")
    team.run()
    assert bo.texts("plans") == ["secret kitten"]
    assert bo.texts() == ["public kitten"]
    assert plaintexts_in(relay, "kitten", "plans", "Cats", "general") == []
    assert relay.messages() == 0
    assert relay.workspace.store.epoch_keys() == {}
    assert relay.workspace.store.count_entries() == ana.workspace.store.count_entries()
    assert relay.workspace.store.count_waiting() == 0
    assert not any(isinstance(told, effects.MessageTouched) for told in relay.told)
    assert ana.reached("public kitten") == (1, 1)  # the relay is nobody


def test_a_claim_that_came_before_the_key_is_looked_at_again_with_the_key() -> None:
    team = Team(seed=6)
    ana = team.found("ana")
    bo = team.claim("bo", ana)
    cid = team.claim("cid", ana)
    team.run()
    # Bo is admitted, and the link breaks before ana's share of the key has come over.
    team.do(ana, lambda now: ana.engine.claim_left(bo.workspace.store.claims()[0].wire, now))
    for op in ana.workspace.roster.missing_from(()):
        if not isinstance(ana.workspace.roster.op(op).args, Share):
            bo.workspace.store.add_op(op, ana.workspace.roster.wire(op))
    bo.store.commit()
    team.restart(bo)
    assert (bo.workspace.level, bo.workspace.has_key) == (100, False)
    team.link(bo, cid)
    team.run()
    assert cid.workspace.level is None
    team.isolate(cid)
    team.link(ana, bo)
    team.run()
    assert cid.workspace.me in bo.workspace.roster.state.members


def test_one_open_invite_keeps_one_claim_however_many_are_shown() -> None:
    team = Team(seed=7)
    ana = team.found("ana")
    relay = team.join("relay", ana, relay=True)
    team.isolate(ana)
    first = team.claim("bo", ana)
    team.link(ana, relay)
    team.run()
    team.isolate_all()
    wire = first.workspace.store.claims()[0].wire
    for number in range(200):
        spoilt = wire[:-1] + bytes([wire[-1] ^ (1 + number % 255)])
        team.do(relay, lambda now, spoilt=spoilt: relay.engine.claim_left(spoilt, now))
    assert relay.workspace.store.claims() == []
    for _ in range(5):
        team.do(relay, lambda now: relay.engine.claim_left(wire, now))
    assert len(relay.workspace.store.claims()) == 1


def test_an_invite_lets_in_one_person_and_only_until_it_expires() -> None:
    team = Team(seed=8)
    ana = team.found("ana")
    late = team.claim("late", ana)
    ana.wall_ahead_ms = 8 * 24 * 3600 * 1000
    team.link(ana, late)
    team.run()
    assert late.workspace.level is None
    assert late.workspace.me not in ana.workspace.roster.state.members


# Talking --------------------------------------------------------------------------------------


def test_everything_that_can_be_done_to_a_message_is_seen_by_the_other() -> None:
    team = Team(seed=10)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    first = team.post(ana, "hello @bo and @bob")
    team.run()
    assert bo.message("hello @bo and @bob").mentions_me
    assert not ana.message("hello @bo and @bob").mentions_me
    assert bo.views.channels()[0].mentions == 1
    team.post(bo, "hi", reply=first[:6])
    team.say(bo, lambda talking: talking.react(first, "🐱", True))
    team.say(bo, lambda talking: talking.pin(first, True))
    team.say(ana, lambda talking: talking.edit(first, "hello bo"))
    team.say(ana, lambda talking: talking.topic("#general", "cats"))
    team.say(bo, lambda talking: talking.profile("Bo B.", "red"))
    team.run()
    for desk in (ana, bo):
        shown = desk.message("hello bo")
        assert (shown.edited, shown.pinned, shown.replies) == (True, True, 1)
        assert [author.nick for author in shown.reactions["🐱"]] == ["Bo B."]
        assert not shown.mentions_me
        assert desk.views.channels()[0].topic == "cats"
        assert desk.views.members()[1].colour == "red"
    team.say(bo, lambda talking: talking.react(first, "🐱", False))
    team.say(bo, lambda talking: talking.pin(first, False))
    team.say(ana, lambda talking: talking.delete(first))
    team.run()
    gone = bo.views.message(bo.rows()[0])
    assert (gone.text, gone.deleted, gone.pinned, gone.reactions) == ("", True, False, {})
    everywhere(ana, bo)


def test_nobody_changes_what_another_said() -> None:
    team = Team(seed=11)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    first = team.post(ana, "mine")
    team.run()
    said: list[Callable[[], object]] = [
        lambda: bo.talking.edit(first, "yours"),
        lambda: bo.talking.delete(first),
    ]
    for change in said:
        with pytest.raises(TrustError, match="Only ana can"):
            change()
    salt = ana.rows()[0].salt
    general = bo.workspace.find_channel("general")
    team.do(bo, lambda now: bo.engine.write(general, ops.Edit(salt, "yours"), now))
    team.do(bo, lambda now: bo.engine.write(general, ops.Delete(salt), now))
    team.run()
    assert ana.texts() == bo.texts() == ["mine"]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda talking: talking.post("nowhere", "x", None), NotFound),
        (lambda talking: talking.post("general", " \n", None), UsageError),
        (lambda talking: talking.post("general", "x" * 8_001, None), UsageError),
        (lambda talking: talking.post("general", "x", "beef"), NotFound),
        (lambda talking: talking.edit("beef" * 8, "x"), NotFound),
        (lambda talking: talking.react("be", "x", True), NotFound),
    ],
)
def test_what_makes_no_sense_is_a_sentence(
    wrong: Callable[[object], object], error: type[Exception]
) -> None:
    ana = Team(seed=12).found("ana")
    with pytest.raises(error, match=r"\.$"):
        wrong(ana.talking)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda talking: talking.react("beef", "x" * 33, True), "at most 32 .* has 33"),
        (lambda talking: talking.react("beef", "two\nlines", True), "a short word"),
        (lambda talking: talking.react("beef", "\x1b", True), "a short word"),
        (lambda talking: talking.topic("general", "x" * 513), "at most 512 .* has 513"),
        (lambda talking: talking.post("general", "x", "bee"), "at least 4 digits"),
        (lambda talking: talking.delete(""), "at least 4 digits"),
    ],
)
def test_what_would_be_cut_or_guessed_is_refused(
    wrong: Callable[[object], object], sentence: str
) -> None:
    ana = Team(seed=14).found("ana")
    with pytest.raises((UsageError, NotFound), match=sentence):
        wrong(ana.talking)


def test_what_was_taken_back_takes_no_marks_but_its_thread_goes_on() -> None:
    team = Team(seed=15)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    first = team.post(ana, "first")
    team.run()
    team.say(bo, lambda talking: talking.pin(first, True))
    team.say(ana, lambda talking: talking.delete(first))
    team.run()
    for mark in (
        lambda: bo.talking.pin(first, True),
        lambda: bo.talking.react(first, "🐱", True),
    ):
        with pytest.raises(UsageError, match="taken back"):
            mark()
    team.say(bo, lambda talking: talking.pin(first, False))
    team.post(bo, "what was that?", reply=first)
    team.run()
    assert ana.views.message(ana.rows()[0]).replies == 1
    assert ana.workspace.store.registers(ana.workspace.find_channel("general"), "pin/") == {}


def test_broken_text_of_a_terminal_is_cleaned_and_sent() -> None:
    team = Team(seed=13)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.post(ana, "caf\udce9 \x1b[31mred\u202e")
    team.run()
    assert bo.texts() == ["caf [31mred"]


# Apart ----------------------------------------------------------------------------------------


def test_both_sides_of_a_cut_go_on_and_meet_as_one() -> None:
    team = Team(seed=20)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.isolate_all()
    first = team.post(ana, "from ana 0")
    for number in range(1, 40):
        team.post(ana, f"from ana {number}")
        team.post(bo, f"from bo {number}")
    team.say(ana, lambda talking: talking.topic("general", "A"))
    team.say(bo, lambda talking: talking.topic("general", "B"))
    team.say(ana, lambda talking: talking.delete(first))
    assert ana.reached("from ana 1") == (0, 1)
    assert len(bo.texts()) == 39
    team.mesh()
    team.run()
    everywhere(ana, bo)
    assert len(bo.texts()) == 79
    assert ana.reached("from ana 1") == (1, 1)


def test_a_restart_goes_on_in_the_same_logs() -> None:
    team = Team(seed=21)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.post(ana, "before")
    team.restart(ana)
    team.post(ana, "after")
    team.mesh()
    team.run()
    assert bo.texts() == ["before", "after"]
    assert {row.log.incarnation for row in bo.rows()} == {ana.incarnation}
    team.invite(ana)  # Also roster ops go on, with a number of their own each.
    places = [op.body.seq for op in map(ana.workspace.roster.op, _own_ops(ana))]
    assert len(places) == len(set(places))
    assert ana.workspace.roster.state.equivocations == ()


def _own_ops(desk: Desk) -> list[bytes]:
    roster = desk.workspace.roster
    return [
        op for op in roster.missing_from(()) if roster.op(op).body.device == desk.workspace.device
    ]


def test_after_an_unclean_stop_a_device_writes_new_logs() -> None:
    team = Team(seed=22)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.post(ana, "before")
    team.run()
    team.restart(ana, clean=False)
    team.post(ana, "after")
    team.channel(ana, "later")
    team.mesh()
    team.run()
    assert bo.texts() == ["before", "after"]
    assert len({row.log.incarnation for row in bo.rows()}) == 2
    assert "later" in bo.channels()
    everywhere(ana, bo)


def test_a_clock_that_is_years_ahead_takes_no_other_there_even_over_a_restart() -> None:
    team = Team(seed=23)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    bo.wall_ahead_ms = 10 * 365 * 24 * 3600 * 1000
    team.post(bo, "from the future")
    team.run()
    assert ana.message("from the future").ahead_ms > 0
    team.restart(ana)
    team.post(ana, "from today")
    assert ana.message("from today").at <= START_MS + team.mono + CLOCK_MERGE_MAX_MS
    bo.wall_ahead_ms = 0
    team.mesh()
    team.run()
    assert ana.texts() == bo.texts() == ["from today", "from the future"]


# Channels -------------------------------------------------------------------------------------


def test_a_private_channel_is_nothing_to_those_outside() -> None:
    team = Team(seed=30)
    ana = team.found("ana")
    bo, cid = team.join("bo", ana), team.join("cid", ana)
    team.mesh()
    plans = team.channel(ana, "plans", bo)
    team.post(ana, "secret kitten", "plans")
    team.run()
    assert bo.texts("plans") == ["secret kitten"]
    assert "plans" in bo.channels()
    assert cid.channels() == ["general"]
    assert cid.workspace.store.logs(plans) == []
    with pytest.raises(NotFound):
        cid.talking.post("plans", "let me in", None)
    for desk in (ana, bo, cid):
        assert not any(b"plans" in wire for wire in desk.workspace.store.ops())
    assert ana.reached("secret kitten", "plans") == (1, 1)  # bo, of bo: cid can never hold it


def test_a_member_makes_a_private_channel_with_the_founder_at_once() -> None:
    team = Team(seed=31)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.channel(bo, "surprise", ana)
    team.post(bo, "psst", "surprise")
    team.run()
    assert ana.texts("surprise") == ["psst"]


def test_everybody_is_in_a_public_channel() -> None:
    team = Team(seed=32)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.channel(ana, "news", mode=MODE_PUBLIC)
    team.post(ana, "read all about it", "news")
    team.run()
    assert bo.texts("news") == ["read all about it"]
    team.post(bo, "hear hear", "news")
    team.run()
    assert ana.texts("news") == ["read all about it", "hear hear"]
    assert ana.reached("read all about it", "news") == (1, 1)


def test_nobody_takes_the_name_of_a_seniors_channel_by_an_earlier_date() -> None:
    team = Team(seed=33)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    bo.wall_ahead_ms = -START_MS // 2
    forged = team.channel(bo, "general")
    team.run()
    for desk in (ana, bo):
        assert desk.workspace.find_channel("general") != forged
        assert f"general~{forged.hex()[:4]}" in desk.channels()


def test_names_of_channels_that_look_the_same_are_told_apart_or_refused() -> None:
    team = Team(seed=34)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.isolate_all()
    team.channel(ana, "cats")
    taken = set(ana.channels())
    assert channel_name("#dogs", taken) == "dogs"
    for same in ("cats", "#cats", "ca\u200bts"):
        with pytest.raises(UsageError, match=r"There is a channel cats already\.$"):
            channel_name(same, taken)
    for alike in ("Cats", "ｃａｔｓ"):
        with pytest.raises(UsageError, match="a channel cats already, which looks too much like"):
            channel_name(alike, taken)
    with pytest.raises(UsageError, match="one word"):
        channel_name("\u200b", taken)
    other = team.channel(bo, "Cats")  # Nobody could tell bo.
    team.mesh()
    team.run()
    for desk in (ana, bo):
        assert f"Cats~{other.hex()[:4]}" in desk.channels()
        assert "cats" in desk.channels()


# Leaving --------------------------------------------------------------------------------------


def test_who_is_removed_loses_links_and_pen_and_the_key_is_renewed() -> None:
    team = Team(seed=40)
    ana = team.found("ana")
    bo, cid = team.join("bo", ana), team.join("cid", ana)
    team.mesh()
    team.run()
    old = ana.workspace.epochs.current(ana.workspace.scope)
    team.publish(ana, Remove(bo.workspace.me))
    team.run()
    assert not team.linked(ana, bo)
    assert not team.linked(cid, bo)
    assert team.linked(ana, cid)
    fresh = ana.workspace.epochs.current(ana.workspace.scope)
    assert fresh not in (None, old)
    assert cid.workspace.epochs.current(cid.workspace.scope) == fresh
    team.post(cid, "without bo")
    assert bo.workspace.was_member  # It was told so before the link ended.
    with pytest.raises(TrustError, match="may not write"):
        team.post(bo, "still here?")
    team.link(ana, bo)
    team.link(cid, bo)
    team.run()
    assert ana.texts() == cid.texts() == ["without bo"]
    assert bo.texts() == []
    assert not bo.workspace.epochs.current(bo.workspace.scope) == old


def test_who_was_removed_while_away_writes_for_itself_alone() -> None:
    team = Team(seed=42)
    ana = team.found("ana")
    bo, cid = team.join("bo", ana), team.join("cid", ana)
    team.isolate_all()
    team.publish(ana, Remove(bo.workspace.me))
    team.link(ana, cid)
    team.run()
    team.post(bo, "am I still here?")
    team.link(ana, bo)
    team.link(cid, bo)
    team.run()
    assert ana.texts() == cid.texts() == []
    assert bo.texts() == ["am I still here?"]


def test_what_cannot_be_mended_is_not_tried_without_end() -> None:
    team = Team(seed=41)
    ana = team.found("ana")
    scope = ana.workspace.scope
    ana.workspace.epochs.must_rekey = lambda asked: asked == scope  # type: ignore[method-assign]
    before = len(ana.workspace.roster.missing_from(()))
    team.do(ana, ana.engine.awaken)
    for _ in range(24):
        team.run(3_600_000)
    tries = len(ana.workspace.roster.missing_from(())) - before
    assert 0 < tries < 50
