"""Machines of a workspace in virtual time: the production engine over stores in memory.

A `Desk` is one device: its store, its engine, and what the engine told it. A `Team` owns the time
and the links between desks. It does with effects what a node does: commit, then carry out. What is
on the way arrives in the order in which it was sent within one link, direction and priority, and
else in an order that follows from the seed.

    team = Team(seed=1)
    ana = team.found("ana")
    bo = team.join("bo", ana)                 # invited by ana, let in, keys and history here
    team.post(ana, "hello")
    team.run()
    assert bo.texts() == ["hello"]

Nothing here decides anything of the protocol, so what goes wrong is the engine's.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from chat import effects
from chat.engine import Engine
from chat.engine.founding import found, furnish
from chat.engine.talking import Saying, Talking
from chat.errors import StoreError
from chat.invitation import parse
from chat.model import Message
from chat.store import Store
from chat.store.projection import MessageRow
from chat.views import Views
from chat.workspace import Identity, Now, Workspace
from crdt import invites, ops
from crdt.clock import reading
from crdt.keys import DeviceKeys, Entropy
from crdt.roster_invites import InviteState
from crdt.roster_ops import LEVEL_RELAY, MODE_PRIVATE, AnyArgs, build, member_id

START_MS = 1_790_000_000_000
"""Wall time at the start; monotonic time starts at 1,000."""
PARTING_MS = 1_000
"""As a node waits before it ends the link of who was removed."""
WEEK_MS = 7 * 24 * 3600 * 1000

Work = Callable[[Now], Sequence[effects.Effect]]


def seeded(name: str) -> Entropy:
    """Bytes that follow from a name."""
    count = 0

    def entropy(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{name}/{count}".encode()).digest(size)

    return entropy


@dataclass(eq=False)
class Wire:
    """A link between two desks."""

    number: int
    ends: tuple["Desk", "Desk"]
    up: bool = True
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    clear_at: dict[tuple[str, int], int] = field(default_factory=dict)

    def other(self, desk: "Desk") -> "Desk":
        return self.ends[1] if desk is self.ends[0] else self.ends[0]


class Desk:
    """One device.

    Attributes:
        told: effects of the engine for the face, in order.
        wall_ahead_ms: how far its clock is ahead of the others'.
        keep_days: what its user told it to keep; obeyed from the next start on.
    """

    def __init__(self, name: str, identity: Identity, store: Store, incarnation: bytes) -> None:
        self.name = name
        self.identity = identity
        self.store = store
        self.incarnation = incarnation
        self.entropy = seeded(f"{name}/entropy")
        self.random = random.Random(name)
        self.told: list[effects.Effect] = []
        self.wall_ahead_ms = 0
        self.keep_days: int | None = None
        self.wake_at: int | None = None
        self.build()

    def build(self) -> None:
        """Make everything in memory from the store, as a start of the program does."""
        store = self.store.workspace(self.identity.workspace)
        self.workspace = Workspace.load(self.identity, store, self.entropy, self.incarnation)
        choose = self.random.randrange
        self.engine = Engine(self.workspace, choose, keep_days=self.keep_days)
        self.views = Views(self.workspace, lambda info: 0.0, self.engine.present)
        self.talking = Talking(self.workspace, self.views)
        self.wake_at = None

    # What is seen -------------------------------------------------------------------------------

    def rows(self, channel: str = "general") -> list[MessageRow]:
        return self.workspace.store.messages(self.workspace.find_channel(channel), limit=100_000)

    def texts(self, channel: str = "general") -> list[str]:
        """What stands in a channel, in order; what was taken back is an empty text."""
        return [row.text for row in self.rows(channel)]

    def message(self, text: str, channel: str = "general") -> Message:
        """The one message that reads so."""
        (row,) = [row for row in self.rows(channel) if row.text == text]
        return self.views.message(row)

    def channels(self) -> list[str]:
        return [channel.name for channel in self.views.channels()]

    def reached(self, text: str, channel: str = "general") -> tuple[int, int]:
        return self.message(text, channel).reached

    def canonical(self) -> list[object]:
        """What must be the same everywhere: each channel's timeline and registers, as bytes."""
        store, state = self.workspace.store, self.workspace.roster.state
        seen: list[object] = [self.workspace.roster.heads]
        for channel in sorted(state.channels):
            if self.workspace.visible(channel, self.workspace.device):
                seen.append((channel, store.canonical(channel), store.registers(channel)))
        return seen

    def messages(self) -> int:
        return self.workspace.store.count_messages()


