"""One more workspace, beside the one that is shown: the same three ways in."""

from typing import TYPE_CHECKING

from chat.model import Status
from tui.screens.welcome import WelcomeScreen

if TYPE_CHECKING:
    from tui.seated import SeatedApp


class AddScreen(WelcomeScreen):
    """One of the three forms; gives the state of what was added, None when nothing was."""

    def __init__(self, face: "SeatedApp", form: str) -> None:
        super().__init__(face)
        self._wanted = form

    def on_mount(self) -> None:
        # Going to another workspace takes the form away, maybe before all of it is there.
        if self.query("#form #first"):
            self.open_form(self._wanted)

    @property
    def _waits(self) -> bool:
        return False

    def action_back(self) -> None:
        if not self._busy:
            self.dismiss(None)

    async def entered(self, status: Status) -> None:
        self.dismiss(status)
