"""Calling the user: what rings, what the terminal's title says, and what the status row shows."""

import time
from collections.abc import Callable
from typing import Protocol

from chat.model import Message
from tui import attention
from tui.text.moments import Calendar
from tui.widgets.status_row import StatusRow
from tui.world import World


class Caller(Protocol):
    """What reaches the user outside of the screen."""

    def ring(self, title: str, text: str) -> None:
        """Something came that may call the user."""

    def show_title(self, text: str) -> None:
        """What the terminal's title says."""


class Calling:
    """Tells what the world has to tell; `now_ms` is the time, milliseconds since 1970."""

    def __init__(
        self, caller: Caller, world: World, calendar: Calendar, now_ms: Callable[[], int]
    ) -> None:
        self._caller = caller
        self._world = world
        self._calendar = calendar
        self._now_ms = now_ms

    def came(self, message: Message) -> None:
        """A message is new."""
        channel = self._world.channel(message.channel)
        if attention.rings(message, channel, self._world.private, self._now_ms()):
            direct = channel is not None and channel.direct
            where = "" if direct else f" in #{message.channel}"
            self._caller.ring(f"{message.author.name}{where}", message.text)

    def show(self, row: StatusRow, channel: str) -> None:
        """Say how it stands, in the status row and in the title; `channel` is the open one."""
        world = self._world
        writers = world.writers(channel, time.monotonic())
        quiet = attention.quiet_text(world.private, self._now_ms(), self._calendar)
        me = world.members.get(world.me)
        if me is not None and me.away:
            quiet = f"away · {quiet}" if quiet else "you are away"
        row.show(world.status, writers, quiet)
        self._caller.show_title(attention.title(world.status.name, world.listed, world.private))
