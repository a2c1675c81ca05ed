"""How the face looks: theme, few colours or none, ASCII, motion; from the settings, and at once.

Terminals of 16 colours, and whoever wants none, get the themes that leave colours to the
terminal: the nearest of 16 to a fine grey is often the background itself. Where a colour behind a
row is all that tells it from the others, those themes turn it round (styles/plain.tcss).
"""

from collections.abc import Sequence
from pathlib import Path

from textual import events
from textual.filter import LineFilter, Monochrome, NoColor
from textual.notifications import Notify
from textual.widgets import Input, TextArea

from chat.errors import ChatError
from tui import keymap, themes, workers
from tui.ascii import AsciiFilter
from tui.config import UiConfig
from tui.deciding import Deciding
from tui.in_order import OrderlyApp
from tui.inert import InertFilter
from tui.limits import FEW_ROWS, TOASTS, TOASTS_IN_FEW_ROWS
from tui.shades import shades
from tui.text import hues

_INERT = InertFilter()
_ASCII = AsciiFilter()
_NO_COLOUR = NoColor()


class LooksApp(OrderlyApp):
    """An application that looks as its settings say."""

    def __init__(self, config: UiConfig, config_path: Path | None = None) -> None:
        super().__init__()
        self.deciding = Deciding(config, config_path, self._decided)
        for theme in themes.THEMES:
            self.register_theme(theme)
        self._choose_theme()
        self._choose_motion()
        self.set_keymap(keymap.overrides(config.keys))

    @property
    def few_colours(self) -> bool:
        """Whether the terminal has 16 colours, or the user wants none."""
        return self.no_color or self.console.color_system in (None, "standard", "windows")

    def _theme_for(self, wanted: str) -> str:
        known = wanted if wanted in self.available_themes else themes.DEFAULT
        theme = self.available_themes[known]
        if self.few_colours and not theme.ansi:
            return themes.ANSI_DARK if theme.dark else themes.ANSI_LIGHT
        return known

    def _choose_theme(self) -> None:
        self.theme = self._theme_for(self.deciding.config.theme)

    def _choose_motion(self) -> None:
        if not self.deciding.config.motion:
            self.animation_level = "none"

    def keep_theme(self) -> None:
        """Keep a theme that was chosen elsewhere than in the settings."""
        if self.theme != self._theme_for(self.deciding.config.theme):
            workers.start(self, "settings", self._keep, self.theme)

    async def _keep(self, theme: str) -> None:
        try:
            await self.deciding.decide("theme", theme)
        except ChatError as error:
            self.notify(str(error), severity="error", markup=False)

    def _decided(self, name: str) -> None:
        """A setting changed."""
        match name:
            case "theme":
                self._choose_theme()
            case "motion":
                self.animation_level = "full" if self.deciding.config.motion else "none"
                if self.focused is not None:
                    self._hold_still(self.focused)
            case "ascii" | "previews":
                self.rows_changed()
                self.refresh(layout=True)
                for screen in self.screen_stack:
                    screen.refresh(layout=True)
            case _:
                pass

    def rows_changed(self) -> None:
        """Rows of messages look different now."""

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._hold_still(event.widget)

    def _hold_still(self, widget: object) -> None:
        """A cursor blinks only where things may move."""
        if isinstance(widget, Input | TextArea):
            widget.cursor_blink = self.animation_level == "full"

    def on_notify(self, _: Notify) -> None:
        """One more sentence comes up: the oldest make room, and what is read stays in sight."""
        most = TOASTS_IN_FEW_ROWS if self.size.height < FEW_ROWS else TOASTS
        for old in list(self._notifications)[: 1 - most]:
            self._unnotify(old, refresh=False)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = [f for f in super().get_line_filters() if not isinstance(f, Monochrome | NoColor)]
        ascii = self.deciding.config.ascii
        if self.no_color or ascii:
            filters.append(shades(ascii=ascii, dark=self.current_theme.dark))
        if self.no_color:
            filters.append(_NO_COLOUR)
        filters.append(_INERT)
        if ascii:
            filters.append(_ASCII)
        return filters

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        quiet = themes.quiet_colours(variables["foreground"], variables["background"])
        return variables | quiet

    def hue(self, member: str, chosen: str = "") -> str:
        """The colour of a member on this theme; `chosen` is the one they want."""
        theme = self.current_theme
        if theme.ansi and self.few_colours:
            return hues.ansi(member)
        return hues.hue(member, theme.dark, chosen)
