"""The part of the application that knows several workspaces: one is shown, the others go on.

Each has a session, a bridge and a world of its own (`tui.seats`); `session` and `world` are those
of the one that is shown. Going to another one builds its screen anew, with what was written there.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from textual import on
from textual.message import Message

from chat.errors import ChatError
from chat.events import Event, StatusChanged, Warned, WorkspacesChanged
from chat.model import Status
from chat.session import Session, Workspaces, is_superseded
from tui import workers
from tui.attended import AttendedApp
from tui.bridge import Ended, EventsReady, Reconnected
from tui.config import UiConfig
from tui.input import first_run
from tui.screens.adding import AddScreen
from tui.screens.workspaces import WorkspacePicker
from tui.seats import Seat, Waits
from tui.world import World

_NOT_THERE = "There is no workspace {name} here. /workspace lists them, and makes or joins another."


class SeatedApp(AttendedApp):
    """An application in front of the workspaces of a profile; `workspaces` tells of the others."""

    def __init__(
        self,
        session: Session,
        config: UiConfig,
        config_path: Path | None,
        workspaces: Workspaces | None,
    ) -> None:
        super().__init__(session, config, config_path)
        self.seat = Seat(session, self.world, self._from_seat, self.pause)
        self.seats = [self.seat]
        self._workspaces = workspaces
        self._looking = asyncio.Lock()
        self._warned = ""
        """The last warning that was shown."""

    # What the screens are.

    def show_phase(self, *, anew: bool = False) -> None:
        """The screen that fits the state; with `anew` another one, even if it is of that kind."""
        raise NotImplementedError

    def deliver(self, happened: Sequence[Event]) -> None:
        """Tell the screens what happened in the workspace that is shown."""
        raise NotImplementedError

    def elsewhere_changed(self) -> None:
        """What waits in other workspaces is another number now."""
        raise NotImplementedError

    def reconnected(self) -> None:
        """What is on the screen may be out of date."""
        raise NotImplementedError

    def ring(self, title: str, text: str) -> None:
        """Something came that may call the user."""
        raise NotImplementedError

    # What happens.

    def follow(self, seat: Seat) -> None:
        """Hear from a workspace from now on."""
        seat.bridge.listen()
        workers.start(self, "bridge", seat.bridge.run)

    def _from_seat(self, seat: Seat, message: Message) -> None:
        if seat is self.seat or isinstance(message, EventsReady):
            self.post_message(message)
        elif isinstance(message, Reconnected):
            workers.start(self, "seats", self._read_behind, seat)
        elif seat in self.seats:
            self.seats.remove(seat)
            self.elsewhere_changed()

    @on(EventsReady)
    def _events_ready(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        behind = [seat for seat in self.seats if seat is not self.seat]
        shown = self.seat.bridge.drain()
        told = [(seat, happened) for seat in behind if (happened := seat.bridge.drain())]
        self._warned = next((each.text for each in shown if isinstance(each, Warned)), self._warned)
        for seat, happened in told:
            for call in seat.take(happened, now_ms):
                self.ring(*call)
            self._warn(seat, happened)
        if any(
            WorkspacesChanged() in happened for happened in [shown, *(each for _, each in told)]
        ):
            workers.start(self, "seats", self.look_for_workspaces)
        if shown:
            self.deliver(shown)
        if told:
            self.elsewhere_changed()

    def _warn(self, seat: Seat, happened: Sequence[Event]) -> None:
        """What a workspace behind the screen warns of; what all of them say is said once."""
        for event in happened:
            if isinstance(event, Warned) and event.text != self._warned:
                self._warned = event.text
                self.notify(f"{seat.name}: {event.text}", severity="warning", markup=False)

    @on(Reconnected)
    async def _reconnected(self) -> None:
        await self.read_world()
        self.deliver([StatusChanged(self.world.status)])
        self.reconnected()

    @on(Ended)
    def _ended(self) -> None:
        self.exit(0, message="The workspace was closed by another command.")

    async def read_world(self) -> None:
        """Read anew what is known of the workspace that is shown."""
        await self._read(self.seat)

    async def _read(self, seat: Seat) -> None:
        try:
            await seat.read()
        except ChatError as error:
            self.notify(str(error), severity="error", markup=False)

    async def _read_behind(self, seat: Seat) -> None:
        await self._read(seat)
        self.elsewhere_changed()

    # Other workspaces.

    @property
    def elsewhere(self) -> list[Waits]:
        """What waits in workspaces that are not shown."""
        found = [seat.waits for seat in self._offered if seat is not self.seat and seat.is_live]
        return [waits for waits in found if waits.unread]

    async def look_for_workspaces(self) -> None:
        """Take up the profile's other workspaces, and those that were added."""
        if self._workspaces is None:
            return
        async with self._looking:
            try:
                await self._workspaces.look()
            except ChatError as error:
                self.notify(str(error), severity="error", markup=False)
            for session in self._workspaces.sessions:
                if all(seat.session is not session for seat in self.seats):
                    seat = Seat(session, World(), self._from_seat, self.pause)
                    self.seats.append(seat)
                    self.follow(seat)
                    await self._read(seat)
        self.elsewhere_changed()

    async def sit(self, seat: Seat) -> None:
        """Show another workspace."""
        if seat is self.seat:
            return
        await self.keep_all()
        self.seat, self.session, self.world = seat, seat.session, seat.world
        await self.read_world()
        self.show_phase(anew=True)

    @property
    def _offered(self) -> list[Seat]:
        """The workspaces to go to: without those that were left and joined again."""
        states = [seat.world.status for seat in self.seats]
        return [
            seat
            for seat in self.seats
            if seat is self.seat or not is_superseded(seat.world.status, states)
        ]

    def action_workspaces(self) -> None:
        """Choose another workspace, or add one."""
        offered = self._offered
        rows = [seat.waits for seat in offered]
        picker = WorkspacePicker(rows, offered.index(self.seat), adds=self._workspaces is not None)

        def chosen(key: str | None) -> None:
            if key in first_run.WAYS:
                self._add(key)
            elif key is not None:
                workers.start(self, "work", self.sit, offered[int(key)])

        self.push_screen(picker, chosen)

    def move(self, name: str) -> None:
        """Go to the workspace of this name, or add one by a way into it; "" asks for one."""
        if not name:
            self.action_workspaces()
            return
        for seat in self._offered:
            if seat.name.casefold() == name.casefold():
                workers.start(self, "work", self.sit, seat)
                return
        if self._workspaces is not None and name.lower() in first_run.WAYS:
            self._add(name.lower())
        else:
            self.notify(_NOT_THERE.format(name=name), severity="warning", markup=False)

    def _add(self, way: str) -> None:
        """Ask for what one more workspace needs."""
        self.push_screen(AddScreen(self, way), self._added)

    def _added(self, status: Status | None) -> None:
        if status is not None:
            workers.start(self, "work", self._sit_at_new, status)

    async def _sit_at_new(self, status: Status) -> None:
        await self.look_for_workspaces()
        for seat in self.seats:
            # A claim that waits may not know yet which workspace it is to.
            if seat.world.status.workspace == status.workspace and seat is not self.seat:
                await self.sit(seat)
                return
