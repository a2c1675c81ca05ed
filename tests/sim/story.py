"""Carries a schedule out: people who work, and a world that fails them.

After the last step everything heals: paths, clocks, disks and processes. What must hold then is in
`tests.sim.oracles`; what must hold all the time is checked after each step.
"""

from collections.abc import Callable
from contextlib import suppress

from chat.engine.talking import Saying, Talking
from chat.errors import ChatError
from crdt import ops
from crdt.roster_ops import MODE_PRIVATE, MODE_PUBLIC, Remove
from tests.sim.ledger import Ledger
from tests.sim.schedule import JOINED_MAX, Fault, Schedule, Step, Work
from tests.sim.world import Crashed, Machine, World

NAMES = ("ana", "bo", "cid", "dee", "eve", "fay", "gus", "hal")
LATENCY_MS = (1, 3_000)
LAN_MS = (1, 40)
DAY_MS = 24 * 3600 * 1000
AWAY_MAX_MS = 8_000
"""How long a machine stays away, a path closed, a direction stuck."""
SKEW_MS = 20_000
"""How wrong clocks are without any fault."""
BURST_MIN = 150
INSIDE = 2
"""Members of the private channel."""
EVERYBODY_SAYS = "purr"
INSIDERS_SAY = "hush"
"""Words that stand in all that is said, so that they can be looked for where they must not be."""


