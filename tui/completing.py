"""The completion popup: opened by what is typed, steered by the composer's keys."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tui import workers
from tui.input import completion
from tui.input.completion import Known, Offer, PathWanted
from tui.screens.file_picker import Entry, list_folder
from tui.widgets.completion_popup import CompletionPopup
from tui.widgets.composer import Composer
from tui.widgets.composer_box import ComposerBox


class Completing:
    """Between the composer and its popup. `known` gives the names that can be completed."""

    def __init__(
        self, box: ComposerBox, popup: CompletionPopup, known: Callable[[], Known]
    ) -> None:
        self._box = box
        self._popup = popup
        self._known = known

    def edited(self, before: str, asked: bool) -> None:
        """The text before the cursor changed, or Tab was pressed."""
        made = completion.complete(before, self._known(), asked=asked)
        if isinstance(made, PathWanted):
            workers.restart(self._popup, "paths", self._paths, made)
        else:
            self._show(made)

    async def _paths(self, wanted: PathWanted) -> None:
        typed = wanted.typed
        folder = typed[: typed.rfind("/") + 1]
        entries = await asyncio.to_thread(_list, folder)
        if self._composer.before.endswith(typed):
            names = [(name, is_folder) for name, is_folder, _ in entries]
            self._show(completion.paths(wanted, folder, names))

    @property
    def _composer(self) -> Composer:
        return self._box.composer

    def _show(self, offer: Offer | None) -> None:
        composer = self._composer
        if offer is None or not composer.has_focus:
            self.close()
            return
        self._popup.open(offer, self._box.outer_size.height)
        composer.popup_open = True
        composer.popup_chosen = False

    def close(self) -> bool:
        """Close the popup; whether it was open."""
        was_open = self._composer.popup_open
        self._popup.close()
        self._composer.popup_open = self._composer.popup_chosen = False
        return was_open

    def steered(self, key: str) -> None:
        """Up, Down, Tab or Enter while the popup is open."""
        if key == "accept":
            self._accept()
        elif key == "next":
            self._popup.action_cursor_down()
            self._composer.popup_chosen = True
        else:
            self._popup.action_cursor_up()
            self._composer.popup_chosen = True

    def _accept(self) -> None:
        offer, candidate = self._popup.offer, self._popup.candidate
        self.close()
        if offer is not None and candidate is not None:
            self._composer.accept(offer.start, candidate.insert)


def _list(folder: str) -> list[Entry]:
    """A folder as the user typed it."""
    return list_folder(Path(folder).expanduser() if folder.startswith("~/") else Path(folder))
