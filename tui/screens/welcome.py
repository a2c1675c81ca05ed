"""The first run: make a workspace or join one; and the wait until somebody lets you in."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from chat import commands
from chat.errors import ChatError
from chat.events import Event, StatusChanged
from chat.model import Nearby, Status
from tui import workers
from tui.errors import InputError
from tui.input import first_run
from tui.screens.nearby import NearbyScreen
from tui.text.styled import styled
from tui.widgets.status_row import sync_state

if TYPE_CHECKING:
    from tui.seated import SeatedApp

_INTRO = (
    ("Clowder", "bold $accent"),
    ("\nTeam chat with no server. Everything stays on your machines.\n", "$muted"),
)
_ENDS = {
    "new": "makes the workspace",
    "join": "asks to be let in",
    "nearby": "looks for labels in this room",
}
"""What Enter does in the last line of each form."""


def pending_text(status: Status) -> Content:
    """What a pending join waits for."""
    linked = [peer for peer in status.links if peer.state == "linked"]
    trying = [peer for peer in status.links if peer.state == "dialling"]
    name = f"to {status.name} " if status.name else ""
    if linked:
        # The lobby is a second link to the same peer.
        names = ", ".join(dict.fromkeys(peer.nick or peer.url for peer in linked))
        waits = f"Your claim is with {names}. It waits for a member to come online and admit you."
    elif trying:
        waits = f"Reaching out to {', '.join(peer.url for peer in trying)}…"
    else:
        waits = (
            "Nobody is linked yet. Are you on the same network as the one who invited you, or is "
            "their relay up? `clowder doctor` tells more."
        )
    return styled(
        (f"Asking to be let in {name}as {status.nick}\n\n", "bold"),
        waits,
        ("\n\nYou can leave; the claim stays and the next start goes on.", "$muted"),
    )


class WelcomeScreen(Screen[Status | None]):
    """Three ways in, one form each; who invites in this room is met in a dialog of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", show=False),
        Binding("ctrl+q", "app.quit", show=False, priority=True),
        Binding("alt+w", "app.workspaces", show=False, priority=True, id="workspaces"),
    ]

    def __init__(self, face: "SeatedApp") -> None:
        super().__init__()
        self._face = face
        self._form = ""
        self._busy = False

    def compose(self) -> ComposeResult:
        with Vertical(id="welcome"), Vertical(id="welcome-box"):
            yield Static(styled(*_INTRO), markup=False)
            yield OptionList(
                Option(styled("Make a new workspace"), id="new"),
                Option(styled("Join one, with an invite"), id="join"),
                Option(styled("Join somebody in this room, without an invite"), id="nearby"),
                id="ways",
                markup=False,
            )
            with Vertical(id="form"):
                yield Static("", id="first-label", classes="label", markup=False)
                yield Input(id="first", compact=True)
                yield Static("Your name, as the others see it", classes="label", markup=False)
                yield Input(id="nick", placeholder="ana", compact=True)
                yield Static("", id="hint", markup=False)
            yield Static("", id="problem", classes="problem", markup=False)
            yield Static("", id="progress", markup=False)
            yield Static("", id="links", markup=False)

    def on_mount(self) -> None:
        self._show()

    def take(self, happened: Sequence[Event]) -> None:
        """Follow the join."""
        if any(isinstance(event, StatusChanged) for event in happened):
            self._show()

    def _show(self) -> None:
        status = self._face.world.status
        waiting = self._waits
        self.query_one("#ways").display = not self._form and not waiting
        self.query_one("#form").display = bool(self._form) and not waiting
        if waiting:
            text = _relay_text(status) if status.phase == "relay" else pending_text(status)
            more = "\n\nAlt+W goes to another workspace." if len(self._face.seats) > 1 else ""
            self._say(Content.assemble(text, styled((more, "$muted"))))
            self.query_one("#links", Static).update(
                styled("\n", *sync_state(status)) if status.phase == "relay" else ""
            )
        elif not self._form:
            self.query_one("#ways", OptionList).focus()

    def _say(self, text: Content | str) -> None:
        self.query_one("#progress", Static).update(text)

    def on_descendant_focus(self) -> None:
        """What Enter does in the line that has the focus now."""
        does = "goes on"
        if self.query_one("#nick").has_focus:
            does = _ENDS[self._form]
        hint = styled((f"Enter {does}, Esc goes back", "$faint"))
        self.query_one("#hint", Static).update(hint)

    @property
    def _waits(self) -> bool:
        """Whether there is nothing to do but wait."""
        return self._face.world.status.phase != "none"

    @on(OptionList.OptionSelected, "#ways")
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.open_form(event.option.id or "new")

    def open_form(self, form: str) -> None:
        """Ask for what a way in needs."""
        self._form = form
        label, hint = {
            "new": ("Name of the workspace", "our team"),
            "join": ("Invite: paste the link or the 12 words", "clowder:…"),
            "nearby": ("", ""),
        }[self._form]
        self.query_one("#first-label", Static).update(label)
        first = self.query_one("#first", Input)
        first.value, first.placeholder = "", hint
        for asked in (first, self.query_one("#first-label")):
            asked.display = bool(label)
        self._show()
        (first if label else self.query_one("#nick", Input)).focus()

    def action_back(self) -> None:
        if not self._busy:
            self._form = ""
            self._complain("")
            self._show()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        first, nick = self.query_one("#first", Input), self.query_one("#nick", Input)
        if event.input is first and not nick.value:
            nick.focus()
            return
        try:
            if self._form == "nearby":
                self._meet(first_run.name(nick.value, "name for yourself"))
                return
            command = self._command(first.value, nick.value)
        except InputError as error:
            self._complain(str(error))
            return
        self._begin(command)

    def _meet(self, nick: str) -> None:
        """Pick a label, compare, and join by the invite that comes."""

        def met(view: Nearby | None) -> None:
            if view is not None:
                self._begin(commands.Join(view.link, nick))

        self._complain("")
        self.app.push_screen(NearbyScreen(self._face.session, invites=False), met)

    def _begin(self, command: commands.Command) -> None:
        if not self._busy:
            self._busy = True
            self._complain("")
            self._say("Making it…" if self._form == "new" else "Knocking; this takes a moment…")
            workers.start(self, "work", self._go, command)

    def _command(self, first: str, nick: str) -> commands.Command:
        if self._form == "new":
            workspace = first_run.name(first, "name for the workspace")
            return commands.Create(workspace, first_run.name(nick, "name for yourself"))
        invite = first_run.invite(first)
        return commands.Join(invite, first_run.name(nick, "name for yourself"))

    async def _go(self, command: commands.Command) -> None:
        try:
            status = await self._face.session.call(command)
        except ChatError as error:
            self._complain(str(error))
            self._say("")
        else:
            self._say("")
            await self.entered(status)
        self._busy = False
        if self.is_current:
            self._show()

    async def entered(self, status: Status) -> None:
        """The workspace is there, or waited for."""
        self._face.world.status = status
        await self._face.enter()

    def _complain(self, text: str) -> None:
        self.query_one("#problem", Static).update(styled(text))


def _relay_text(status: Status) -> Content:
    return styled(
        ("This device is a relay\n\n", "bold"),
        f"It stores and forwards {status.entries} entries and {status.blocks} blocks for its "
        "workspace and can read none of them. `clowder relay` runs it without a screen.",
    )
