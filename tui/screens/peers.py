"""Who is linked and how: what /peers shows."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from chat.events import Event, StatusChanged
from chat.model import Peer, Status
from tui.screens.dialog import Dialog
from tui.text import cells, moments
from tui.text.styled import Piece, styled


def peer_row(peer: Peer) -> Content:
    """Who it is and how in sync, and below its address."""
    if peer.state != "linked":
        return styled(("○ ", "$faint"), cells.pad(peer.url, 32), f"  {peer.state}")
    name = peer.nick or peer.device[:8]
    if peer.relay and name != "relay":
        name += " (relay)"
    if peer.behind is None:
        sync = "comparing"
    else:
        sync = f"{moments.number(peer.behind)} behind" if peer.behind else "in sync"
    pieces: list[Piece] = [
        ("● ", "$success"),
        cells.pad(name, 20),
        f" {sync:>12}  {peer.rtt_ms:5.1f} ms",
        (f"\n  {peer.url}", "$faint"),
        (f"  in {moments.size(peer.bytes_in)}, out {moments.size(peer.bytes_out)}", "$muted"),
    ]
    return styled(*pieces)


def status_text(status: Status) -> Content:
    """Links, addresses and what this device holds."""
    rows = [styled((status.name or "This device", "bold")), Content("")]
    rows += [peer_row(peer) for peer in status.links] or [styled("Nobody is linked.")]
    rows.append(Content(""))
    if status.listening:
        rows.append(styled(("listening on ", "$muted"), ", ".join(status.listening)))
    held = (
        f"{moments.plural(status.messages, 'message')}, "
        f"{moments.plural(status.blocks, 'block')} ({moments.size(status.block_bytes)})"
    )
    rows.append(styled(("held here: ", "$muted"), held))
    rows.append(styled(("device ", "$muted"), status.device[:16]))
    rows += [styled(("! ", "$warning"), warning) for warning in status.warnings]
    return Content("\n").join(rows)


class PeersScreen(Dialog[None]):
    """Follows the status while it is open."""

    def __init__(self, status: Status) -> None:
        super().__init__()
        self._text = Static(status_text(status), markup=False)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog tall"):
            yield self._text

    def take(self, happened: Sequence[Event]) -> None:
        """Follow the status."""
        for event in happened:
            if isinstance(event, StatusChanged):
                self._text.update(status_text(event.status))
