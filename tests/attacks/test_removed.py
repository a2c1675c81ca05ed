"""A removed member with every old key and a changed program: 27 at work, on links and on the wire.

Mallory kept everything: keys, ciphertexts, roster, the workspace's link key. It talks to members
and to the relay directly, asks for everything there is, and says whatever it likes. What is sent
after the removal has healed it reads nothing of, and it changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chat import commands, effects
from chat.engine.people import RosterNews
from crdt import ops
from crdt.entry import LogId, open_payload
from crdt.epochs import Epochs
from crdt.errors import Invalid
from crdt.roster import Roster
from crdt.roster_ops import (
    MODE_PRIVATE,
    MODE_PUBLIC,
    AnyArgs,
    Channel,
    Grant,
    Invite,
    Place,
    Rekey,
    Remove,
    ScopeAdd,
    Share,
    build,
    channel_id,
    scope_id,
)
from crdt.seals import channel_key
from crdt.sync_messages import (
    Claim,
    Entries,
    Fingerprints,
    HeadsWant,
    Hello,
    Message,
    Page,
    Range,
    ReceiptsWant,
    RosterHave,
    RosterOps,
    SealsWant,
    Want,
    decode,
)
from tests.attacks.mallory import forged, greet, run_of, say
from tests.chat.engine_team import Desk, Team, Wire
from tests.chat.node_team import Desk as NodeDesk
from tests.chat.node_team import nodes

OLD, NEW = "before the removal", "after the removal"


class Story:
    """Ana, Bo and a relay; Mallory was in, and was removed while away."""

    def __init__(self, seed: int) -> None:
        self.team = Team(seed)
        self.ana = self.team.found("ana")
        self.bo = self.team.join("bo", self.ana)
        self.mal = self.team.join("mal", self.ana)
        self.relay = self.team.join("relay", self.ana, relay=True)
        self.team.mesh()
        self.secret = self.team.channel(self.ana, "secret", self.bo, self.mal)
        self.team.post(self.ana, OLD)
        self.team.post(self.mal, "mallory was here")
        self.team.run()
        self.team.isolate(self.mal)
        self.old_heads = self.mal.workspace.roster.heads
        self.removal = self.team.publish(self.ana, Remove(self.mal.workspace.me))
        self.team.run()
        self.team.post(self.ana, NEW)
        self.team.post(self.bo, NEW, "secret")
        self.team.run()

    @property
    def honest(self) -> tuple[Desk, Desk, Desk]:
        return self.ana, self.bo, self.relay

    def seen(self) -> list[object]:
        """Everything that anybody honest shows, holds or goes by."""
        return [
            (
                state.members,
                state.devices,
                state.channels,
                state.scopes,
                state.invites,
                desk.workspace.epochs.current(desk.workspace.scope),
                desk.workspace.epochs.current(desk.workspace.scope_of(self.secret)),
                desk.workspace.store.count_entries(),
                [] if desk is self.relay else [desk.rows(name) for name in ("general", "secret")],
            )
            for desk in self.honest
            for state in (desk.workspace.roster.state,)
        ]

    def later(self) -> list[tuple[LogId, bytes, bytes]]:
        """Log, id and ciphertext of what was written after the removal."""
        epochs = {
            self.ana.workspace.epochs.current(scope)
            for scope in (self.ana.workspace.scope, self.ana.workspace.scope_of(self.secret))
        }
        return [
            (entry.log, entry.id, entry.ciphertext or b"")
            for _, entry in self.ana.workspace.store.since(0, 10_000)
            if entry.epoch in epochs
        ]

    def farewell(self) -> set[bytes]:
        """The ops that Mallory may be told: its removal, and what that rests on."""
        history = self.ana.workspace.roster.history
        told = history.past_of([self.removal])
        return {node.op.wire for node in history.nodes if told & node.bit}

    def logs(self) -> list[Range]:
        return [Range(*state.log, 0, state.head) for state in self.ana.workspace.store.logs()]

    def back_dated(self, args: AnyArgs, seq: int = 900) -> bytes:
        """A roster op of Mallory's, as if from before it was removed."""
        mal = self.mal.workspace
        place = Place(
            mal.id, self.old_heads, mal.device, bytes(8), seq, mal.me, 100, 1_790_000_000_000
        )
        return build(place, args, mal.keys.sign_seed).wire


