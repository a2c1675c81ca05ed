"""Meeting again, and being linked with nothing to say.

- *Meeting again* in a workspace of 1,000 channels with 200 authors in each: two replication
  machines on two real stores of 200,000 logs, linked in this process; what they send each other is
  counted, and the processor time of both. The roster is a small double, and does not change.
- *1,000 missed messages*: a node whose profile lacks them is opened, until it has them all, stored
  and searchable. Beside it `git fetch` of as many commits with such texts, over loopback.
- *Idle*: a real node with 50 links; at their other ends are 50 nodes in this process. Bytes are
  what the links carry, pings included, without the headers of WebSocket and TCP.
"""

import asyncio
import hashlib
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import git
from bench.peer import opened
from bench.report import Figure, middle, words
from chat import commands, model
from chat.store import Store, WorkspaceStore
from crdt import entry as entries
from crdt.entry import NO_ENTRY, Entry, LogId, Position
from crdt.keys import DeviceKeys, digest
from crdt.ops import PART_TIMELINE, Post, encode
from tests.chat.node_team import Desk
from tests.crdt.fake_roster import FakeRoster
from tests.crdt.memory_network import Net
from tests.crdt.memory_replica import EPOCH, KEY, WORKSPACE, Replica, channel_id, device_keys
from tests.integration.chaos import secret_addresses
from tests.integration.chaos_town import PROGRAM
from tests.integration.machines import Machines

CHANNELS, AUTHORS = 1_000, 200
CHANGED = 10
RUNS = 5
MISSED = 1_000
MISSED_RUNS = 3
CLONED = 100_000
LINKS = 50
IDLE_SECONDS = 20.0
GIVE_UP_SECONDS = 120.0


class StillRoster(FakeRoster):
    """A roster that is complete: its heads are worked out once, as the real one's are."""

    _still: list[bytes] | None = None

    def settle(self) -> None:
        """No more ops come."""
        self._still = self.heads

    def read_again(self) -> "FakeRoster":
        return self

    @property
    def heads(self) -> list[bytes]:
        return super().heads if self._still is None else self._still


class Met(NamedTuple):
    """What one meeting cost: bytes by side, and milliseconds of the processor for both."""

    sent: tuple[int, int]
    cpu_ms: float


class Town:
    """Two devices that hold the same 200,000 logs on disk."""

    def __init__(self, folder: Path) -> None:
        names = ("ana", "ben", *(f"author {number}" for number in range(2, AUTHORS)))
        self.authors = {keys.public.sign: keys for keys in map(device_keys, names)}
        self.channels = [channel_id(str(number)) for number in range(CHANNELS)]
        self.roster = StillRoster()
        for device in self.authors:
            self.roster.admit(device)
        self.roster.settle()
        self.hlc = 1_000 << 16
        first = Store(folder / "ana.db", KEY, os.urandom)
        self._fill(first.workspace(WORKSPACE))
        first.commit()
        first.close()
        shutil.copy(folder / "ana.db", folder / "ben.db")
        self.stores = [Store(folder / f"{name}.db", KEY, os.urandom) for name in ("ana", "ben")]
        self.stores[1].renew_replica_id(os.urandom)
        self.net = Net(delay_ms=(1, 1))
        self.ana, self.ben = (
            self._replica(name, store.workspace(WORKSPACE))
            for name, store in zip(("ana", "ben"), self.stores, strict=True)
        )

    def _fill(self, store: WorkspaceStore) -> None:
        roster_hash = self.roster.heads_hash
        for channel in self.channels:
            for device in self.authors:
                log = LogId(channel, PART_TIMELINE, device, bytes(8))
                entry_id = hashlib.blake2b(channel + device, digest_size=32).digest()
                made = (0, entry_id, NO_ENTRY, self.hlc, roster_hash, EPOCH, bytes(24), ())
                store.append([Entry(log, *made, bytes(48), bytes(32), 48, bytes(64))])
        store.remember_head_set(roster_hash, self.roster.heads)

    def _replica(self, name: str, store: WorkspaceStore) -> Replica:
        untyped: Any = store
        return Replica(name, self.roster, store=untyped)

    def meet(self) -> Met:
        """Link the two, let them come to rest, and part them."""
        began = time.process_time()
        wire = self.net.connect(self.ana, self.ben)
        self.net.run(5_000)
        cpu = (time.process_time() - began) * 1000
        assert self.ana.machine.in_sync(wire.number)
        assert self.ben.machine.in_sync(wire.number)
        self.net.cut(wire)
        for store in self.stores:
            store.commit()
        return Met((wire.bytes_from(self.ana), wire.bytes_from(self.ben)), cpu)

    def change(self, logs: int) -> list[Entry]:
        """Let so many authors write where ana alone hears of it."""
        store = self.ana.store
        self.hlc += 1
        chosen = list(self.authors.values())[2 : 2 + logs]
        written = [self._next(keys, self.channels[n]) for n, keys in enumerate(chosen)]
        for entry in written:
            store.append([entry])
        return written

    def _next(self, keys: DeviceKeys, channel: bytes) -> Entry:
        log = LogId(channel, PART_TIMELINE, keys.public.sign, bytes(8))
        state = self.ana.store.log_state(log)
        assert state is not None
        salt = digest(b"x1.test", log.device, channel, state.head_id)
        return entries.write(
            WORKSPACE,
            log,
            Position(state.head + 1, state.head_id, state.head_roster),
            encode(Post(salt[:16], "what happened while you were away?")),
            hlc=self.hlc,
            heads=tuple(self.roster.heads),
            epoch=EPOCH,
            channel_key=KEY,
            sign_seed=keys.sign_seed,
            nonce=salt[:24],
        )

    def close(self) -> None:
        for store in self.stores:
            store.close()


