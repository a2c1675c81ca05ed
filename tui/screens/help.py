"""F1: every key and every command, from the tables that define them."""

import textwrap
from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui import keymap
from tui.input import slash
from tui.screens.dialog import Dialog
from tui.text import cells
from tui.text.styled import Piece, styled

_COLUMN, _NARROW_COLUMN = 36, 18
"""Cells for a key or command; the narrow one where the terminal has fewer than 80."""
_NARROW_ROW = 34
"""Cells of a row in the narrowest terminal, of 40."""
_NAMES_CELLS = 100
"""In a terminal of so many, the name that `[keys]` takes stands behind each key; else below."""
_BY_PLACE = frozenset(f"channel_{n}" for n in range(1, 10))
_MARKS = (
    ("3 of 7", "how many of the others hold your message so far; ✓ when all do"),
    ("~", "after a time: it arrived late and was put where it belongs"),
    ("clock 9 min ahead", "the author's clock is wrong by that much"),
    ("●  ◌  ○", "in sync, behind, nobody linked"),
)


def keys_text(
    chosen: Mapping[str, str], column: int = _COLUMN, *, names: bool = False
) -> list[Content]:
    """The key table as rows, with the keys that `[keys]` of config.toml chose, and their names."""
    rows: list[Content] = []
    bound = keymap.bound(chosen)
    titles = {
        "workspace": "Everywhere",
        "composer": "While writing",
        "timeline": "On messages (Esc)",
        "notes": "In notes",
    }
    for scope, title in titles.items():
        rows += [Content(""), styled((title, "$accent bold"))]
        for key in keymap.scope(scope):  # type: ignore[arg-type]
            if key.id in _BY_PLACE and bound[key.id] == key.keys:
                if key.id == "channel_1":
                    rows.append(_row("Alt+1 to Alt+9", "Channel by its place", column))
                continue
            name = key.id if names and key.action else ""
            rows.append(_row(keymap.spoken(bound[key.id]), key.text, column, name))
    return rows


def names_text(chosen: Mapping[str, str], column: int = _COLUMN) -> list[Content]:
    """What `[keys]` of config.toml calls the keys that it can change, and what they are now."""
    rows = [Content(""), styled(("Names for [keys] in config.toml", "$accent bold"))]
    bound = keymap.bound(chosen)
    changeable = (key for key in keymap.KEYS if key.action)
    return rows + [_row(key.id, keymap.spoken(bound[key.id]), column) for key in changeable]


def commands_text(column: int = _COLUMN) -> list[Content]:
    """The slash commands as rows."""
    rows = [Content(""), styled(("Commands", "$accent bold"))]
    for command in slash.COMMANDS:
        rows.append(_row(f"/{command.name} {command.usage}", command.text, column))
    rows.append(_row("//text", "Say /text as it is", column))
    return rows


def marks_text(column: int = _COLUMN) -> list[Content]:
    """What the small marks mean."""
    rows = [Content(""), styled(("Marks", "$accent bold"))]
    return rows + [_row(mark, meaning, column) for mark, meaning in _MARKS]


def _row(left: str, right: str, column: int, name: str = "") -> Content:
    if column == _NARROW_COLUMN:
        return _narrow_row(left, right)
    said: list[Piece] = [(right, "$muted"), *([(f"  {name}", "$faint")] if name else [])]
    if cells.width_of(left) > column:
        # What is longer than its column has a row of its own.
        return styled((f"  {left}\n", "bold"), " " * (column + 3), *said)
    return styled(("  " + cells.pad(left, column), "bold"), " ", *said)


def _narrow_row(left: str, right: str) -> Content:
    """What it does stands below, or behind where that is short; its rows begin below each other."""
    if cells.width_of(left) <= _NARROW_COLUMN and cells.width_of(right) <= _NARROW_COLUMN - 6:
        return styled(("  " + cells.pad(left, _NARROW_COLUMN), "bold"), " ", (right, "$muted"))
    rows = textwrap.wrap(right, _NARROW_ROW - 6)
    return styled((f"  {left}", "bold"), *((f"\n      {row}", "$muted") for row in rows))


class HelpScreen(Dialog[None]):
    """One long page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,q,enter", "leave", show=False),
        Binding("j", "scroll_page('scroll_down')", show=False),
        Binding("k", "scroll_page('scroll_up')", show=False),
    ]

    def __init__(self, chosen: Mapping[str, str]) -> None:
        super().__init__()
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        column = _COLUMN if self.app.size.width >= 80 else _NARROW_COLUMN
        names = self.app.size.width >= _NAMES_CELLS
        page = [
            *keys_text(self._chosen, column, names=names),
            *commands_text(column),
            *marks_text(column),
            *([] if names else names_text(self._chosen, column)),
        ]
        with VerticalScroll(classes="dialog tall"):
            yield Static(Content("\n").join(page[1:]), markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_scroll_page(self, way: str) -> None:
        scroll = self.query_one(VerticalScroll)
        scroll.scroll_relative(y=1 if way == "scroll_down" else -1, animate=False)
