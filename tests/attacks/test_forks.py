"""Attacks with two histories: 7, 8 and 9. Whatever arrives first, everybody sees the same."""

from itertools import permutations

import pytest

from chat import effects, profile
from chat.engine.warnings import warnings
from chat.store import Store
from chat.store.store import INCARNATION_KEY
from chat.voiding import void_posts
from crdt import forks, ops
from crdt.entry import Entry, LogId, encode_run
from crdt.errors import Invalid
from crdt.forks import Branch
from crdt.notes import client_id
from crdt.sync_messages import Entries, Forks, Message
from tests.attacks.mallory import (
    complaints,
    greet,
    log_of,
    mutations,
    resigned,
    run_of,
    say,
    written,
)
from tests.chat.engine_team import Desk, Team, Wire, seeded
from tests.crdt import notes_authors as yjs

BEFORE = 3
"""What Mallory said before telling two stories."""


class Story:
    """Ana, Bo, Cem and a relay; Mallory was in, and has a second machine with the same key, which
    goes on in the same logs. Nobody is linked."""

    def __init__(self, seed: int) -> None:
        self.team = Team(seed)
        self.ana = self.team.found("ana")
        self.bo = self.team.join("bo", self.ana)
        self.cem = self.team.join("cem", self.ana)
        self.mal = self.team.join("mal", self.ana)
        self.relay = self.team.join("relay", self.ana, relay=True)
        self.team.mesh()
        self.team.run()
        for number in range(BEFORE):
            self.team.post(self.mal, f"before {number}")
        self.team.run()
        self.team.isolate_all()
        self.log = log_of(self.mal)
        self.double = self.copied(self.mal)

    def copied(self, desk: Desk) -> Desk:
        """A desk with the same keys, store and logs."""
        name = f"{desk.name}'s double"
        store = Store.in_memory(seeded(name))
        store._database._connection.deserialize(
            "main", desk.store._database._connection.serialize("main")
        )
        store.renew_replica_id(seeded(f"{name}/replica"))
        store.commit()
        return Desk(name, desk.identity, store, desk.incarnation)

    @property
    def honest(self) -> tuple[Desk, ...]:
        return self.ana, self.bo, self.cem

    def tell(self, teller: Desk, *audience: Desk) -> None:
        """A machine of Mallory's brings what it has to some, each alone."""
        for desk in audience:
            wire = self.team.link(teller, desk)
            self.team.run()
            self.team.cut(wire)

    def meet(self) -> None:
        """Everybody honest is linked with everybody, twice: what a first talk finds out may lead
        to something that only a second one tells."""
        for _ in range(2):
            self.team.mesh(*self.honest, self.relay)
            self.team.run()
            self.team.isolate_all()

    def views(self) -> list[object]:
        return [desk.canonical()[1:] for desk in self.honest]

    def void(self, desk: Desk) -> set[int]:
        return desk.workspace.store.void_seqs(self.log)

    def points(self) -> list[dict[LogId, int]]:
        desks = (*self.honest, self.relay)
        return [dict(desk.workspace.store.fork_points()) for desk in desks]


def said(number: int = BEFORE) -> list[str]:
    return [f"before {each}" for each in range(number)]


@pytest.mark.parametrize("order", list(permutations(("one", "two", "meet", "two to the first"))))
def test_07_a_fork_makes_the_same_suffix_void_for_everybody(order: tuple[str, ...]) -> None:
    story = Story(seed=7)
    for number in range(4):
        story.team.post(story.mal, f"one story {number}")
    for number in range(2):
        story.team.post(story.double, f"another story {number}")
    for step in order:
        if step == "one":
            story.tell(story.mal, story.ana)
        elif step == "two":
            story.tell(story.double, story.bo)
        elif step == "meet":
            story.meet()
        else:
            story.tell(story.double, story.ana)
    story.meet()
    log = story.log
    assert story.points() == [{log: BEFORE}] * 4, "the relay knows as well"
    assert [desk.texts() for desk in story.honest] == [said()] * 3
    assert story.views()[1:] == story.views()[:-1]
    for desk in story.honest:
        state = desk.workspace.store.log_state(log)
        assert state is not None
        assert state.head > BEFORE, "what is void is kept"
        assert story.void(desk) == set(range(BEFORE, state.head + 1))
    for desk in (*story.honest, story.relay):
        assert [told for told in desk.told if isinstance(told, effects.CloseLink)] == []


