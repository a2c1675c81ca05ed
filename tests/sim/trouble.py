"""What goes wrong, one method for each fault that has a moment of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from chat import effects
from chat.errors import ChatError, StoreError
from chat.store import Store
from chat.workspace import Now
from crdt import ops
from crdt.ops import PART_NOTES, PART_STATE, PART_TIMELINE
from crdt.roster_ops import Remove
from tests.chat.engine_team import seeded
from tests.sim import newer
from tests.sim.machine import Machine
from tests.sim.schedule import Fault, Step
from tests.sim.world import Crashed, Pair

if TYPE_CHECKING:
    from tests.sim.story import Story

DAY_MS = 24 * 3600 * 1000
NIGHT_MS = 11 * 60 * 1000
"""Longer than the ten minutes between looks at a neighbour's state."""
AWAY_FOR_DAYS_MS = 90 * 60 * 1000
"""Longer than days that pass are seen to take, so that others look first what is too old."""
AWAY_MAX_MS = 8_000
"""How long a machine stays away, a path closed, a direction stuck."""
PATIENCE_MS = 3_000
"""After so long peers give up a machine that says nothing."""


class Trouble:
    """Makes faults happen in a story."""

    def __init__(self, story: Story, inside: frozenset[str]) -> None:
        """`inside` are the members of the private channel, who are neither removed nor doubled."""
        self._story = story
        self._world = story.world
        self._inside = inside
        self._leaving: set[str] = set()
        self.deeds: dict[Fault, Callable[[Machine, Step], None]] = {
            Fault.SLOW_PEER: self._slow,
            Fault.RESET: self._reset,
            Fault.PARTITION: self._partition,
            Fault.ONE_WAY: self._one_way,
            Fault.FLAP: self._flap,
            Fault.CRASH: self._crash,
            Fault.RESTART: self._restart,
            Fault.TORN: self._torn,
            Fault.OLD_BACKUP: self._old_backup,
            Fault.CLOCK_JUMP: self._clock_jump,
            Fault.RELAY_LOSS: self._relay_loss,
            Fault.REPLAY: self._replay,
            Fault.REMOVAL: self._removal,
            Fault.SLEEP: self._sleep,
            Fault.BIT_ROT: self._bit_rot,
            Fault.MIXED_VERSIONS: self._mixed_versions,
            Fault.EQUIVOCATE: self._equivocate,
            Fault.RETENTION: self._retention,
        }

    def end(self) -> None:
        """Everything heals that heals by itself."""
        world = self._world
        world.apart.clear()
        world.release_all()
        self._end_doubles()
        for machine in list(world.desks.values()):
            world.wake(machine, clock_stood=False)
            machine.slow_ms = machine.wall_ahead_ms = 0
            machine.doom = ""
            machine.disk.heal()
            self._look_at_disk(machine)
            world.start(machine)

    def _away_ms(self, step: Step) -> int:
        return 1 + step.number * AWAY_MAX_MS // 1_000

    # Links --------------------------------------------------------------------------------------

    def _slow(self, machine: Machine, step: Step) -> None:
        machine.slow_ms = 0 if machine.slow_ms else 500 + 4 * step.number

    def _reset(self, machine: Machine, step: Step) -> None:
        live = [wire for wire in self._world.live() if machine in wire.ends]
        if live:
            self._world.cut(live[step.other % len(live)])

    def _partition(self, machine: Machine, step: Step) -> None:
        world = self._world
        left = {name for at, name in enumerate(sorted(world.desks)) if step.other >> at & 1}
        pairs = {frozenset((a, b)) for a in left for b in world.desks if b not in left}
        self._close_paths(pairs, self._away_ms(step))

    def _close_paths(self, pairs: set[Pair], ms: int) -> None:
        world = self._world
        world.apart |= pairs
        for wire in world.live():
            if frozenset(desk.name for desk in wire.ends) in pairs:
                world.cut(wire)

        def open_again() -> None:
            world.apart -= pairs

        world.after(ms, open_again)

    def _one_way(self, machine: Machine, step: Step) -> None:
        world = self._world
        live = [wire for wire in world.live() if machine in wire.ends]
        if not live:
            return
        wire = live[step.other % len(live)]
        world.stick(wire, machine.name)

        def go_on() -> None:
            if step.other % 3 == 0:
                world.cut(wire)
            world.release(wire, machine.name)

        world.after(self._away_ms(step), go_on)

    def _flap(self, machine: Machine, step: Step) -> None:
        world = self._world
        others = [name for name in sorted(world.desks) if name != machine.name]
        pair = frozenset((machine.name, others[step.other % len(others)]))
        for time in range(1 + step.number % 6):
            wait = time * (200 + step.number)
            world.after(wait, lambda: self._close_paths({pair}, 100))
            world.after(wait + 110, world.dial)

    def _replay(self, machine: Machine, step: Step) -> None:
        """Any payload that this machine ever got from a peer, over the link they have now."""
        live = [wire for wire in self._world.live() if machine in wire.ends]
        if not live:
            return
        wire = live[step.other % len(live)]
        peer = wire.other(machine)
        heard = [
            payload
            for known in self._world.wires.values()
            if {*known.ends} == {machine, peer}
            for sender, payload in known.sent
            if sender == peer.name
        ]
        for payload in heard[step.number % max(1, len(heard)) :][:3]:
            self._world.deliver(wire, peer, machine, payload)

    # Processes and clocks -----------------------------------------------------------------------

    def _crash(self, machine: Machine, step: Step) -> None:
        machine.doom = ("", "before", "after")[step.number % 3]
        if not machine.doom:
            self._world.crash(machine)
        self._come_back(machine, step)

    def _come_back(self, machine: Machine, step: Step) -> None:
        self._world.after(self._away_ms(step), lambda: self._world.start(machine))

    def _restart(self, machine: Machine, step: Step) -> None:
        self._world.turn(machine, lambda now: [])
        if machine.running:
            self._world.crash(machine)
            self._world.start(machine, clean=True)

    def _clock_jump(self, machine: Machine, step: Step) -> None:
        machine.wall_ahead_ms = (step.number - 500) * DAY_MS // 500

    def _sleep(self, machine: Machine, step: Step) -> None:
        """A nap that its links survive, a while in which they do not, or a whole night."""
        world = self._world
        night = step.number % 5 == 0
        self._sleep_for(machine, step, NIGHT_MS if night else self._away_ms(step))
        if night:
            world.run(NIGHT_MS)

    def _sleep_for(self, machine: Machine, step: Step, ms: int) -> None:
        self._world.after(ms, lambda: self._open_lid(machine, step, away=ms > PATIENCE_MS))
        if ms > PATIENCE_MS:
            self.go_away(machine)
        else:
            self._world.suspend(machine)

    def go_away(self, machine: Machine) -> None:
        """Its lid is closed for long: others give it up."""
        self._world.suspend(machine)
        self._world.after(PATIENCE_MS, lambda: self._given_up(machine))

    def _given_up(self, machine: Machine) -> None:
        if machine.asleep_since is not None:
            for wire in self._world.live():
                if machine in wire.ends:
                    self._world.cut(wire)

    def _open_lid(self, machine: Machine, step: Step, *, away: bool) -> None:
        """After long it is elsewhere: some of those it was linked with it cannot reach for now."""
        world = self._world
        if machine.asleep_since is None:
            return
        world.wake(machine, clock_stood=step.other % 2 == 0)
        if away:
            names = sorted(world.desks)
            far = {name for at, name in enumerate(names) if step.other >> at & 1}
            pairs = {frozenset((machine.name, name)) for name in far - {machine.name}}
            self._close_paths(pairs, self._away_ms(step))

    # Disks --------------------------------------------------------------------------------------

    def _torn(self, machine: Machine, step: Step) -> None:
        if step.number % 4 == 0:
            machine.disk.commit_fails = True
        else:
            machine.disk.writes_left = step.number % 12

    def _old_backup(self, machine: Machine, step: Step) -> None:
        if machine.backup is None or step.number % 3 == 0:
            self._world.turn(machine, lambda now: [])
            if machine.running and not machine.rotten:
                machine.back_up()
        else:
            self._world.lose_disk(machine)
            self._come_back(machine, step)

    def _bit_rot(self, machine: Machine, step: Step) -> None:
        if step.number % 3 == 0:
            cid = machine.shelf.rot(step.other * 1_000 + step.number)
            if cid is not None:
                self._world.note(f"{machine.name} has a bad block {cid.hex()[8:20]}")
        elif machine.backup is not None and not machine.rotten:
            self._rot_database(machine, step)

    def _rot_database(self, machine: Machine, step: Step) -> None:
        """It stops, a bit of its file turns, and it starts again. If it does, its owner finds out
        at the next backup, which reads everything; then the last good one takes its place."""
        world = self._world
        world.before_loss(machine)
        world.crash(machine)
        world.note(f"{machine.name} has a bad database")
        try:
            machine.rot(world.path("rotten"), step.other * 100_003 + step.number * 1_009)
        except StoreError as error:
            world.note(f"{machine.name} does not open: {type(error).__name__}")
            self._story.ledger.damaged += 1
            world.lose_disk(machine)
        else:
            world.after(self._away_ms(step), lambda: self._look_at_disk(machine))
        world.start(machine)

    def _look_at_disk(self, machine: Machine) -> None:
        """Its owner makes a backup. What can be read whole was mended, since the page with the bad
        bit was written anew, or the bit has no meaning."""
        if not machine.rotten:
            return
        try:
            machine.back_up()
            machine.rotten = False
            self._world.note(f"{machine.name} reads whole")
        except StoreError:
            self._story.ledger.damaged += 1
            self._world.lose_disk(machine)
            self._world.start(machine)

    # Who there is -------------------------------------------------------------------------------

    def _relay_loss(self, machine: Machine, step: Step) -> None:
        if machine.identity.relay:
            self._story.ledger.lose(machine)
            self._leave(machine)

    def _leave(self, machine: Machine) -> None:
        """It is gone for good."""
        if machine.running:
            self._world.crash(machine)
        machine.gone = True

    def _candidates(self) -> list[Machine]:
        members = self._story.members
        return [each for each in members if each.name not in self._inside and not each.rotten]

    def _removal(self, machine: Machine, step: Step) -> None:
        ledger, founder = self._story.ledger, self._world.desks["ana"]
        if machine not in self._candidates() or ledger.removed or not founder.awake:
            return
        ledger.removed.add(machine.name)
        ledger.lose(machine)
        with suppress(ChatError, Crashed):
            self._world.publish(founder, Remove(machine.workspace.me))

    def _retention(self, machine: Machine, step: Step) -> None:
        """A day or two pass, somebody is away for them, a relay is told to forget, or the founder
        says how long a channel is kept."""
        if step.number % 2:
            self._world.pass_days((1 + step.other % 2) * DAY_MS)
        elif step.number % 4 == 0 and step.other % 2:
            self._sleep_for(machine, step, AWAY_FOR_DAYS_MS)
        elif machine.identity.relay:
            self._world.turn(machine, lambda now: [])
            if machine.running:
                self._story.ledger.frugal.add(machine.name)
                machine.keep_days = 1 + step.other % 3
                self._world.crash(machine)
                self._world.start(machine, clean=True)
        elif self._world.desks["ana"].awake:
            channels = sorted(self._world.desks["ana"].workspace.channel_names())
            self._story.keep(channels[step.number % len(channels)], step.other % 3)

    # Other clients ------------------------------------------------------------------------------

    def _mixed_versions(self, machine: Machine, step: Step) -> None:
        """It says something of each kind that may be unknown, one a time."""
        story, unknown = self._story, newer.UNKNOWN_KIND
        (
            lambda: story.say_newer(machine, step, PART_TIMELINE, newer.payload(unknown, [b"?"])),
            lambda: story.say_newer(machine, step, PART_STATE, newer.payload(unknown + 1, [])),
            lambda: story.say_newer(machine, step, PART_NOTES, newer.payload(unknown + 2, [7])),
            lambda: story.say_newer(machine, step, PART_TIMELINE, _longer_post()),
            lambda: self._unknown_message(machine, step),
            lambda: self._unknown_roster_op(machine),
        )[step.number % 6]()

    def _unknown_message(self, machine: Machine, step: Step) -> None:
        """Of replication, or of the exchange of blocks, to everybody it is linked with."""
        kind = (effects.KIND_SYNC, effects.KIND_BLOCKS)[step.other % 2]
        for number in sorted(machine.open_links):
            self._world._send(machine, effects.Send(number, kind, 0, newer.message()))

    def _unknown_roster_op(self, machine: Machine) -> None:
        """What rests on it is paused, so only who will invite nobody publishes one, and once."""
        ledger = self._story.ledger
        if machine not in self._candidates() or ledger.unknown_ops:
            return

        def publish(now: Now) -> list[effects.Effect]:
            news = newer.roster_op(machine, now)
            done = machine.engine.publish(news, now)
            ledger.unknown_ops[machine.name] = news.op.id
            return done

        with suppress(ChatError, Crashed):
            self._world.do(machine, publish)

    def _equivocate(self, machine: Machine, step: Step) -> None:
        """A second machine goes on in this one's logs. Both say something in one channel, and each
        says it to its own half of the others."""
        story, world = self._story, self._world
        if machine not in self._candidates() or machine.double_of or story.ledger.doubled:
            return
        if machine.name in story.ledger.removed:
            return
        others = sorted(set(world.desks) - {machine.name})
        audience = frozenset(n for at, n in enumerate(others) if step.other >> at % 10 & 1)
        audience = audience or frozenset(others[:1])
        name = f"{machine.name}'s double"
        world.note(f"{machine.name} has a double, which speaks with {sorted(audience)}")
        store = Store.in_memory(seeded(f"{name}/store"))
        store._database._connection.deserialize("main", machine.disk.image())
        machine.hidden_from = audience | {name}
        for wire in world.live():
            if machine in wire.ends and wire.other(machine).name in audience:
                world.cut(wire, notice_ms=0)
        story.ledger.doubled[machine.name] = name
        double = world.seat(name, machine.identity, store, machine.incarnation)
        double.double_of, double.audience = machine.name, audience
        for each in (machine, double):
            story.say_in(each, step)
        if step.number % 2:
            self._leaving.add(name)

    def _end_doubles(self) -> None:
        """Some doubles are gone before their deed is found out. So is one beside which nobody is
        left for itself, or for the machine whose keys it uses."""
        desks, removed = self._world.desks, self._story.ledger.removed
        for wire in self._world.live() if self._story.ledger.doubled else ():
            # A receipt names no branch, so on a link that stays up a fork may be noticed only at
            # the next look at a neighbour's state; at the beginning of one it is noticed at once.
            self._world.cut(wire)
        for name, double_name in self._story.ledger.doubled.items():
            machine, double = desks[name], desks[double_name]
            there = {each.name for each in desks.values() if not each.gone} - removed
            alone = not (there & double.audience and there - machine.hidden_from - {name})
            if alone or double_name in self._leaving:
                self._story.ledger.lose(double)
                self._leave(double)
                machine.hidden_from = frozenset()


def _longer_post() -> bytes:
    """A message with one field more than there is."""
    kind = ops.Post.__struct_config__.tag
    assert isinstance(kind, int)
    return newer.payload(kind, [bytes(16), "", None, [], [], "more"])