def alone(written: Sequence[Entry]) -> int:
    """Bytes of entries of as many logs, each sent by itself."""
    runs = (entries.to_run([entry], (bytes(32),)) for entry in written)
    return sum(len(entries.encode_run(run)) for run in runs)


def meeting_again() -> Iterator[Figure]:
    """What two who know each other say, in sync and with ten logs changed."""
    of = f"{CHANNELS:,} channels x {AUTHORS} authors"
    with tempfile.TemporaryDirectory(prefix="clw") as folder:
        town = Town(Path(folder))
        town.meet()
        same = [town.meet() for _ in range(RUNS)]
        changed: list[Met] = []
        beyond: list[int] = []
        for _ in range(RUNS):
            written = town.change(CHANGED)
            changed.append(town.meet())
            beyond.append(sum(changed[-1].sent) - alone(written))
        town.close()
    most = max(size for met in same for size in met.sent)
    cpu = middle([met.cpu_ms for met in same]) / 2
    yield Figure(f"meeting again in sync, {of}: bytes a side", most, "bytes", None, 256)
    yield Figure("meeting again in sync: processor time a side", cpu, "ms")
    ten = f"meeting again, {CHANGED} changed logs"
    yield Figure(f"{ten}: bytes beyond the entries, their receipt included", max(beyond), "bytes")
    yield Figure(f"{ten}: processor time of both", middle([met.cpu_ms for met in changed]), "ms")


async def _catch_up(home: str, url: str, messages: int) -> tuple[float, int]:
    """Seconds from opening a profile until it holds so many messages, and bytes that came."""
    began = time.monotonic()
    async with opened(home, url) as node:
        while time.monotonic() - began < GIVE_UP_SECONDS:
            status: model.Status = await node.call(commands.GetStatus())
            if status.messages >= messages and status.behind == 0:
                return time.monotonic() - began, sum(link.bytes_in for link in status.links)
            await asyncio.sleep(0.005)
    raise TimeoutError("it does not catch up")


