"""The part of the application that knows whether somebody sits in front of it: away, and locked.

Whoever touches nothing for a while is away, and may find the screen locked. A lock is the node's:
it covers every window of the profile, wherever it came from, and ends with the passphrase.
"""

import time
from pathlib import Path

from textual import events

from chat import commands
from chat.errors import ChatError, UsageError
from chat.model import Status
from chat.session import Session
from tui import workers
from tui.bridge import FRAME_SECONDS
from tui.config import UiConfig
from tui.idle import Idle
from tui.limits import IDLE_LOOK_SECONDS, TYPING_FRAME_SECONDS, TYPING_SECONDS
from tui.looks import LooksApp
from tui.screens.lock import LockScreen
from tui.world import World


class AttendedApp(LooksApp):
    """An application that notices when nobody is there."""

    def __init__(self, session: Session, config: UiConfig, config_path: Path | None) -> None:
        super().__init__(config, config_path)
        self.session = session
        self.world = World()
        self._idle = Idle(time.monotonic())
        self._coming_back = False

    def watch_for_idle(self) -> None:
        """From now on."""
        self.set_interval(IDLE_LOOK_SECONDS, self.look_at_idle)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent | events.Paste):
            if self._idle.touch(time.monotonic()) == "back":
                self.came_back()
        await super().on_event(event)

    def look_at_idle(self, now: float | None = None) -> None:
        """Go away, or lock, when the time for it has come."""
        if self.world.status.phase != "live" or self.world.status.locked:
            return
        config = self.deciding.config
        step = self._idle.look(
            time.monotonic() if now is None else now,
            away_after=config.away_after * 60,
            lock_after=config.lock_after * 60,
            is_away=self.is_away,
        )
        if step == "away":
            workers.start(self, "tellings", self._tell, commands.SetAway(True))
        elif step == "lock":
            self.lock()

    @property
    def idle_seconds(self) -> float:
        """For how long nobody has touched anything."""
        return self._idle.seconds(time.monotonic())

    @property
    def is_away(self) -> bool:
        """Whether the others see this member as away."""
        me = self.world.members.get(self.world.me)
        return me is not None and me.away

    def pause(self) -> float:
        """Seconds between two paintings for events: fewer while somebody types, since a letter
        waits for the painting that has begun."""
        typing = self.idle_seconds < TYPING_SECONDS
        return TYPING_FRAME_SECONDS if typing else FRAME_SECONDS

    def came_back(self) -> None:
        """Somebody is here again."""
        if not self._coming_back:
            self._coming_back = True
            workers.start(self, "tellings", self._come_back)

    async def _come_back(self) -> None:
        await self._tell(commands.SetAway(False))
        self._coming_back = False

    async def _tell(self, command: commands.Command) -> None:
        try:
            await self.session.call(command)
        except ChatError as error:
            self.log.warning(str(error))

    # Locking.

    def lock(self) -> None:
        """Show nothing until the passphrase is given."""
        workers.start(self, "work", self._lock)

    async def _lock(self) -> None:
        await self.keep_all()
        try:
            status: Status = await self.session.call(commands.Lock())
        except UsageError as error:
            self.notify(f"The screen is not locked. {error}", severity="warning", markup=False)
        except ChatError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.world.status = status
            self.follow_lock()

    async def keep_all(self) -> None:
        """What is written and not sent is kept, before nothing is taken any more."""

    def show_title(self, text: str) -> None:
        """What the terminal's title says; nothing of a locked workspace."""

    async def enter(self) -> None:
        """Read everything and show the screen that fits."""
        raise NotImplementedError

    def follow_lock(self) -> None:
        """Cover everything while the node is locked, and nothing when it is not."""
        covered = any(isinstance(screen, LockScreen) for screen in self.screen_stack)
        if self.world.status.locked and not covered:
            self.clear_notifications()
            self.show_title("")
            self.push_screen(LockScreen(self.session), self._unlocked)
        elif covered and not self.world.status.locked:
            for screen in self.screen_stack:
                if isinstance(screen, LockScreen):
                    screen.open(self.world.status)

    def _unlocked(self, status: Status | None) -> None:
        if status is not None:
            self.world.status = status
        workers.start(self, "work", self.enter)
