"""F9: settings. Each is changed at once and kept in config.toml, where the rest stays as it is."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from chat.errors import ChatError
from tui import workers
from tui.deciding import SETTINGS, Setting, Value, choices
from tui.screens.dialog import Dialog
from tui.text.styled import at_edges, styled

_NARROW_CELLS = 50
"""In less, a setting takes two rows."""


class SettingsScreen(Dialog[None]):
    """Enter and Right take the next value, Left the one before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "change(1)", show=False),
        Binding("left", "change(-1)", show=False),
        Binding("f9,q", "leave", show=False),
    ]

    def __init__(
        self,
        value: Callable[[str], Value],
        decide: Callable[[str, Value], Awaitable[str]],
        themes: list[str],
    ) -> None:
        super().__init__()
        self._value = value
        self._decide = decide
        self._settings = [s._replace(choices=choices(s, themes)) for s in SETTINGS]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(styled(("Settings", "bold")), markup=False)
            yield OptionList(markup=False)
            yield Static(
                styled(("\nEnter changes. Keys, network and pictures: config.toml.", "$muted")),
                markup=False,
            )

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self.call_after_refresh(self._fill)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        options = self.query_one(OptionList)
        width = max(options.scrollable_content_region.width - 2, 10)
        at = options.highlighted or 0
        rows = [Option(self._row(s, width), id=s.name) for s in self._settings]
        options.set_options(rows)
        options.highlighted = at

    def _row(self, setting: Setting, width: int) -> Content:
        words = setting.words(self._value(setting.name))
        if width < _NARROW_CELLS:
            return styled(setting.text, (f"\n  {words}", "$accent"))
        return at_edges(setting.text, [(f"  {words}", "$accent")], width)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_change(1)

    def action_change(self, by: int) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None:
            setting = self._settings[at]
            value = setting.after(self._value(setting.name), by)
            workers.start(self, "settings", self._change, setting.name, value)

    async def _change(self, name: str, value: Value) -> None:
        try:
            said = await self._decide(name, value)
        except ChatError as error:
            self.notify(str(error), severity="error", timeout=8, markup=False)
        else:
            if said:
                self.notify(said, markup=False)
        self._fill()
