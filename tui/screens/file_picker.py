"""Ctrl+O: a file of this machine, folder by folder, filtered by typing."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from textual.content import Content
from textual.widgets import Input, Static

from tui import workers
from tui.limits import LISTED_FILES
from tui.screens.picker import Picker
from tui.text import moments
from tui.text.styled import at_edges, styled

Entry = tuple[str, bool, int]
"""Name, whether it is a folder, bytes."""


def list_folder(folder: Path) -> list[Entry]:
    """What a folder holds, folders first; empty when it cannot be read."""
    entries: list[Entry] = []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                try:
                    is_folder = entry.is_dir()
                    size = 0 if is_folder else entry.stat().st_size
                except OSError:
                    continue
                entries.append((entry.name, is_folder, size))
                if len(entries) >= LISTED_FILES:
                    break
    except OSError:
        return []
    return sorted(entries, key=lambda entry: (not entry[1], entry[0].lower()))


class FilePicker(Picker):
    """Dismisses with the path of a file."""

    TITLE_TEXT = "Share a file"
    PLACEHOLDER = "a name; Enter opens or takes"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._entries: list[Entry] = []

    def on_mount(self) -> None:
        super().on_mount()
        self._enter(self._folder)

    def _enter(self, folder: Path) -> None:
        async def read() -> None:
            self._entries = await asyncio.to_thread(list_folder, folder)
            self._folder = folder
            self.query_one(Input).value = ""
            self._retitle()
            self.refill()

        workers.restart(self, "work", read)

    def _retitle(self) -> None:
        title = self.query_one("#picker-title", Static)
        title.update(styled((f"{self.TITLE_TEXT}  ", "bold"), (str(self._folder), "$muted")))

    def rows(self, typed: str) -> Sequence[tuple[str, Content]]:
        wanted = typed.casefold()
        rows: list[tuple[str, Content]] = []
        if not wanted and self._folder.parent != self._folder:
            rows.append(("..", styled(("../", "$muted"))))
        for name, is_folder, size in self._entries:
            if wanted not in name.casefold() or (name.startswith(".") and not wanted):
                continue
            right = "" if is_folder else f"  {moments.size(size)}"
            left = f"{name}/" if is_folder else name
            rows.append((name, at_edges(left, [(right, "$muted")], self.list_width)))
        return rows

    def choose(self, key: str | None) -> None:
        if key is None:
            return
        if key == "..":
            self._enter(self._folder.parent)
        elif any(name == key and is_folder for name, is_folder, _ in self._entries):
            self._enter(self._folder / key)
        else:
            self.dismiss(str(self._folder / key))
