"""Looking for labels and meeting who shows one: the shell around an `Approach`.

It listens nowhere and announces nothing, and has a key made for this once. Labels in announcements
are hostile until read; several devices may announce one label, of which the first that opens a link
counts, and the code decides whether it was the one that is meant.
"""

import asyncio
from collections.abc import Callable, Iterable

from chat.config import Network
from chat.effects import CloseLink, Send
from chat.errors import NoPeer
from chat.links.addresses import dialled_url
from chat.links.presence import Presence
from chat.links.racing import NoLink, first_link
from chat.nearby.approach import Approach, ApproachEffect, Invited
from chat.nearby.label import Label, read
from chat.nearby.limits import ADDRESSES_MAX, FOUND_MAX, LABELS_MAX, OFFER_MS
from chat.nearby.offering import monotonic_ms
from chat.nearby.standing import GONE, LEFT, NOBODY, Stands
from chat.nearby.wires import Wires
from crdt.errors import Invalid
from crdt.keys import Entropy
from transport.net.link import Link
from transport.net.network import NetworkChange
from transport.net.websocket import dial
from transport.proto.announcement import Announcement
from transport.proto.handshake import Initiator, Responder
from transport.proto.limits import KEY_BYTES

_NO_WAY = (
    "Labels are found by multicast DNS, which is switched off here. Give the address that the "
    "other side shows with --dial."
)


class Visiting:
    """One search, and at most one approach.

    Args:
        settings: how to look; what is dialled anyway is dialled for the label, too.
        changed: told when other labels are there, or it stands differently.
        is_in: whether this profile is in the workspace whose id begins so.

    Attributes:
        stands: where it stands; "open" while labels are looked for.
        label: which was picked.
        link: of the invite, once it came.
    """

    def __init__(
        self,
        settings: Network,
        entropy: Entropy,
        *,
        changed: Callable[[], None],
        is_in: Callable[[bytes], bool],
    ) -> None:
        if not settings.mdns and not settings.dial:
            raise NoPeer(_NO_WAY)
        self.stands = Stands("open")
        self.label: Label | None = None
        self.link = ""
        self._given = [dialled_url(url) for url in settings.dial]
        self._entropy = entropy
        self._changed = changed
        self._is_in = is_in
        self._until = monotonic_ms() + OFFER_MS
        self._static = entropy(KEY_BYTES)
        self._found: dict[tuple[str, ...], Label] = {}
        self._news = asyncio.Event()
        self._approach: Approach | None = None
        self._meeting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wires = Wires(self._heard, self._lost)
        self._presence = Presence(settings, self, listening=False, secrets=list, entropy=entropy)

    async def start(self) -> None:
        """Look around."""
        await self._presence.start()
        self._set_timer()

    @property
    def labels(self) -> list[str]:
        """Those that are shown around here, sorted."""
        return sorted({each.text for each in self._found.values()})[:LABELS_MAX]

    @property
    def until(self) -> int:
        """When this ends by itself, on the clock of timers."""
        due = None if self._approach is None else self._approach.due
        return self._until if due is None else due

    @property
    def warning(self) -> str:
        """Why no labels are found, a sentence; mostly empty."""
        return self._presence.warning

    def pick(self, label: Label) -> None:
        """Meet whoever shows this label, now or when it is seen; counts once."""
        if self.stands.where != "open":
            return
        self.label = label
        self._stand(Stands("meeting"))
        self._meeting = asyncio.get_running_loop().create_task(self._meet(label))

    def answer(self, same: bool) -> None:
        """The person here compared the codes."""
        if self._approach is not None:
            self._carry_out(self._approach.answer(same, monotonic_ms()))

    def cancel(self) -> None:
        """The person here gives up, unless it is over."""
        if self._approach is not None:
            self._carry_out(self._approach.cancel())
        elif not self.stands.is_final:
            self._stand(Stands("over", why=LEFT))

    async def aclose(self) -> None:
        """Give up, unless it is over."""
        self.cancel()
        if self._meeting is not None:
            self._meeting.cancel()
            await asyncio.wait([self._meeting])
        if self._timer is not None:
            self._timer.cancel()
        await self._wires.aclose()
        await self._presence.aclose()

    # What the presence tells --------------------------------------------------------------------

    def responder(self) -> Responder:
        raise AssertionError("nothing is listened at")

    def accepted(self, link: Link) -> None:
        raise AssertionError("nothing is listened at")

    def found(self, urls: list[str], announcement: Announcement) -> None:
        try:
            label = read(announcement.label)
        except Invalid:
            return  # A device as any other, which shows no label.
        self._found.pop(tuple(urls), None)
        self._found[tuple(urls)] = label
        if len(self._found) > FOUND_MAX:
            del self._found[next(iter(self._found))]
        self._look()

    def gone(self, urls: list[str]) -> None:
        if self._found.pop(tuple(urls), None) is not None:
            self._look()

    def network_changed(self, change: NetworkChange) -> None:
        """The presence looks around anew; a link that is lost ends it as any other."""

    # Inside -------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Other labels are there."""
        self._news.set()
        if self.stands.where == "open":
            self._changed()

    def _addresses(self, label: Label) -> list[str]:
        announced = [url for urls, known in self._found.items() if known == label for url in urls]
        return list(dict.fromkeys([*announced, *self._given]))[:ADDRESSES_MAX]

    async def _meet(self, label: Label) -> None:
        """Open a link to whoever shows the label, once somebody does."""
        while not (urls := self._addresses(label)):
            self._news.clear()
            await self._news.wait()
        link = await first_link(urls, self._open)
        if isinstance(link, NoLink):
            self._stand(Stands("over", why=GONE))
            return
        number = self._wires.add(link)
        now = monotonic_ms()
        self._approach = Approach(
            number, link.handshake_hash, self._entropy, now, is_in=self._is_in
        )
        self._carry_out(self._approach.begin())
        self._wires.listen(number)

    async def _open(self, url: str) -> Link:
        assert self.label is not None
        return await dial(url, Initiator(self.label.door, self._static, self._entropy, b""))

    def _heard(self, _: int, payload: bytes) -> None:
        if self._approach is not None:
            self._carry_out(self._approach.receive(payload, monotonic_ms()))

    def _lost(self, _: int) -> None:
        if self._approach is not None:
            self._carry_out(self._approach.link_down())

    def _tick(self) -> None:
        if self._approach is not None:
            self._carry_out(self._approach.tick(monotonic_ms()))
        elif not self.stands.is_final:
            if self._meeting is not None:
                self._meeting.cancel()
            self._stand(Stands("over", why=NOBODY))

    def _carry_out(self, effects: Iterable[ApproachEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Send | CloseLink):
                self._wires.carry_out(effect)
            elif isinstance(effect, Invited):
                self.link = effect.link
            else:
                self._stand(effect)
        self._set_timer()

    def _stand(self, stands: Stands) -> None:
        self.stands = stands
        self._set_timer()
        self._changed()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.stands.is_final:
            seconds = max(0, self.until - monotonic_ms()) / 1000
            self._timer = asyncio.get_running_loop().call_later(seconds, self._tick)
