"""Which channels have a door, and what their links say: decided from the roster alone, so that
relays answer all of them, and members those that they can read.

A public channel has one for ever. A hidden one has that of its current epoch: when somebody is
taken out the epoch ends, and its link with it. A channel that shares its scope with another has
none, as the key in its link would open that one, too; only a changed client makes such.
"""

from collections import Counter
from typing import NamedTuple

from chat.errors import Unavailable, UsageError
from chat.guests.channel_link import EPOCH_BYTES, ChannelLink, door_key
from chat.guests.limits import DOORS_MAX, HINTS_MAX
from chat.workspace import Workspace
from crdt.errors import NotReadable
from crdt.roster_ops import MODE_HIDDEN, MODE_PUBLIC


class Door(NamedTuple):
    """A channel to be answered for: the link key of its door, and its id."""

    key: bytes
    channel: bytes


def doors(workspace: Workspace) -> list[Door]:
    """The doors to answer, public channels' first, then by the time of their making."""
    channels = workspace.roster.state.channels.values()
    shared = Counter(known.scope for known in channels)
    found: list[Door] = []
    for known in sorted(channels, key=lambda c: (-c.mode, c.time_ms, c.id)):
        if not workspace.visible(known.id, workspace.device):
            continue
        epoch = _epoch(workspace, known.id, shared[known.scope])
        if epoch is not None:
            found.append(Door(door_key(workspace.id, known.id, epoch), known.id))
    return found[:DOORS_MAX]


def _epoch(workspace: Workspace, channel: bytes, channels: int) -> bytes | None:
    """The epoch that a channel's door follows from; None when it has no door."""
    known = workspace.roster.state.channels[channel]
    if known.scope == workspace.scope or channels != 1:
        return None
    if known.mode not in (MODE_HIDDEN, MODE_PUBLIC):
        return None
    return workspace.epochs.current(known.scope)


def link_to(workspace: Workspace, channel: bytes, hints: tuple[str, ...]) -> ChannelLink:
    """The link of a channel.

    Raises:
        UsageError: it is neither public nor hidden.
        Unavailable: the key that its link needs is not here.
    """
    state = workspace.roster.state
    known, name = state.channels[channel], workspace.channel_name(channel)
    sharing = sum(other.scope == known.scope for other in state.channels.values())
    if known.mode not in (MODE_HIDDEN, MODE_PUBLIC) or known.scope == workspace.scope:
        raise UsageError(f"#{name} is not for people outside; only public and hidden channels are.")
    if sharing != 1:
        raise UsageError(f"#{name} shares its key with another channel; it has no link.")
    epoch = _epoch(workspace, channel, sharing)
    if epoch is None:
        raise Unavailable(f"The key of #{name} is being renewed; try again in a moment.")
    try:
        key = workspace.epochs.key(epoch) if known.mode == MODE_HIDDEN else b""
    except NotReadable:
        raise Unavailable(f"The key of #{name} is not here yet; try again in a moment.") from None
    return ChannelLink(workspace.id, channel, epoch[:EPOCH_BYTES], key, hints[:HINTS_MAX])
