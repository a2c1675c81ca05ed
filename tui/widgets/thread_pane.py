"""A message and its replies, beside the timeline."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from chat.model import Message
from tui.text import moments
from tui.text.styled import at_edges
from tui.timeline.widget import Timeline


class ThreadPane(Vertical):
    """Hidden while no thread is open."""

    def __init__(self, timeline: Timeline, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self.timeline = timeline
        self.root = ""
        self._line = Static("", classes="pane-title", markup=False)
        self.display = False

    def compose(self) -> ComposeResult:
        yield self._line
        yield self.timeline

    def show(self, root: str, messages: list[Message]) -> None:
        """Open a thread: its first message and all replies."""
        self.root = root
        self.display = True
        self.timeline.show(messages, has_older=False, root=root)
        self._retitle()

    def take(self, messages: list[Message]) -> None:
        """New messages: those of the open thread are added."""
        mine = [m for m in messages if self.root and self.root in (m.id, m.reply_to)]
        if mine:
            self.timeline.merge(mine)
            self._retitle()

    def close(self) -> None:
        self.root = ""
        self._line = Static("", classes="pane-title", markup=False)
        self.display = False

    def on_resize(self) -> None:
        self._retitle()

    def _retitle(self) -> None:
        replies = max(len(self.timeline.sheet) - 1, 0)
        said = f"thread · {moments.plural(replies, 'reply', 'replies')}"
        width = max(self._line.content_size.width, 10)
        self._line.update(at_edges(said, [(" Esc closes", "$faint")], width))
