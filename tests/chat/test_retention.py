"""What is older than it is kept is forgotten, by each machine for itself, and nothing else is."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat import effects
from chat.reader import read_everything
from chat.retention import LATE_KEPT_MS, SWEEP_EVERY_MS
from chat.workspace import Now
from crdt import ops
from crdt.entry import LogId, from_run, to_run
from crdt.limits import KEEP_NOTICE_MS
from crdt.registers import KEEP_SETTING
from crdt.retention import DAY_MS
from crdt.timeline import Timeline
from tests.chat.engine_team import Desk, Team
from tests.chat.test_proofs import exported, judged

WORDS = "the zanzibar password is quokka"


def later(team: Team, ms: int) -> None:
    """Let time pass: machines sleep, wake for what is due, and sweep."""
    team.mono += ms
    for desk in team.desks.values():
        team.do(desk, desk.engine.tick)
    team.run(SWEEP_EVERY_MS + 60_000)


def keep(team: Team, desk: Desk, days: int, channel: str = "general") -> None:
    """An admin's rule, and the day that passes until it is obeyed."""
    team.say(desk, lambda talking: talking.keep(channel, days))
    team.run()


def indexed(desk: Desk, word: str) -> int:
    """How many messages the search index names for a word, those that are gone among them."""
    found = desk.workspace.store._database.read(
        "SELECT rowid FROM search WHERE search MATCH ?", (word,)
    )
    return len(found)


def timeline(author: Desk) -> LogId:
    channel = author.workspace.find_channel("general")
    return LogId(channel, ops.PART_TIMELINE, author.workspace.device, author.incarnation)


def bare(desk: Desk, author: Desk) -> list[int]:
    """Places of an author's log whose content is not here."""
    held = desk.workspace.store.entries(timeline(author), 0, 100_000)
    return [entry.seq for entry in held if entry.ciphertext is None]


def low(desk: Desk, author: Desk) -> int:
    state = desk.workspace.store.log_state(timeline(author))
    assert state is not None
    return state.low


def keeps(desk: Desk, days: int | None) -> None:
    """Tell a machine what to keep, as a start with `--keep` does."""
    desk.keep_days = days
    desk.build()


def test_a_rule_is_obeyed_by_all_members_after_a_day_and_what_is_young_stays() -> None:
    team = Team(1)
    ana = team.found("ana")
    bo, rel = team.join("bo", ana), team.join("rel", ana, relay=True)
    team.mesh()
    team.post(ana, WORDS)
    message = team.post(bo, "an old answer")
    team.run()
    team.say(ana, lambda talking: talking.react(message, "👍", True))
    later(team, 20 * DAY_MS)
    team.post(ana, "young")
    keep(team, ana, 7)
    assert bo.texts() == [WORDS, "an old answer", "young"], "it can be taken back for a day"
    assert [rule.days for _, rule in bo.engine.retention.announced(team.now())] == [7]
    later(team, KEEP_NOTICE_MS)
    assert bo.engine.retention.announced(team.now()) == []
    for desk in (ana, bo):
        assert desk.texts() == ["young"], desk.name
        assert desk.workspace.store.search("zanzibar") == []
        assert indexed(desk, "zanzibar") == 0
        assert desk.messages() == 1
        assert desk.views.channels()[0].complete
        assert desk.views.channels()[0].keep_days == 7
        assert bare(desk, ana) == [0, 1]
        assert bare(desk, bo) == [0]
        assert any(isinstance(told, effects.ChannelRemade) for told in desk.told)
    assert bare(rel, ana) == [], "a relay cannot read rules"
    prints = [desk.workspace.store.fingerprints() for desk in (ana, bo, rel)]
    assert prints[0] == prints[1] == prints[2]
    assert ana.canonical() == bo.canonical()
    later(team, 8 * DAY_MS)
    assert ana.texts() == bo.texts() == []
    team.post(bo, "and on it goes")
    team.run()
    assert ana.texts() == bo.texts() == ["and on it goes"]


