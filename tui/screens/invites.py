"""The invites there are, and making new ones."""

from collections.abc import Sequence

from textual.content import Content

from chat.model import InviteState
from tui import fuzzy
from tui.plain_lines import invite_state
from tui.screens.picker import Picker
from tui.text.moments import Calendar
from tui.text.styled import Piece, at_edges

NEW, NEW_RELAY = "new", "relay"
"""Keys of the rows that make one; ids of invites are longer."""
_ROOMY_CELLS = 56


class InvitesScreen(Picker):
    """Dismisses with the id of an invite to revoke, or one of the keys above."""

    TITLE_TEXT = "Invites"
    PLACEHOLDER = "whom it is for"
    EMPTY = "No invite fits."

    def __init__(self, invites: Sequence[InviteState]) -> None:
        super().__init__()
        self._calendar = Calendar()
        self._invites = {
            f"{' '.join(invite_state(invite, self._calendar))} {invite.id}": invite
            for invite in invites
        }

    def rows(self, typed: str) -> Sequence[tuple[str, Content]]:
        made = [
            (NEW, Content("+ Invite one person")),
            (NEW_RELAY, Content("+ A ticket for a relay")),
        ]
        found = fuzzy.best(typed, list(self._invites)) if typed else list(self._invites)
        listed = [(self._invites[name].id, self._row(self._invites[name])) for name in found]
        return listed if typed else [*made, *listed]

    def _row(self, invite: InviteState) -> Content:
        style = "" if invite.state == "open" else "$muted"
        left, what = invite_state(invite, self._calendar)
        right: list[Piece] = [(f" {what}", "$muted")]
        if self.list_width >= _ROOMY_CELLS:
            right.append((f"  by {invite.author.name}", "$faint"))
        return at_edges((left, style), right, self.list_width)
