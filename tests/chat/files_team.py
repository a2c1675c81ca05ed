"""Machines with real files, real block stores and real threads, tied together in memory.

What one sends arrives at the other in the next turn of the event loop, as bytes. Stories wait for
conditions: everything that happens wakes `until`.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from chat.blocks import messages
from chat.blocks.store_files import BlockStore
from chat.files import Files, TransferState
from chat.files.sharing import Prepared
from crdt.ops import FileInfo

SECRET = bytes(range(32))
PATIENCE_SECONDS = 20.0

Tamper = Callable[[messages.Message], messages.Message | None]


def unchanged(message: messages.Message) -> messages.Message | None:
    return message


class Machine:
    """One node's files, and what was heard of them."""

    def __init__(self, team: "Team", name: str, folder: Path, options: dict[str, object]) -> None:
        self.device = name.encode()
        self.folder = folder
        self.store = BlockStore(folder)
        self.tamper: Tamper = unchanged
        self.complete: list[bytes] = []
        self.heard: list[TransferState] = []
        self.on_heard: Callable[[TransferState], None] = lambda state: None
        self.sent_blocks = 0
        self._team = team
        self.files = Files(
            self.store,
            send=self._send,
            on_transfer=self._on_transfer,
            on_complete=self._on_complete,
            lot=random.Random(name).random,
            now_ms=lambda: time.monotonic() * 1000,
            **options,  # type: ignore[arg-type]
        )

    def _on_transfer(self, state: TransferState) -> None:
        self.heard.append(state)
        self.on_heard(state)
        self._team.wake()

    def _on_complete(self, root: bytes) -> None:
        self.complete.append(root)
        self._team.wake()

    def _send(self, device: bytes, priority: int, payload: bytes) -> None:
        message = self.tamper(messages.decode(payload))
        if message is not None:
            self.sent_blocks += isinstance(message, messages.Block)
            self._team.deliver(self.device, device, messages.encode(message))

    async def prepare(self, path: Path, **options: object) -> Prepared:
        given = {"secret": SECRET, "known": lambda sha256: None} | options
        return await self.files.prepare(str(path), **given)  # type: ignore[arg-type]

    def last(self, info: FileInfo) -> TransferState:
        return next(state for state in reversed(self.heard) if state.root == info.root)


class Team:
    """Machines and the links between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machines: dict[bytes, Machine] = {}
        self._links: set[frozenset[bytes]] = set()
        self._waiting: list[asyncio.Future[None]] = []

    def add(self, name: str, **options: object) -> Machine:
        """A machine; one of a name used before has the blocks of that one."""
        machine = Machine(self, name, self.folder / f"blocks of {name}", options)
        self.machines[machine.device] = machine
        return machine

    async def restart(self, machine: Machine, **options: object) -> Machine:
        for other in list(self.machines.values()):
            if self.linked(machine, other):
                self.unlink(machine, other)
        await machine.files.aclose()
        return self.add(machine.device.decode(), **options)

    def linked(self, one: Machine, other: Machine) -> bool:
        return frozenset((one.device, other.device)) in self._links

    def link(self, one: Machine, other: Machine, relay: Machine | None = None) -> None:
        self._links.add(frozenset((one.device, other.device)))
        one.files.peer_up(other.device, relay is other)
        other.files.peer_up(one.device, relay is one)

    def unlink(self, one: Machine, other: Machine) -> None:
        self._links.discard(frozenset((one.device, other.device)))
        one.files.peer_down(other.device)
        other.files.peer_down(one.device)

    def deliver(self, sender: bytes, receiver: bytes, payload: bytes) -> None:
        def arrive() -> None:
            if frozenset((sender, receiver)) in self._links:
                self.machines[receiver].files.receive(sender, payload)
            self.wake()

        asyncio.get_running_loop().call_soon(arrive)

    def wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                future = asyncio.get_running_loop().create_future()
                self._waiting.append(future)
                await future

    async def aclose(self) -> None:
        for machine in self.machines.values():
            await machine.files.aclose()


def tell(story: Callable[[Team], Awaitable[None]], folder: Path) -> None:
    """Run a story; afterwards nothing of it is left running."""

    async def run() -> None:
        team = Team(folder)
        try:
            await story(team)
        finally:
            await team.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
