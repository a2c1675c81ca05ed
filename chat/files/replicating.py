"""Copies for the workspace's sake: while nothing else comes, take what too few machines hold.

The rule is pure, `chat.blocks.keeping.replicas`; this is its shell. Now and then, when nobody waits
for a file here and there is room to spare, linked devices are asked what they hold of some files,
and files with too few copies are fetched as what nobody waits for. A member takes files that
messages name here; a relay, which reads none, those that its peers ask it about.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from chat.blocks.errors import Invalid
from chat.blocks.keeping.replicas import Replicas
from chat.blocks.limits import HOLDING_ROOTS_MAX
from chat.files.fetching import Fetching
from chat.files.housekeeping import Housekeeping
from chat.files.limits import CENSUS_SECONDS, REPLICATE_SECONDS
from chat.files.needs import Needs
from chat.files.reading import ref_of
from chat.files.shelf import Shelf


class Replicating:
    """Takes copies in the background. Event loop only."""

    def __init__(
        self,
        room: Housekeeping,
        shelf: Shelf,
        fetching: Fetching,
        needs: Needs,
        *,
        relay: bool,
        lot: Callable[[], float],
        now_ms: Callable[[], float],
    ) -> None:
        self._room = room
        self._shelf = shelf
        self._fetching = fetching
        self._needs = needs
        self._relay = relay
        self._lot = lot
        self._now_ms = now_ms
        self._replicas = Replicas(room.copies, lot)
        self._running: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Somebody is linked: look now and then from now on."""
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._pause())
            await self.look()

    def _pause(self) -> float:
        """Seconds to the next look: by the clock, or when a planned copy is due."""
        pause = REPLICATE_SECONDS * (0.5 + self._lot())
        due = self._replicas.next_time
        return pause if due is None else min(pause, max(0.1, (due - self._now_ms()) / 1000))

    async def look(self) -> None:
        """Ask about some files, plan copies, and take those that are due."""
        if not self._fetching.idle:
            return
        wanted = self._needs.copies()
        some = self._some(self._room.asked_about() if self._relay else self._needs.named() or ())
        await self._room.census(some, CENSUS_SECONDS)
        lacking = [root for root in some if not self._shelf.complete(root)]
        self._replicas.consider(lacking, wanted, self._now_ms())
        for root in self._replicas.take(wanted, self._now_ms()):
            if not self._shelf.complete(root):
                self._take(root)

    def _some(self, roots: Iterable[bytes]) -> list[bytes]:
        """As many as one question holds; others the next time."""
        known = sorted(roots)
        start = int(self._lot() * len(known))
        return (known[start:] + known[:start])[:HOLDING_ROOTS_MAX]

    def _take(self, root: bytes) -> None:
        # What makes others go would be a copy in place of a copy, without end.
        spare = self._room.spare
        if self._relay:
            if spare > 0:
                self._fetching.want_root(root, spare)
            return
        info = self._needs.told_of(root)
        if info is not None and info.size <= spare:
            with suppress(Invalid):
                self._fetching.want(ref_of(info), prefetch=True)

    async def aclose(self) -> None:
        """Look no more."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
