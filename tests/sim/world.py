"""Machines that break, links that fail, and the one thread of time that all of them share.

The machines are those of `tests.chat.engine_team`: the production engine, workspace and store. This
world carries their effects out as a node does, and adds what goes wrong: a process may end on
either side of a commit, a write may fail, a disk may be an old one, and each end of a link learns
in its own time that the link is no more. Everything that happens is a line, and the hash of all
lines is the run's trace.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from heapq import heappop, heappush
from itertools import combinations

from chat import effects
from chat.errors import StoreError
from chat.store import Store
from chat.workspace import Identity
from tests.chat.engine_team import PARTING_MS, Desk, Team, Wire, seeded
from tests.chat.engine_team import Work as Turn
from tests.sim.schedule import Fault

NOTICE_MAX_MS = 3_000
"""How late an end of a link may notice that the link is gone."""
DIAL_MS = 700
"""How often those who are not linked try again."""


class Crashed(Exception):
    """The process ended in the middle of its turn."""


class Disk:
    """Stands between a store and its database, and fails when it is told to.

    Attributes:
        writes_left: the write after so many fails, once; None for never.
        commit_fails: the next commit fails, once.
    """

    def __init__(self, store: Store) -> None:
        self.writes_left: int | None = None
        self.commit_fails = False
        database = self._database = store._database
        write, write_many, commit = database.write, database.write_many, database.commit

        def failing_write(*arguments: object) -> int:
            self._count()
            return write(*arguments)  # type: ignore[arg-type]

        def failing_write_many(*arguments: object) -> None:
            self._count()
            write_many(*arguments)  # type: ignore[arg-type]

        def failing_commit() -> None:
            if self.commit_fails and database.in_transaction:
                self.commit_fails = False
                self._fail()
            commit()

        database.write = failing_write  # type: ignore[method-assign,assignment]
        database.write_many = failing_write_many  # type: ignore[method-assign,assignment]
        database.commit = failing_commit  # type: ignore[method-assign]

    def image(self) -> bytes:
        """Every byte that is committed."""
        return bytes(self._database._connection.serialize("main"))

    def load(self, image: bytes) -> None:
        """Be that disk."""
        self._database._connection.deserialize("main", image)

    def heal(self) -> None:
        self.writes_left, self.commit_fails = None, False

    def _count(self) -> None:
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left < 0:
                self.writes_left = None
                self._fail()

    def _fail(self) -> None:
        self._database.begin()
        self._database._failed = True
        raise StoreError("The disk is full.")


class Machine(Desk):
    """A device whose process may end.

    Attributes:
        running: whether its process is there.
        gone: it never comes back.
        doom: "before" or "after": its process ends there at its next commit.
        open_links: the wires that its process believes to be up.
        backup: an image of its disk, from earlier.
        slow_ms: what its line adds to every message.
    """

    def __init__(self, name: str, identity: Identity, store: Store, incarnation: bytes) -> None:
        self.running = True
        self.gone = False
        self.doom = ""
        self.open_links: set[int] = set()
        self.backup: bytes | None = None
        self.slow_ms = 0
        self.disk = Disk(store)
        super().__init__(name, identity, store, incarnation)

    def replace_disk(self, image: bytes) -> None:
        """Its process is not running; its disk is another one from now on."""
        self.store = Store.in_memory(seeded(f"{self.name}/disk"))
        self.disk = Disk(self.store)
        self.disk.load(image)
        self.build()


class World(Team):
    """Machines, links, time and faults."""

    def __init__(self, seed: int, faults: frozenset[Fault], log: Callable[[str], None]) -> None:
        super().__init__(seed)
        self.reorder = Fault.REORDER in faults
        self.desks: dict[str, Machine] = {}  # type: ignore[assignment]
        self.apart: set[frozenset[str]] = set()
        """Pairs of names without a path."""
        self.stuck: dict[tuple[int, str], list[effects.Send]] = {}
        """By wire and sender: what waits, in a direction that stands still."""
        self.before_loss: Callable[[Machine], None] = lambda machine: None
        """Called before a disk is lost."""
        self.delivered = 0
        self._log = log
        self._trace = hashlib.sha256()
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []

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

    def after(self, ms: int, work: Callable[[], None]) -> None:
        """Do something later."""
        self._count += 1
        heappush(self._agenda, (self.mono + ms, self._count, work))

    def _step(self, until: int) -> bool:
        asleep = [(at, d.name) for d in self.desks.values() if (at := d.wake_at) is not None]
        wake_at, sleeper = min(asleep, default=(until + 1, ""))
        due_at = self._agenda[0][0] if self._agenda else until + 1
        if min(wake_at, due_at) > until:
            return False
        if due_at <= wake_at:
            self.mono, _, work = heappop(self._agenda)
            work()
        else:
            self.mono = max(self.mono, wake_at)
            machine = self.desks[sleeper]
            machine.wake_at = None
            self.turn(machine, machine.engine.tick)
        return True

    # Turns --------------------------------------------------------------------------------------

    def do(self, desk: Desk, work: Turn) -> None:
        """One turn. Raises Crashed or StoreError when nothing, or nobody, is left to tell."""
        assert isinstance(desk, Machine)
        if not desk.running:
            raise Crashed
        try:
            done = work(self.now(desk))
            if desk.doom == "before" and desk.store.in_transaction:
                self.crash(desk)
                raise Crashed
            desk.store.commit()
        except StoreError:
            self.note(f"{desk.name} turn taken back")
            desk.disk.heal()
            desk.store.rollback()
            self._let_go(desk)
            desk.build()
            self.do(desk, desk.engine.awaken)
            raise
        if desk.doom == "after":
            self.crash(desk)
            raise Crashed
        self._carry_out(desk, done)

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
            elif isinstance(effect, effects.CloseLink):
                self.note(f"{desk.name} closes {effect.link}: {effect.reason}")
                wire = self.wires[effect.link]
                self.after(PARTING_MS if effect.parting else 0, lambda wire=wire: self.cut(wire))
            else:
                desk.told.append(effect)

    # Processes ----------------------------------------------------------------------------------

    def _seat(self, name: str, identity: Identity, store: Store) -> Machine:
        machine = Machine(name, identity, store, seeded(f"{name}/inc")(8))
        self.desks[name] = machine
        self.do(machine, machine.engine.awaken)
        return machine

    def crash(self, machine: Machine) -> None:
        """Its process ends; what was not committed never was."""
        self.note(f"{machine.name} ends {machine.doom}")
        machine.store.rollback()
        machine.running, machine.doom, machine.wake_at = False, "", None
        machine.disk.heal()
        self._let_go(machine)

    def start(self, machine: Machine, *, clean: bool = False) -> None:
        """Its process begins, as another incarnation unless it had stopped cleanly."""
        if machine.running or machine.gone:
            return
        self.note(f"{machine.name} begins {'in its logs' if clean else 'anew'}")
        machine.running = True
        if not clean:
            machine.incarnation = machine.entropy(8)
            machine.store.renew_replica_id(machine.entropy)
            machine.store.commit()
        machine.build()
        self.turn(machine, machine.engine.awaken)

    def lose_disk(self, machine: Machine, image: bytes) -> None:
        """Its disk is replaced by an earlier one."""
        self.before_loss(machine)
        if machine.running:
            self.crash(machine)
        machine.replace_disk(image)

    def _let_go(self, machine: Machine) -> None:
        links, machine.open_links = machine.open_links, set()
        for number in sorted(links):
            self.cut(self.wires[number])

    # Links --------------------------------------------------------------------------------------

    def link(self, left: Desk, right: Desk) -> Wire:
        for wire in self.wires.values():
            if {*wire.ends} == {left, right}:
                self.cut(wire, notice_ms=0)
        number = len(self.wires) + 1
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
        return wire

    def cut(self, wire: Wire, notice_ms: int = NOTICE_MAX_MS) -> None:
        """The link ends; each end that runs hears of it within a while."""
        if wire.up:
            wire.up = False
            self.note(f"link {wire.number} ends")
            for desk in wire.ends:
                wait = self.random.randint(0, notice_ms)
                self.after(wait, lambda desk=desk: self._hang_up(wire, desk))
        elif not notice_ms:
            for desk in wire.ends:
                self._hang_up(wire, desk)

    def _hang_up(self, wire: Wire, machine: Machine) -> None:
        if wire.number in machine.open_links:
            machine.open_links.discard(wire.number)
            self.turn(machine, lambda now: machine.engine.link_down(wire.number, now))

    def live(self) -> list[Wire]:
        return [wire for wire in self.wires.values() if wire.up]

    def dial(self) -> None:
        """Whoever may be linked and is not is linked; a device that was removed is refused."""
        linked = {frozenset(desk.name for desk in wire.ends) for wire in self.live()}
        running = [machine for machine in self.desks.values() if machine.running]
        for left, right in combinations(running, 2):
            pair = frozenset((left.name, right.name))
            if pair in linked or pair in self.apart or not (left.running and right.running):
                continue
            if left.workspace.level is None and right.workspace.level is None:
                continue
            ends = ((left, right), (right, left))
            if any(_refuses(here, there) for here, there in ends):
                continue
            if self.random.random() < 0.6:
                self.link(left, right)

    def keep_dialling(self) -> None:
        self.dial()
        self.after(DIAL_MS, self.keep_dialling)

    def _send(self, desk: Desk, effect: effects.Send) -> None:
        wire = self.wires[effect.link]
        if not wire.up:
            return
        wire.sent.append((desk.name, effect.payload))
        to = wire.other(desk)
        assert isinstance(desk, Machine)
        assert isinstance(to, Machine)
        lane = (desk.name, effect.priority if self.reorder else 0)
        wait = self.random.randint(*self.delay_ms) + desk.slow_ms + to.slow_ms
        at = wire.clear_at[lane] = max(self.mono + wait, wire.clear_at.get(lane, 0))
        self.after(at - self.mono, lambda: self._arrive(wire, desk, to, effect))

    def _arrive(self, wire: Wire, desk: Desk, to: Machine, effect: effects.Send) -> None:
        if not wire.up:
            return
        stuck = self.stuck.get((wire.number, desk.name))
        if stuck is not None:
            stuck.append(effect)
            return
        self.deliver(wire, desk, to, effect.payload, bulk=effect.priority > 0)

    def deliver(
        self, wire: Wire, desk: Desk, to: Machine, payload: bytes, *, bulk: bool = True
    ) -> None:
        """A message is there."""
        self.delivered += 1
        digest = hashlib.sha256(payload).hexdigest()[:12]
        self.note(f"{desk.name} > {to.name}: {len(payload)} B {digest}")
        if wire.number in to.open_links:
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
                self.deliver(wire, desk, to, effect.payload, bulk=effect.priority > 0)


def _refuses(here: Machine, there: Machine) -> bool:
    return there.workspace.device in here.workspace.roster.state.former_devices
