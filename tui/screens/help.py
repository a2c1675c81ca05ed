"""F1: every key and every command, from the tables that define them."""

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
from tui.text.styled import styled

_COLUMN, _NARROW_COLUMN = 36, 18
"""Cells for a key or command; the narrow one where the terminal has fewer than 80."""
_BY_PLACE = frozenset(f"channel_{n}" for n in range(1, 10))
_MARKS = (
    ("3 of 7", "how many of the others hold your message so far; ✓ when all do"),
    ("~", "after a time: it arrived late and was put where it belongs"),
    ("clock 9 min ahead", "the author's clock is wrong by that much"),
    ("●  ◌  ○", "in sync, behind, nobody linked"),
)


def keys_text(chosen: Mapping[str, str], column: int = _COLUMN) -> list[Content]:
    """The key table as rows, with the keys that `[keys]` of config.toml chose."""
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
            rows.append(_row(keymap.spoken(bound[key.id]), key.text, column))
    return rows


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


def _row(left: str, right: str, column: int) -> Content:
    if cells.width_of(left) > column:
        # What is longer than its column has a row of its own.
        return styled((f"  {left}\n", "bold"), " " * (column + 3), (right, "$muted"))
    return styled(("  " + cells.pad(left, column), "bold"), " ", (right, "$muted"))


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
        page = [*keys_text(self._chosen, column), *commands_text(column), *marks_text(column)]
        with VerticalScroll(classes="dialog tall"):
            yield Static(Content("\n").join(page[1:]), markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_scroll_page(self, way: str) -> None:
        scroll = self.query_one(VerticalScroll)
        scroll.scroll_relative(y=1 if way == "scroll_down" else -1, animate=False)
