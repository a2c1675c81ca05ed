"""A message and its replies, beside the timeline."""

from textual.app import ComposeResult
from textual.containers import Vertical

from chat.model import Message
from tui.text import moments
from tui.timeline.widget import Timeline
from tui.widgets.title_row import TitleRow


class ThreadPane(Vertical):
    """Hidden while no thread is open."""

    def __init__(self, timeline: Timeline, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self.timeline = timeline
        self.root = ""
        self._title = TitleRow()
        self.display = False

    def compose(self) -> ComposeResult:
        yield self._title
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
        self.display = False

    def _retitle(self) -> None:
        replies = max(len(self.timeline.sheet) - 1, 0)
        said = f"thread · {moments.plural(replies, 'reply', 'replies')}"
        self._title.show(said, [(" Esc closes", "$faint")])
