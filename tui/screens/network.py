"""F3: who is linked and how in sync, what went over each link, who else is near, and why not.

What the engine says comes as events; links and the LAN are looked at again while it is open.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from chat.events import Event, StatusChanged
from chat.model import Peer, Status, Surroundings
from tui import workers
from tui.limits import NETWORK_LOOK_SECONDS
from tui.screens.dialog import Dialog
from tui.text import cells, moments
from tui.text.styled import Piece, styled

Looking = Callable[[], Awaitable[Surroundings | None]]
_NAME_CELLS = 17


def behind(peer: Peer) -> str:
    """`in sync`, `12 behind`: what this machine lacks of what the peer has."""
    if peer.behind is None:
        return "comparing"
    return f"{moments.number(peer.behind)} behind" if peer.behind else "in sync"


def traffic(peer: Peer) -> str:
    """What went over a link, messages and files apart."""
    files_in = max(peer.bytes_in - peer.sync_bytes_in, 0)
    files_out = max(peer.bytes_out - peer.sync_bytes_out, 0)
    return (
        f"messages {moments.size(peer.sync_bytes_in)} in, {moments.size(peer.sync_bytes_out)} out"
        f" · the rest {moments.size(files_in)} in, {moments.size(files_out)} out"
    )


def peer_row(peer: Peer) -> Content:
    """Who it is and how in sync, and below its address and what went over it."""
    if peer.state != "linked":
        rows: list[Piece] = [("○ ", "$faint"), peer.url, (f"  {peer.state}", "$muted")]
        if peer.reason:
            rows.append((f"\n  {peer.reason}", "$faint"))
        return styled(*rows)
    name = peer.nick or peer.device[:8]
    if peer.relay and name != "relay":
        name += " (relay)"
    return styled(
        ("● ", "$success") if peer.behind == 0 else ("◌ ", "$warning"),
        cells.pad(name, _NAME_CELLS),
        f" {behind(peer)}  {peer.rtt_ms:.1f} ms",
        (f"\n  {peer.url}", "$faint"),
        (f"\n  {traffic(peer)}", "$muted"),
    )


def _heading(text: str) -> Content:
    return styled("\n", (text, "$accent bold"))


def links_text(status: Status, around: Surroundings | None) -> list[Content]:
    """Links first, then addresses without one."""
    peers = status.links if around is None else around.peers
    linked = [peer for peer in peers if peer.state == "linked"]
    others = [peer for peer in peers if peer.state != "linked"]
    rows = [_heading("Linked")]
    rows += [peer_row(peer) for peer in linked]
    if not linked:
        rows.append(styled("Nobody is linked. What you write goes out when somebody is."))
    if others:
        rows += [_heading("Without a link"), *map(peer_row, others)]
    return rows


def lan_text(around: Surroundings) -> list[Content]:
    """Who announces themselves on the LAN."""
    rows = [_heading("On this network")]
    if not around.mdns:
        rows.append(styled(("Looking around is switched off (mdns).", "$muted")))
    elif not around.sightings:
        rows.append(styled(("Nobody announces a Clowder here.", "$muted")))
    for sighting in around.sightings:
        whose = "of this workspace" if sighting.ours else "of another workspace"
        rows.append(styled(", ".join(sighting.urls) or "no address", (f"  {whose}", "$muted")))
    return rows


def held_text(status: Status) -> list[Content]:
    """What is here, and what goes where."""
    held = (
        f"{moments.plural(status.messages, 'message')}, "
        f"{moments.plural(status.blocks, 'block')} ({moments.size(status.block_bytes)})"
    )
    rows = [_heading("This machine")]
    if status.listening:
        rows.append(styled(("listening on ", "$muted"), ", ".join(status.listening)))
    rows.append(styled(("held here: ", "$muted"), held))
    rows.append(styled(("device ", "$muted"), status.device[:16]))
    relays = [peer.nick for peer in status.links if peer.relay and peer.state == "linked"]
    if relays:
        rows.append(
            styled(
                (
                    "Members get what they may read, sealed links all the way; "
                    f"{', '.join(relays)} keeps it for those who are off, and cannot read it.",
                    "$muted",
                )
            )
        )
    rows += [styled(("! ", "$warning"), warning) for warning in status.warnings]
    return rows


def status_text(status: Status, around: Surroundings | None = None) -> Content:
    """The whole page."""
    lacking = "comparing with the others"
    if status.behind is not None:
        lacking = f"{moments.number(status.behind)} entries behind" if status.behind else "in sync"
    if not any(peer.state == "linked" for peer in status.links):
        lacking = "alone"
    rows = [styled((status.name or "This device", "bold"), (f"  {lacking}", "$muted"))]
    rows += links_text(status, around)
    if around is not None:
        rows += lan_text(around)
    return Content("\n").join([*rows, *held_text(status)])


class NetworkScreen(Dialog[None]):
    """Follows the network while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f3,q", "leave", show=False)]

    def __init__(self, status: Status, look: Looking) -> None:
        super().__init__()
        self._status = status
        self._look = look
        self._around: Surroundings | None = None
        self._text = Static(status_text(status), markup=False)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog tall"):
            yield self._text

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self.set_interval(NETWORK_LOOK_SECONDS, self._look_again)
        self._look_again()

    def _look_again(self) -> None:
        workers.restart(self, "work", self._read)

    async def _read(self) -> None:
        found = await self._look()
        if found is not None:
            self._around = found
            self._fill()

    def _fill(self) -> None:
        self._text.update(status_text(self._status, self._around))

    def take(self, happened: Sequence[Event]) -> None:
        """Follow the status."""
        for event in happened:
            if isinstance(event, StatusChanged):
                self._status = event.status
                self._fill()