def test_the_chain_of_a_forgotten_log_verifies() -> None:
    team = Team(2)
    ana = team.found("ana")
    for number in range(70):
        team.post(ana, f"number {number}")
    before = [entry.id for entry in ana.workspace.store.entries(timeline(ana), 0, 69)]
    keep(team, ana, 1)
    later(team, 3 * DAY_MS)
    held = ana.workspace.store.entries(timeline(ana), 0, 69)
    assert all(entry.ciphertext is None for entry in held)
    assert [entry.id for entry in from_run(ana.workspace.id, to_run(held, ()))] == before


def test_a_newcomer_gets_nothing_that_is_forgotten_and_misses_nothing() -> None:
    team = Team(3)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    for number in range(100):
        team.post(ana, f"old {number}")
    team.run()
    keep(team, ana, 7)
    later(team, 10 * DAY_MS)
    team.post(ana, "new 0")
    team.post(ana, "new 1")
    team.run()
    assert bo.texts() == ["new 0", "new 1"]
    cem = team.join("cem", bo)
    team.run()
    assert cem.texts() == ["new 0", "new 1"]
    assert low(cem, ana) >= 99, "at most one header, to see that the rest is old"
    assert cem.engine.behind() == 0
    assert cem.views.channels()[0].complete
    assert not cem.engine.replicator._core.gaps
    said = sum(len(wire.sent) for wire in team.wires.values())
    for _ in range(3):
        team.isolate(cem)
        team.link(cem, bo)
        team.run(60_000)
    assert cem.engine.behind() == 0
    assert sum(len(wire.sent) for wire in team.wires.values()) - said < 40, "nobody asks in vain"


def test_who_keeps_longer_is_fine_and_whoever_obeys_takes_nothing_old_from_them() -> None:
    team = Team(4, delay_ms=(300, 600))
    ana = team.found("ana")
    rel = team.join("rel", ana, relay=True)
    for number in range(700):
        team.post(ana, f"old {number}")
    team.run()
    keep(team, ana, 7)
    later(team, 10 * DAY_MS)
    team.post(ana, "new")
    team.run()
    assert len(bare(rel, ana)) == 0, "the relay holds all of it"
    bo = team.claim("bo", ana)
    team.run()
    team.link(bo, rel)
    team.run(60_000)
    assert low(bo, ana) < 445, "it began to look for what is older"
    later(team, LATE_KEPT_MS)
    assert bo.texts() == ["new"]
    assert bo.engine.behind() == 0
    assert bo.views.channels()[0].complete


def test_a_relay_keeps_as_long_as_it_is_told_and_serves_what_it_keeps() -> None:
    team = Team(5)
    ana = team.found("ana")
    rel = team.join("rel", ana, relay=True)
    for number in range(300):
        team.post(ana, f"old {number}")
    team.run()
    later(team, 31 * DAY_MS)
    for number in range(5):
        team.post(ana, f"new {number}")
    team.run()
    team.isolate(rel)
    keeps(rel, 30)
    team.do(rel, rel.engine.awaken)
    team.run()
    assert len(bare(rel, ana)) == 300
    team.link(rel, ana)
    team.run()
    assert len(bare(rel, ana)) == 300, "it does not fetch again what it forgot"
    assert rel.engine.behind() == 0
    assert bare(ana, ana) == [], "members keep what they like"

    bo = team.claim("bo", ana)
    general = ana.workspace.find_channel("general")
    page = rel.workspace.store.newest(general, ops.PART_TIMELINE, None, 1_000)
    assert page == {timeline(ana): (300, 304)}, "a page begins where content does"
    team.link(bo, rel)
    team.run(120_000)
    assert bo.workspace.level is not None
    team.isolate(ana)
    team.run(60_000)
    assert bo.texts() == [f"new {number}" for number in range(5)]
    assert not bo.views.channels()[0].complete
    team.link(bo, ana)
    team.run(60_000)
    assert len(bo.texts()) == 305
    assert bo.views.channels()[0].complete


