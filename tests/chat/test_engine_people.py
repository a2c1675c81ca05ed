"""Stories of engines: who is removed, promoted, accepted, taken out of channels, and who leaves."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chat.engine.people import RosterNews
from chat.errors import ChatError, NotFound, TrustError, UsageError
from chat.reader import read_everything
from chat.voiding import void_posts
from chat.workspace import Now
from crdt import ops
from crdt.errors import NotReadable
from crdt.roster_ops import MODE_PUBLIC
from crdt.roster_ops import Accept as AcceptOp
from crdt.roster_ops import Remove as RemoveOp
from tests.chat.engine_team import Desk, Team

Work = Callable[[Now], Iterator[RosterNews]]


def change(team: Team, desk: Desk, work: Work) -> None:
    """Publish what the engine makes of a wish."""
    team.do(desk, lambda now: desk.engine.publish_each(work(now), now))


def remove(team: Team, desk: Desk, other: Desk) -> None:
    change(team, desk, lambda now: desk.engine.members.remove(other.workspace.me, now))


def grant(team: Team, desk: Desk, other: Desk, level: int) -> None:
    change(team, desk, lambda now: desk.engine.members.grant(other.workspace.me, level, now))


def accept(team: Team, desk: Desk, other: Desk) -> None:
    change(team, desk, lambda now: desk.engine.members.accept(other.workspace.me, now))


def add(team: Team, desk: Desk, channel: bytes, other: Desk) -> None:
    change(team, desk, lambda now: desk.engine.members.add_to(channel, other.workspace.me, now))


def kick(team: Team, desk: Desk, channel: bytes, other: Desk) -> None:
    change(team, desk, lambda now: desk.engine.members.kick(channel, other.workspace.me, now))


def leave(team: Team, desk: Desk) -> None:
    change(team, desk, lambda now: desk.engine.members.leave(now, anyway=False))


def epoch(desk: Desk, channel: str = "general") -> bytes | None:
    workspace = desk.workspace
    return workspace.epochs.current(workspace.scope_of(workspace.find_channel(channel)))


def make_key(team: Team, desk: Desk, channel: bytes) -> None:
    """A new key for a channel, which admins may make at any time."""
    news = desk.engine.people.rekey(desk.workspace.scope_of(channel), team.now(desk))
    team.do(desk, lambda now: desk.engine.publish(news, now))


def void(desk: Desk, channel: str = "general") -> list[str]:
    """The texts that do not stand, oldest first."""
    posts = void_posts(desk.workspace, desk.workspace.find_channel(channel), 1_000)
    return [post.text for post in reversed(posts)]


def readable(thief: Desk, author: Desk) -> list[bytes]:
    """Entries of another device for which somebody has the key, whatever it was handed."""
    found = []
    for _, entry in author.workspace.store.since(0, 100_000):
        try:
            thief.workspace.epochs.channel_key(entry.epoch, entry.log.channel)
        except NotReadable:
            continue
        found.append(entry.id)
    return found


def hand_roster(source: Desk, target: Desk) -> None:
    """All ops and seals that one has, as a dishonest peer could hand them to the other."""
    workspace = target.workspace
    for op in source.workspace.roster.missing_from(()):
        workspace.roster.add(source.workspace.roster.wire(op))
    for rekey, block in source.workspace.store.seals().items():
        workspace.epochs.add_seals(rekey, block)
    workspace.epochs.refresh()


def three(seed: int) -> tuple[Team, Desk, Desk, Desk]:
    """Ana founded; bo and cid are members; all are linked."""
    team = Team(seed=seed)
    ana = team.found("ana")
    bo, cid = team.join("bo", ana), team.join("cid", ana)
    team.mesh()
    team.run()
    return team, ana, bo, cid


def late(team: Team, ana: Desk, bo: Desk, cid: Desk) -> None:
    """Bo says something that only cid hears before ana removes bo, and then all meet."""
    team.isolate(ana)
    team.post(bo, "late but honest")
    team.run()
    remove(team, ana, bo)
    team.link(ana, cid)
    team.run()


# Removing -------------------------------------------------------------------------------------


def test_what_was_here_stays_and_what_only_others_had_is_void_everywhere() -> None:
    team, ana, bo, cid = three(1)
    team.post(bo, "early")
    team.run()
    late(team, ana, bo, cid)
    assert ana.texts() == cid.texts() == ["early"]
    assert void(ana) == void(cid) == ["late but honest"]
    assert ana.canonical() == cid.canonical()
    assert cid.views.channels()[0].unread == 1  # "early": what is void waits for nobody
    assert cid.workspace.store.search("honest", None, 10) == []
    # Kept and passed on all the same, so that the copies are alike.
    assert ana.workspace.store.count_entries() == cid.workspace.store.count_entries()


def test_a_message_posted_twice_is_shown_by_the_copy_that_stands() -> None:
    """A modified program writes the same message into two logs, the void one first."""
    team, ana, bo, cid = three(16)
    team.isolate(ana)
    general = bo.workspace.find_channel("general")
    twice = ops.Post(bytes(16), "twice")
    team.do(bo, lambda now: bo.engine.write(general, twice, now))
    team.run()
    old = bo.incarnation
    team.restart(bo, clean=False)  # Another log.
    team.do(bo, lambda now: bo.engine.write(general, twice, now))
    team.mesh()
    team.run()
    assert ana.texts() == cid.texts() == ["twice"]
    end = RemoveOp(bo.workspace.me)
    removal = team.publish(ana, end)
    second = bo.workspace.own_log(general, ops.PART_TIMELINE)
    assert second.incarnation != old
    row = ana.engine.members._row(second, 0)
    team.publish(ana, AcceptOp(removal, (ana.workspace.scope,), (row,)))
    team.run()
    for desk in (ana, cid):
        assert desk.texts() == ["twice"]
        (shown,) = desk.rows()
        assert shown.log == second
        assert void(desk) == ["twice"]


def test_an_accept_brings_back_what_was_void() -> None:
    team, ana, bo, cid = three(2)
    team.post(bo, "early")
    team.run()
    late(team, ana, bo, cid)
    accept(team, ana, bo)
    team.run()
    assert ana.texts() == cid.texts() == ["early", "late but honest"]
    assert void(ana) == void(cid) == []
    assert len(cid.workspace.store.search("honest", None, 10)) == 1
    assert ana.canonical() == cid.canonical()


def test_void_edits_reactions_pins_and_topics_have_no_effect_until_they_are_accepted() -> None:
    team, ana, bo, cid = three(3)
    own = team.post(bo, "as it was")
    team.run()
    other = team.post(ana, "mine")
    team.say(ana, lambda talking: talking.topic("general", "before"))
    team.run()
    team.isolate(ana)
    team.say(bo, lambda talking: talking.edit(own, "as it should not be"))
    team.say(bo, lambda talking: talking.react(other, "🐱", True))
    team.say(bo, lambda talking: talking.pin(other, True))
    team.say(bo, lambda talking: talking.topic("general", "after"))
    team.say(bo, lambda talking: talking.profile("Bo the Great", "red"))
    team.run()
    assert cid.message("mine").reactions.keys() == {"🐱"}
    remove(team, ana, bo)
    team.link(ana, cid)
    team.run()
    for desk in (ana, cid):
        assert desk.texts() == ["as it was", "mine"]
        assert (desk.message("mine").reactions, desk.message("mine").pinned) == ({}, False)
        assert desk.views.channels()[0].topic == "before"
        assert desk.workspace.nick(bo.workspace.me) == "bo"
    accept(team, ana, bo)
    team.run()
    for desk in (ana, cid):
        assert desk.texts() == ["as it should not be", "mine"]
        assert desk.message("mine").reactions.keys() == {"🐱"}
        assert desk.message("mine").pinned
        assert desk.views.channels()[0].topic == "after"
        assert desk.workspace.nick(bo.workspace.me) == "Bo the Great"
    assert ana.canonical() == cid.canonical()


def test_one_message_is_accepted_with_what_is_before_it_in_its_log() -> None:
    team, ana, bo, cid = three(4)
    team.isolate(ana)
    for text in ("one", "two", "three"):
        team.post(bo, text)
    team.run()
    remove(team, ana, bo)
    team.link(ana, cid)
    team.run()
    posts = void_posts(ana.workspace, ana.workspace.find_channel("general"), 10)
    (two,) = [post for post in posts if post.text == "two"]
    me, log, seq = bo.workspace.me, two.entry.log, two.entry.seq
    change(team, ana, lambda now: ana.engine.members.accept_entry(me, log, seq, now))
    team.run()
    assert ana.texts() == cid.texts() == ["one", "two"]
    assert void(ana) == void(cid) == ["three"]


def test_the_key_is_renewed_by_the_remover_at_once_and_the_removed_reads_nothing_new() -> None:
    team, ana, bo, cid = three(5)
    grant(team, ana, cid, 10)
    team.run()
    team.post(ana, "before")
    team.run()
    known = set(readable(bo, ana))
    old = epoch(ana)
    remove(team, cid, bo)
    assert epoch(cid) not in (None, old)  # Without waiting for the founder, nor for time.
    team.run()
    team.post(ana, "among ourselves")
    team.post(cid, "indeed")
    team.run()
    assert ana.texts() == cid.texts() == ["before", "among ourselves", "indeed"]
    assert bo.texts() == ["before"]
    assert bo.workspace.was_member
    # Whatever a dishonest peer hands over: the keys that there are open nothing new.
    hand_roster(ana, bo)
    assert set(readable(bo, ana)) == known
    with pytest.raises(TrustError):
        team.post(bo, "still here?")


def test_a_relay_gives_the_removed_nothing_new() -> None:
    team = Team(seed=6)
    ana = team.found("ana")
    bo, relay = team.join("bo", ana), team.join("relay", ana, relay=True)
    team.isolate_all()
    remove(team, ana, bo)
    team.link(ana, relay)
    team.run()
    team.post(ana, "without bo")
    team.run()
    held = bo.workspace.store.count_entries()
    team.link(bo, relay)
    team.run()
    assert bo.workspace.was_member  # That it was told.
    assert not team.linked(bo, relay)
    assert bo.workspace.store.count_entries() == held
    assert relay.workspace.store.count_entries() > held


def test_who_was_removed_while_away_is_told_so_and_nothing_more() -> None:
    team, ana, bo, cid = three(15)
    team.isolate(bo)
    grant(team, ana, cid, 10)  # Bo has to be told of this as well, to understand the rest.
    team.run()
    remove(team, cid, bo)
    team.run()
    team.post(ana, "without bo")
    after = team.channel(ana, "later")
    team.link(cid, bo)
    team.run()
    assert bo.workspace.was_member
    assert bo.workspace.roster.state.former_members[bo.workspace.me].by == cid.workspace.me
    assert not team.linked(cid, bo)
    assert after not in bo.workspace.roster.state.channels
    assert bo.texts() == []


def test_two_removals_side_by_side_leave_no_key_until_one_heals_it() -> None:
    team = Team(seed=7)
    ana = team.found("ana")
    ben, cid, dan, eve = (team.join(name, ana) for name in ("ben", "cid", "dan", "eve"))
    grant(team, ana, ben, 10)
    team.mesh()
    team.run()
    team.isolate_all()
    remove(team, ana, cid)
    remove(team, ben, dan)
    first, second = epoch(ana), epoch(ben)
    assert first != second
    team.link(ana, ben)
    team.link(ben, eve)
    team.run()
    healed = epoch(ana)
    assert healed not in (None, first, second)
    assert epoch(ben) == epoch(eve) == healed
    team.post(eve, "healed")
    team.run()
    assert ana.texts() == ben.texts() == ["healed"]
    for thief in (cid, dan):
        known = readable(thief, ana)
        hand_roster(ana, thief)
        (newest,) = [row for row in ana.rows() if row.text == "healed"]
        entry = ana.workspace.store.entry_at(ana.workspace.store.arrival_max)
        assert entry is not None
        assert newest.text == "healed"
        with pytest.raises(NotReadable):
            thief.workspace.epochs.channel_key(entry.epoch, entry.log.channel)
        assert set(readable(thief, ana)) >= set(known)


def test_equals_and_juniors_are_refused_with_a_sentence() -> None:
    team, ana, bo, cid = three(8)
    grant(team, ana, bo, 10)
    grant(team, ana, cid, 10)
    team.run()
    refused: list[tuple[type[ChatError], str, Callable[[], None]]] = [
        (TrustError, "senior to cid", lambda: remove(team, bo, cid)),
        (TrustError, "senior to ana", lambda: remove(team, bo, ana)),
        (UsageError, "is you", lambda: remove(team, ana, ana)),
        (TrustError, "their own level", lambda: grant(team, bo, bo, 5)),
        (UsageError, "no such level", lambda: grant(team, ana, bo, 199)),
        (UsageError, "no such level", lambda: grant(team, ana, bo, 250)),
        (UsageError, "already", lambda: grant(team, ana, bo, 10)),
        (UsageError, "Nothing that bo wrote", lambda: accept(team, ana, bo)),
    ]
    before = ana.workspace.roster.heads
    for error, sentence, work in refused:
        with pytest.raises(error, match=sentence):
            work()
    assert ana.workspace.roster.heads == before
    grant(team, ana, cid, 100)
    team.run()
    with pytest.raises(TrustError, match="Only founders and admins"):
        remove(team, cid, bo)
    with pytest.raises(TrustError, match="above your own, which is 10"):
        grant(team, bo, cid, 10)


def test_only_who_removed_or_is_senior_accepts() -> None:
    team, ana, bo, cid = three(9)
    dan = team.join("dan", ana)
    grant(team, ana, cid, 10)
    grant(team, ana, dan, 10)
    team.mesh()
    team.run()
    remove(team, cid, bo)
    team.run()
    with pytest.raises(TrustError, match="Only cid, or somebody senior"):
        accept(team, dan, bo)
    accept(team, ana, bo)
    accept(team, cid, bo)


def test_who_is_taken_back_in_goes_on_and_the_gap_stays_void() -> None:
    team, ana, bo, cid = three(10)
    team.post(bo, "early")
    team.run()
    late(team, ana, bo, cid)
    grant(team, ana, bo, 100)
    team.run()
    team.mesh()
    team.run()
    team.post(bo, "back again")
    team.run()
    for desk in (ana, bo, cid):
        assert desk.texts() == ["early", "back again"]
        assert void(desk) == ["late but honest"]
    remove(team, ana, bo)
    accept(team, ana, bo)
    team.run()
    assert ana.texts() == cid.texts() == ["early", "late but honest", "back again"]


def test_a_reader_reads_on_and_writes_no_more() -> None:
    team, ana, bo, cid = three(11)
    old = epoch(ana)
    grant(team, ana, bo, 200)
    team.run()
    assert epoch(ana) == old
    with pytest.raises(TrustError):
        team.post(bo, "may I?")
    team.post(cid, "hello reader")
    team.run()
    assert bo.texts() == ["hello reader"]
    assert [member.role for member in ana.views.members()] == ["founder", "member", "reader"]


def test_what_is_void_stays_so_over_a_restart_and_when_all_is_read_again() -> None:
    team, ana, bo, cid = three(12)
    late(team, ana, bo, cid)
    before = cid.canonical()
    team.restart(cid)
    assert void(cid) == ["late but honest"]
    read_everything(cid.workspace, cid.engine.voiding, team.now(cid))
    cid.store.commit()
    assert (cid.canonical(), void(cid)) == (before, ["late but honest"])
    team.link(ana, cid)
    accept(team, ana, bo)
    team.run()
    assert cid.texts() == ["late but honest"]


def test_a_removal_voids_nothing_in_private_channels_that_the_remover_is_not_in() -> None:
    team, ana, bo, cid = three(13)
    team.channel(bo, "two", cid)
    team.post(bo, "between us", "two")
    team.run()
    remove(team, ana, bo)
    team.run()
    assert cid.texts("two") == ["between us"]
    assert void(cid, "two") == []
    assert cid.engine.workspace.roster.state.cuts  # There is a cut, for the other channels.


def test_a_public_channel_is_cut_as_well() -> None:
    team, ana, bo, cid = three(14)
    team.channel(cid, "news", mode=MODE_PUBLIC)
    team.run()
    team.isolate(ana)
    team.post(bo, "fake", "news")
    team.run()
    remove(team, ana, bo)
    team.link(ana, cid)
    team.run()
    assert ana.texts("news") == cid.texts("news") == []
    assert void(ana, "news") == void(cid, "news") == ["fake"]


# Invites --------------------------------------------------------------------------------------


def test_a_revoked_invite_lets_nobody_in() -> None:
    team = Team(seed=20)
    ana = team.found("ana")
    bo = team.claim("bo", ana)
    (invite,) = ana.workspace.roster.state.invites.values()
    change(team, ana, lambda now: ana.engine.members.revoke(invite, now))
    team.link(ana, bo)
    team.run()
    assert bo.workspace.level is None
    assert bo.workspace.me not in ana.workspace.roster.state.members
    (invite,) = ana.workspace.roster.state.invites.values()
    with pytest.raises(UsageError, match="as it is"):
        change(team, ana, lambda now: ana.engine.members.revoke(invite, now))


def test_an_invite_is_revoked_by_its_author_or_a_senior_and_not_when_it_was_used() -> None:
    team, ana, bo, cid = three(21)
    used = next(i for i in ana.workspace.roster.state.invites.values() if i.used)
    with pytest.raises(UsageError, match="came in by that invite"):
        change(team, ana, lambda now: ana.engine.members.revoke(used, now))
    team.invite(bo)
    team.run()
    who = ana.engine.members.came_by(used.op)
    gone = bo if who == bo.workspace.me else cid
    stays = cid if gone is bo else bo
    (mine,) = [i for i in cid.workspace.roster.state.invites.values() if not i.used]
    with pytest.raises(TrustError, match="Only bo, or somebody senior"):
        change(team, cid, lambda now: cid.engine.members.revoke(mine, now))
    change(team, ana, lambda now: ana.engine.members.revoke(mine, now))
    remove(team, ana, gone)
    with pytest.raises(UsageError, match=f"{gone.name} came in by that invite"):
        change(team, ana, lambda now: ana.engine.members.revoke(used, now))
    assert stays.workspace.me in ana.workspace.roster.state.members
    team.run()
    assert bo.workspace.roster.state.invites[mine.op].revoked


# Leaving --------------------------------------------------------------------------------------


def test_who_leaves_keeps_what_was_and_gets_nothing_new() -> None:
    team, ana, bo, cid = three(30)
    team.post(bo, "goodbye")
    team.run()
    old = epoch(ana)
    leave(team, bo)
    team.run()
    assert bo.workspace.was_member
    assert bo.workspace.roster.state.former_members[bo.workspace.me].by == bo.workspace.me
    assert epoch(ana) not in (None, old)
    team.post(ana, "without bo")
    team.run()
    assert ana.texts() == cid.texts() == ["goodbye", "without bo"]
    assert bo.texts() == ["goodbye"]
    assert void(ana) == []


def test_the_last_admin_leaves_only_anyway() -> None:
    team, ana, bo, cid = three(31)
    with pytest.raises(TrustError, match="Promote somebody first"):
        leave(team, ana)
    grant(team, ana, bo, 10)
    team.run()
    leave(team, ana)
    team.run()
    assert ana.workspace.was_member
    remove(team, bo, cid)
    team.run()
    assert cid.workspace.was_member


# Private channels -----------------------------------------------------------------------------


def test_who_is_added_reads_what_was_said_and_who_is_kicked_reads_nothing_new() -> None:
    team, ana, bo, cid = three(40)
    plans = team.channel(bo, "plans", ana)
    team.post(bo, "first", "plans")
    team.run()
    assert "plans" not in cid.channels()
    add(team, bo, plans, cid)
    team.run()
    assert cid.texts("plans") == ["first"]
    team.post(cid, "hello plans", "plans")
    team.run()
    assert ana.texts("plans") == bo.texts("plans") == ["first", "hello plans"]
    old = epoch(bo, "plans")
    kick(team, bo, plans, cid)
    assert epoch(bo, "plans") not in (None, old)
    team.post(bo, "without cid", "plans")
    team.run()
    assert ana.texts("plans") == ["first", "hello plans", "without cid"]
    assert cid.channels() == ["general"]
    assert len(cid.workspace.store.logs(plans)) == 3  # bo's, cid's, and bo's state
    hand_roster(ana, cid)
    entry = bo.workspace.store.entry_at(bo.workspace.store.arrival_max)
    assert entry is not None
    with pytest.raises(NotReadable):
        cid.workspace.epochs.channel_key(entry.epoch, plans)
    team.post(cid, "still in the workspace")
    team.run()
    assert ana.texts() == ["still in the workspace"]


def test_who_is_added_reads_what_was_written_under_keys_made_side_by_side() -> None:
    team, ana, bo, cid = three(44)
    grant(team, ana, bo, 10)
    team.run()
    plans = team.channel(ana, "plans", bo)
    team.run()
    team.isolate_all()
    for desk in (ana, bo):
        make_key(team, desk, plans)
        team.post(desk, f"by {desk.name}", "plans")
    team.mesh()
    team.run()
    both = ["by ana", "by bo"]
    assert sorted(ana.texts("plans")) == sorted(bo.texts("plans")) == both
    add(team, ana, plans, cid)
    team.run()
    assert sorted(cid.texts("plans")) == both


def test_what_a_kicked_member_wrote_elsewhere_meanwhile_is_void() -> None:
    team, ana, bo, cid = three(41)
    plans = team.channel(bo, "plans", ana, cid)
    team.run()
    team.isolate(bo)
    team.post(cid, "too late", "plans")
    team.run()
    assert ana.texts("plans") == ["too late"]
    kick(team, bo, plans, cid)
    team.link(bo, ana)
    team.run()
    assert ana.texts("plans") == bo.texts("plans") == []
    assert void(ana, "plans") == void(bo, "plans") == ["too late"]
    accept(team, bo, cid)
    team.run()
    assert ana.texts("plans") == bo.texts("plans") == ["too late"]


def test_a_kicked_member_that_goes_on_with_the_old_key_is_not_heard() -> None:
    """Its program is a modified one: it seals with the epoch it still has, knowing of the end."""
    team, ana, bo, cid = three(42)
    plans = team.channel(bo, "plans", ana, cid)
    team.run()
    old = epoch(cid, "plans")
    assert old is not None
    kick(team, bo, plans, cid)
    team.run()
    cid.workspace.sending_epoch = lambda channel: old  # type: ignore[method-assign]
    post = ops.Post(bytes(16), "psst")
    team.do(cid, lambda now: cid.engine.write(plans, post, now))
    (entry,) = cid.workspace.store.entries(cid.workspace.own_log(plans, ops.PART_TIMELINE), 0, 9)
    # A dishonest insider passes it on.
    first = ana.workspace.store.append([entry])
    ana.workspace.store.remember_head_set(entry.roster, entry.heads)
    ana.engine._read_new([entry], first, team.now(ana))
    ana.store.commit()
    assert ana.texts("plans") == []
    assert void(ana, "plans") == ["psst"]


def test_private_channels_are_changed_by_those_who_may() -> None:
    team, ana, bo, cid = three(43)
    general = ana.workspace.find_channel("general")
    plans = team.channel(bo, "plans", cid)
    team.run()
    with pytest.raises(UsageError, match="Everybody is in #general"):
        add(team, ana, general, bo)
    with pytest.raises(UsageError, match="already"):
        add(team, bo, plans, cid)
    with pytest.raises(NotFound, match="not in that channel"):
        kick(team, bo, plans, ana)
    with pytest.raises(TrustError, match="Only who made the channel"):
        kick(team, cid, plans, bo)
    add(team, cid, plans, ana)
    team.run()
    kick(team, ana, plans, cid)  # She is senior to cid, and inside.
    team.run()
    assert "plans" not in cid.channels()
    change(team, bo, lambda now: bo.engine.members.leave_channel(plans, now))
    team.run()
    assert "plans" not in bo.channels()
    team.post(ana, "alone", "plans")
    assert ana.texts("plans") == ["alone"]


# Any order ------------------------------------------------------------------------------------

STEP = st.tuples(
    st.sampled_from(["post", "post", "edit", "topic", "remove", "grant", "accept", "mesh", "part"]),
    st.integers(0, 3),
    st.integers(0, 3),
)


def play(team: Team, desks: list[Desk], step: tuple[str, int, int], number: int) -> None:
    kind, who, other = step
    desk, target = desks[who], desks[other]
    if kind == "mesh":
        team.link(desk, target) if desk is not target and not team.linked(desk, target) else None
        team.run(2_000)
    elif kind == "part":
        team.isolate(desk)
    elif kind == "post":
        team.post(desk, f"{desk.name} {number}")
    elif kind == "edit":
        own = [row for row in desk.rows() if row.mine]
        if own:
            text = f"{desk.name} edits {number}"
            team.say(desk, lambda talking: talking.edit(own[-1].mid.hex(), text))
    elif kind == "topic":
        team.say(desk, lambda talking: talking.topic("general", f"topic {number}"))
    elif kind == "remove":
        remove(team, desk, target)
    elif kind == "grant":
        grant(team, desk, target, (10, 100, 200)[number % 3])
    else:
        accept(team, desk, target)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=4, max_size=24), st.integers(0, 1_000))
@example([*[("post", 0, 0)] * 6, ("remove", 1, 2), ("grant", 0, 1), ("post", 1, 0)], 0)
def test_all_see_the_same_however_they_heard_of_it(
    steps: list[tuple[str, int, int]], seed: int
) -> None:
    """What is shown after every change alone is what is shown when all is read at once, and the
    same for everybody who is still in."""
    team = Team(seed=seed)
    ana = team.found("ana")
    desks = [ana, *(team.join(name, ana) for name in ("ben", "cid", "dan"))]
    grant(team, ana, desks[1], 10)
    team.run()
    for number, step in enumerate(steps):
        try:
            play(team, desks, step, number)
        except ChatError:
            continue
    team.run()
    team.mesh()
    team.run(60_000)
    team.mesh()
    team.run(60_000)
    members = ana.workspace.roster.state.members
    staying = [desk for desk in desks if desk.workspace.me in members]
    for desk in staying:
        assert desk.canonical() == ana.canonical(), desk.name
        assert void(desk) == void(ana)
        shown = desk.canonical()
        desk.workspace.store._database.write("DELETE FROM voided")
        read_everything(desk.workspace, desk.engine.voiding, team.now(desk))
        desk.store.commit()
        assert desk.canonical() == shown
        assert void(desk) == void(ana)
