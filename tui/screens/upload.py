"""Before a file is shared: what to say with it, and what is to be seen for those who cannot see it.

Enter shares from any line, so that who has nothing to add loses no time. Descriptions are asked
for where the name ends as those of pictures do; what the file is, the session finds out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from tui.limits import ALT_CHARS, ALTS_ASKED
from tui.screens.dialog import Dialog
from tui.text import cells
from tui.text.styled import styled

_PICTURES = frozenset(
    (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".heic", ".heif", ".bmp", ".tiff")
)
_REMOVED = "Places and camera data are removed from pictures."


class Upload(NamedTuple):
    """What was decided: a text for the first file, a description for each."""

    caption: str
    alts: tuple[str, ...]


def looks_like_a_picture(path: Path) -> bool:
    """Whether the name of a file of this machine is that of a picture."""
    return path.suffix.lower() in _PICTURES


class UploadScreen(Dialog[Upload | str | None]):
    """Dismisses with an `Upload`, or "text" when a pasted path is to be inserted as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("ctrl+t", "insert", show=False, priority=True),
    ]

    def __init__(self, files: list[Path], channel: str, pasted: bool = False) -> None:
        """`pasted`: the paths came as a text."""
        super().__init__()
        self._files = files
        self._channel = channel
        self._pasted = pasted

    def _described(self) -> Iterator[tuple[int, Path]]:
        """The files that are asked about, and their places."""
        pictures = [(at, file) for at, file in enumerate(self._files) if looks_like_a_picture(file)]
        yield from pictures[:ALTS_ASKED]

    def compose(self) -> ComposeResult:
        names = ", ".join(file.name for file in self._files)
        keys = "Enter shares, Tab goes on, Esc does not share"
        if self._pasted:
            keys += ", Ctrl+T inserts the path as text"
        pictures = dict(self._described())
        with VerticalScroll(classes="dialog narrow", can_focus=False):
            yield Static(styled((f"Share {names} in #{self._channel}?", "bold")), markup=False)
            yield Input(placeholder="what to say with it", id="caption", compact=True)
            for at, file in pictures.items():
                asked = "what is to be seen, for those who cannot see it"
                if len(self._files) > 1:
                    asked = f"what is to be seen in {cells.fit(file.name, 24)}"
                yield Input(placeholder=asked, id=f"alt-{at}", compact=True, max_length=ALT_CHARS)
            detail = f"{_REMOVED}\n{keys}" if pictures else keys
            yield Static(styled((detail, "$muted")), markup=False)

    def on_mount(self) -> None:
        self.query_one("#caption", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        alts = [""] * len(self._files)
        for at, _ in self._described():
            alts[at] = self.query_one(f"#alt-{at}", Input).value.strip()
        caption = self.query_one("#caption", Input).value.strip()
        self.dismiss(Upload(caption, tuple(alts)))

    def action_insert(self) -> None:
        if self._pasted:
            self.dismiss("text")