def questions(story: Story) -> list[Message]:
    """Everything that there is to ask for."""
    channels = tuple(sorted(story.ana.workspace.roster.state.channels))
    epochs = tuple(state.id for state in story.ana.workspace.roster.state.rekeys)
    ranges = tuple(story.logs())
    return [
        RosterHave(()),
        Want(1, 1, False, ranges),
        Want(2, 3, True, ranges),
        HeadsWant(3, channels),
        *(Page(10 + number, 1, channel, None, 500) for number, channel in enumerate(channels)),
        Fingerprints((), None, True),
        *(SealsWant(epochs[at : at + 16]) for at in range(0, len(epochs), 16)),
        ReceiptsWant(ranges),
    ]


def answers(wire: Wire, to: Desk) -> list[bytes]:
    return [payload for name, payload in wire.sent if name != to.name]


@pytest.mark.parametrize("victim", ["ana", "bo", "relay"])
def test_27_who_was_removed_is_answered_nothing(victim: str) -> None:
    story = Story(seed=27)
    later = story.later()
    assert len(later) >= 2
    before = story.seen()
    wire = greet(story.team, story.mal, story.team.desks[victim])
    say(story.team, wire, story.mal, *questions(story))
    assert answers(wire, story.mal), "it is greeted like any stranger"
    for payload in answers(wire, story.mal):
        message = decode(payload)
        assert isinstance(message, Hello | RosterHave | RosterOps)
        assert not isinstance(message, RosterOps) or set(message.ops) <= story.farewell()
        for _, identity, ciphertext in later:
            assert ciphertext not in payload
            assert identity not in payload
    assert story.seen() == before


def test_27_what_a_dishonest_relay_hands_over_opens_with_no_old_key() -> None:
    """All ciphertexts, the whole roster, all seals: and still nothing that came after."""
    story = Story(seed=28)
    mal, given = story.mal.workspace, story.relay.workspace
    roster = Roster(mal.id)
    for op_id in given.roster.missing_from(()):
        roster.add(given.roster.wire(op_id))
    epochs = Epochs(roster, mal.keys, mal.store.epoch_keys(), given.store.seals())
    assert epochs.refresh() == [], "no seal, share or wrap gives a key that was not there"
    held = mal.store.epoch_keys()
    assert len(held) >= 2
    opened = 0
    for _, entry in given.store.since(0, 10_000):
        for key in held.values():
            try:
                open_payload(mal.id, entry, channel_key(key, entry.log.channel))
            except Invalid:
                continue
            opened += 1
            assert entry.id not in {identity for _, identity, _ in story.later()}
    assert opened > 0, "what was said before stays readable, and the search itself works"
    for state in roster.state.rekeys:
        if state.id not in held:
            assert state.id in {entry.epoch for _, entry in given.store.since(0, 10_000)}


def writings(story: Story) -> list[Message]:
    """Everything that there is to say, by somebody who may say nothing any more."""
    mal = story.mal.workspace
    old_epoch = mal.epochs.current(mal.scope)
    assert old_epoch is not None
    note = ops.encode(ops.NoteUpdate(b"\x00\x00", ()))
    salt = story.ana.rows()[0].salt
    entries = [
        forged(story.mal, ops.encode(op), epoch=old_epoch, heads=story.old_heads)
        for op in (ops.Post(bytes(16), "forged"), ops.Edit(salt, "forged"), ops.Delete(salt))
    ]
    entries.append(forged(story.mal, note, part=ops.PART_NOTES, heads=story.old_heads))
    topic = ops.encode(ops.Topic("forged"))
    entries.append(forged(story.mal, topic, part=ops.PART_STATE, heads=story.old_heads))
    where = (mal.device, bytes(8), 900)
    boxes = tuple(sorted((mal.device, story.bo.workspace.device)))
    secret = mal.scope_of(story.secret)
    acts: list[AnyArgs] = [
        Invite(bytes(32), 101, 2**50, bytes(32), b"rest"),
        Channel(channel_id(*where), scope_id(*where), MODE_PRIVATE),
        Channel(bytes(16), mal.scope, MODE_PUBLIC, bytes(32)),
        ScopeAdd(secret, (mal.me,)),
        Rekey(mal.scope, bytes(16), bytes(32), bytes(32), boxes),
        Rekey(secret, bytes(16), bytes(32), bytes(32), boxes),
        Share(old_epoch, mal.device, bytes(112)),
    ]
    wires = [story.back_dated(args, 900 + number) for number, args in enumerate(acts)]
    return [
        *(Entries((run_of(story.mal, [entry]),)) for entry in entries),
        *(RosterOps((wire,), True) for wire in wires),
        Claim(b"let me in again"),
    ]


