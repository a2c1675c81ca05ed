"""What is asked of an engine about its peers: how far they are, who they are, and who is there."""

from __future__ import annotations

from chat.workspace import Workspace
from crdt.limits import BEHIND_MAX_ENTRIES
from crdt.roster_ops import LEVEL_RELAY
from crdt.sync import Replicator


class Asked:
    """The part of an engine that answers, and changes nothing."""

    def __init__(self, workspace: Workspace, replicator: Replicator) -> None:
        self.workspace = workspace
        self.replicator = replicator
        self._links: dict[int, bytes] = {}
        self._others_online: frozenset[bytes] = frozenset()

    def behind(self, link: int | None = None) -> int | None:
        """Entries known to exist that are not here; None until some peer said what it has.

        With a link, those that its peer has. What peers say may be any number; this is bounded.
        """
        missing = self.replicator.behind(link)
        return None if missing is None else min(missing, BEHIND_MAX_ENTRIES)

    def is_relay(self, device: bytes) -> bool:
        """Whether the roster calls a device a relay."""
        known = self.workspace.roster.state.devices.get(device)
        return known is not None and known.level >= LEVEL_RELAY

    def knows(self, device: bytes) -> bool:
        """Whether the roster names a device."""
        return device in self.workspace.roster.state.devices

    def linked_devices(self) -> frozenset[bytes]:
        """Devices that a link leads to."""
        return frozenset(self._links.values())

    def present(self) -> set[bytes]:
        """Members that are online: a link leads to them, or others say so. Who is not in any more
        may be linked for a moment, to be told."""
        inside = self.workspace.roster.state.devices
        devices = self._others_online.union(self._links.values())
        return {inside[device].member for device in devices if device in inside}
