"""Carries a schedule out: people who work, and a world that fails them.

After the last step everything heals: paths, clocks, disks and processes. What must hold then is in
`tests.sim.oracles`; what must hold all the time is checked after each step.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from chat.blocks.exchange import ports
from chat.blocks.sealing import seal_bytes
from chat.engine.talking import Saying, Talking
from chat.errors import ChatError, StoreError
from crdt import ops
from crdt.roster_ops import MODE_PRIVATE, MODE_PUBLIC
from tests.chat.engine_team import seeded
from tests.sim import newer
from tests.sim.ledger import Ledger, Picture
from tests.sim.machine import Machine
from tests.sim.schedule import JOINED_MAX, Fault, Schedule, Step, Work
from tests.sim.trouble import DAY_MS, Trouble
from tests.sim.world import Crashed, World

NAMES = ("ana", "bo", "cid", "dee", "eve", "fay", "gus", "hal")
LATENCY_MS = (1, 3_000)
LAN_MS = (1, 40)
SKEW_MS = 20_000
"""How wrong clocks are without any fault."""
BURST_MIN = 150
PICTURE_BYTES = (900, 70_000, 150_000)
"""One block, and two or three behind a manifest."""
EMPTY_NOTE = ops.NoteUpdate(b"", ())
SHORTEST_DAYS = 1
SETTLE_MS = 60_000
LONG_MS = 5 * DAY_MS
"""A day to the rule, a day that it keeps, and two by which clocks may differ."""
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
        self.world.watch = self.ledger.note_held
        self.refused = 0
        self._newcomers = 0
        self._said = 0
        self._trouble = Trouble(self, frozenset(NAMES[:INSIDE]))
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
            Work.PICTURE: self._picture,
            Work.OPEN: self._open,
            Work.NEWCOMER: self._newcomer,
            Work.BURST: self._burst,
            **self._trouble.deeds,
        }

    # The phases ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """A team in good health."""
        world, schedule = self.world, self.schedule
        founder = world.found("ana")
        for name in [*NAMES, *map("m{}".format, range(8, schedule.members))][1 : schedule.members]:
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
            machine.back_up()
            machine.wall_ahead_ms = world.random.randint(-SKEW_MS, SKEW_MS)
        if Fault.LATENCY in schedule.faults:
            world.delay_ms = LATENCY_MS
        world.keep_dialling()

    def all_write_everywhere(self) -> None:
        """Everybody begins every log that they will ever have."""
        for machine in self.members:
            for channel in sorted(machine.workspace.channel_names()):
                name, text = channel.hex(), self._text(machine, channel)
                self.say(machine, lambda talking, n=name, t=text: talking.post(n, t, None))
                self.say(machine, lambda talking, n=name, t=text: talking.topic(n, t))
                self.say(machine, lambda talking, c=channel: Saying(c, EMPTY_NOTE))
            self.world.run(1_000)

    def step(self, step: Step) -> None:
        """Time passes, then something happens."""
        world = self.world
        world.run(step.wait_ms)
        there = [machine for machine in world.desks.values() if machine.awake]
        if not there:
            return
        machine = there[step.who % len(there)]
        world.note(f"-- {machine.name} {step.what.name} {step.number}")
        deed = self._deeds.get(step.what)
        if deed is None:
            return
        try:
            deed(machine, step)
        except StoreError:
            if not machine.rotten:
                raise
            world.note(f"{machine.name} cannot read what it was to answer to")

    def heal(self) -> None:
        """Nothing fails any more."""
        self.world.note("-- all is well again")
        self.world.delay_ms = LAN_MS
        self._trouble.end()
        if self.ledger.ruled:
            self._grow_old()

    def _grow_old(self) -> None:
        """All that was said where somebody gave a rule is too old for everybody, whatever their
        clocks were, the last of it before somebody who was away heard it; then more is said.
        Relays, which know no rules and keep everything, come back last."""
        world, ruled = self.world, sorted(self.ledger.ruled)
        for channel in ruled:
            self.keep(channel, SHORTEST_DAYS)
        world.run(SETTLE_MS)
        away = self.members[self.schedule.seed % len(self.members)]
        relays = [each for each in world.desks.values() if each.identity.relay]
        for machine in (away, *relays):
            self._trouble.go_away(machine)
        world.run(SETTLE_MS)  # until its links are given up, or their buffers have it all
        for machine in self.members:
            if machine.awake:
                self._say_in_each(machine, ruled)
        world.run(SETTLE_MS)
        self.ledger.grow_old()
        world.pass_days(LONG_MS)
        for machine in (away, *relays):
            world.wake(machine, clock_stood=False)
            world.run(SETTLE_MS)
        for machine in list(world.desks.values()):
            # What came when it was too old already is kept for a day, or until then.
            if machine.running:
                world.crash(machine)
                world.start(machine, clean=True)
        self.all_write_everywhere()

    def _say_in_each(self, machine: Machine, channels: Sequence[bytes]) -> None:
        for channel in channels:
            if channel in machine.workspace.channel_names():
                name, text = channel.hex(), self._text(machine, channel)
                self.say(machine, lambda talking, n=name, t=text: talking.post(n, t, None))

    def keep(self, channel: bytes, days: int) -> None:
        """The founder gives a rule; 0 days are for ever."""
        self.ledger.ruled.add(channel)
        self.say(self.world.desks["ana"], lambda talking: talking.keep(channel.hex(), days))

    def sum_up(self) -> None:
        """What the run came through, for who reads its log."""
        members, ledger = self.members, self.ledger
        proofs = sum(bool(machine.workspace.store.forks()) for machine in members)
        self.world.note(
            f"-- {proofs} members can prove a fork, {ledger.damaged} databases were damaged, "
            f"{len(ledger.newer)} entries and {len(ledger.unknown_ops)} roster ops are of newer "
            f"builds, {len(ledger.pictures)} pictures were shared"
        )

    def end(self) -> None:
        """Nothing more happens."""
        self.world.close()

    @property
    def members(self) -> list[Machine]:
        """Machines of people who are in, as the founder sees it."""
        devices = self.world.desks["ana"].workspace.roster.state.devices
        return [
            machine
            for machine in self.world.desks.values()
            if not (machine.identity.relay or machine.double_of)
            and machine.workspace.device in devices
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

    def say_in(self, machine: Machine, step: Step) -> None:
        """A message in the channel that the step means."""
        self._post(machine, step)

    def say_newer(self, machine: Machine, step: Step, part: int, payload: bytes) -> None:
        """An entry with a payload that nobody here can read."""
        channel = self._channel(machine, step)
        if channel is None:
            return
        log = machine.workspace.own_log(channel, part)
        try:
            self.world.do(machine, lambda now: newer.write(machine, log, payload, now))
        except (ChatError, Crashed) as error:
            self.refused += 1
            self.world.note(f"{machine.name} not acknowledged: {type(error).__name__}")
            return
        self.ledger.done_newer(machine, log)

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

    def _picture(self, machine: Machine, step: Step) -> None:
        """Sealed, on disk, and then in a message, as `clowder put` does it."""
        channel = self._channel(machine, step)
        if channel is None:
            return
        workspace, size = machine.workspace, PICTURE_BYTES[step.other % len(PICTURE_BYTES)]
        data = seeded(f"picture {step.other % 20}")(size)
        try:
            epoch = workspace.sending_epoch(channel)
        except ChatError:
            return
        ref, blocks = seal_bytes(data, workspace.epochs.convergence_secret(epoch))
        machine.shelf.put(blocks)
        info = ops.FileInfo(
            ref.root, ref.key, ref.plaintext_sha256, size, "cat.png", "image/png", 8, 8
        )
        self.ledger.pictures[ref.root] = Picture(info, data, frozenset(cid for cid, _ in blocks))
        self.world.give(machine, ports.Hold(ref.root, size))
        text = self._text(machine, channel)
        self.say(machine, lambda talking: talking.post(channel.hex(), text, None, (info,)))

    def _open(self, machine: Machine, step: Step) -> None:
        channel = self._channel(machine, step)
        self.world.turn(machine, lambda now: machine.engine.open_channel(channel, now))

    def _newcomer(self, machine: Machine, step: Step) -> None:
        if len(self.world.desks) >= JOINED_MAX + 2 or machine.identity.relay:
            return
        unknown = self.ledger.unknown_ops
        if machine.double_of or (unknown and machine.name not in {*NAMES} - {*unknown}):
            return  # Invites of its author, and of those below it, are paused.
        name = f"new{self._newcomers}"
        with suppress(ChatError, Crashed):
            self.world.claim(name, machine)
            self._newcomers += 1
