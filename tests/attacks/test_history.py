"""A newcomer with a changed program in a channel whose history was closed: 28.

Mallory is a member, and was let into a private channel after its history had been closed. Its
program holds all ciphertexts, the whole roster and all blocks of seals, asks everybody for
everything, and says in the roster whatever could make others think that it had the old keys.
"""

from collections.abc import Iterator

import pytest

from crdt import ops, seals
from crdt.entry import Entry, open_payload
from crdt.epochs import Epochs
from crdt.errors import Invalid
from crdt.roster import Roster
from crdt.roster_ops import Rekey, ScopeHistory, Share
from crdt.seals import channel_key
from crdt.sync_messages import HeadsWant, Page, Range, ReceiptsWant, RosterHave, SealsWant, Want
from tests.attacks.mallory import say
from tests.chat.engine_team import Desk, Team

OLD, NEW = "before mallory came", "mallory is here"


class Story:
    """Ana and Bo talk in #secret, close its history, and let Mallory in; a relay holds it all."""

    def __init__(self, seed: int, *, closed: bool = True) -> None:
        self.team = Team(seed)
        self.ana = self.team.found("ana")
        self.bo = self.team.join("bo", self.ana)
        self.mal = self.team.join("mal", self.ana)
        self.relay = self.team.join("relay", self.ana, relay=True)
        self.team.mesh()
        channel = self.team.channel(self.ana, "secret", self.bo)
        self.scope = self.ana.workspace.scope_of(channel)
        self.team.post(self.ana, OLD, "secret")
        self.team.run()
        members, team = self.ana.engine.members, self.team
        if closed:
            news = members.set_history(channel, False, team.now())
            team.do(self.ana, lambda now: self.ana.engine.publish_each(news, now))
        team.run()
        added = members.add_to(channel, self.mal.workspace.me, team.now())
        team.do(self.ana, lambda now: self.ana.engine.publish_each(added, now))
        team.run()
        team.post(self.bo, NEW, "secret")
        team.run()

    def old(self) -> set[bytes]:
        """The epochs of before Mallory came."""
        current = self.ana.workspace.epochs.current(self.scope)
        rekeys = self.ana.workspace.roster.state.rekeys
        return {known.id for known in rekeys if known.scope == self.scope} - {current}

    def opened(self) -> set[str]:
        """What Mallory can read of all that anybody holds."""
        mal = self.mal.workspace
        found: set[str] = set()
        for desk in self.team.desks.values():
            given = desk.workspace
            roster = Roster(mal.id)
            for op_id in given.roster.missing_from(()):
                roster.add(given.roster.wire(op_id))
            held = mal.store.epoch_keys()
            epochs = Epochs(roster, mal.keys, held, given.store.seals())
            held |= {epoch: epochs.key(epoch) for epoch in epochs.refresh()}
            for _, entry in given.store.since(0, 10_000):
                found.update(_texts(mal.id, entry, held))
        return found


def _texts(workspace: bytes, entry: Entry, held: dict[bytes, bytes]) -> Iterator[str]:
    for key in held.values():
        try:
            payload = open_payload(workspace, entry, channel_key(key, entry.log.channel))
            said = ops.decode(payload, entry.log.part)
        except Invalid:
            continue
        if isinstance(said, ops.Post):
            yield said.text


def ask_for_everything(story: Story, victim: Desk) -> None:
    """Over a link as good as any member's."""
    team, state = story.team, story.ana.workspace.roster.state
    wire = team.link(story.mal, victim)
    ranges = tuple(Range(*log.log, 0, log.head) for log in victim.workspace.store.logs())
    epochs = tuple(known.id for known in state.rekeys)
    channels = tuple(sorted(state.channels))
    say(
        team,
        wire,
        story.mal,
        RosterHave(()),
        Want(1, 1, False, ranges),
        HeadsWant(2, channels),
        *(Page(3 + at, 1, channel, None, 500) for at, channel in enumerate(channels)),
        *(SealsWant(epochs[at : at + 16]) for at in range(0, len(epochs), 16)),
        ReceiptsWant(ranges),
    )
    team.run()
    team.cut(wire)


def lie(story: Story) -> None:
    """Everything in the roster that speaks for having had the old keys."""
    mal, team = story.mal.workspace, story.team
    for epoch in sorted(story.old()):
        team.publish(story.mal, Share(epoch, mal.device, bytes(112)))
        wrapped = seals.wrap(bytes(32), story.scope, epoch, bytes(32), bytes(24))
        boxes = tuple(sorted((mal.device, story.bo.workspace.device)))
        args = Rekey(story.scope, bytes(16), bytes(32), bytes(32), boxes, ((epoch, wrapped),))
        made = team.publish(story.mal, args)
        team.publish(story.mal, Share(made, story.ana.workspace.device, bytes(112)))
    team.publish(story.mal, ScopeHistory(story.scope, True))
    team.run(120_000)


@pytest.mark.parametrize("victim", ["ana", "bo", "relay"])
def test_28_where_history_is_off_a_newcomer_reads_nothing_older(victim: str) -> None:
    story = Story(seed=28)
    old = story.old()
    assert old
    assert story.opened() == {NEW}
    ask_for_everything(story, story.team.desks[victim])
    lie(story)
    ask_for_everything(story, story.team.desks[victim])
    assert old <= story.old()
    assert story.opened() == {NEW}
    assert not old & story.mal.workspace.store.epoch_keys().keys()
    assert story.scope in story.ana.workspace.roster.state.closed
    story.team.post(story.ana, "and on we go", "secret")
    story.team.run()
    for desk in (story.ana, story.bo):
        assert desk.texts("secret") == [OLD, NEW, "and on we go"]
    assert story.mal.texts("secret") == [NEW, "and on we go"]


def test_28_the_search_finds_what_is_open() -> None:
    assert Story(seed=29, closed=False).opened() == {OLD, NEW}
