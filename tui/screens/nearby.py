"""Somebody in the same room: a label to show or to pick, six digits that both compare.

Whoever looks says yes or no with a key of their own; Enter, which comes by itself, says neither.
"""

import time
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from chat import commands
from chat.errors import ChatError
from chat.events import Event, NearbyChanged
from chat.model import Nearby
from chat.session import Session
from tui import workers
from tui.screens.dialog import Dialog
from tui.text.styled import Piece, styled

_TITLES = {"inviter": "Invite somebody in this room", "newcomer": "Join somebody in this room"}
_COMPARE = {
    "inviter": "The same on the screen of whom you invite? Look, or ask.",
    "newcomer": "The same on the screen of who invites you? Look, or ask.",
}


def spaced(code: str) -> str:
    """Digits that can be read from across a table."""
    return "   ".join(" ".join(part) for part in (code[:3], code[3:]))


def left(view: Nearby, now_ms: int) -> str:
    """How long it stands as it is, when that is so."""
    seconds = max(0, view.until - now_ms) // 1000
    return f"{seconds // 60}:{seconds % 60:02} left" if view.until else ""


class NearbyScreen(Dialog[Nearby | None]):
    """One invite on either side; gives how it stands when it is done, None when it is given up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "say(True)", show=False),
        Binding("n", "say(False)", show=False),
        Binding("enter", "again", show=False),
    ]

    def __init__(self, session: Session, *, invites: bool) -> None:
        super().__init__()
        self._session = session
        self._role = "inviter" if invites else "newcomer"
        self._view = Nearby()
        self._problem = ""
        self._begun = False
        self._listed: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog narrow"):
            yield Static(styled((f"{_TITLES[self._role]}\n", "bold")), markup=False)
            yield Static("", id="nearby-text", markup=False)
            yield OptionList(id="nearby-labels", markup=False)
            yield Static("", id="nearby-left", markup=False)

    def on_mount(self) -> None:
        self.set_interval(1.0, self._count_down)
        self._begin()

    def _begin(self) -> None:
        self._view, self._problem, self._begun = Nearby(), "", False
        workers.start(self, "nearby", self._ask_to_begin)
        self._show()

    async def _ask_to_begin(self) -> None:
        begin = commands.OfferNearby() if self._role == "inviter" else commands.LookNearby()
        try:
            view: Nearby = await self._session.call(begin)
        except ChatError as error:
            self._problem = str(error)
        else:
            self._begun = True
            # What happened meanwhile is newer than the answer.
            self._view = self._view if self._view.role else view
        self._show()

    def take(self, happened: Sequence[Event]) -> None:
        """Follow what becomes of it."""
        for event in happened:
            if isinstance(event, NearbyChanged) and event.nearby.role == self._role:
                self._view = event.nearby
        if self._view.state == "done" and self.is_current:
            self.dismiss(self._view)
            return
        self._show()

    # What is shown ------------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.is_mounted:
            return
        self.query_one("#nearby-text", Static).update(self._text())
        labels = self._view.labels if self._view.state == "open" else ()
        listing = self.query_one("#nearby-labels", OptionList)
        listing.display = bool(labels)
        if labels != self._listed:
            chosen = self._listed[listing.highlighted] if listing.highlighted is not None else ""
            self._listed = labels
            listing.clear_options()
            listing.add_options([Option(styled(label), id=label) for label in labels])
            listing.highlighted = labels.index(chosen) if chosen in labels else None
            if labels:
                listing.highlighted = listing.highlighted or 0
                listing.focus()
        self._count_down()

    def _text(self) -> Content:
        view = self._view
        if self._problem or view.state == "over":
            said = self._problem or view.reason
            return styled((f"{said}\n\n", "$error"), ("Enter begins anew, Esc closes", "$faint"))
        if view.state == "code":
            return styled(
                (f"   {spaced(view.code)}\n\n", "bold $accent"),
                f"{_COMPARE[self._role]}\n",
                ("y", "bold"),
                ("  the same\n", "$muted"),
                ("n", "bold"),
                ("  not the same, or nobody", "$muted"),
            )
        if view.state == "waiting":
            return styled("Waiting for the other side to say the same…")
        if view.state == "meeting":
            return styled(f"Meeting {view.label}…")
        return styled(*self._opening(view))

    def _opening(self, view: Nearby) -> list[Piece]:
        """What to do before anybody has come."""
        warning: list[Piece] = [(f"\n\n{view.warning}", "$warning")] if view.warning else []
        if view.warning and view.urls:
            warning.append((f" It is {view.urls[0]}", "$warning"))
        if self._role == "newcomer":
            said = (
                "Which label is on the other screen?\n"
                if view.labels
                else "Looking for a label on this network. Whoever invites you types "
                "/invite nearby, or runs `clowder invite --nearby`."
            )
            return [said, *warning]
        if not view.label:
            return ["A moment…"]
        return [
            (f"   {view.label}\n\n", "bold $accent"),
            "The other one picks this label: at the first start, or with "
            f"`clowder join --nearby {view.label}`.",
            *warning,
        ]

    def _count_down(self) -> None:
        text = left(self._view, time.time_ns() // 1_000_000)
        shown = self.query_one("#nearby-left", Static)
        shown.display = bool(text)
        shown.update(styled((f"\n{text}" if text else "", "$faint")))

    # What is done -------------------------------------------------------------------------------

    @on(OptionList.OptionSelected, "#nearby-labels")
    def _picked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._view.state == "open" and event.option.id is not None:
            self._tell(commands.PickNearby(event.option.id))

    def action_say(self, same: bool) -> None:
        """The digits were compared."""
        if self._view.state == "code":
            self._tell(commands.CompareNearby(same))

    def action_again(self) -> None:
        """Begin once more, when it is over."""
        if self._problem or self._view.state == "over":
            self._begin()

    def action_leave(self) -> None:
        if self._begun and self._view.state != "over":
            # The application asks, as this screen is gone by then.
            workers.start(self.app, "nearby", self._end)
        self.dismiss(None)

    async def _end(self) -> None:
        await self._look(commands.EndNearby())

    def _tell(self, command: commands.Command) -> None:
        workers.start(self, "nearby", self._look, command)

    async def _look(self, command: commands.Command) -> None:
        try:
            await self._session.call(command)
        except ChatError as error:
            self.app.notify(str(error), severity="error", markup=False)
