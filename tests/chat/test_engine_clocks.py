"""Wrong clocks: whose messages they spoil, for how long, and that replicas agree all the same."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.store import WorkspaceStore
from crdt.clock import milliseconds
from crdt.limits import CLOCK_BADGE_MS, PAGE_ENTRIES
from crdt.ops import PART_TIMELINE
from tests.chat.engine_team import START_MS, Desk, Team

MINUTE_MS = 60 * 1000
YEARS_MS = 5 * 365 * 24 * 3600 * 1000


def three(seed: int) -> tuple[Team, Desk, Desk, Desk]:
    """Ana, bo and cy, all linked."""
    team = Team(seed=seed)
    ana = team.found("ana")
    bo, cy = team.join("bo", ana), team.join("cy", ana)
    team.mesh()
    team.run()
    return team, ana, bo, cy


def wall(team: Team) -> int:
    return START_MS + team.mono


def badged(desk: Desk) -> list[str]:
    return [row.text for row in desk.rows() if row.ahead_ms]


def test_one_message_of_the_future_spoils_no_other_message() -> None:
    team, ana, bo, cy = three(1)
    cy.wall_ahead_ms = YEARS_MS
    team.post(cy, "from the future")
    team.run()
    cy.wall_ahead_ms = 0
    for number in range(3):
        for desk in (cy, ana, bo):
            team.post(desk, f"{desk.name} {number}")
            team.run(1_000)
    team.restart(cy)
    team.mesh()
    team.post(cy, "cy after a restart")
    team.run()
    for desk in (ana, bo, cy):
        *sound, future = desk.rows()
        assert future.text == "from the future"
        assert [row.text for row in sound][:3] == ["cy 0", "ana 0", "bo 0"]
        assert sound[-1].text == "cy after a restart"
        assert all(abs(row.at_ms - wall(team)) < MINUTE_MS for row in sound)
        assert all(abs(milliseconds(row.hlc) - wall(team)) < MINUTE_MS for row in sound)
    assert badged(ana) == badged(bo) == ["from the future"]
    assert badged(cy) == []


def test_only_whose_clock_runs_ahead_is_badged_not_those_who_follow() -> None:
    team, ana, bo, cy = three(2)
    cy.wall_ahead_ms = 30 * MINUTE_MS
    for number in range(4):
        for desk in (cy, bo, ana):
            team.post(desk, f"{desk.name} {number}")
            team.run(20_000)
    for desk in (ana, bo):
        assert badged(desk) == [f"cy {number}" for number in range(4)]
        assert desk.message("cy 0").ahead_ms // MINUTE_MS in (29, 30)
        # They sort behind what they follow, and yet show the time at which they were written.
        texts = desk.texts()
        assert texts.index("bo 0") == texts.index("cy 0") + 1 == texts.index("ana 0") - 1
        shown = [row.at_ms for row in desk.rows()]
        assert all(wall(team) - 5 * MINUTE_MS < at <= wall(team) for at in shown)
    assert badged(cy) == []
    cy.wall_ahead_ms = 0
    team.run(40 * MINUTE_MS)
    for desk in (cy, bo, ana):
        team.post(desk, f"{desk.name} later")
        team.run(1_000)
    later = [row for row in ana.rows() if "later" in row.text]
    assert [row.text for row in later] == ["cy later", "bo later", "ana later"]
    assert all(row.at_ms == milliseconds(row.hlc) and not row.ahead_ms for row in later)


def test_who_comes_from_a_cut_together_with_what_they_followed_is_not_badged() -> None:
    team, ana, bo, cy = three(3)
    team.isolate(ana)
    cy.wall_ahead_ms = 30 * MINUTE_MS
    team.post(cy, "ahead")
    team.run(1_000)
    team.post(bo, "follows")
    team.run(1_000)
    team.link(ana, bo)
    team.run()
    assert ana.texts() == ["ahead", "follows"]
    assert badged(ana) == ["ahead"]


def test_what_a_clock_of_the_future_set_can_be_set_again_by_everybody() -> None:
    team, ana, bo, cy = three(4)
    first = team.post(cy, "first")
    cy.wall_ahead_ms = YEARS_MS
    team.say(cy, lambda talking: talking.topic("general", "from the future"))
    team.say(cy, lambda talking: talking.edit(first, "second"))
    team.say(cy, lambda talking: talking.react(first, "🐱", True))
    team.say(cy, lambda talking: talking.pin(first, True))
    team.say(cy, lambda talking: talking.profile("Cy the Second", ""))
    team.run()
    assert ana.views.channels()[0].topic == "from the future"
    cy.wall_ahead_ms = 0
    team.say(ana, lambda talking: talking.topic("general", "today"))
    team.say(cy, lambda talking: talking.edit(first, "third"))
    team.say(cy, lambda talking: talking.react(first, "🐱", False))
    team.say(bo, lambda talking: talking.pin(first, False))
    team.say(cy, lambda talking: talking.profile("cy", ""))
    team.run()
    for desk in (ana, bo, cy):
        shown = desk.message("third")
        assert (shown.reactions, shown.pinned, shown.author.nick) == ({}, False, "cy")
        assert desk.views.channels()[0].topic == "today"
        assert milliseconds(desk.workspace.clock.last) <= wall(team)
    team.post(cy, "and messages are of today")
    assert cy.message("and messages are of today").at == wall(team)


jumps = st.sampled_from([0, 0, MINUTE_MS, 50 * MINUTE_MS, -YEARS_MS, YEARS_MS, 2 * YEARS_MS])
acts = st.sampled_from(["post", "edit", "topic", "react", "profile", "restart", "cut", "mesh"])
stories = st.lists(st.tuples(st.integers(0, 2), jumps, acts), min_size=1, max_size=25)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(stories, st.integers(0, 1_000))
def test_clocks_that_jump_keep_nobody_apart_and_every_page_ends(
    story: list[tuple[int, int, str]], seed: int
) -> None:
    team, *desks = three(seed)
    posted = 0
    for who, jump, act in story:
        desk = desks[who]
        desk.wall_ahead_ms = jump
        own = [row.mid.hex() for row in desk.rows() if row.mine]
        match act:
            case "edit" if own:
                text = f"edited by {desk.name} at {team.mono}"
                team.say(desk, lambda talking, mid=own[-1], text=text: talking.edit(mid, text))
                assert text in desk.texts()  # Whatever the clock was before.
            case "topic":
                topic = f"{desk.name} at {team.mono}"
                team.say(desk, lambda talking, topic=topic: talking.topic("general", topic))
                assert desk.views.channels()[0].topic == topic
            case "react" if own:
                team.say(desk, lambda talking, mid=own[0]: talking.react(mid, "🐱", True))
            case "profile":
                nick = f"{desk.name} {team.mono}"
                team.say(desk, lambda talking, nick=nick: talking.profile(nick, ""))
                assert desk.workspace.nick(desk.workspace.me) == nick
            case "restart":
                team.restart(desk)
            case "cut":
                team.isolate(desk)
            case "mesh":
                team.mesh()
            case _:
                posted += 1
                team.post(desk, f"{desk.name} {posted}")
        team.run(1_000)
    team.mesh()
    team.run()
    late = team.join("late", desks[0])
    everybody = [*desks, late]
    assert all(desk.canonical() == desks[0].canonical() for desk in everybody)
    assert all(len(desk.rows()) == posted for desk in everybody)
    for desk in everybody:
        _page_through(desk)


def _page_through(desk: Desk) -> None:
    """Read the timeline backwards in pages, and the logs as a peer asks for their newest."""
    store = desk.workspace.store
    general = desk.workspace.find_channel("general")
    whole, seen = desk.rows(), []
    before = None
    while page := store.messages(general, limit=3, before=before):
        seen = page + seen
        before = page[0].hlc, page[0].mid
        assert len(seen) <= len(whole)
    assert seen == whole
    _newest_of(store, general)


def _newest_of(store: WorkspaceStore, general: bytes) -> None:
    timelines = [log for log in store.logs(general) if log.log.part == PART_TIMELINE]
    page = store.newest(general, PART_TIMELINE, None, PAGE_ENTRIES)
    assert sum(last - first + 1 for first, last in page.values()) == min(
        PAGE_ENTRIES, sum(log.head - log.low + 1 for log in timelines)
    )
    assert all(page[log.log][1] == log.head for log in timelines if log.log in page)
    for before in {entry.hlc for _, entry in store.since(0, 10_000)}:
        for log, (first, last) in store.newest(general, PART_TIMELINE, before, 5).items():
            state = next(state for state in timelines if state.log == log)
            assert state.low <= first <= last <= state.head


def test_a_step_back_of_a_few_seconds_costs_no_order() -> None:
    team, ana, bo, _ = three(5)
    ana.wall_ahead_ms = CLOCK_BADGE_MS // 2
    team.post(ana, "one")
    ana.wall_ahead_ms = 0
    team.post(ana, "two")
    team.run()
    assert bo.texts() == ["one", "two"]
    assert badged(bo) == []