class Story:
    """One run of one schedule."""

    def __init__(self, schedule: Schedule, log: Callable[[str], None]) -> None:
        self.schedule = schedule
        self.world = World(schedule.seed, schedule.faults, log)
        self.ledger = Ledger(self.world)
        self.world.before_loss = self.ledger.lose
        self.refused = 0
        self._newcomers = 0
        self._said = 0
        self._deeds: dict[Fault | Work, Callable[[Machine, Step], None]] = {
            Work.POST: self._post,
            Work.REPLY: self._reply,
            Work.EDIT: self._change,
            Work.DELETE: self._change,
            Work.REACT: self._react,
            Work.PIN: self._react,
            Work.TOPIC: self._topic,
            Work.PROFILE: self._profile,
            Work.NOTE: self._note,
            Work.OPEN: self._open,
            Work.NEWCOMER: self._newcomer,
            Work.BURST: self._burst,
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
        }

    # The phases ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """A team in good health."""
        world, schedule = self.world, self.schedule
        founder = world.found("ana")
        for name in NAMES[1 : schedule.members]:
            world.join(name, founder)
        for number in range(schedule.relays):
            world.join(f"relay{number}", founder, relay=True)
        inside = [world.desks[name] for name in NAMES[:INSIDE]]
        self.plans = world.channel(inside[1], "plans", *inside, mode=MODE_PRIVATE)
        world.channel(founder, "cats")
        world.channel(founder, "news", mode=MODE_PUBLIC)
        world.dial()
        world.run(20_000)
        for machine in world.desks.values():
            machine.backup = machine.disk.image()
            machine.wall_ahead_ms = world.random.randint(-SKEW_MS, SKEW_MS)
        if Fault.LATENCY in schedule.faults:
            world.delay_ms = LATENCY_MS
        world.keep_dialling()

    def step(self, step: Step) -> None:
        """Time passes, then something happens."""
        world = self.world
        world.run(step.wait_ms)
        there = [machine for machine in world.desks.values() if machine.running]
        if there:
            machine = there[step.who % len(there)]
            world.note(f"-- {machine.name} {step.what.name} {step.number}")
            if step.what in self._deeds:
                self._deeds[step.what](machine, step)

    def heal(self) -> None:
        """Nothing fails any more."""
        world = self.world
        world.note("-- all is well again")
        world.delay_ms = LAN_MS
        world.apart.clear()
        for number, sender in list(world.stuck):
            world.release(world.wires[number], sender)
        for machine in world.desks.values():
            machine.slow_ms = machine.wall_ahead_ms = 0
            machine.doom = ""
            machine.disk.heal()
            world.start(machine)

    @property
    def members(self) -> list[Machine]:
        """Machines of people who are in, as the founder sees it."""
        devices = self.world.desks["ana"].workspace.roster.state.devices
        return [
            machine
            for machine in self.world.desks.values()
            if not machine.identity.relay and machine.workspace.device in devices
        ]

    # What people do -----------------------------------------------------------------------------

    def say(self, machine: Machine, *says: Callable[[Talking], Saying]) -> None:
        """Write something in one turn; whether it is acknowledged stands in the ledger."""
        try:
            sayings = [saying(machine.talking) for saying in says]
            for said in sayings:
                self.ledger.try_to(machine, said)
            channel, written = sayings[0].channel, [said.op for said in sayings]
            self.world.do(machine, lambda now: machine.engine.write_many(channel, written, now))
        except (ChatError, Crashed) as error:
            self.refused += 1
            self.world.note(f"{machine.name} not acknowledged: {type(error).__name__}")
            return
        self.ledger.done(machine, sayings)

    def _text(self, machine: Machine, channel: bytes) -> str:
        self._said += 1
        secret = INSIDERS_SAY if channel == self.plans else ""
        return f"{EVERYBODY_SAYS} {secret} {machine.name} {self._said}"

    def _channel(self, machine: Machine, step: Step) -> bytes | None:
        channels = sorted(machine.workspace.channel_names())
        return channels[step.number % len(channels)] if channels else None

    def _post(self, machine: Machine, step: Step, parent: str | None = None) -> None:
        channel = self._channel(machine, step)
        if channel is not None:
            text = self._text(machine, channel)
            self.say(machine, lambda talking: talking.post(channel.hex(), text, parent))

    def _burst(self, machine: Machine, step: Step) -> None:
        """So much at once that a newcomer fetches it in pages, the newest first."""
        channel = self._channel(machine, step)
        if channel is None:
            return
        texts = [self._text(machine, channel) for _ in range(BURST_MIN + step.other % BURST_MIN)]
        name = channel.hex()
        posts = [lambda talking, text=text: talking.post(name, text, None) for text in texts]
        self.say(machine, *posts)

    def _rows(self, machine: Machine, step: Step) -> list[str]:
        channel = self._channel(machine, step)
        if channel is None:
            return []
        rows = machine.workspace.store.messages(channel, limit=50)
        own = step.what in (Work.EDIT, Work.DELETE)
        return [row.mid.hex() for row in rows if not row.deleted and (row.mine or not own)]

    def _reply(self, machine: Machine, step: Step) -> None:
        rows = self._rows(machine, step)
        if rows:
            self._post(machine, step, rows[-1 - step.other % min(len(rows), 3)])

    def _change(self, machine: Machine, step: Step) -> None:
        rows = self._rows(machine, step)
        channel = self._channel(machine, step)
        if not rows or channel is None:
            return
        mid = rows[step.other % len(rows)]
        if step.what is Work.DELETE:
            self.say(machine, lambda talking: talking.delete(mid))
        else:
            text = self._text(machine, channel)
            self.say(machine, lambda talking: talking.edit(mid, text))

    def _react(self, machine: Machine, step: Step) -> None:
        rows = self._rows(machine, step)
        if not rows:
            return
        mid, on = rows[step.other % len(rows)], step.number % 3 > 0
        if step.what is Work.PIN:
            self.say(machine, lambda talking: talking.pin(mid, on))
        else:
            self.say(machine, lambda talking: talking.react(mid, "🐱", on))

    def _topic(self, machine: Machine, step: Step) -> None:
        channel = self._channel(machine, step)
        if channel is not None:
            text = self._text(machine, channel)
            self.say(machine, lambda talking: talking.topic(channel.hex(), text))

    def _profile(self, machine: Machine, step: Step) -> None:
        nick = f"{machine.name} {EVERYBODY_SAYS} {step.number}"
        self.say(machine, lambda talking: talking.profile(nick, ""))

    def _note(self, machine: Machine, step: Step) -> None:
        channel = self._channel(machine, step)
        if channel is not None:
            update = ops.NoteUpdate(step.number.to_bytes(4, "big"), ())
            self.say(machine, lambda talking: Saying(channel, update))

    def _open(self, machine: Machine, step: Step) -> None:
        channel = self._channel(machine, step)
        self.world.turn(machine, lambda now: machine.engine.open_channel(channel, now))

    def _newcomer(self, machine: Machine, step: Step) -> None:
        if len(self.world.desks) >= JOINED_MAX + 2 or machine.identity.relay:
            return
        name = f"new{self._newcomers}"
        with suppress(ChatError, Crashed):
            self.world.claim(name, machine)
            self._newcomers += 1

    # What goes wrong ----------------------------------------------------------------------------

    def _away_ms(self, step: Step) -> int:
        return 1 + step.number * AWAY_MAX_MS // 1_000

    def _slow(self, machine: Machine, step: Step) -> None:
        machine.slow_ms = 0 if machine.slow_ms else 500 + 4 * step.number

    def _reset(self, machine: Machine, step: Step) -> None:
        live = [wire for wire in self.world.live() if machine in wire.ends]
        if live:
            self.world.cut(live[step.other % len(live)])

    def _partition(self, machine: Machine, step: Step) -> None:
        world = self.world
        left = {name for at, name in enumerate(sorted(world.desks)) if step.other >> at & 1}
        pairs = {frozenset((a, b)) for a in left for b in world.desks if b not in left}
        self._close_paths(pairs, self._away_ms(step))

    def _close_paths(self, pairs: set[frozenset[str]], ms: int) -> None:
        world = self.world
        world.apart |= pairs
        for wire in world.live():
            if frozenset(desk.name for desk in wire.ends) in pairs:
                world.cut(wire)

        def open_again() -> None:
            world.apart -= pairs

        world.after(ms, open_again)

    def _one_way(self, machine: Machine, step: Step) -> None:
        world = self.world
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
        world = self.world
        others = [name for name in sorted(world.desks) if name != machine.name]
        pair = frozenset((machine.name, others[step.other % len(others)]))
        for time in range(1 + step.number % 6):
            wait = time * (200 + step.number)
            world.after(wait, lambda: self._close_paths({pair}, 100))
            world.after(wait + 110, world.dial)

    def _crash(self, machine: Machine, step: Step) -> None:
        machine.doom = ("", "before", "after")[step.number % 3]
        if not machine.doom:
            self.world.crash(machine)
        self._come_back(machine, step)

    def _come_back(self, machine: Machine, step: Step) -> None:
        self.world.after(self._away_ms(step), lambda: self.world.start(machine))

    def _restart(self, machine: Machine, step: Step) -> None:
        self.world.turn(machine, lambda now: [])
        if machine.running:
            self.world.crash(machine)
            self.world.start(machine, clean=True)

    def _torn(self, machine: Machine, step: Step) -> None:
        if step.number % 4 == 0:
            machine.disk.commit_fails = True
        else:
            machine.disk.writes_left = step.number % 12

    def _old_backup(self, machine: Machine, step: Step) -> None:
        if machine.backup is None or step.number % 3 == 0:
            self.world.turn(machine, lambda now: [])
            machine.backup = machine.disk.image() if machine.running else machine.backup
        else:
            self.world.lose_disk(machine, machine.backup)
            self._come_back(machine, step)

    def _clock_jump(self, machine: Machine, step: Step) -> None:
        machine.wall_ahead_ms = (step.number - 500) * DAY_MS // 500

    def _relay_loss(self, machine: Machine, step: Step) -> None:
        if machine.identity.relay:
            self.ledger.lose(machine)
            self.world.crash(machine)
            machine.gone = True

    def _replay(self, machine: Machine, step: Step) -> None:
        """Any payload that this machine ever got from a peer, over the link they have now."""
        live = [wire for wire in self.world.live() if machine in wire.ends]
        if not live:
            return
        wire = live[step.other % len(live)]
        peer = wire.other(machine)
        heard = [
            payload
            for known in self.world.wires.values()
            if {*known.ends} == {machine, peer}
            for sender, payload in known.sent
            if sender == peer.name
        ]
        for payload in heard[step.number % max(1, len(heard)) :][:3]:
            self.world.deliver(wire, peer, machine, payload)

    def _removal(self, machine: Machine, step: Step) -> None:
        founder = self.world.desks["ana"]
        candidates = [each for each in self.members if each.name not in NAMES[:INSIDE]]
        if machine not in candidates or self.ledger.removed or not founder.running:
            return
        self.ledger.removed.add(machine.name)
        self.ledger.lose(machine)
        with suppress(ChatError, Crashed):
            self.world.publish(founder, Remove(machine.workspace.me))
