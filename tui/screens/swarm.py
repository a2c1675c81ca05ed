"""Who gives what to whom, drawn while it happens.

A machine knows what passes on its own links, and how much of a file the others say they hold; what
they give each other it does not see, only that it becomes more.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from chat.events import Event, TransferChanged
from chat.model import Swarm, SwarmPeer
from tui import workers
from tui.limits import SWARM_LOOK_SECONDS, SWARM_QUIET_MS
from tui.screens.dialog import Dialog
from tui.text import cells, moments
from tui.text.parts import bar
from tui.text.styled import Piece, styled

Looking = Callable[[], Awaitable[list[Swarm] | None]]
_NICK_CELLS = 12
_BAR_CELLS = 10
_NAME_CELLS = 36


def peer_row(peer: SwarmPeer) -> Content:
    """`ana ━━━━━━━━━━ 100%  →→ 3.1 MB to you`; arrows are bright while blocks pass."""
    moves = peer.quiet_ms is not None and peer.quiet_ms <= SWARM_QUIET_MS
    style = "$success bold" if moves else "$muted"
    pieces: list[Piece] = [
        f"  {cells.pad(cells.fit(peer.nick, _NICK_CELLS), _NICK_CELLS)} ",
        (bar(peer.share, _BAR_CELLS), "$accent"),
        (f" {peer.share:4.0%}", "$muted"),
    ]
    if peer.received:
        pieces.append((f"  {'→→' if moves else '→'} {moments.size(peer.received)} to you", style))
    if peer.sent:
        pieces.append((f"  {'←←' if moves else '←'} {moments.size(peer.sent)} from you", style))
    if not peer.received and not peer.sent:
        pieces.append(("  holds it" if peer.share >= 1 else "  has some", "$faint"))
    return styled(*pieces)


def swarm_text(swarm: Swarm) -> Content:
    """One file, how much of it is here, and a row for each who takes part."""
    got = sum(peer.received for peer in swarm.peers)
    given = sum(peer.sent for peer in swarm.peers)
    sums = [f"{moments.size(got)} came"] * bool(got) + [f"{moments.size(given)} went"] * bool(given)
    if given and swarm.size:
        sums.append(f"{given / swarm.size:.2f} copies given")
    head = styled(
        (cells.fit(swarm.name, _NAME_CELLS), "bold"),
        (f"  {moments.size(swarm.size)}", "$muted"),
        (f"\n  {cells.pad('you', _NICK_CELLS)} ", "bold"),
        (bar(swarm.have, _BAR_CELLS), "$success"),
        (f" {swarm.have:4.0%}", "$muted"),
        (f"  {', '.join(sums)}", "$muted"),
    )
    return Content("\n").join([head, *map(peer_row, swarm.peers)])


def page(swarms: Sequence[Swarm]) -> Content:
    """All files, those that moved last first."""
    if not swarms:
        return styled(
            (
                "Nothing moves. Files that you get or give show here, and who else has them.",
                "$muted",
            )
        )
    return Content("\n\n").join(map(swarm_text, swarms))


class SwarmScreen(Dialog[None]):
    """Follows the files that pass while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "leave", show=False)]

    def __init__(self, look: Looking) -> None:
        super().__init__()
        self._look = look
        self._text = Static("", markup=False)
        self._reading = False

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog tall"):
            yield Static(styled(("Files on their way", "$accent bold"), "\n"), markup=False)
            yield self._text

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self.set_interval(SWARM_LOOK_SECONDS, self._look_again)
        self._look_again()

    def take(self, happened: Sequence[Event]) -> None:
        """A file moved: look at once, unless that is being done."""
        if any(isinstance(event, TransferChanged) for event in happened):
            self._look_again()

    def _look_again(self) -> None:
        if not self._reading:
            self._reading = True
            workers.start(self, "work", self._read)

    async def _read(self) -> None:
        try:
            found = await self._look()
        finally:
            self._reading = False
        if found is not None:
            self._text.update(page(found))
