"""Two hundred members in one workspace: too many for all to link with all.

Few words are said, and what they cost is counted: how long until the last peer has a message, what
links carry while nothing happens, and whether everybody still comes to the same when three in ten
vanish at once. Who links with whom is the production overlay's choice; it is told here who is
online, which real machines learn from each other (`chat.links.circle`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.sim.machine import Machine
from tests.sim.world import World
from transport.proto.overlay import Overlay

MEMBERS = 200
MESSAGES = 10
LAN_MS = (1, 3)
LAST_PEER_MAX_MS = 50
IDLE_MS = 10 * 60 * 1000
IDLE_MAX_BYTES_PER_SECOND = 100
"""A link, both directions together."""
SETTLE_MAX_MS = 120_000
LOOK_MS = 5_000
STEPS_MAX = 5_000_000
"""A crowd says more in five seconds than a team in its life: over every new link go the receipts of
all."""
GONE_PARTS = 0.3


class CrowdWorld(World):
    """A world in which links follow the overlay."""

    def __init__(self, seed: int, log: Callable[[str], None]) -> None:
        super().__init__(seed, frozenset(), log)
        self.delay_ms = LAN_MS
        self._overlay = Overlay()
        self._pairs: list[tuple[Machine, Machine]] = []

    def run(self, ms: int = 30_000, steps: int = STEPS_MAX) -> None:
        super().run(ms, steps)

    def meetings(self) -> Iterator[tuple[Machine, Machine]]:
        online = {m.workspace.device: m for m in self.desks.values() if m.awake}
        if self._overlay.follow(online):
            self._pairs = [
                (machine, online[other])
                for device, machine in online.items()
                for other in sorted(self._overlay.neighbours(device))
                if device < other
            ]
        yield from self._pairs


@dataclass
class Crowd:
    """One run.

    Attributes:
        wrong: what did not hold, a sentence each.
        last_peer_ms: for each message, how long the last peer waited for it.
        idle_bytes: what a link carried in a second of rest, on average.
    """

    seed: int
    members: int = MEMBERS
    messages: int = MESSAGES
    log: Callable[[str], None] = lambda line: None
    wrong: list[str] = field(default_factory=list)
    last_peer_ms: list[int] = field(default_factory=list)
    idle_bytes: float = 0.0
    links: int = 0

    def run(self) -> str:
        """From a founder alone to a crowd at rest; gives the trace."""
        self._world = CrowdWorld(self.seed, self.log)
        try:
            self._gather()
            self._speak()
            self._rest()
            self._vanish()
        finally:
            self._world.close()
        return self._world.trace

    def _gather(self) -> None:
        """All are let in by the founder, one by one, and meet only then."""
        world = self._world
        founder = world.found("ana")
        for number in range(1, self.members):
            newcomer = world.claim(f"m{number}", founder)
            wire = world.link(newcomer, founder)
            world.run(2_000)
            world.cut(wire, notice_ms=0)
        world.keep_dialling()
        self._settle("after they met")

    def _here(self) -> list[Machine]:
        return [machine for machine in self._world.desks.values() if machine.awake]

    def _settle(self, when: str) -> None:
        """Time passes until all have the same."""
        world, begun = self._world, self._world.mono
        while world.mono - begun < SETTLE_MAX_MS:
            world.run(LOOK_MS)
            if self._all_agree():
                world.note(f"-- all agree {when}")
                return
        self.wrong.append(f"they do not agree {when}")

    def _all_agree(self) -> bool:
        first, *others = self._here()
        channels = first.workspace.roster.state.channels
        prints = first.workspace.store.fingerprints()
        return all(
            other.workspace.roster.heads == first.workspace.roster.heads
            and other.workspace.store.fingerprints() == prints
            and other.engine.behind() == 0
            for other in others
        ) and all(
            len({other.workspace.store.canonical(channel) for other in (first, *others)}) == 1
            for channel in sorted(channels)
        )

    def _speak(self) -> None:
        world = self._world
        for number in range(self.messages):
            speaker = world.random.choice(self._here())
            world.note(f"-- {speaker.name} speaks")
            mid = bytes.fromhex(world.post(speaker, f"purr {number}"))
            begun = world.mono
            lacking = [machine for machine in self._here() if machine is not speaker]
            while lacking and world.mono - begun < 10 * LAST_PEER_MAX_MS:
                world.run(1)
                lacking = [m for m in lacking if m.workspace.store.message(mid) is None]
            self.last_peer_ms.append(world.mono - begun)
            world.run(1_000)
        if max(self.last_peer_ms) > LAST_PEER_MAX_MS:
            self.wrong.append(f"the last peer waited {max(self.last_peer_ms)} ms")

    def _rest(self) -> None:
        world = self._world
        world.run(30_000)
        before, self.links = world.bytes_carried, len(world.live())
        world.run(IDLE_MS)
        seconds = IDLE_MS / 1_000
        self.idle_bytes = (world.bytes_carried - before) / self.links / seconds
        if self.idle_bytes > IDLE_MAX_BYTES_PER_SECOND:
            self.wrong.append(f"an idle link carries {self.idle_bytes:.0f} bytes a second")

    def _vanish(self) -> None:
        """Three in ten end in one moment, the others go on, and those come back."""
        world = self._world
        gone = [m for m in self._here() if m.name != "ana" and world.random.random() < GONE_PARTS]
        for machine in gone:
            world.crash(machine)
        for number in range(self.messages):
            world.post(world.random.choice(self._here()), f"hiss {number}")
        self._settle(f"when {len(gone)} of them are gone")
        for machine in gone:
            world.start(machine)
        self._settle("when they are back")
        here = self._here()
        said = {row.text for row in here[-1].rows()}
        if not {f"{word} {n}" for word in ("purr", "hiss") for n in range(self.messages)} <= said:
            self.wrong.append("some of what was said is lost")
        if len(here) != self.members:
            self.wrong.append(f"{len(here)} of {self.members} are there")