@pytest.mark.parametrize("victim", ["ana", "bo", "relay"])
def test_27_who_was_removed_changes_nothing(victim: str) -> None:
    story = Story(seed=29)
    before = story.seen()
    for message in writings(story):
        wire = greet(story.team, story.mal, story.team.desks[victim])
        say(story.team, wire, story.mal, message)
        story.team.cut(wire)
    story.team.run(60_000)
    assert story.seen() == before
    assert story.ana.texts() == story.bo.texts()
    assert sorted(story.ana.texts()) == [NEW, OLD, "mallory was here"]
    story.team.post(story.bo, "and on we go")
    story.team.run()
    assert story.ana.texts()[-1] == "and on we go"


def test_27_who_was_removed_lifts_nobody_and_puts_nobody_out() -> None:
    """An admin's old powers, dated back."""
    story = Story(seed=30)
    for args in (Grant(story.bo.workspace.me, 150), Remove(story.bo.workspace.me)):
        with pytest.raises(Invalid):
            story.ana.workspace.roster.add(story.back_dated(args))


# Over real links --------------------------------------------------------------------------------

Make = Callable[..., Awaitable[NodeDesk]]


def remove(desk: NodeDesk, member: bytes) -> None:
    """As the command does."""
    workspace, engine = desk.team.workspace, desk.team.engine

    def work(at: object) -> list[effects.Effect]:
        place = engine.people._place(at)  # type: ignore[arg-type]
        op = build(place, Remove(member), workspace.keys.sign_seed)
        return engine.publish(RosterNews(op), at)  # type: ignore[arg-type]

    desk.team.run(work)


def test_27_over_the_wire_the_removed_hear_and_change_nothing() -> None:
    async def story(make: Make) -> None:
        ana, bo, mal = await make("ana"), await make("bo"), await make("mal")
        await ana.create()
        await bo.join(ana)
        await mal.join(ana)
        await ana.post(OLD)
        await mal.until(lambda: mal.texts() == [OLD])
        key = mal.meeting.secrets()[0]
        remove(ana, mal.team.workspace.me)
        await bo.until(lambda: mal.team.workspace.me not in bo.team.workspace.roster.state.members)
        epoch = ana.team.workspace.epochs.current
        scope = ana.team.workspace.scope
        await ana.until(lambda: epoch(scope) is not None)
        await ana.post(NEW)
        await bo.until(lambda: bo.texts() == [OLD, NEW])
        members = ana.team.workspace.roster.state.members
        for victim in (ana, bo):
            handle = await mal.meeting.links.dial_once(victim.url, key)
            for kind in (effects.KIND_SYNC, effects.KIND_BLOCKS, effects.KIND_EPHEMERAL, 9):
                handle.send(kind, 0, b"\x92\x09\x90")
            handle.send(effects.KIND_SYNC, 0, b"\xc1")
            async with asyncio.timeout(20):
                await asyncio.shield(handle.link.closed)
        assert mal.texts() == [OLD]
        assert ana.team.workspace.roster.state.members == members
        await bo.post("and on we go")
        await ana.until(lambda: ana.texts() == [OLD, NEW, "and on we go"])
        assert await bo.call(commands.History("general", 10))
        assert mal.texts() == [OLD]

    async def play() -> None:
        async with nodes() as make:
            await story(make)

    asyncio.run(play())