def test_07_notes_and_state_of_a_fork_are_void_as_messages_are() -> None:
    story = Story(seed=17)
    channel = story.mal.workspace.find_channel("general")
    for machine, word in ((story.mal, "one"), (story.double, "another")):
        story.team.do(
            machine,
            lambda now, machine=machine, word=word: machine.engine.write(  # type: ignore[misc]
                channel, ops.Topic(f"{word} topic"), now
            ),
        )
        log = machine.workspace.own_log(channel, ops.PART_NOTES)
        client = client_id(log.device, log.incarnation, channel)
        note = ops.NoteUpdate(yjs.update(client, 0, [yjs.item(yjs.string(word))]), ())
        story.team.do(
            machine,
            lambda now, machine=machine, note=note: machine.engine.write(  # type: ignore[misc]
                channel, note, now
            ),
        )
    story.tell(story.mal, story.ana)
    assert story.ana.workspace.store.register(channel, "topic") == "one topic"
    assert len(story.ana.workspace.store.note_entries(channel)) == 1
    story.tell(story.double, story.bo)
    story.ana.told.clear()
    story.meet()
    for desk in story.honest:
        assert desk.workspace.store.register(channel, "topic") == ""
        assert desk.workspace.store.note_entries(channel) == []
    assert effects.NotesArrived(channel, anew=True) in story.ana.told
    assert story.views()[1:] == story.views()[:-1]


def test_07_the_owner_of_a_copied_key_goes_on_in_new_logs_and_is_heard() -> None:
    """Mallory here is honest, and a thief has a copy of the machine."""
    story = Story(seed=27)
    owner, thief, ana = story.mal, story.double, story.ana
    story.team.post(owner, "by the owner")
    story.team.post(thief, "by the thief")
    story.tell(owner, ana)
    story.tell(thief, story.bo)
    story.meet()
    first = owner.workspace.incarnation
    wire = story.team.link(owner, ana)
    story.team.run()
    assert owner.workspace.incarnation != first
    (sentence,) = warnings(owner.workspace, ())
    assert sentence.startswith("Somebody uses a copy of this device's key")
    story.team.post(owner, "still here")
    story.team.run()
    assert ana.texts() == owner.texts() == [*said(), "still here"]
    story.team.cut(wire)
    assert INCARNATION_KEY == profile._INCARNATION
    kept = owner.store.get(INCARNATION_KEY)
    assert kept == owner.workspace.incarnation, "and so after the next start"
    owner.incarnation = kept
    story.team.restart(owner)
    assert owner.workspace.incarnation == kept
    # A start that still has the old name does not go on there, either.
    owner.incarnation = first
    story.team.restart(owner)
    assert owner.workspace.incarnation not in (first, kept)


def test_07_what_is_void_is_shown_as_what_it_is() -> None:
    story = Story(seed=37)
    story.team.post(story.mal, "one story")
    story.team.post(story.double, "another story")
    story.tell(story.mal, story.ana)
    story.tell(story.double, story.bo)
    story.meet()
    channel = story.ana.workspace.find_channel("general")
    shown = [post.text for post in void_posts(story.ana.workspace, channel, 10)]
    assert shown == ["one story"]
    assert story.ana.workspace.store.count_void() == {story.mal.workspace.device: 1}
    (sentence,) = warnings(story.ana.workspace, ())
    assert sentence.startswith("A device of mal wrote two different histories.")
    assert effects.ViewChanged("status") in story.ana.told
    assert effects.ViewChanged("members") in story.ana.told
    assert effects.ChannelRemade(channel) in story.ana.told


def test_07_evidence_that_an_older_build_kept_counts_from_the_next_start_on() -> None:
    """It kept both branches whole, went on showing the one it had, and told nobody."""
    story = Story(seed=47)
    for number in range(2):
        story.team.post(story.mal, f"one story {number}")
        story.team.post(story.double, f"another story {number}")
    story.tell(story.mal, story.ana)
    runs = [run_of(each, written(each, first=BEFORE)) for each in (story.mal, story.double)]
    first, second = sorted(encode_run(run) for run in runs)
    story.ana.workspace.store.add_fork(story.log, BEFORE, first, second)
    story.ana.store.commit()
    assert story.ana.texts() == [*said(), "one story 0", "one story 1"]
    story.team.restart(story.ana)
    assert story.ana.texts() == said()
    story.meet()
    assert story.points() == [{story.log: BEFORE}] * 4, "and it is told, without the words"
    kept = story.relay.workspace.store.fork(story.log)
    assert kept is not None
    assert forks.check(story.ana.workspace.id, forks.join(*kept)).exact


# The proof --------------------------------------------------------------------------------------


