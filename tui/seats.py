"""A workspace at which the user can sit: what is known of it, on the screen or behind it."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.message import Message as Posted

from chat import commands
from chat.events import Event, MessageChanged
from chat.session import Session
from tui import attention
from tui.bridge import Bridge
from tui.world import World


class Call(NamedTuple):
    """What calls the user from a workspace that is not on the screen."""

    title: str
    text: str


class Waits(NamedTuple):
    """What waits to be read in a workspace; muted channels do not count."""

    name: str
    mentions: int
    unread: int


class Seat:
    """One workspace.

    Args:
        post: hears what the bridge posts.
        pause: seconds between two paintings for events.
    """

    def __init__(
        self,
        session: Session,
        world: World,
        post: "Callable[[Seat, Posted], object]",
        pause: Callable[[], float],
    ) -> None:
        self.session = session
        self.world = world
        self.bridge = Bridge(session, lambda message: post(self, message), pause)

    @property
    def name(self) -> str:
        """What it is called; a claim that waits knows no name."""
        return self.world.status.name or "a workspace that waits"

    @property
    def is_live(self) -> bool:
        """Whether there is something to read in it."""
        return self.world.status.phase in ("live", "removed")

    @property
    def waits(self) -> Waits:
        """What is not read yet."""
        return Waits(self.name, *attention.waiting(self.world.listed, self.world.private))

    async def read(self) -> None:
        """Read everything that is small, at the start and after a broken connection.

        Raises:
            ChatError: a sentence.
        """
        world, session = self.world, self.session
        world.status = await session.call(commands.GetStatus())
        if self.is_live and not world.status.locked:
            world.set_channels(await session.call(commands.ListChannels()))
            world.set_members(await session.call(commands.ListMembers()))
            world.set_transfers(await session.call(commands.ListTransfers()))
            world.private = await session.call(commands.GetPrivate())

    def take(self, happened: Sequence[Event], now_ms: int) -> list[Call]:
        """Follow what happens behind the screen; gives what may call the user."""
        calls = []
        for event in happened:
            self.world.apply(event, time.monotonic())
            if isinstance(event, MessageChanged) and event.new:
                message = event.message
                channel = self.world.channel(message.channel)
                if attention.rings(message, channel, self.world.private, now_ms):
                    where = (
                        "" if channel is not None and channel.direct else f"#{message.channel}, "
                    )
                    calls.append(Call(f"{message.author.name} in {where}{self.name}", message.text))
        return calls
