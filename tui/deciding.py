"""The settings of the face: what can be decided, carried out at once and kept in config.toml."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from chat import config_change
from tui.config import UiConfig

Value = str | bool | int


class Setting(NamedTuple):
    """One decision; `choices` are its values in their order, with words for each."""

    name: str
    text: str
    choices: tuple[tuple[Value, str], ...]
    later: bool = False

    def words(self, value: Value) -> str:
        """What a value is called."""
        return dict(self.choices).get(value, str(value))

    def after(self, value: Value, by: int) -> Value:
        """The value `by` places from another."""
        values = [each for each, _ in self.choices]
        at = values.index(value) if value in values else -max(by, 0)
        return values[(at + by) % len(values)]


def _counts(unit: str, *numbers: int) -> tuple[tuple[int, str], ...]:
    return ((0, "never"), *((number, f"{number} {unit}") for number in numbers))


_YES_NO = ((True, "yes"), (False, "no"))
THEMES = (
    ("clowder", "dark"),
    ("clowder-light", "light"),
    ("ansi-dark", "the terminal's own colours, dark"),
    ("ansi-light", "the terminal's own colours, light"),
)
SETTINGS: tuple[Setting, ...] = (
    Setting("theme", "Colours", THEMES),
    Setting("bell", "Ring when somebody wants me", _YES_NO),
    Setting(
        "notify",
        "Desktop notifications",
        (
            ("off", "none"),
            ("auto", "as this terminal does them"),
            ("osc9", "OSC 9"),
            ("osc777", "OSC 777"),
            ("osc99", "OSC 99"),
        ),
    ),
    Setting("away_after", "Away when nobody is here for", _counts("minutes", 5, 10, 30, 60)),
    Setting("lock_after", "Ask for the passphrase after", _counts("minutes", 5, 15, 60)),
    Setting("undo_seconds", "Hold what is sent, to undo it", _counts("seconds", 3, 5, 10)),
    Setting("title", "Unread messages in the terminal's title", _YES_NO),
    Setting("previews", "Pictures among the messages", _YES_NO),
    Setting("ascii", "Only letters and signs of ASCII", _YES_NO),
    Setting("motion", "Let things move and blink", _YES_NO),
    Setting("mouse", "Use the mouse here", _YES_NO, later=True),
)
"""What `[ui]` of config.toml holds (`chat.config.Ui`)."""


class Deciding:
    """Holds the settings, changes them, and keeps what was changed.

    Args:
        path: the config.toml to write, None when the face has none.
        changed: is told the name of what was changed, to show it.
    """

    def __init__(self, config: UiConfig, path: Path | None, changed: Callable[[str], None]) -> None:
        self.config = config
        self._path = path
        self._changed = changed
        self._writing = asyncio.Lock()

    def value(self, name: str) -> Value:
        """What a setting is now."""
        found: Value = getattr(self.config, name)
        return found

    async def decide(self, name: str, value: Value) -> str:
        """Change a setting; gives a sentence when there is something to say.

        Raises:
            ChatError: it stands for now, but could not be kept.
        """
        changes: dict[str, Value] = {name: value}
        self.config = replace(self.config, **changes)  # type: ignore[arg-type]
        self._changed(name)
        if self._path is None:
            return "This stands until you leave: there is no config.toml to keep it in."
        async with self._writing:
            await asyncio.to_thread(config_change.change, self._path, "ui", name, value)
        later = next(setting for setting in SETTINGS if setting.name == name).later
        return "This counts from the next start on." if later else ""


def choices(setting: Setting, themes: Sequence[str]) -> tuple[tuple[Value, str], ...]:
    """The values that a setting offers; all of Textual's own themes come after the four."""
    if setting.name != "theme":
        return setting.choices
    known = {name for name, _ in THEMES}
    return (*setting.choices, *((name, name) for name in sorted(themes) if name not in known))
