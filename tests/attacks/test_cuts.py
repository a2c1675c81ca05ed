"""Attacks with the past: 22 and 23. What a removed device dates back is void, and can come back."""

import pytest

from chat.errors import TrustError
from crdt import ops
from crdt.entry import Entry
from crdt.sync_messages import Entries
from tests.attacks.mallory import forged, greet, run_of, say, written
from tests.chat.engine_team import Desk, Team


class Story:
    """Ana, Bo and a relay that does what Mallory says; Mallory was in, and is away."""

    def __init__(self, seed: int) -> None:
        self.team = Team(seed)
        self.ana = self.team.found("ana")
        self.bo = self.team.join("bo", self.ana)
        self.mal = self.team.join("mal", self.ana)
        self.relay = self.team.join("relay", self.ana, relay=True)
        self.team.mesh()
        self.team.post(self.mal, "said in good time")
        self.team.run()
        self.team.isolate(self.mal)
        self.team.isolate(self.relay)

    def remove(self) -> None:
        """As the command does."""
        ana, mal = self.ana, self.mal.workspace.me
        self.team.do(
            ana,
            lambda now: ana.engine.publish_each(ana.engine.members.remove(mal, now), now),
        )
        self.team.run()

    def back_dated(self) -> list[Entry]:
        """A good chain upon what Mallory wrote in time, under the heads and key of that time."""
        last = written(self.mal)[-1]
        epoch = self.mal.workspace.epochs.current(self.mal.workspace.scope)
        assert epoch is not None
        entries = []
        for number in range(3):
            op = ops.Post(bytes((number,)) * 16, f"dated back {number}")
            entries.append(
                forged(self.mal, ops.encode(op), after=last, hlc=last.hlc + 1 + number, epoch=epoch)
            )
            last = entries[-1]
        return entries

    def hand_over(self, entries: list[Entry], *to: Desk) -> None:
        """The relay is known to everybody, and hands on what nobody else would."""
        for desk in to:
            wire = greet(self.team, self.relay, desk)
            say(self.team, wire, self.relay, Entries((run_of(self.mal, entries),)))
            self.team.cut(wire)

    def meet(self) -> None:
        self.team.mesh(self.ana, self.bo)
        self.team.run()


@pytest.mark.parametrize("when", ["before the removal", "after it"])
@pytest.mark.parametrize("how", ["new entries", "an edit", "a deletion"])
def test_22_what_a_removed_device_dates_back_is_void_everywhere(when: str, how: str) -> None:
    """It arrives before the removal at one, behind it at the other; both show the same."""
    story = Story(seed=22)
    (first,) = story.mal.rows()
    entries = story.back_dated()
    if how != "new entries":
        last = written(story.mal)[-1]
        salt = first.salt
        op = ops.Edit(salt, "dated back") if how == "an edit" else ops.Delete(salt)
        entries = [
            forged(story.mal, ops.encode(op), after=last, hlc=last.hlc + 1, epoch=last.epoch)
        ]
    if when == "before the removal":
        story.team.isolate_all()
        story.hand_over(entries, story.bo)
        assert story.bo.texts() != ["said in good time"], "nobody can tell yet"
        story.remove()
        story.meet()
        story.hand_over(entries, story.ana)
    else:
        story.remove()
        story.hand_over(entries, story.ana, story.bo)
    story.team.run()
    assert story.ana.texts() == story.bo.texts() == ["said in good time"]
    held = [desk.workspace.store.log_state(entries[0].log) for desk in (story.ana, story.bo)]
    assert [state.head for state in held if state] == [entries[-1].seq] * 2, "kept and passed on"
    story.team.restart(story.bo)
    story.meet()
    assert story.bo.texts() == ["said in good time"], "and void after a restart"


def test_22_another_log_of_the_removed_device_is_void_as_well() -> None:
    """Another incarnation, of which the remover held nothing."""
    story = Story(seed=23)
    story.mal.incarnation = b"another!"
    story.team.restart(story.mal)
    op = ops.encode(ops.Post(bytes(16), "from another log"))
    epoch = story.mal.workspace.epochs.current(story.mal.workspace.scope)
    assert epoch is not None
    entry = forged(story.mal, op, epoch=epoch)
    story.remove()
    story.hand_over([entry], story.ana, story.bo)
    story.team.run()
    assert story.ana.texts() == story.bo.texts() == ["said in good time"]


@pytest.mark.parametrize("order", ["entries first", "accept first"])
def test_23_honest_late_entries_come_back_everywhere_when_they_are_accepted(order: str) -> None:
    story = Story(seed=24)
    for number in range(3):
        story.team.post(story.mal, f"late and honest {number}")
    late = written(story.mal)[1:]
    story.remove()
    story.hand_over(late, story.ana)
    story.team.run()
    if order == "entries first":
        story.hand_over(late, story.bo)
    else:
        story.team.isolate(story.bo)
    assert story.ana.texts() == story.bo.texts() == ["said in good time"]
    me, mal = story.ana, story.mal.workspace.me
    story.team.do(me, lambda now: me.engine.publish_each(me.engine.members.accept(mal, now), now))
    story.meet()
    said = ["said in good time", *(f"late and honest {number}" for number in range(3))]
    assert story.ana.texts() == story.bo.texts() == said
    # More that is dated back behind what was accepted stays void.
    more = forged(
        story.mal,
        ops.encode(ops.Post(b"m" * 16, "one more")),
        after=late[-1],
        hlc=late[-1].hlc + 1,
        epoch=late[-1].epoch,
    )
    story.hand_over([more], story.ana, story.bo)
    story.team.run()
    assert story.ana.texts() == story.bo.texts() == said


def test_23_who_is_no_senior_accepts_nothing() -> None:
    story = Story(seed=25)
    story.remove()
    bo, mal = story.bo, story.mal.workspace.me
    with pytest.raises(TrustError):
        story.team.do(
            bo, lambda now: bo.engine.publish_each(bo.engine.members.accept(mal, now), now)
        )