def test_logs_that_began_while_one_was_away_come_from_where_they_are_kept() -> None:
    for count, rule in ((3, None), (400, None), (3, 30), (400, 30)):
        team = Team(16)
        ana = team.found("ana")
        bo, rel = team.join("bo", ana), team.join("rel", ana, relay=True)
        team.mesh()
        if rule is not None:
            keep(team, ana, rule)
        later(team, 2 * DAY_MS)
        team.isolate(bo)
        cem = team.join("cem", ana)
        for number in range(count):
            team.post(cem, f"old {number}")
        later(team, 32 * DAY_MS)
        for number in range(count):
            team.post(cem, f"new {number}")
        team.run()
        team.isolate(rel)
        keeps(rel, 30)
        team.do(rel, rel.engine.awaken)
        team.run()
        assert len(bare(rel, cem)) == count
        team.link(bo, rel)
        team.run(60_000)
        assert bo.texts() == [f"new {number}" for number in range(count)]
        assert bo.views.channels()[0].complete == (rule is not None)


def test_content_missing_that_is_kept_here_is_refused() -> None:
    """A peer that says of something young that it was forgotten is not believed."""
    team = Team(6)
    ana = team.found("ana")
    bo, rel = team.join("bo", ana), team.join("rel", ana, relay=True)
    keep(team, ana, 7)
    later(team, 2 * DAY_MS)
    team.isolate_all()
    team.post(ana, "a day old")
    team.run()
    team.link(ana, rel)
    team.run()
    team.isolate_all()
    rel.workspace.store.erase(timeline(ana), [0])
    rel.store.commit()
    team.link(bo, rel)
    team.run(60_000)
    assert bo.texts() == []
    assert bo.workspace.store.log_state(timeline(ana)) is None
    team.link(bo, ana)
    team.run(60_000)
    assert bo.texts() == ["a day old"]


