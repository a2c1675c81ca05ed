"""Dials whom `Targets` names: one task for each dial under way, and one timer for all to come."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from chat.links.endings import fault_sentence
from chat.links.limits import DIALS_MAX
from chat.links.racing import NoLink, first_link
from chat.links.targets import Target, Targets
from transport.net.link import Link
from transport.proto.crypto import Entropy
from transport.proto.hints import LinkSecret


class Dialler:
    """The dials of one device.

    Args:
        targets: whom, where and when.
        secrets: what links are opened with; without any nobody is dialled.
        wanted: which targets are worth a link now.
        open_link: opens one; raises TransportError.
        on_link: told of each that was opened, and for whom.
    """

    def __init__(
        self,
        targets: Targets,
        *,
        secrets: Callable[[], Sequence[LinkSecret]],
        wanted: Callable[[Target], bool],
        open_link: Callable[[str, LinkSecret], Awaitable[Link]],
        on_link: Callable[[Link, Target], None],
        entropy: Entropy,
    ) -> None:
        self._targets = targets
        self._secrets = secrets
        self._wanted = wanted
        self._open = open_link
        self._on_link = on_link
        self._entropy = entropy
        self._loop = asyncio.get_running_loop()
        self._dials: set[asyncio.Task[None]] = set()
        self._next: asyncio.TimerHandle | None = None
        self._closing = False

    def soon(self) -> None:
        """Dial in the next turn of the loop, or when the next target is due."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._closing or len(self._dials) >= DIALS_MAX or not self._secrets():
            return
        due = self._targets.next_due(self._wanted)
        if due is not None:
            self._next = self._loop.call_at(due, self._dial_due)

    async def aclose(self) -> None:
        """Break off what is under way."""
        self._closing = True
        if self._next is not None:
            self._next.cancel()
        dials = list(self._dials)
        for task in dials:
            task.cancel()
        await asyncio.gather(*dials, return_exceptions=True)

    def draw(self) -> float:
        """Uniformly from [0, 1)."""
        return int.from_bytes(self._entropy(4), "big") / 2**32

    def _dial_due(self) -> None:
        self._next = None
        room = DIALS_MAX - len(self._dials) if self._secrets() and not self._closing else 0
        for target in self._targets.due(self._loop.time(), room, self._wanted):
            task = self._loop.create_task(self._dial(target))
            self._dials.add(task)
            task.add_done_callback(self._dialled)
        self.soon()

    def _dialled(self, task: asyncio.Task[None]) -> None:
        self._dials.discard(task)
        self.soon()

    async def _dial(self, target: Target) -> None:
        secrets = list(self._secrets())
        # Who does not know the workspace's key may be a relay that waits at an invite's door.
        place = target.redial.failures % len(secrets) if target.unmatched else 0
        secret = target.secret or secrets[place]
        try:
            link = await first_link(target.urls, lambda url: self._open(url, secret))
        finally:
            target.dialling = False
        target.unmatched = isinstance(link, NoLink) and target.asked and link.unmatched
        if isinstance(link, NoLink):
            reason = fault_sentence(link.telling)
            self._targets.failed(target, self._loop.time(), self.draw(), reason)
            self._targets.own(target, link.own_urls)
            return
        self._on_link(link, target)