class Team:
    """Desks, links and virtual time."""

    def __init__(self, seed: int = 0, delay_ms: tuple[int, int] = (1, 40)) -> None:
        self.random = random.Random(seed)
        self.mono = 1_000
        self.delay_ms = delay_ms
        self.desks: dict[str, Desk] = {}
        self.wires: dict[int, Wire] = {}
        self._events: list[tuple[int, int, Wire, Desk, effects.Send | None]] = []
        """(when, a number, on which wire, to whom, what); None for the end of the wire."""
        self._count = 0

    # Who is there -------------------------------------------------------------------------------

    def found(self, name: str) -> Desk:
        """A new workspace and its founder's desk."""
        identity, genesis = found(seeded(f"{name}/inc")(8), self.now(), seeded(f"{name}/keys"))
        store = Store.in_memory(seeded(f"{name}/store"))
        store.workspace(identity.workspace).add_op(genesis.id, genesis.wire)
        store.commit()
        desk = self._seat(name, identity, store)
        self.do(desk, lambda now: furnish(desk.engine, "Cats", name, now))
        return desk

    def join(self, name: str, inviter: Desk, *, relay: bool = False) -> Desk:
        """Invite somebody, let them in over a link to the inviter, and let everything settle."""
        desk = self.claim(name, inviter, relay=relay)
        self.link(desk, inviter)
        self.run()
        assert desk.workspace.level is not None, f"{name} was not let in"
        return desk

    def invite(self, inviter: Desk, *, relay: bool = False) -> str:
        """An invite's link."""
        made = inviter.engine.people.invite(
            relay=relay, expires_ms=WEEK_MS, note="", hints=(), now=self.now(inviter)
        )
        self.do(inviter, lambda now: inviter.engine.publish(made.news, now))
        return made.view.link

    def claim(self, name: str, inviter: Desk, *, relay: bool = False) -> Desk:
        """The desk of somebody who holds an invite and has said so to nobody yet."""
        text = parse(self.invite(inviter, relay=relay))
        state = _invite_of(inviter, invites.InviteKeys.of(text.secret).public)
        rest = invites.open_rest(text.secret, state.rest)
        keys, salt = DeviceKeys.generate(seeded(f"{name}/keys")), seeded(f"{name}/salt")(16)
        signed = invites.make_claim(
            text.secret, rest, state.op, keys, salt=salt, nick=name, entropy=seeded(f"{name}/nick")
        )
        identity = Identity(
            rest.workspace,
            member_id(keys.public.sign, salt),
            keys.sign_seed,
            keys.link_secret,
            keys.box_secret,
            rest.net_key,
            relay=rest.level == LEVEL_RELAY,
        )
        store = Store.in_memory(seeded(f"{name}/store"))
        workspace = store.workspace(identity.workspace)
        workspace.add_claim(signed.id, signed.wire, START_MS)
        store.commit()
        return self._seat(name, identity, store)

    def _seat(self, name: str, identity: Identity, store: Store) -> Desk:
        desk = Desk(name, identity, store, seeded(f"{name}/inc")(8))
        self.desks[name] = desk
        self.do(desk, desk.engine.awaken)
        return desk

    def restart(self, desk: Desk, *, clean: bool = True) -> None:
        """Its process ends and begins anew; after an unclean end it is another incarnation."""
        self.isolate(desk)
        desk.store.rollback()
        if not clean:
            desk.incarnation = desk.entropy(8)
            desk.store.renew_replica_id(desk.entropy)
            desk.store.commit()
        desk.build()
        self.do(desk, desk.engine.awaken)

    # What is done -------------------------------------------------------------------------------

    def now(self, desk: Desk | None = None) -> Now:
        ahead = 0 if desk is None else desk.wall_ahead_ms
        return Now(START_MS + self.mono + ahead, self.mono)

    def do(self, desk: Desk, work: Work) -> None:
        """One turn of a desk: work, commit, and only then carry out what it led to.

        Raises:
            StoreError: the store failed; the turn is taken back, and memory built from the store.
        """
        try:
            done = work(self.now(desk))
            desk.store.commit()
        except StoreError:
            desk.store.rollback()
            desk.build()
            self.isolate(desk)
            self.do(desk, desk.engine.awaken)
            raise
        self._carry_out(desk, done)

    def say(self, desk: Desk, saying: Callable[[Talking], Saying]) -> bytes:
        """Write what the user says; gives the id of the message it is about."""
        said = saying(desk.talking)
        self.do(desk, lambda now: desk.engine.write(said.channel, said.op, now))
        return said.message

    def post(self, desk: Desk, text: str, channel: str = "general", reply: str = "") -> str:
        """A message; gives its id."""
        return self.say(desk, lambda talking: talking.post(channel, text, reply or None)).hex()

    def channel(self, desk: Desk, name: str, *members: Desk, mode: int = MODE_PRIVATE) -> bytes:
        """A new channel, as `CreateChannel` makes it."""
        ids = tuple(member.workspace.me for member in members)
        news, channel = desk.engine.people.channel(name, mode, ids, self.now(desk))

        def work(now: Now) -> list[effects.Effect]:
            done = desk.engine.publish(news, now)
            if desk.workspace.scope_of(channel) != desk.workspace.scope:
                done += desk.engine.write(channel, ops.Setting("name", name), now)
            return done

        self.do(desk, work)
        return channel

    def publish(self, desk: Desk, args: AnyArgs) -> bytes:
        """Any roster op of a desk; gives its id."""
        from chat.engine.people import RosterNews

        place = desk.engine.people._place(self.now(desk))
        op = build(place, args, desk.workspace.keys.sign_seed)
        self.do(desk, lambda now: desk.engine.publish(RosterNews(op), now))
        return op.id

    # Links --------------------------------------------------------------------------------------

    def link(self, left: Desk, right: Desk) -> Wire:
        """Link two desks with the workspace's key."""
        number = len(self.wires) + 1
        wire = self.wires[number] = Wire(number, (left, right))
        for here, there in ((left, right), (right, left)):
            device = there.workspace.device
            known = here.engine.knows(device) or here.workspace.level is None
            self.do(here, _bound(here.engine.link_up, number, device, known))
        return wire

    def mesh(self, *desks: Desk) -> None:
        """Link all who are not linked."""
        seats = desks or tuple(self.desks.values())
        linked = {frozenset(wire.ends) for wire in self.wires.values() if wire.up}
        for index, left in enumerate(seats):
            for right in seats[index + 1 :]:
                if frozenset((left, right)) not in linked:
                    self.link(left, right)

    def cut(self, wire: Wire) -> None:
        """The link ends; what is on the way is lost."""
        if wire.up:
            wire.up = False
            for desk in wire.ends:
                self.do(desk, _bound(desk.engine.link_down, wire.number))

    def isolate(self, desk: Desk) -> None:
        """Cut all links of a desk."""
        for wire in list(self.wires.values()):
            if desk in wire.ends:
                self.cut(wire)

    def isolate_all(self) -> None:
        for wire in list(self.wires.values()):
            self.cut(wire)

    def linked(self, left: Desk, right: Desk) -> bool:
        return any(wire.up and {*wire.ends} == {left, right} for wire in self.wires.values())

    # Time ---------------------------------------------------------------------------------------

    def run(self, ms: int = 30_000, steps: int = 100_000) -> None:
        """Let virtual time pass."""
        until = self.mono + ms
        for _ in range(steps):
            if not self._step(until):
                self.mono = until
                return
        raise AssertionError("the team does not come to rest")

    def _step(self, until: int) -> bool:
        """Deliver the next message or wake the next sleeper; False when none is due."""
        asleep = [(at, d.name) for d in self.desks.values() if (at := d.wake_at) is not None]
        wake_at, sleeper = min(asleep, default=(None, ""))
        event_at = self._events[0][0] if self._events else None
        if event_at is not None and (wake_at is None or event_at <= wake_at):
            if event_at > until:
                return False
            self.mono, _, wire, desk, sent = heappop(self._events)
            if sent is None:
                self.cut(wire)
            elif wire.up:
                bulk = sent.priority > 0
                self.do(desk, _bound(desk.engine.receive, wire.number, sent.payload, bulk))
            return True
        if wake_at is None or wake_at > until:
            return False
        desk = self.desks[sleeper]
        desk.wake_at = None
        self.mono = max(self.mono, wake_at)
        self.do(desk, desk.engine.tick)
        return True

    def _carry_out(self, desk: Desk, done: Sequence[effects.Effect]) -> None:
        for effect in done:
            if isinstance(effect, effects.Send):
                self._send(desk, effect)
            elif isinstance(effect, effects.WakeAt):
                desk.wake_at = effect.at
            elif isinstance(effect, effects.CloseLink):
                desk.told.append(effect)
                if effect.parting:
                    at = self.mono + PARTING_MS
                    self._count += 1
                    heappush(self._events, (at, self._count, self.wires[effect.link], desk, None))
                else:
                    self.cut(self.wires[effect.link])
            else:
                desk.told.append(effect)

    def _send(self, desk: Desk, effect: effects.Send) -> None:
        wire = self.wires[effect.link]
        if not wire.up:
            return
        wire.sent.append((desk.name, effect.payload))
        order = (desk.name, effect.priority)
        delay = self.random.randint(*self.delay_ms)
        at = max(self.mono + delay, wire.clear_at.get(order, 0))
        wire.clear_at[order] = at
        self._count += 1
        heappush(self._events, (at, self._count, wire, wire.other(desk), effect))


def hlc(ms: int) -> int:
    """The hybrid clock's reading at this many milliseconds after the start."""
    return reading(START_MS + ms)


def _bound(call: Callable[..., Sequence[effects.Effect]], *arguments: object) -> Work:
    return lambda now: call(*arguments, now)


def _invite_of(desk: Desk, key: bytes) -> InviteState:
    (found_invite,) = [
        invite for invite in desk.workspace.roster.state.invites.values() if invite.key == key
    ]
    return found_invite