def missed() -> Iterator[Figure]:
    """A node that was away while a thousand messages were written."""
    machines = Machines()
    lot = random.Random(MISSED)
    took: list[float] = []
    came: list[int] = []
    try:
        ana, bo = machines.team("ana", "bo")
        bo.programs[-1].stop()
        for run in range(1, MISSED_RUNS + 1):
            lines = "".join(f"{words(lot)}\n" for _ in range(MISSED))
            ana.run("send", "general", "--lines", "-", stdin=lines, json_lines=False)
            seconds, size = asyncio.run(_catch_up(str(bo.home), ana.url, run * MISSED))
            took.append(seconds)
            came.append(size)
    finally:
        machines.close()
    floors: list[git.Fetched] = []
    if git.here():
        with git.repositories() as at, at.served() as url:
            at.write(MISSED)
            at.clone(url)
            for _ in range(MISSED_RUNS):
                at.write(MISSED)
                floors.append(at.fetch(f"clone{MISSED}", url))
    what = f"back after {MISSED:,} missed messages"
    least = middle([each.seconds for each in floors]) if floors else None
    yield Figure(
        f"{what}, profile opened and all searchable (floor: git fetch)", middle(took), "s", least
    )
    packed = middle([each.size / MISSED for each in floors]) if floors else None
    yield Figure(
        f"{what}: bytes that came, a message (floor: git's pack)",
        middle(came) / MISSED,
        "bytes",
        packed,
    )


def cloned() -> Iterator[Figure]:
    """What the cold join of `bench join` may be compared to."""
    if not git.here():
        return
    with git.repositories() as at, at.served() as url:
        at.write(CLONED)
        found = at.clone(url)
    what = f"git clone of {CLONED:,} such commits over loopback"
    yield Figure(f"{what}, for comparison", found.seconds, "s")
    yield Figure(f"{what}: bytes a message", found.size / CLONED, "bytes")


class Spent(NamedTuple):
    """What a node has used so far."""

    cpu_seconds: float
    link_bytes: int
    links: int
    at: float


async def _idle() -> Iterator[Figure]:
    machines = Machines()
    node = machines.machine("middle", program=PROGRAM)
    desks = [Desk(f"d{number}", machines.folder / f"d{number}") for number in range(LINKS)]

    async def spent() -> Spent:
        status: model.Status = await asyncio.to_thread(node.status)
        linked = [peer for peer in status.links if peer.state == "linked"]
        size = sum(peer.bytes_in + peer.bytes_out for peer in linked)
        return Spent(_cpu_seconds(node.programs[-1].pid), size, len(linked), time.monotonic())

    try:
        await asyncio.to_thread(node.new, "Bench", "middle")
        await asyncio.to_thread(node.node)
        for desk in desks:
            await desk.start(node.url)
            made: model.InviteView = await asyncio.to_thread(node.ask, commands.MakeInvite())
            await desk.call(commands.Join(made.link, desk.name, GIVE_UP_SECONDS))
        await _quiet(spent)
        before = await spent()
        await asyncio.sleep(IDLE_SECONDS)
        after = await spent()
    finally:
        for desk in desks:
            await desk.stop()
        await asyncio.to_thread(machines.close)
    assert before.links == after.links == LINKS, "links came or went meanwhile"
    seconds = after.at - before.at
    rate = (after.link_bytes - before.link_bytes) / seconds / LINKS
    share = (after.cpu_seconds - before.cpu_seconds) / seconds * 100
    return iter(
        (
            Figure(f"idle, {LINKS} links: bytes/s a link, both ways", rate, "bytes/s", None, 100),
            Figure(f"idle, {LINKS} links: processor time", share, "% of a core", None, 0.5),
        )
    )


async def _quiet(spent: Any) -> None:
    """Wait until nothing but pings passes: less than 20 bytes a link within a second."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    before = await spent()
    while time.monotonic() < deadline:
        await asyncio.sleep(1.0)
        after = await spent()
        if after.links == LINKS and after.link_bytes - before.link_bytes < 20 * LINKS:
            return
        before = after
    raise TimeoutError("it does not become quiet")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def figures() -> Iterator[Figure]:
    """What `python -m bench sync` reports."""
    yield from meeting_again()
    yield from missed()
    yield from cloned()
    with secret_addresses():  # Or the fifty would find each other, and link.
        yield from asyncio.run(_idle())
