"""Machines that break, links that fail, and the one thread of time that all of them share.

The machines are those of `tests.chat.engine_team`: the production engine, workspace and store, and
beside them the production exchange of blocks. This world carries their effects out as a node does,
and adds what goes wrong: a process may end on either side of a commit, a write may fail, a disk may
be an old one, a lid may be closed, and each end of a link learns in its own time that the link is
no more. Everything that happens is a line, and the hash of all lines is the run's trace.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from heapq import heappop, heappush
from itertools import combinations
from pathlib import Path

from chat import effects
from chat.blocks.exchange import ports
from chat.blocks.store_files import BlockStore
from chat.errors import StoreError
from chat.retention import SWEEP_EVERY_MS
from chat.store import Store
from chat.workspace import Identity, Now
from crdt.ops import FileInfo
from tests.chat.engine_team import PARTING_MS, START_MS, Desk, Team, Wire, seeded
from tests.chat.engine_team import Work as Turn
from tests.sim.machine import Machine
from tests.sim.schedule import Fault

NOTICE_MAX_MS = 3_000
"""How late an end of a link may notice that the link is gone."""
DIAL_MS = 700
"""How often those who are not linked try again."""
IDLE_DIAL_MS = 60_000
_MEMORY_FOLDER = Path("/dev/shm")
"""Where files cost no disk, on systems that have it."""

Pair = frozenset[str]


class Crashed(Exception):
    """The process ended in the middle of its turn."""


class World(Team):
    """Machines, links, time and faults."""

    def __init__(self, seed: int, faults: frozenset[Fault], log: Callable[[str], None]) -> None:
        super().__init__(seed)
        self.reorder = Fault.REORDER in faults
        self.remembers = Fault.REPLAY in faults
        """Whether what was sent is kept, to be sent again."""
        self.desks: dict[str, Machine] = {}  # type: ignore[assignment]
        self.apart: set[Pair] = set()
        """Pairs of names without a path."""
        self.stuck: dict[tuple[int, str], list[effects.Send]] = {}
        """By wire and sender: what waits, in a direction that stands still."""
        self.before_loss: Callable[[Machine], None] = lambda machine: None
        """Called before a disk is lost."""
        self.watch: Callable[[Machine], None] = lambda machine: None
        """Called after turns on a disk of which nobody knows whether it can be read later."""
        self.accused: list[tuple[str, str, str]] = []
        """Links that were closed: by whom, whose, why."""
        self.delivered = self.bytes_carried = 0
        self.days_ms = 0
        """What every wall clock is ahead of the monotonic ones: days that passed at once."""
        self.dial_ms = DIAL_MS
        self._log = log
        self._trace = hashlib.sha256()
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = 0
        self._folder = tempfile.TemporaryDirectory(
            dir=_MEMORY_FOLDER if _MEMORY_FOLDER.is_dir() else None
        )

    def close(self) -> None:
        """Let go of every file."""
        for machine in self.desks.values():
            with suppress(StoreError):
                machine.store.close()
        self._folder.cleanup()

    def path(self, name: str) -> Path:
        """A place for a file of its own."""
        self._numbers += 1
        return Path(self._folder.name) / f"{self._numbers} {name}"

    # The trace ----------------------------------------------------------------------------------

    def note(self, line: str) -> None:
        """Something happened."""
        stamped = f"{self.mono:>9} {line}"
        self._trace.update(stamped.encode() + b"\n")
        self._log(stamped)

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()

    # Time ---------------------------------------------------------------------------------------

    def now(self, desk: Desk | None = None) -> Now:
        if desk is None:
            return Now(START_MS + self.mono + self.days_ms, self.mono)
        assert isinstance(desk, Machine)
        wall = START_MS + self.mono + self.days_ms + desk.wall_ahead_ms
        return Now(wall, self.mono - desk.lag_ms)

    def after(self, ms: int, work: Callable[[], None]) -> None:
        """Do something later."""
        self._count += 1
        heappush(self._agenda, (self.mono + ms, self._count, work))

    def pass_days(self, ms: int) -> None:
        """Days on which nothing happens, and an hour in which machines look what is too old."""
        self.note(f"{ms} ms pass")
        self.days_ms += ms
        usual, self.dial_ms = self.dial_ms, IDLE_DIAL_MS
        self.run(SWEEP_EVERY_MS + IDLE_DIAL_MS)
        self.dial_ms = usual

    @property
    def waiting(self) -> int:
        """How many things are to happen later."""
        return len(self._agenda)

    def _step(self, until: int) -> bool:
        if not self._agenda or self._agenda[0][0] > until:
            return False
        self.mono, _, work = heappop(self._agenda)
        work()
        return True

    def set_alarms(self, machine: Machine) -> None:
        """Wake a machine when its engine and its exchange want to be."""
        for at, tick in ((machine.wake_at, self._tick), (machine.shelf.wake_at, self._tick_shelf)):
            if at is not None:
                wait = max(0, at + machine.lag_ms - self.mono)
                self.after(wait, partial(tick, machine, at))

    def _tick(self, machine: Machine, at: int) -> None:
        if machine.awake and machine.wake_at == at:
            machine.wake_at = None
            self.turn(machine, machine.engine.tick)

    def _tick_shelf(self, machine: Machine, at: int) -> None:
        if machine.awake and machine.shelf.wake_at == at:
            machine.shelf.wake_at = None
            self.give(machine, ports.Tick())

    # Turns --------------------------------------------------------------------------------------

    def do(self, desk: Desk, work: Turn) -> None:
        """One turn. Raises Crashed or StoreError when nothing, or nobody, is left to tell."""
        assert isinstance(desk, Machine)
        if not desk.awake:
            raise Crashed
        try:
            done = work(self.now(desk))
            if desk.doom == "before" and desk.store.in_transaction:
                self.crash(desk)
                raise Crashed
            desk.store.commit()
        except StoreError:
            self._take_back(desk)
            raise
        if desk.rotten:
            self.watch(desk)
        if desk.doom == "after":
            self.crash(desk)
            raise Crashed
        self._carry_out(desk, done)

    def _take_back(self, machine: Machine) -> None:
        """A turn failed: what it wrote is forgotten, and memory is built from the disk again."""
        self.note(f"{machine.name} turn taken back")
        machine.disk.heal()
        try:
            machine.store.rollback()
            self._let_go(machine)
            machine.build()
            done = machine.engine.awaken(self.now(machine))
            machine.store.commit()
        except StoreError:
            if not machine.rotten:
                raise
            self.note(f"{machine.name} cannot be read")
            self.crash(machine)
            return
        self._carry_out(machine, done)

    def turn(self, desk: Machine, work: Turn) -> None:
        """One turn that nobody waits for."""
        with suppress(Crashed, StoreError):
            self.do(desk, work)

    def _carry_out(self, desk: Desk, done: Sequence[effects.Effect]) -> None:
        assert isinstance(desk, Machine)
        for effect in done:
            if isinstance(effect, effects.Send):
                self._send(desk, effect)
            elif isinstance(effect, effects.WakeAt):
                desk.wake_at = effect.at
                wait = max(0, effect.at + desk.lag_ms - self.mono)
                self.after(wait, partial(self._tick, desk, effect.at))
            elif isinstance(effect, effects.CloseLink):
                self._close(desk, effect)
            elif isinstance(effect, effects.FilesNamed):
                self.after(0, partial(self._named, desk, effect.files))
            elif isinstance(effect, effects.RosterGrew):
                self._introduce(desk)

    def _close(self, machine: Machine, effect: effects.CloseLink) -> None:
        self.note(f"{machine.name} closes {effect.link}: {effect.reason}")
        wire = self.wires[effect.link]
        other = wire.other(machine)
        if not effect.parting:
            self.accused.append((machine.name, other.name, effect.reason))
        self.after(PARTING_MS if effect.parting else 0, lambda: self.cut(wire))

    # Files --------------------------------------------------------------------------------------

    def give(self, machine: Machine, *events: ports.Input) -> None:
        """Inputs of a machine's exchange."""
        if not machine.awake:
            return
        shelf = machine.shelf
        before = shelf.wake_at
        shelf.give(self.mono - machine.lag_ms, *events)
        if shelf.wake_at is not None and shelf.wake_at != before:
            wait = max(0, shelf.wake_at + machine.lag_ms - self.mono)
            self.after(wait, partial(self._tick_shelf, machine, shelf.wake_at))

    def _named(self, machine: Machine, files: tuple[FileInfo, ...]) -> None:
        """A message that came in carries pictures: they are wanted, also after a new start."""

        def remember(now: Now) -> Sequence[effects.Effect]:
            for info in files:
                machine.workspace.store.add_want(info.root)
            return ()

        self.turn(machine, remember)
        self.give(machine, *(ports.Want(info.root, info.size) for info in files))

    def _whole(self, machine: Machine, root: bytes) -> None:
        self.note(f"{machine.name} has {root.hex()[8:20]}")

        def forget(now: Now) -> Sequence[effects.Effect]:
            machine.workspace.store.drop_want(root)
            return ()

        self.turn(machine, forget)

    def _introduce(self, machine: Machine) -> None:
        """Blocks pass between devices that the roster names."""
        for number in sorted(machine.open_links):
            wire = self.wires[number]
            there = wire.other(machine)
            if machine.engine.knows(there.workspace.device):
                self.give(machine, ports.PeerUp(there.workspace.device, there.identity.relay))

    def _send_blocks(self, machine: Machine, device: bytes, priority: int, payload: bytes) -> None:
        for number in sorted(machine.open_links, reverse=True):
            if self.wires[number].other(machine).workspace.device == device:
                self._send(machine, effects.Send(number, effects.KIND_BLOCKS, priority, payload))
                return

    # Processes ----------------------------------------------------------------------------------

    def _seat(self, name: str, identity: Identity, store: Store) -> Machine:
        return self.seat(name, identity, store, seeded(f"{name}/inc")(8))

    def seat(self, name: str, identity: Identity, store: Store, incarnation: bytes) -> Machine:
        """A machine with this disk, and its process."""
        machine = Machine(name, identity, store, incarnation, BlockStore(self.path(name)))
        machine.shelf.send = partial(self._send_blocks, machine)
        machine.shelf.completed = lambda root: self.after(0, partial(self._whole, machine, root))
        self.desks[name] = machine
        self.do(machine, machine.engine.awaken)
        return machine

    def crash(self, machine: Machine) -> None:
        """Its process ends; what was not committed never was."""
        self.note(f"{machine.name} ends {machine.doom}")
        with suppress(StoreError):  # A disk that cannot be read has nothing to take back.
            machine.store.rollback()
        machine.running, machine.doom, machine.wake_at = False, "", None
        self._let_go(machine)
        machine.asleep_since, machine.lag_ms = None, 0
        machine.mail.clear()
        machine.shelf.restart()
        machine.disk.heal()

    def start(self, machine: Machine, *, clean: bool = False) -> None:
        """Its process begins, as another incarnation unless it had stopped cleanly.

        One whose disk cannot be read says so and ends.
        """
        if machine.running or machine.gone:
            return
        self.note(f"{machine.name} begins {'in its logs' if clean else 'anew'}")
        machine.running = True
        try:
            if not clean:
                machine.incarnation = machine.entropy(8)
                machine.store.renew_replica_id(machine.entropy)
                machine.store.commit()
            machine.build()
            wanted = machine.workspace.store.wants()
        except StoreError:
            if not machine.rotten:
                raise
            self.note(f"{machine.name} does not begin")
            self.crash(machine)
            return
        self.turn(machine, machine.engine.awaken)
        self.give(machine, *self._wants(machine, wanted))

    def _wants(self, machine: Machine, roots: Iterable[bytes]) -> Iterator[ports.Want]:
        for root in roots:
            carried = machine.workspace.store.file_of_root(root)
            if carried is not None:
                yield ports.Want(root, carried.info.size, prefetch=True)

    def lose_disk(self, machine: Machine) -> None:
        """Its disk is replaced by the one it had at its last backup."""
        assert machine.backup is not None
        self.before_loss(machine)
        if machine.running:
            self.crash(machine)
        machine.replace_disk(machine.backup)

    def _let_go(self, machine: Machine) -> None:
        links, machine.open_links = machine.open_links, set()
        for number in sorted(links):
            wire = self.wires[number]
            self.give(machine, ports.PeerDown(wire.other(machine).workspace.device))
            self.cut(wire)
            self._forget(wire)

    # Lids ---------------------------------------------------------------------------------------

    def suspend(self, machine: Machine) -> None:
        """Its lid is closed: nothing of it moves, and nobody is told."""
        if machine.awake:
            self.note(f"{machine.name} sleeps")
            machine.asleep_since = self.mono

    def wake(self, machine: Machine, *, clock_stood: bool) -> None:
        """Its lid is opened. What its network kept is there; links that ended meanwhile it is
        about to miss."""
        if machine.asleep_since is None:
            return
        slept, machine.asleep_since = self.mono - machine.asleep_since, None
        self.note(f"{machine.name} wakes after {slept} ms")
        if clock_stood:
            machine.lag_ms += slept
        mail, machine.mail = machine.mail, []
        for number, kind, payload, bulk in mail:
            self._hand_over(self.wires.get(number), machine, kind, payload, bulk=bulk)
        for number in sorted(machine.open_links):
            if not self.wires[number].up:
                self._notice(self.wires[number], machine, NOTICE_MAX_MS)
        self.set_alarms(machine)

    # Links --------------------------------------------------------------------------------------

    def link(self, left: Desk, right: Desk) -> Wire:
        for wire in list(self.wires.values()):
            if {*wire.ends} == {left, right}:
                self.cut(wire, notice_ms=0)
        self._numbers += 1
        number = self._numbers
        wire = self.wires[number] = Wire(number, (left, right))
        self.note(f"link {number}: {left.name} and {right.name}")
        for here, there in ((left, right), (right, left)):
            assert isinstance(here, Machine)
            if not wire.up:
                continue
            here.open_links.add(number)
            device = there.workspace.device
            known = here.engine.knows(device) or here.workspace.level is None
            self.turn(
                here,
                lambda now, here=here, device=device, known=known: here.engine.link_up(
                    number, device, known, now
                ),
            )
            if number in here.open_links and here.engine.knows(device):
                self.give(here, ports.PeerUp(device, there.identity.relay))
        return wire

    def cut(self, wire: Wire, notice_ms: int = NOTICE_MAX_MS) -> None:
        """The link ends; each end that runs hears of it within a while."""
        if wire.up:
            wire.up = False
            self.note(f"link {wire.number} ends")
            for desk in wire.ends:
                assert isinstance(desk, Machine)
                self._notice(wire, desk, notice_ms)
        elif not notice_ms:
            for desk in wire.ends:
                assert isinstance(desk, Machine)
                self._hang_up(wire, desk)

    def _notice(self, wire: Wire, machine: Machine, notice_ms: int) -> None:
        self.after(self.random.randint(0, notice_ms), partial(self._hang_up, wire, machine))

    def _hang_up(self, wire: Wire, machine: Machine) -> None:
        if wire.number in machine.open_links and machine.awake:
            machine.open_links.discard(wire.number)
            self.give(machine, ports.PeerDown(wire.other(machine).workspace.device))
            self.turn(machine, lambda now: machine.engine.link_down(wire.number, now))
        self._forget(wire)

    def _forget(self, wire: Wire) -> None:
        """Of a link that nobody believes in nothing is kept, but what may be said again."""
        believed = any(wire.number in self.desks[desk.name].open_links for desk in wire.ends)
        if not wire.up and not believed and not self.remembers:
            self.wires.pop(wire.number, None)

    def live(self) -> list[Wire]:
        return [wire for wire in self.wires.values() if wire.up]

    def dial(self) -> None:
        """Whoever may be linked and is not is linked; a device that was removed is refused."""
        linked = {frozenset(desk.name for desk in wire.ends) for wire in self.live()}
        for left, right in self.meetings():
            pair = frozenset((left.name, right.name))
            if pair in linked or pair in self.apart or not (left.awake and right.awake):
                continue
            if left.workspace.level is None and right.workspace.level is None:
                continue
            if any(_refuses(here, there) for here, there in ((left, right), (right, left))):
                continue
            if self.random.random() < 0.6:
                self.link(left, right)

    def meetings(self) -> Iterator[tuple[Machine, Machine]]:
        """Who tries to link with whom: all with all."""
        for left, right in combinations(
            [machine for machine in self.desks.values() if machine.awake], 2
        ):
            if _speaks_with(left, right) and _speaks_with(right, left):
                yield left, right

    def keep_dialling(self) -> None:
        self.dial()
        self.after(self.dial_ms, self.keep_dialling)

    def _send(self, desk: Desk, effect: effects.Send) -> None:
        wire = self.wires.get(effect.link)
        if wire is None or not wire.up:
            return
        if self.remembers and effect.kind == effects.KIND_SYNC:
            wire.sent.append((desk.name, effect.payload))
        to = wire.other(desk)
        assert isinstance(desk, Machine)
        assert isinstance(to, Machine)
        lane = (desk.name, effect.priority if self.reorder else 0)
        wait = self.random.randint(*self.delay_ms) + desk.slow_ms + to.slow_ms
        at = wire.clear_at[lane] = max(self.mono + wait, wire.clear_at.get(lane, 0))
        self.after(at - self.mono, partial(self._arrive, wire, desk, to, effect))

    def _arrive(self, wire: Wire, desk: Desk, to: Machine, effect: effects.Send) -> None:
        if not wire.up:
            return
        stuck = self.stuck.get((wire.number, desk.name))
        if stuck is not None:
            stuck.append(effect)
            return
        self._deliver(wire, desk, to, effect)

    def deliver(self, wire: Wire, desk: Desk, to: Machine, payload: bytes) -> None:
        """A message of replication is there, whoever sent it."""
        self._deliver(wire, desk, to, effects.Send(wire.number, effects.KIND_SYNC, 1, payload))

    def _deliver(self, wire: Wire, desk: Desk, to: Machine, effect: effects.Send) -> None:
        self.delivered += 1
        self.bytes_carried += len(effect.payload)
        digest = hashlib.sha256(effect.payload).hexdigest()[:12]
        self.note(f"{desk.name} > {to.name}: {len(effect.payload)} B {digest}")
        bulk = effect.priority > 0
        if to.asleep_since is not None:
            to.mail.append((wire.number, effect.kind, effect.payload, bulk))
        else:
            self._hand_over(wire, to, effect.kind, effect.payload, bulk=bulk)

    def _hand_over(
        self, wire: Wire | None, to: Machine, kind: int, payload: bytes, *, bulk: bool
    ) -> None:
        if wire is None or wire.number not in to.open_links:
            return
        if kind == effects.KIND_BLOCKS:
            device = wire.other(to).workspace.device
            if to.engine.knows(device):
                self.give(to, *to.shelf.heard(device, payload))
        else:
            self.turn(to, lambda now: to.engine.receive(wire.number, payload, bulk, now))

    def stick(self, wire: Wire, sender: str) -> None:
        """A direction of a link stands still."""
        self.stuck.setdefault((wire.number, sender), [])

    def release(self, wire: Wire, sender: str) -> None:
        """It goes on, with what waited."""
        desk = next(desk for desk in wire.ends if desk.name == sender)
        for effect in self.stuck.pop((wire.number, sender), []):
            # At once, or what was sent later and is still on the way would overtake it.
            if wire.up:
                to = wire.other(desk)
                assert isinstance(to, Machine)
                self._deliver(wire, desk, to, effect)

    def release_all(self) -> None:
        """Every direction goes on."""
        for number, sender in list(self.stuck):
            wire = self.wires.get(number)
            if wire is None:
                del self.stuck[number, sender]
            else:
                self.release(wire, sender)


def _refuses(here: Machine, there: Machine) -> bool:
    return there.workspace.device in here.workspace.roster.state.former_devices


def _speaks_with(here: Machine, there: Machine) -> bool:
    return there.name in here.audience if here.double_of else there.name not in here.hidden_from
