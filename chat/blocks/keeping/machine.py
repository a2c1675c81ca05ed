"""Who holds what, and what may go, as one machine: `handle(input, now) -> effects`."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from chat.blocks.keeping import ports
from chat.blocks.keeping.promises import Promises
from chat.blocks.keeping.shedding import Shedding
from chat.blocks.limits import (
    HOLDING_ROOTS_MAX,
    HOLDINGS_PER_PEER_MAX,
    PROMISE_MS,
    WATCHED_PER_PEER_MAX,
)
from chat.blocks.messages import AskHolding, Holding

_NUMBERS = 2**32


@dataclass(slots=True)
class _Peer:
    """A linked peer: what it said it holds, and what it wants to be told about."""

    holds: OrderedDict[bytes, bool] = field(default_factory=OrderedDict)
    watches: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    fetches: OrderedDict[bytes, None] = field(default_factory=OrderedDict)

    def said(self, root: bytes, held: bool) -> None:
        self.holds[root] = held
        self.holds.move_to_end(root)
        if len(self.holds) > HOLDINGS_PER_PEER_MAX:
            self.holds.popitem(last=False)

    def watch(self, root: bytes) -> None:
        _remember(self.watches, root)

    def fetching(self, root: bytes) -> None:
        _remember(self.fetches, root)


def _remember(roots: OrderedDict[bytes, None], root: bytes) -> None:
    roots[root] = None
    roots.move_to_end(root)
    if len(roots) > WATCHED_PER_PEER_MAX:
        roots.popitem(last=False)


class Keeping:
    """The holdings of all linked peers, and the dropping of files here. One a node; pure."""

    def __init__(self, holds: Callable[[bytes], bool]) -> None:
        """`holds(root)`: whether every block of this file is on our disk now."""
        self._holds = holds
        self._peers: dict[bytes, _Peer] = {}
        self._promises = Promises()
        self._shedding: Shedding | None = None
        self._number = 0
        self._effects: list[ports.Effect] = []

    def handle(self, event: ports.Input, now: float) -> list[ports.Effect]:
        """Take one input at monotonic time `now` (milliseconds) and give what follows from it."""
        assert not self._effects
        if isinstance(event, ports.Received):
            self._received(event, now)
        elif isinstance(event, ports.PeerUp):
            self._peers.setdefault(event.peer, _Peer())
        elif isinstance(event, ports.PeerDown):
            self._peer_down(event.peer)
        elif isinstance(event, ports.Came | ports.Went):
            self._changed(event.root, isinstance(event, ports.Came))
        elif isinstance(event, ports.Fetches):
            self._fetches(event)
        elif isinstance(event, ports.Census):
            self._census(event.roots)
        elif isinstance(event, ports.Shed):
            self._shed(event, now)
        self._go_on(now)
        effects, self._effects = self._effects, []
        return effects

    # What is known

    @property
    def shedding(self) -> bool:
        """Whether an attempt to make room is under way."""
        return self._shedding is not None

    def holders(self, root: bytes) -> tuple[bytes, ...]:
        """Linked peers that said they hold every block of this file."""
        return tuple(peer for peer, each in self._peers.items() if each.holds.get(root, False))

    def copies(self, root: bytes) -> int:
        """Linked peers that hold every block of a file, or are fetching it."""
        return sum(
            each.holds.get(root, False) or root in each.fetches for each in self._peers.values()
        )

    def watched(self) -> set[bytes]:
        """Files that linked peers asked about."""
        return {root for each in self._peers.values() for root in each.watches}

    def unsaid(self, roots: Iterable[bytes]) -> bool:
        """Whether a linked peer has not said yet whether it holds one of these."""
        wanted = list(roots)
        return any(root not in each.holds for each in self._peers.values() for root in wanted)

    def bound(self, root: bytes, now: float) -> bool:
        """Whether somebody else counts on our copy of this file."""
        return self._promises.bind(root, now)

    # What peers say

    def _fetches(self, event: ports.Fetches) -> None:
        peer = self._peers.get(event.peer)
        if peer is not None and event.on:
            peer.fetching(event.root)
        elif peer is not None:
            peer.fetches.pop(event.root, None)

    def _received(self, event: ports.Received, now: float) -> None:
        peer = self._peers.get(event.peer)
        if peer is None:
            return
        if isinstance(event.message, AskHolding):
            self._asked(event.peer, peer, event.message, now)
            return
        for root in event.message.held:
            peer.said(root, True)
        for root in event.message.lacking:
            peer.said(root, False)
        self._heard(event.peer, event.message)

    def _heard(self, peer: bytes, message: Holding) -> None:
        shedding = self._shedding
        if shedding is None:
            return
        if message.number == shedding.number:
            shedding.answered(peer, message.held, message.lacking, message.keep_ms)
        else:
            for root in message.lacking:
                shedding.unsaid(peer, root)

    def _asked(self, name: bytes, peer: _Peer, ask: AskHolding, now: float) -> None:
        promised: list[bytes] = []
        held: list[bytes] = []
        lacking: list[bytes] = []
        ours = self._shedding.asked if self._shedding else ()
        for root in dict.fromkeys(ask.roots):
            peer.watch(root)
            if not self._holds(root):
                lacking.append(root)
            elif (
                ask.keep_ms
                and root not in ours
                and self._promises.give(name, root, now + ask.keep_ms, now)
            ):
                promised.append(root)
            else:
                held.append(root)
        if promised:
            answer = Holding(ask.number, tuple(promised), (), ask.keep_ms)
            self._emit(ports.SendTo(name, answer))
        if held or lacking:
            self._emit(ports.SendTo(name, Holding(ask.number, tuple(held), tuple(lacking), 0)))

    def _peer_down(self, peer: bytes) -> None:
        self._peers.pop(peer, None)
        if self._shedding is not None:
            self._shedding.gone(peer)

    # What we say

    def _changed(self, root: bytes, held: bool) -> None:
        news = Holding(0, (root,) if held else (), () if held else (root,), 0)
        for name, peer in self._peers.items():
            if root in peer.watches:
                self._emit(ports.SendTo(name, news))

    def _census(self, roots: tuple[bytes, ...]) -> None:
        for name, peer in self._peers.items():
            unsaid = [root for root in roots if root not in peer.holds]
            for some in _in_messages(unsaid):
                self._ask(name, self._next_number(), some, 0)

    def _ask(self, peer: bytes, number: int, roots: tuple[bytes, ...], keep_ms: int) -> None:
        self._emit(ports.SendTo(peer, AskHolding(number, roots, keep_ms)))

    def _next_number(self) -> int:
        """Never 0, which marks news."""
        self._number = self._number % (_NUMBERS - 1) + 1
        return self._number

    # Making room

    def _shed(self, event: ports.Shed, now: float) -> None:
        if self._shedding is None:
            self._promises.expire(now)
            self._shedding = Shedding(event)
            self._ask_next(self._shedding, now)

    def _ask_next(self, shedding: Shedding, now: float) -> None:
        number = self._next_number()

        def may_go(root: bytes) -> bool:
            return not self._promises.bind(root, now)

        roots = shedding.ask(number, self._peers, may_go, now)
        for peer in self._peers if roots else ():
            self._ask(peer, number, roots, PROMISE_MS)

    def _go_on(self, now: float) -> None:
        """Drop what may go, and ask about the next, until somebody has to be waited for."""
        while (shedding := self._shedding) is not None:
            if not shedding.asked:
                self._shedding = None
                self._emit(ports.ShedEnded(shedding.freed, shedding.refused))
            elif shedding.ready(now):
                for root, size in shedding.choose(now):
                    self._emit(ports.Drop(root))
                    shedding.freed += size
                self._ask_next(shedding, now)
            else:
                self._emit(ports.WakeAt(shedding.due))
                return

    def _emit(self, effect: ports.Effect) -> None:
        self._effects.append(effect)


def _in_messages(roots: list[bytes]) -> Iterator[tuple[bytes, ...]]:
    for start in range(0, len(roots), HOLDING_ROOTS_MAX):
        yield tuple(roots[start : start + HOLDING_ROOTS_MAX])