def proof_of(story: Story) -> bytes:
    """What Cem can prove, who hears both and nothing else."""
    story.tell(story.mal, story.cem)
    story.tell(story.double, story.cem)
    kept = story.cem.workspace.store.fork(story.log)
    assert kept is not None
    return forks.join(*kept)


def hand(story: Story, desk: Desk, *messages: Message) -> Wire:
    """The relay is known to everybody, and does what Mallory says."""
    wire = greet(story.team, story.relay, desk)
    say(story.team, wire, story.relay, *messages)
    story.team.cut(wire)
    return wire


STORIES = ("all at once", "one by one")


@pytest.mark.parametrize("how", STORIES)
@pytest.mark.parametrize("place", range(6))
def test_08_a_proof_before_between_or_after_the_entries_is_the_same(place: int, how: str) -> None:
    story = Story(seed=8)
    for number in range(5):
        story.team.post(story.mal, f"one story {number}")
    edit = ops.Edit(story.mal.rows()[0].salt, "changed by what is void")
    channel = story.mal.workspace.find_channel("general")
    story.team.do(story.mal, lambda now: story.mal.engine.write(channel, edit, now))
    story.team.post(story.double, "another story")
    proof = proof_of(story)
    runs = [[entry] for entry in written(story.mal, first=BEFORE)]
    runs = runs if how == "one by one" else [[entry for run in runs for entry in run]]
    messages: list[Message] = [Entries((run_of(story.mal, run),)) for run in runs]
    messages.insert(min(place, len(messages)), Forks((proof,)))
    hand(story, story.bo, *messages)
    assert story.bo.texts() == said() == story.ana.texts()
    assert story.void(story.bo) == set(range(BEFORE, BEFORE + 6))
    story.meet()
    assert story.views()[1:] == story.views()[:-1]
    story.team.restart(story.bo)
    assert story.bo.texts() == said()


def test_08_a_lower_proof_takes_the_place_of_a_higher_one_in_any_order() -> None:
    """A third machine parts further down; whoever hears of both keeps the lower place."""
    for first in ("higher", "lower"):
        story = Story(seed=18)
        story.team.post(story.mal, "one story")
        story.team.post(story.double, "another story")
        higher = proof_of(story)
        seed, workspace = story.mal.workspace.keys.sign_seed, story.mal.workspace.id
        log = written(story.mal)
        third = [resigned(workspace, log[1], seed, hlc=log[1].hlc + 1)]
        below = forks.prove(
            workspace,
            Branch(log[1:2], story.mal.workspace.store.head_set(log[1].roster) or ()),
            Branch(third, story.mal.workspace.store.head_set(log[1].roster) or ()),
        )
        assert below is not None
        assert below.exact
        order = (higher, below.wire) if first == "higher" else (below.wire, higher)
        for wire in order:
            hand(story, story.bo, Forks((wire,)))
        assert story.bo.workspace.store.fork_points() == {story.log: 1}
        assert story.bo.texts() == said(1)
        story.meet()
        assert story.points() == [{story.log: 1}] * 4
        assert [desk.texts() for desk in story.honest] == [said(1)] * 3


def test_08_bytes_that_prove_nothing_cost_that_link_alone() -> None:
    story = Story(seed=28)
    story.team.post(story.mal, "one story")
    story.team.post(story.double, "another story")
    proof = proof_of(story)
    ended = 0
    for bad in list(mutations(proof))[::53]:
        try:
            honest = forks.check(story.bo.workspace.id, bad).seq == BEFORE
        except Invalid:
            honest = False
        before = len(complaints(story.bo))
        hand(story, story.bo, Forks((bad,)))
        assert (story.bo.workspace.store.fork_points() == {story.log: BEFORE}) is honest
        if honest:  # The same, written in another way.
            break
        ended += len(complaints(story.bo)) - before
    assert ended > 10
    assert story.bo.texts() == said()


# A removal --------------------------------------------------------------------------------------


def remove(story: Story) -> None:
    ana, mal = story.ana, story.mal.workspace.me
    story.team.do(
        ana, lambda now: ana.engine.publish_each(ana.engine.members.remove(mal, now), now)
    )


def thief_of_the_past(story: Story, seq: int) -> bytes:
    """Proof that there is another entry at a place below all that Mallory's own machine said."""
    mal = story.mal
    seed, workspace = mal.workspace.keys.sign_seed, mal.workspace.id
    log = written(mal)
    heads = mal.workspace.store.head_set(log[seq].roster) or ()
    other: list[Entry] = [resigned(workspace, log[seq], seed, hlc=log[seq].hlc + 1)]
    proof = forks.prove(workspace, Branch(log[seq : seq + 1], heads), Branch(other, heads))
    assert proof is not None
    return proof.wire


