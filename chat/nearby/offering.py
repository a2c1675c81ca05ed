"""Showing a label: the shell around an `Offer`.

It listens at a port of its own and announces itself under a name of its own, with a key made for
this once: whoever opens the door, which anybody can, learns nothing by which this device would be
known again. The announcement is taken back as soon as somebody's code is on the screen.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from chat.config import Network, on_a_free_port
from chat.effects import CloseLink, Send
from chat.errors import ChatError
from chat.links.presence import Presence
from chat.nearby.label import drawn
from chat.nearby.offer import MakeInvite, Offer, OfferEffect, TakeBack
from chat.nearby.standing import Stands
from chat.nearby.wires import Wires
from crdt.keys import Entropy
from transport.net.link import Link
from transport.net.network import NetworkChange
from transport.proto.announcement import Announcement
from transport.proto.handshake import Responder
from transport.proto.hints import LinkSecret, matching_secret
from transport.proto.limits import KEY_BYTES

_SILENT = "Multicast DNS is switched off here, so the newcomer has to dial the address with --dial."


def monotonic_ms() -> int:
    """The clock of timers."""
    return time.monotonic_ns() // 1_000_000


class Offering:
    """One label, shown until somebody has the invite or it is over.

    Args:
        settings: at which addresses to listen; the port is a free one.
        make: makes an invite, durably, and gives its link. It may raise ChatError.
        take_back: revokes that invite.
        changed: told when it stands differently.

    Attributes:
        failure: why the invite could not be made, a sentence; mostly empty.
    """

    def __init__(
        self,
        settings: Network,
        entropy: Entropy,
        *,
        make: Callable[[], Awaitable[str]],
        take_back: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        self.label = drawn(entropy)
        self.failure = ""
        self._mdns = settings.mdns
        self._entropy = entropy
        self._make = make
        self._take_back = take_back
        self._changed = changed
        self._static = entropy(KEY_BYTES)
        self._offer = Offer(entropy, monotonic_ms())
        self._wires = Wires(self._heard, self._lost)
        self._timer: asyncio.TimerHandle | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._presence = Presence(
            on_a_free_port(settings),
            self,
            listening=True,
            secrets=self._announced,
            entropy=entropy,
            label=self.label.wire,
        )

    async def start(self) -> None:
        """Listen and announce.

        Raises:
            Unavailable: no address can be listened at.
        """
        await self._presence.start()
        self._set_timer()

    @property
    def stands(self) -> Stands:
        return self._offer.stands

    @property
    def until(self) -> int:
        """When this ends by itself, on the clock of timers."""
        return self._offer.until

    @property
    def urls(self) -> list[str]:
        """Where it can be dialled by who is not told by an announcement."""
        return list(self._presence.urls)

    @property
    def warning(self) -> str:
        """Why newcomers are not told by an announcement, a sentence; mostly empty."""
        return self._presence.warning if self._mdns else _SILENT

    def answer(self, same: bool) -> None:
        """The person here compared the codes."""
        self._carry_out(self._offer.answer(same, monotonic_ms()))

    def cancel(self) -> None:
        """The person here gives up, unless it is over."""
        self._carry_out(self._offer.cancel())

    async def aclose(self) -> None:
        """Give up, unless it is over; an invite on its way is taken back."""
        self.cancel()
        while self._jobs:
            await asyncio.wait(self._jobs)
        if self._timer is not None:
            self._timer.cancel()
        await self._wires.aclose()
        await self._presence.aclose()

    # What the presence tells --------------------------------------------------------------------

    def responder(self) -> Responder:
        door = self.label.door
        return Responder(
            lambda nonce, hint: matching_secret([door], nonce, hint),
            self._static,
            self._entropy,
            lambda secret: b"",
        )

    def accepted(self, link: Link) -> None:
        number = self._wires.add(link)
        self._carry_out(self._offer.link_up(number, link.handshake_hash, monotonic_ms()))
        self._wires.listen(number)

    def found(self, urls: list[str], announcement: Announcement) -> None:
        """Who invites looks for nobody."""

    def gone(self, urls: list[str]) -> None:
        """Who invites looks for nobody."""

    def network_changed(self, change: NetworkChange) -> None:
        """The presence announces the new addresses; a link that is lost ends it as any other."""

    # Inside -------------------------------------------------------------------------------------

    def _announced(self) -> list[LinkSecret]:
        return [self.label.door] if self.stands.where == "open" else []

    def _heard(self, number: int, payload: bytes) -> None:
        self._carry_out(self._offer.receive(number, payload, monotonic_ms()))

    def _lost(self, number: int) -> None:
        self._carry_out(self._offer.link_down(number))

    def _tick(self) -> None:
        self._carry_out(self._offer.tick(monotonic_ms()))

    def _carry_out(self, effects: Iterable[OfferEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Send | CloseLink):
                self._wires.carry_out(effect)
            elif isinstance(effect, MakeInvite):
                self._begin(self._give())
            elif isinstance(effect, TakeBack):
                self._begin(self._revoke())
            else:
                self._presence.secrets_changed()
                self._changed()
        self._set_timer()

    def _begin(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _give(self) -> None:
        try:
            link = await self._make()
        except ChatError as error:
            self.failure = str(error)
            self._carry_out(self._offer.fail())
        else:
            self._carry_out(self._offer.give(link))

    async def _revoke(self) -> None:
        try:
            await self._take_back()
        except ChatError as error:
            self.failure = f"The invite stands, and could not be taken back: {error}"
            self._changed()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._offer.due
        if due is not None:
            seconds = max(0, due - monotonic_ms()) / 1000
            self._timer = asyncio.get_running_loop().call_later(seconds, self._tick)
