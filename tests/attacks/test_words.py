"""What two people see who compare the words of a workspace that somebody lies about."""

from chat import verification
from crdt.roster_ops import Grant, Remove
from tests.chat.engine_team import Desk, Team


def words(desk: Desk) -> str:
    """As `clowder verify` shows them."""
    workspace = desk.workspace
    epoch = workspace.epochs.current(workspace.scope)
    value = verification.view(workspace.id, workspace.roster.state, epoch)
    return verification.words(value, verification.VIEW_WORDS)


def test_21_who_was_told_another_story_sees_other_words() -> None:
    """An admin puts two ops into one place, for two rooms that cannot hear each other."""
    team = Team(seed=21)
    ana = team.found("ana")
    ben, bo, cid, dee = (team.join(name, ana) for name in ("ben", "bo", "cid", "dee"))
    team.publish(ana, Grant(ben.workspace.me, 50))
    team.mesh(ana, ben, bo, cid, dee)
    team.run()
    assert len({words(desk) for desk in (ana, ben, bo, cid, dee)}) == 1
    team.isolate_all()
    people = ben.engine.people
    seq = people._seq
    stories = []
    for victim in (cid, dee):
        people._seq = seq
        stories.append(people.make(Remove(victim.workspace.me), team.now(ben)))
    rooms = (ana, bo)
    for room, story in zip(rooms, stories, strict=True):
        room.workspace.roster.add(story.wire)
    assert words(ana) != words(bo)
    for room, story in zip(rooms, reversed(stories), strict=True):
        room.workspace.roster.add(story.wire)
    assert words(ana) == words(bo)
    assert len(ana.workspace.roster.state.equivocations) == 1


def test_21_who_was_told_nothing_sees_other_words_than_who_was() -> None:
    """A relay, or an accomplice, keeps a removal from one member alone."""
    team = Team(seed=22)
    ana = team.found("ana")
    bo, cid = team.join("bo", ana), team.join("cid", ana)
    team.mesh(ana, bo, cid)
    team.run()
    team.isolate(bo)
    team.publish(ana, Remove(cid.workspace.me))
    team.run()
    assert words(ana) != words(bo)
    team.link(ana, bo)
    team.run()
    assert words(ana) == words(bo)