def test_a_relay_that_was_away_goes_on_with_logs_of_which_all_forgot_a_part() -> None:
    """It knows of no rule, and takes what the shortest one would have let go."""
    for count in (3, 400):
        team = Team(17)
        ana = team.found("ana")
        bo, rel = team.join("bo", ana), team.join("rel", ana, relay=True)
        team.mesh()
        keep(team, ana, 1)
        team.post(ana, "before")
        later(team, DAY_MS // 2)
        team.isolate(rel)
        for number in range(count):
            team.post(ana, f"old {number}")
        team.run(30_000)
        later(team, 5 * DAY_MS)
        team.post(ana, "new")
        team.run()
        assert len(bare(bo, ana)) == count + 1
        team.mesh()
        team.run(60_000)
        assert rel.engine.behind() == 0
        assert bare(rel, ana) == [*range(1, count + 1)]

        late = team.join("late", ana, relay=True)
        team.link(late, bo)
        team.run(120_000)
        assert late.engine.behind() == 0, "nor does one look for what nobody has that comes later"


def test_what_a_relay_misses_that_no_rule_can_have_let_go_is_refused() -> None:
    team = Team(18)
    ana = team.found("ana")
    one, other = team.join("one", ana, relay=True), team.join("other", ana, relay=True)
    team.isolate_all()
    team.post(ana, "some hours old")
    team.run()
    later(team, DAY_MS // 2)
    team.link(ana, one)
    team.run()
    team.isolate_all()
    one.workspace.store.erase(timeline(ana), [0])
    one.store.commit()
    team.link(other, one)
    team.run(60_000)
    assert other.workspace.store.log_state(timeline(ana)) is None


def test_what_was_taken_back_and_forgotten_does_not_return() -> None:
    team = Team(19)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.mesh()
    message = team.post(ana, WORDS)
    team.run()
    team.say(ana, lambda talking: talking.delete(message))
    keep(team, ana, 1)
    later(team, 3 * DAY_MS)
    store, general = bo.workspace.store, bo.workspace.find_channel("general")
    assert store.messages(general, limit=10) == []
    read_everything(bo.workspace, bo.engine.voiding, team.now())
    assert store.messages(general, limit=10) == [], "nor as one that was taken back"


def test_who_was_away_for_long_goes_on_where_everybody_is() -> None:
    team = Team(7)
    ana = team.found("ana")
    bo, cem = team.join("bo", ana), team.join("cem", ana)
    team.post(ana, "read")
    keep(team, ana, 7)
    later(team, DAY_MS)
    team.isolate(bo)
    team.post(ana, "missed")
    later(team, 20 * DAY_MS)
    team.post(ana, "now")
    team.link(ana, bo)
    team.run()
    assert ana.texts() == bo.texts() == cem.texts() == ["now"]
    assert bo.engine.behind() == 0
    assert ana.canonical() == bo.canonical()


def test_nobody_forgets_what_they_wrote_and_nobody_else_holds() -> None:
    team = Team(17)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    keep(team, ana, 7)
    later(team, 2 * DAY_MS)
    team.isolate(bo)
    team.post(bo, "from the mountains")
    later(team, 20 * DAY_MS)
    assert bo.texts() == ["from the mountains"]
    team.link(ana, bo)
    team.run()
    assert ana.texts() == ["from the mountains"]
    for _ in range(2):
        later(team, LATE_KEPT_MS)
    assert ana.texts() == bo.texts() == []


def test_what_an_earlier_rule_let_go_does_not_hold_up_who_was_away() -> None:
    team = Team(18)
    ana = team.found("ana")
    bo, cem = team.join("bo", ana), team.join("cem", ana)
    keep(team, ana, 3)
    later(team, 2 * DAY_MS)
    team.isolate(bo)
    for number in range(5):
        team.post(ana, f"old {number}")
    later(team, 5 * DAY_MS)
    assert ana.texts() == cem.texts() == []
    keep(team, ana, 0)
    team.post(ana, "new")
    later(team, 2 * DAY_MS)
    team.link(bo, cem)
    team.run()
    assert bo.texts() == ["new"]
    assert bo.engine.behind() == 0
    assert bo.canonical() == cem.canonical()


def test_what_was_on_its_way_for_long_is_read_for_a_day_and_passed_on() -> None:
    team = Team(8)
    ana = team.found("ana")
    bo, cem = team.join("bo", ana), team.join("cem", ana)
    keep(team, ana, 7)
    later(team, 2 * DAY_MS)
    team.isolate(bo)
    team.post(bo, "from the mountains")
    keeps(bo, None)
    bo.wake_at = None  # Its machine was off.
    team.mono += 10 * DAY_MS
    team.link(bo, ana)
    team.run()
    team.link(ana, cem)
    team.run()
    later(team, 3 * SWEEP_EVERY_MS)
    assert ana.texts() == cem.texts() == ["from the mountains"]
    later(team, LATE_KEPT_MS + SWEEP_EVERY_MS)
    later(team, SWEEP_EVERY_MS)
    assert ana.texts() == cem.texts() == []


def test_only_an_admin_s_word_counts_and_only_while_they_are_one() -> None:
    team = Team(9)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    general = ana.workspace.find_channel("general")
    team.post(ana, "old")
    team.do(bo, lambda now: bo.engine.write(general, ops.Setting(KEEP_SETTING, "1"), now))
    team.run()
    later(team, 5 * DAY_MS)
    assert ana.texts() == bo.texts() == ["old"]
    assert ana.views.channels()[0].keep_days == 0
    keep(team, ana, 30)
    team.do(bo, lambda now: bo.engine.write(general, ops.Setting(KEEP_SETTING, "2"), now))
    team.run()
    assert [desk.views.channels()[0].keep_days for desk in (ana, bo)] == [30, 30]
    later(team, 5 * DAY_MS)
    assert ana.texts() == bo.texts() == ["old"]


def test_a_slip_is_taken_back_within_the_day() -> None:
    team = Team(10)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.post(ana, "dear")
    team.run()
    later(team, 30 * DAY_MS)
    keep(team, ana, 9)
    later(team, KEEP_NOTICE_MS // 2)
    keep(team, ana, 90)
    later(team, 5 * DAY_MS)
    assert ana.texts() == bo.texts() == ["dear"]
    keep(team, ana, 9)
    keep(team, ana, 0)
    later(team, 5 * DAY_MS)
    assert ana.texts() == bo.texts() == ["dear"]
    assert ana.views.channels()[0].keep_days == 0


def test_a_restart_goes_on_where_it_was() -> None:
    team = Team(11)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    for number in range(20):
        team.post(ana, f"old {number}")
    team.run()
    keep(team, ana, 7)
    later(team, 10 * DAY_MS)
    before = bo.canonical()
    team.restart(bo)
    state = bo.workspace.store.log_state(timeline(ana))
    assert state is not None
    assert (state.forgotten, state.first_kept) == (20, 19)
    team.link(ana, bo)
    team.run()
    assert bo.canonical() == before == ana.canonical()
    assert bo.engine.behind() == 0


def test_a_clock_that_jumps_by_years_costs_no_history() -> None:
    team = Team(13)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.post(ana, "dear")
    keep(team, ana, 60)
    later(team, 5 * DAY_MS)
    bo.wall_ahead_ms = 20 * 365 * DAY_MS
    team.restart(bo)
    later(team, 5 * DAY_MS)
    assert bo.texts() == ["dear"]
    keep(team, ana, 7)
    bo.wall_ahead_ms = 0
    team.link(ana, bo)
    later(team, 5 * DAY_MS)
    assert ana.texts() == bo.texts() == []


def test_what_is_left_is_what_reading_all_of_it_again_would_give() -> None:
    team = Team(14)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    message = team.post(ana, "old and edited late")
    team.post(bo, "old")
    team.run()
    keep(team, ana, 7)
    later(team, 4 * DAY_MS)
    team.say(ana, lambda talking: talking.edit(message, "edited"))
    team.say(ana, lambda talking: talking.react(message, "👍", True))
    young = team.post(ana, "young", reply=message)
    team.run()
    team.say(bo, lambda talking: talking.react(young, "👍", True))
    team.run()
    later(team, 4 * DAY_MS)
    for desk in (ana, bo):
        before = desk.rows()
        assert [row.text for row in before] == ["young"]

        def anew(now: Now, desk: Desk = desk) -> list[effects.Effect]:
            read_everything(desk.workspace, desk.engine.voiding, now)
            return []

        team.do(desk, anew)
        assert desk.rows() == before
        assert desk.messages() == 1
    later(team, 4 * DAY_MS)
    for desk in (ana, bo):
        general = desk.workspace.find_channel("general")
        assert desk.workspace.store.canonical(general) == Timeline().canonical(), "nothing is left"


def test_an_export_of_what_is_left_verifies() -> None:
    team = Team(15)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    for number in range(80):
        team.post(ana, f"old {number}")
    team.post(bo, "old, and nothing since")
    team.run()
    keep(team, ana, 7)
    later(team, 10 * DAY_MS)
    team.post(ana, "young")
    team.run()
    proof, texts = judged(exported(bo))
    assert not proof.faults
    assert texts["general"] == ["young"]


def test_files_of_forgotten_messages_are_named_by_nobody() -> None:
    team = Team(12)
    ana = team.found("ana")
    file = ops.FileInfo(bytes(36), bytes(32), bytes(32), 5, "cat.png", "image/png")
    general = ana.workspace.find_channel("general")
    team.do(ana, lambda now: ana.engine.write(general, ops.Post(bytes(16), "", files=(file,)), now))
    assert ana.workspace.store.roots() == {file.root}
    keep(team, ana, 1)
    later(team, 3 * DAY_MS)
    assert ana.texts() == []
    assert ana.workspace.store.roots() == set()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.integers(0, 2)),
        st.tuples(st.just("edit"), st.integers(0, 2)),
        st.tuples(st.just("react"), st.integers(0, 2)),
        st.tuples(st.just("delete"), st.integers(0, 2)),
        st.tuples(st.just("days"), st.integers(1, 4)),
        st.tuples(st.just("cut"), st.integers(0, 2)),
        st.tuples(st.just("restart"), st.integers(0, 2)),
    ),
    min_size=4,
    max_size=16,
)


