"""Two devices that dial each other at the same moment end with one link.

Of two links between the same two devices the one stays whose initiator has the smaller device
id; both sides know both ids, so they agree without a word. The other one is closed by its own
initiator and by nobody else. That is what keeps the rule safe beside half-dead links: a device
that dials while the other side still believes in an older link has lost that one, so it has
nothing to compare and closes nothing; the other side finds out by itself that the older is dead.

Of two links that one device dialled itself it keeps the newer, which was just proven alive.
"""

from enum import Enum

from transport.proto.limits import KEY_BYTES


class Surplus(Enum):
    """Which of two links this side closes."""

    NONE = "none"
    OLDER = "older"
    NEWER = "newer"


def surplus_link(
    own_id: bytes, peer_id: bytes, *, older_is_ours: bool, newer_is_ours: bool
) -> Surplus:
    """What to close when a second link to the same device is established.

    While both stand, send on the newer.

    Args:
        own_id, peer_id: 32-byte device ids, known once a link is established.
        older_is_ours, newer_is_ours: whether this side was the initiator.
    """
    assert len(own_id) == len(peer_id) == KEY_BYTES
    assert own_id != peer_id
    if older_is_ours and newer_is_ours:
        return Surplus.OLDER
    if own_id < peer_id or not (older_is_ours or newer_is_ours):
        return Surplus.NONE
    return Surplus.OLDER if older_is_ours else Surplus.NEWER
