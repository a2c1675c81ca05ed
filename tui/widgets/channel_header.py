"""The row above the timeline: the channel, its topic, who can read it."""

from textual.content import Content

from chat.model import Channel
from tui import privacy
from tui.text import cells
from tui.text.styled import Piece, at_edges, styled
from tui.widgets.still import Still

_ROOMY_CELLS = 60
"""In less there is no room for who reads it, only for of which kind it is."""


class ChannelHeader(Still):
    """One row."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._channel: Channel | None = None

    def show(self, channel: Channel) -> None:
        self._channel = channel
        self._fill()

    def on_resize(self) -> None:
        self._fill()

    def _fill(self) -> None:
        if self._channel is None:
            return
        channel = self._channel
        width = self.content_size.width
        name = cells.fit(f"# {channel.name}", max(width // 2, 8))
        kind = privacy.kind(channel)
        mode = f"{kind}: {privacy.readers(channel)}" if width >= _ROOMY_CELLS else kind
        right: list[Piece] = [(f"  {mode}", "$faint")] if kind != "workspace" else []
        room = width - cells.width_of(name) - 2
        topic = at_edges((channel.topic, "$muted"), right, max(room, 0))
        self.update(Content.assemble(styled((name, "bold"), "  "), topic))