@given(seed=st.integers(0, 2**16), steps=STEPS)
@settings(max_examples=25, deadline=None)
def test_whatever_comes_and_goes_in_any_order_all_see_the_same_in_the_end(
    seed: int, steps: list[tuple[str, int]]
) -> None:
    team = Team(seed)
    ana = team.found("ana")
    desks = [ana, team.join("bo", ana), team.join("cem", ana)]
    team.mesh()
    keep(team, ana, 3)
    posted: dict[int, str] = {}
    for what, which in steps:
        desk = desks[which % 3]
        own = posted.get(which)
        if what == "days":
            later(team, which * DAY_MS)
        elif what == "post":
            posted[which] = team.post(desk, f"{desk.name} {len(posted)}")
        elif what == "cut":
            team.isolate(desk)
        elif what == "restart":
            team.restart(desk)
        elif own is not None and own in {row.mid.hex() for row in desk.rows()}:
            if what == "edit":
                team.say(desk, lambda talking, own=own: talking.edit(own, "edited"))
            elif what == "react":
                team.say(desk, lambda talking, own=own: talking.react(own, "👍", True))
            else:
                team.say(desk, lambda talking, own=own: talking.delete(own))
                del posted[which]
    team.mesh()
    team.run(60_000)
    later(team, LATE_KEPT_MS + SWEEP_EVERY_MS)
    later(team, SWEEP_EVERY_MS)
    views = [[(row.mid, row.text, row.deleted, row.reactions) for row in d.rows()] for d in desks]
    assert views[0] == views[1] == views[2]
    prints = [desk.workspace.store.fingerprints() for desk in desks]
    assert prints[0] == prints[1] == prints[2]
    assert [desk.engine.behind() for desk in desks] == [0, 0, 0]
    horizon = team.now().wall - 3 * DAY_MS - SWEEP_EVERY_MS
    assert all(row.at_ms >= horizon for desk in desks for row in desk.rows())


