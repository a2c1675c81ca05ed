"""What Ctrl+P offers: our keys and commands by what they do, then Textual's own."""

from collections.abc import Iterable, Mapping
from functools import partial

from textual.app import SystemCommand

from tui import keymap
from tui.input import slash
from tui.screens.workspace import WorkspaceScreen

_BY_KEY = {
    "help",
    "quit",
    "notes",
    "pins",
    "pictures",
    "swarm",
    "bookmarks",
    "activity",
    "network",
    "search",
    "settings",
    "channel",
    "members",
    "workspace",
}
"""Commands that a key does, too."""


def entries(screen: WorkspaceScreen, chosen: Mapping[str, str]) -> Iterable[SystemCommand]:
    """Keys that need no message, and commands that need no argument."""
    bound = keymap.bound(chosen)
    for key in keymap.scope("workspace"):
        if not key.id.startswith("channel_"):
            run = partial(screen.run_action, key.action)
            yield SystemCommand(key.text, keymap.spoken(bound[key.id]), run)
    for command in slash.COMMANDS:
        optional = not command.usage or command.usage.startswith("[")
        if optional and command.name not in _BY_KEY:
            line = f"/{command.name}"
            yield SystemCommand(command.text, line, partial(screen.run_line, line))
