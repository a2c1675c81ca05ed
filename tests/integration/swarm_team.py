"""A team in network namespaces that fetches one file, with counters at the cards.

    swarm = Swarm(lan, machines, receivers=6, upload_mbit=100)
    swarm.put(2_000_000)
    with swarm.counted() as count:
        done = swarm.fetch()
    count.copies                        # that left the origin's card, headers included

With `wan_mbit` the origin has a line of its own to a relay, and the relay alone is on the LAN of
the receivers: what the origin sends has crossed the WAN.
"""

import asyncio
import hashlib
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from chat import commands, model
from chat.control import RemoteSession
from chat.errors import ChatError
from chat.profile import Profile
from tests.integration.lan import Host, Lan, Switch
from tests.integration.lying import LIES
from tests.integration.machines import CLOWDER, Machine, Machines, eventually

PORT = 7000
LIAR = (sys.executable, "-m", "tests.integration.lying")
FETCH_SECONDS = 60.0
_PIECE_BYTES = 1_000_000
_STARTING = 3  # commands that join at once: each is busy for a second


class Fetched(NamedTuple):
    """How one receiver fared. `seconds` is from the common start; None: it did not end well."""

    machine: Machine
    seconds: float | None
    transfer: model.Transfer | None
    right: bool


class Count:
    """What left the origin's card, known when the `with` ends."""

    def __init__(self, file_bytes: int) -> None:
        self.file_bytes = file_bytes
        self.sent = 0

    @property
    def copies(self) -> float:
        """Bytes on the line, all headers included, over bytes of the file."""
        return self.sent / self.file_bytes


