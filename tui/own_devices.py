"""The dialogs about this member's devices, and what follows from them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chat import commands
from chat.events import Event, MembersChanged
from chat.model import Device, InviteView
from tui import workers
from tui.screens.choice import Choice
from tui.screens.devices import (
    ADD,
    PAPER,
    CodeScreen,
    DeviceScreen,
    DevicesScreen,
    PaperScreen,
    called,
)
from tui.screens.line import Line

if TYPE_CHECKING:
    from tui.screens.workspace import WorkspaceScreen


class OwnDevices:
    """Opens these dialogs for the workspace screen."""

    def __init__(self, screen: "WorkspaceScreen") -> None:
        self._screen = screen
        self._asker = screen.asker
        self._code: CodeScreen | None = None
        self._before: frozenset[str] = frozenset()
        """The devices there were when the code was made."""

    def show(self) -> None:
        """Which there are."""
        workers.bring(self._screen, "work", self._show)

    async def _show(self) -> None:
        found: list[Device] | None = await self._asker.ask(commands.ListDevices())
        if found is None:
            return
        known = {device.device: device for device in found}

        def picked(key: str | None) -> None:
            if key == ADD:
                self.add()
            elif key == PAPER:
                self._offer_paper()
            elif key in known:
                self._look(known[key])

        self._screen.app.push_screen(DevicesScreen(found), picked)

    def _look(self, device: Device) -> None:
        def decided(what: str | None) -> None:
            if what == "name":
                self._name(device)
            elif what == "remove":
                self._offer_removal(device)
            else:
                self.show()

        self._screen.app.push_screen(DeviceScreen(device), decided)

    def _name(self, device: Device) -> None:
        def typed(name: str | None) -> None:
            if name is not None and name.strip() != device.name:
                said = f"It is called {name.strip()} here." if name.strip() else "As it was."
                self._asker.send(
                    commands.NameDevice(device.device, name.strip()),
                    lambda _: self._asker.say(said),
                )

        detail = "On this machine alone. Empty shows what it was called when it came in."
        self._screen.app.push_screen(Line("What do you call it?", device.name, detail), typed)

    def _offer_removal(self, device: Device) -> None:
        said = f"{called(device)} is out; the keys are new ones."

        def answered(answer: str | None) -> None:
            if answer == "yes":
                command = commands.RemoveDevice(device.device)
                self._asker.send(command, lambda _: self._asker.say(said))

        what = "Take back the paper" if device.paper else "Take out"
        question = f"{what} {called(device)}? It comes back only by a new code."
        self._screen.app.push_screen(Choice(question, [("no", "No"), ("yes", "Yes")]), answered)

    # One more.

    def add(self) -> None:
        """A code for one more device; it goes when that is in."""
        workers.bring(self._screen, "work", self._add)

    async def _add(self) -> None:
        before: list[Device] | None = await self._asker.ask(commands.ListDevices())
        if before is None:
            return
        made: InviteView | None = await self._asker.ask(commands.AddDevice())
        if made is None:
            return
        self._before = frozenset(device.device for device in before)
        self._code = CodeScreen(made, code=not self._screen.deciding.config.ascii)
        self._screen.app.push_screen(self._code, self._code_gone)

    def _code_gone(self, _: None) -> None:
        self._code = None

    def take(self, happened: Sequence[Event]) -> None:
        """Follow what happens, while a code is shown."""
        if self._code is not None and any(isinstance(each, MembersChanged) for each in happened):
            workers.start(self._screen, "work", self._look_for_new)

    async def _look_for_new(self) -> None:
        found: list[Device] = await self._asker.look(commands.ListDevices()) or []
        new = next((device for device in found if device.device not in self._before), None)
        code = self._code
        if new is not None and code is not None and code.is_current:
            code.dismiss(None)
            self._asker.say(f"{called(new)} is in; it has what you have.")

    def _offer_paper(self) -> None:
        def answered(answer: str | None) -> None:
            if answer == "yes":
                self._asker.bring(commands.MakePaper(), self._show_paper)

        question = "Show words that let you back in when all your devices are lost?"
        detail = "Once, on this screen. Have pen and paper at hand, and nobody behind you."
        dialog = Choice(question, [("no", "No"), ("yes", "Show them")], detail)
        self._screen.app.push_screen(dialog, answered)

    def _show_paper(self, made: InviteView) -> None:
        code = not self._screen.deciding.config.ascii
        self._screen.app.push_screen(PaperScreen(made, code=code))
