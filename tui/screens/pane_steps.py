"""What is open beside the messages, and where the keys go: to the composer, or to the messages."""

from tui import keymap
from tui.deciding import Deciding
from tui.screens.timeline_steps import TimelineSteps
from tui.widgets.composer_box import ComposerBox
from tui.widgets.member_list import MemberList
from tui.widgets.status_row import StatusRow


class PaneSteps(TimelineSteps):
    """The part of the workspace that knows its panes."""

    box: ComposerBox
    deciding: Deciding
    _members: MemberList
    _status: StatusRow

    def on_descendant_focus(self) -> None:
        self._show_where_keys_go()

    def on_descendant_blur(self) -> None:
        self._show_where_keys_go()

    def _show_where_keys_go(self) -> None:
        """Letters are text, or act on messages: composer, last row and looks say which."""
        choosing = self.timeline.has_focus or self.thread.timeline.has_focus
        self.set_class(choosing, "-choosing")
        self._status.choose(choosing)
        leave = keymap.spoken(keymap.bound(self.deciding.config.keys)["leave"])
        self.box.rest(f"{leave} to write here" if choosing else "")

    def action_toggle_channels(self) -> None:
        self._toggle("channels", self.query_one("#channels").display)

    def action_toggle_members(self) -> None:
        self._toggle("members", self._members.display)

    def _set_side(self, on: bool) -> None:
        self.set_class(on, "-side")

    def _toggle(self, pane: str, shown: bool) -> None:
        self.set_class(not shown, f"-show-{pane}")
        self.set_class(shown, f"-hide-{pane}")
