"""The node's side of `chat.engine.gossip`: its links, its clock, and who is told what.

There is something to say once there is a workspace. Nothing of it goes through the store.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from chat.engine.ephemeral import AnyEphemeral, Away, Signed
from chat.engine.gossip import Gossip
from chat.engine.gossip_ports import AwayChanged, Effect, OnlineChanged, Pass
from chat.links.addresses import told_urls
from chat.links.neighbours import Whereabouts
from chat.node.team import Team, now
from crdt.roster_ops import LEVEL_RELAY

TELL_SECONDS = 0.05
"""Who comes online together is told of together: a whole team, when somebody starts."""
LOOK_AGAIN_SECONDS = 10.0
"""The longest time between two looks: whether this device accepts links elsewhere now."""


class Gossiping:
    """What goes from hand to hand, at one node.

    Args:
        team: the workspace, once it is known.
        urls: where this device accepts links.
        give: puts an ephemeral payload on a link.
        on_shown: a member's device does something that is to be shown.
        on_online: `online` has changed.
        on_away: `away` has changed.
    """

    def __init__(
        self,
        *,
        team: Callable[[], Team | None],
        urls: Callable[[], Sequence[str]],
        give: Callable[[int, bytes], None],
        on_shown: Callable[[bytes, AnyEphemeral], None],
        on_online: Callable[[], None],
        on_away: Callable[[], None],
    ) -> None:
        self._team = team
        self._urls = urls
        self._give = give
        self._on_shown = on_shown
        self._on_online = on_online
        self._on_away = on_away
        self._gossip: Gossip | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._over = False

    # What the roster says: this is the machine's `Company` ---------------------------------------

    def is_member(self, device: bytes) -> bool:
        level = self._level(device)
        return level is not None and level < LEVEL_RELAY

    def is_relay(self, device: bytes) -> bool:
        level = self._level(device)
        return level is not None and level >= LEVEL_RELAY

    def member(self, device: bytes) -> bytes:
        team = self._team()
        member = None if team is None else team.workspace.member_of(device)
        return device if member is None else member  # A relay is nobody's.

    def sees(self, device: bytes, channel: bytes) -> bool:
        team = self._team()
        if team is None:
            return False
        workspace = team.workspace
        # Of a channel that is not known here nobody can say who sees it.
        return channel in workspace.roster.state.channels and workspace.visible(channel, device)

    def _level(self, device: bytes) -> int | None:
        team = self._team()
        known = None if team is None else team.workspace.roster.state.devices.get(device)
        return None if known is None else known.level

    # What the node does -------------------------------------------------------------------------

    @property
    def online(self) -> Mapping[bytes, Whereabouts]:
        """Other devices that are online, and what of their addresses may be dialled from here."""
        cards = {} if self._gossip is None else self._gossip.online
        return {
            device: Whereabouts(
                tuple(told_urls(card.urls, card.host)), self.is_relay(device), card.near
            )
            for device, card in cards.items()
        }

    @property
    def away(self) -> Mapping[bytes, str]:
        """Members who are away, this one too, and what they say of it, clean."""
        return {} if self._gossip is None else self._gossip.away

    def link_up(self, number: int, device: bytes, host: str) -> None:
        """A link to a device of the roster stands."""
        gossip = self._begun()
        if gossip is not None:
            self._follow(gossip, gossip.link_up(number, device, host, now()))

    def link_down(self, number: int, *, let_go: bool) -> None:
        """It ended."""
        gossip = self._gossip
        if gossip is not None:
            self._follow(gossip, gossip.link_down(number, now(), let_go=let_go))

    def hear(self, number: int, message: Signed) -> None:
        """A signed message came. Raises crdt.errors.Invalid."""
        gossip = self._gossip
        if gossip is not None:
            self._follow(gossip, gossip.hear(number, message, now()))

    def say(self, said: AnyEphemeral) -> None:
        """Tell the members who may see the channel."""
        gossip = self._begun()
        if gossip is not None:
            self._follow(gossip, gossip.say(said, now()))

    def say_away(self, away: bool, text: str) -> None:
        """Tell everybody that this member is away, or back; nothing when they know."""
        gossip = self._begun()
        team = self._team()
        if gossip is None or team is None:
            return
        known = gossip.away.get(team.workspace.me)
        if known != (text if away else None):
            self._follow(gossip, gossip.say_away(Away(away, text), now()))

    def leave(self) -> None:
        """Say goodbye; there is nothing to say after it."""
        gossip, self._over = self._gossip, True
        if gossip is not None:
            self._follow(gossip, gossip.leave(now()))
        for timer in (self._timer, self._telling):
            if timer is not None:
                timer.cancel()

    # Inside -------------------------------------------------------------------------------------

    def _begun(self) -> Gossip | None:
        team = self._team()
        if team is None or self._over:
            return None
        if self._gossip is None:
            workspace = team.workspace
            self._gossip = Gossip(
                workspace.id,
                workspace.device,
                workspace.keys.sign_seed,
                company=self,
                relay=workspace.relay,
                draw=random.SystemRandom().random,
            )
            self._gossip.listens_at(self._urls())
        return self._gossip

    def _tick(self) -> None:
        gossip = self._gossip
        assert gossip is not None
        gossip.listens_at(self._urls())
        at = now()
        self._follow(gossip, gossip.tick(at) if gossip.due <= at.mono else [])

    def _follow(self, gossip: Gossip, done: Iterable[Effect]) -> None:
        loop = asyncio.get_running_loop()
        for effect in done:
            if isinstance(effect, Pass):
                self._give(effect.link, effect.payload)
            elif isinstance(effect, AwayChanged):
                self._on_away()
            elif not isinstance(effect, OnlineChanged):
                self._on_shown(effect.device, effect.said)
            elif self._telling is None and not self._over:
                self._telling = loop.call_later(TELL_SECONDS, self._tell)
        if self._timer is not None:
            self._timer.cancel()
        if not self._over:
            wait = min(max(0, gossip.due - now().mono) / 1_000, LOOK_AGAIN_SECONDS)
            self._timer = loop.call_later(wait, self._tick)

    def _tell(self) -> None:
        self._telling = None
        self._on_online()