@pytest.mark.parametrize("order", ["proof, removal, accept", "removal, proof"])
def test_09_a_fork_below_what_a_removal_pinned_is_ignored(order: str) -> None:
    """A thief of a removed device's key proves a fork at its very beginning: what the remover held
    and named stands. A fork that was proven before the removal is void until it is accepted."""
    story = Story(seed=9)
    team, mal = story.team, story.mal.workspace.me
    proof = thief_of_the_past(story, 0)
    if order == "removal, proof":
        remove(story)
        story.meet()
        hand(story, story.bo, Forks((proof,)))
        assert story.bo.texts() == said(), "before it is known to all"
    else:
        hand(story, story.bo, Forks((proof,)))
        story.meet()
        assert [desk.texts() for desk in story.honest] == [[]] * 3
        remove(story)
        story.meet()
        assert [desk.texts() for desk in story.honest] == [[]] * 3, "a removal takes nothing back"
        ana = story.ana
        team.do(ana, lambda now: ana.engine.publish_each(ana.engine.members.accept(mal, now), now))
    story.meet()
    assert story.points() == [{story.log: 0}] * 4, "it is known, and told"
    assert [desk.texts() for desk in story.honest] == [said()] * 3
    assert story.views()[1:] == story.views()[:-1]
    for desk in story.honest:
        team.restart(desk)
        assert desk.texts() == said()


@pytest.mark.parametrize("longer", ["what was pinned", "the other branch"])
def test_09_whoever_holds_another_branch_than_a_removal_pinned_shows_none_of_it(
    longer: str,
) -> None:
    """Ana removes Mallory before anybody knows that there are two stories, and pins the one that
    she heard. Bo heard the other one: nothing of that stands, and all that came before does."""
    story = Story(seed=29)
    lengths = (3, 2) if longer == "what was pinned" else (2, 3)
    for number in range(lengths[0]):
        story.team.post(story.mal, f"one story {number}")
    for number in range(lengths[1]):
        story.team.post(story.double, f"another story {number}")
    pinned = [*said(), *(f"one story {number}" for number in range(lengths[0]))]
    story.tell(story.mal, story.ana)
    story.tell(story.double, story.bo)
    remove(story)
    story.meet()
    assert story.points() == [{story.log: BEFORE}] * 4
    assert story.ana.texts() == pinned
    assert story.bo.texts() == said()
    assert story.cem.texts() in (pinned, said()), "as whose branch came first"
    for desk in story.honest:
        before = desk.texts()
        story.team.restart(desk)
        assert desk.texts() == before
    dan = story.team.join("dan", story.ana)
    assert dan.texts() == pinned


@pytest.mark.parametrize("size", [1, 2, 5])
def test_09_what_a_removal_pinned_stands_once_its_last_entry_is_here(size: int) -> None:
    story = Story(seed=39)
    for number in range(4):
        story.team.post(story.mal, f"one story {number}")
    story.tell(story.mal, story.ana)
    entries = written(story.mal, first=BEFORE)
    remove(story)
    cem = story.cem
    for wire in story.ana.workspace.store.ops():
        cem.workspace.roster.add(wire)
    hand(story, cem, Forks((thief_of_the_past(story, BEFORE),)))
    for start in range(0, len(entries), size):
        hand(story, cem, Entries((run_of(story.mal, entries[start : start + size]),)))
        done = start + size >= len(entries)
        assert cem.texts() == (story.ana.texts() if done else said())
    story.meet()
    assert [desk.texts() for desk in story.honest] == [story.ana.texts()] * 3
    assert story.ana.texts()[-1] == "one story 3"


def test_09_behind_what_a_removal_pinned_a_forked_log_is_closed() -> None:
    """Mallory may only read for a while and then writes again, in the old log: with a proof about
    that log known, what is pinned stands and nothing behind it."""
    story = Story(seed=19)
    team, ana, mal = story.team, story.ana, story.mal.workspace.me
    team.do(ana, lambda now: ana.engine.publish_each(ana.engine.members.grant(mal, 200, now), now))
    team.do(ana, lambda now: ana.engine.publish_each(ana.engine.members.grant(mal, 100, now), now))
    wire = team.link(story.mal, ana)
    team.run()
    team.post(story.mal, "writing again")
    team.run()
    team.cut(wire)
    story.meet()
    assert [desk.texts() for desk in story.honest] == [[*said(), "writing again"]] * 3
    hand(story, story.cem, Forks((thief_of_the_past(story, 1),)))
    story.meet()
    assert [desk.texts() for desk in story.honest] == [said()] * 3
    assert story.void(ana) == {BEFORE}