class Swarm:
    """An origin, receivers, all linked with each other; on request a relay between them.

    Attributes:
        receivers: they do not hold anything yet.
        late: receivers that are members and not started.
    """

    def __init__(
        self,
        lan: Lan,
        machines: Machines,
        *,
        receivers: int,
        upload_mbit: int = 100,
        wan_mbit: int = 0,
        liar: bool = False,
        late: int = 0,
    ) -> None:
        self._lan = lan
        self._machines = machines
        self._upload_mbit = upload_mbit
        office = lan.switch("10.1.0")
        away = lan.switch("10.2.0") if wan_mbit else office
        self.origin_line = (lan.host("origin"), away)
        self.origin, _ = self._machine(*self.origin_line)
        self.origin.new("Cats", "origin")
        self.origin.node()
        self._door = self.origin.url
        self.relay: Machine | None = None
        if wan_mbit:
            lan.limit_upload(*self.origin_line, wan_mbit)
            self.relay = self._between(away, office)
        programs = [LIAR if liar and not number else CLOWDER for number in range(receivers)]
        self.receivers = [
            self._machine(lan.host(f"r{number}"), office, program)[0]
            for number, program in enumerate(programs)
        ]
        self._join()
        self.late = [self.receivers.pop() for _ in range(late)]
        self.start(self.receivers)
        self.file = ""
        self.file_bytes = 0
        self._sha256 = b""

    # Building

    def _machine(
        self, host: Host, switch: Switch, program: Sequence[str] = CLOWDER
    ) -> tuple[Machine, str]:
        """A machine and its address."""
        address = self._lan.plug(host, switch)
        self._lan.limit_upload(host, switch, self._upload_mbit)
        environment = {"CLOWDER_INTERFACE": None, "CLOWDER_LISTEN": f"{address}:{PORT}"}
        machine = self._machines.machine(
            host.name, prefix=host.prefix, environment=environment, program=program
        )
        return machine, address

    def _between(self, away: Switch, office: Switch) -> Machine:
        """A relay on both networks; the receivers come in by it."""
        host = self._lan.host("relay")
        relay, address = self._machine(host, office)
        self._lan.plug(host, away)
        relay.environment["CLOWDER_LISTEN"] = f"0.0.0.0:{PORT}"
        relay.relay(self.origin.invite("--relay"), "--dial", self.origin.url)
        eventually(partial(self.origin.linked, 1), what="the relay's link to the origin")
        self._door = f"ws://{address}:{PORT}"
        return relay

    def _join(self) -> None:
        invites = [self.origin.ask(commands.MakeInvite()).link for _ in self.receivers]

        def one(machine: Machine, invite: str) -> None:
            joined = machine.join(invite, machine.home.name, "--dial", self._door, "--wait", "30")
            assert joined == "joined"

        with ThreadPoolExecutor(_STARTING) as pool:
            list(pool.map(one, self.receivers, invites))

    def start(self, machines: Sequence[Machine]) -> None:
        """Start the nodes of members, and wait until all who run are linked with each other."""
        running = [each for each in self.receivers if each.programs]
        urls = [self._door, *map(self._url, running)]
        for machine in machines:
            dialled = [part for url in urls for part in ("--dial", url)]
            # Its address is known, so the next one need not wait until it listens.
            machine.url = self._url(machine)
            machine.start("node", *dialled)
            urls.append(machine.url)
        for machine in machines:
            count = len(urls) - 1
            eventually(partial(_linked, machine, count), 60, "links to everybody")

    @staticmethod
    def _url(machine: Machine) -> str:
        return f"ws://{machine.environment['CLOWDER_LISTEN']}"

    # The file

    def put(self, size: int, seed: int = 5) -> None:
        """Share random bytes from the origin; every receiver knows of them then."""
        lot, digest = random.Random(seed), hashlib.sha256()
        path = self._machines.folder / "shared.bin"
        with path.open("wb") as shared:
            for start in range(0, size, _PIECE_BYTES):
                piece = lot.randbytes(min(_PIECE_BYTES, size - start))
                digest.update(piece)
                shared.write(piece)
        self._sha256 = digest.digest()
        message = self.origin.ask(commands.Put("general", str(path)))
        self.file, self.file_bytes = message.files[0].id, size
        for machine in self.receivers:
            self.knows(machine)
        # Receipts have come, too, so that what is counted from here on is the file's.
        self.origin.ask(commands.WaitReached(message.id, len(self.receivers)))

    def knows(self, machine: Machine) -> None:
        """Wait until a machine has the message with the file."""

        def told() -> bool:
            history = machine.ask(commands.History("general", 5))
            return any(file.id == self.file for each in history for file in each.files)

        eventually(told, 30, "the message with the file")

    def path_of(self, machine: Machine) -> Path:
        """Where a receiver writes the file."""
        return self._machines.folder / f"got-{machine.home.name}"

    def fetch(
        self, machines: Sequence[Machine] | None = None, half_way: Callable[[], None] | None = None
    ) -> list[Fetched]:
        """Let machines (all receivers) fetch the file at once; what became of each.

        `half_way` is called once, when they have half of it on average.
        """
        chosen = self.receivers if machines is None else machines
        return asyncio.run(self._fetch(chosen, half_way))

    def start_fetching(self, machines: Sequence[Machine]) -> None:
        """Let machines fetch the file with nobody who waits for it; they may not live to end."""
        for machine in machines:
            machine.start("get", self.file, "-o", str(self.path_of(machine)))

    def wrong_blocks(self, liar: Machine) -> int:
        """How many wrong blocks a liar has given so far."""
        noted = liar.home / LIES
        return noted.stat().st_size if noted.exists() else 0

    async def _fetch(
        self, machines: Sequence[Machine], half_way: Callable[[], None] | None
    ) -> list[Fetched]:
        sessions = [await _session(machine) for machine in machines]
        watching = [await _session(machine) for machine in machines] if half_way else []
        began = time.monotonic()
        getting = [
            asyncio.create_task(self._get(machine, session, began))
            for machine, session in zip(machines, sessions, strict=True)
        ]
        if half_way is not None:
            while sum([await self._done(each) for each in watching]) < (
                self.file_bytes * len(machines) // 2
            ):
                assert not all(each.done() for each in getting), "it was over before half-way"
            await asyncio.to_thread(half_way)
        fetched = await asyncio.gather(*getting)
        for session in (*sessions, *watching):
            await session.aclose()
        return fetched

    async def _done(self, session: RemoteSession) -> int:
        transfers: list[model.Transfer] = await session.call(commands.ListTransfers())
        return max((each.done for each in transfers if each.id == self.file), default=0)

    async def _get(self, machine: Machine, session: RemoteSession, began: float) -> Fetched:
        path = self.path_of(machine)
        try:
            transfer = await session.call(commands.Get(self.file, str(path), FETCH_SECONDS))
        except ChatError:
            return Fetched(machine, None, None, False)
        seconds = time.monotonic() - began
        right = hashlib.sha256(path.read_bytes()).digest() == self._sha256
        return Fetched(machine, seconds, transfer, right)

    def processor_seconds(self) -> float:
        """User and system time of all nodes and the relay so far; Linux only, as namespaces are."""
        everybody = [self.origin, *self.receivers, *([self.relay] if self.relay else [])]
        return sum(map(_processor_seconds, everybody))

    @contextmanager
    def counted(self) -> Iterator[Count]:
        """Count what leaves the origin's card meanwhile."""
        count = Count(self.file_bytes)
        before = self._lan.sent_bytes(*self.origin_line)
        yield count
        count.sent = self._lan.sent_bytes(*self.origin_line) - before
        count.file_bytes = self.file_bytes


def _linked(machine: Machine, count: int) -> bool:
    # Once it says that it listens it also answers to commands.
    return bool(machine.programs[-1].records) and machine.linked(count)


def _processor_seconds(machine: Machine) -> float:
    stat = Path(f"/proc/{machine.programs[-1].pid}/stat").read_text("ascii")
    # The name, in brackets, may hold anything; user and system time are fields 14 and 15.
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


async def _session(machine: Machine) -> RemoteSession:
    session = await RemoteSession.connect(Profile(machine.home).control_path)
    assert session is not None, f"no node runs for {machine.home.name}"
    return session