SPANS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["post", "post", "burst"]), st.integers(0, 2)),
        st.tuples(st.just("days"), st.integers(1, 3)),
        st.tuples(st.sampled_from(["cut", "restart", "link"]), st.integers(0, 3)),
        st.tuples(st.just("rule"), st.sampled_from([0, 1, 2, 5])),
    ),
    min_size=4,
    max_size=16,
)


UNHEARD = [("rule", 5), ("post", 1), ("cut", 0), ("days", 1), ("days", 3), ("rule", 0), ("days", 1)]
"""Who is cut off from who takes a rule back goes on obeying it."""


@example(seed=0, steps=UNHEARD, days=1)
@given(seed=st.integers(0, 2**16), steps=SPANS, days=st.sampled_from([None, 1, 2, 5]))
@settings(max_examples=20, deadline=None)
def test_stores_that_keep_different_spans_agree_and_fall_silent(
    seed: int, steps: list[tuple[str, int]], days: int | None
) -> None:
    """A relay keeps what it likes, and rules come and go: nothing is missing in the end, nothing
    is lost that no rule let go, and nobody asks for more once all have met."""
    team = Team(seed)
    ana = team.found("ana")
    desks = [ana, team.join("bo", ana), team.join("cem", ana), team.join("rel", ana, relay=True)]
    keeps(desks[3], days)
    team.isolate(desks[3])
    team.do(desks[3], desks[3].engine.awaken)
    team.mesh()
    team.run()
    said: list[str] = []
    for what, which in steps:
        if what == "days":
            later(team, which * DAY_MS)
        elif what == "rule":
            keep(team, ana, which)
        elif what in ("post", "burst"):
            for _ in range(1 if what == "post" else 80):
                said.append(f"{len(said)}")
                team.post(desks[which], said[-1])
        elif what == "cut":
            team.isolate(desks[which])
        elif what == "restart":
            team.restart(desks[which])
        elif not team.linked(desks[which], desks[(which + 1) % 4]):
            team.link(desks[which], desks[(which + 1) % 4])
            team.run(5_000)
    team.mesh()
    team.run(60_000)
    later(team, LATE_KEPT_MS + SWEEP_EVERY_MS)
    later(team, SWEEP_EVERY_MS)
    prints = [desk.workspace.store.fingerprints() for desk in desks]
    assert all(each == prints[0] for each in prints)
    assert [desk.engine.behind() for desk in desks] == [0, 0, 0, 0]
    if all(what != "rule" or which == 0 for what, which in steps):
        for desk in desks[:3]:
            assert sorted(desk.texts(), key=int) == said
    before = sum(len(wire.sent) for wire in team.wires.values())
    team.run(9 * 60_000)
    assert sum(len(wire.sent) for wire in team.wires.values()) - before <= 2 * len(team.wires)
