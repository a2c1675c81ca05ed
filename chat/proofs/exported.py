"""A workspace as a file has it, and the keys that open what is in it.

Nobody who looks is in it. Keys are those that public channels have in the roster, those of channels
that stand in the file, and the one of an epoch that came another way, with a hidden channel's link.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from chat.workspace import Workspace
from crdt import seals
from crdt.epochs import Epochs
from crdt.errors import Invalid, NotReadable
from crdt.keys import DeviceKeys
from crdt.roster import Roster
from crdt.roster_ops import Rekey


class EpochKey(NamedTuple):
    """What a link says besides a file: the key of one epoch, and the beginning of its id."""

    epoch: bytes
    key: bytes


class Keys(Epochs):
    """Epochs that know what public channels say, keys of channels that a file gives, and the key
    of an epoch that came with a link."""

    def __init__(self, roster: Roster, device: DeviceKeys, known: Mapping[bytes, bytes]) -> None:
        super().__init__(roster, device, known, {})
        self.given: dict[tuple[bytes, bytes], bytes] = {}

    def channel_key(self, epoch: bytes, channel: bytes) -> bytes:
        try:
            return super().channel_key(epoch, channel)
        except NotReadable:
            key = self.given.get((epoch, channel))
            if key is None:
                raise
            return key


@dataclass
class Exported(Workspace):
    """A workspace as a file has it; `names` are what whoever exported calls things."""

    names: Mapping[bytes, str] = field(default_factory=dict)

    def visible(self, channel: bytes, device: bytes) -> bool:
        return bool(self.store.logs(channel))

    def _title(self, op: bytes) -> str:
        """What stands in the private part of an op, which nobody can open here."""
        channels = self.roster.state.channels.values()
        return next((self.names.get(each.id, "") for each in channels if each.op == op), "")

    def _nick_at_admission(self, member: bytes) -> str:
        return self.names.get(member, "")


def known_epoch(roster: Roster, known: EpochKey) -> dict[bytes, bytes]:
    """The epoch whose key is known, by its id; the key has to be what it commits to.

    Raises:
        Invalid: it is not, or the roster has no such epoch.
    """
    for node in roster.history.nodes:
        args = node.op.args
        if isinstance(args, Rekey) and node.op.id.startswith(known.epoch):
            return {node.op.id: seals.checked(known.key, args.salt, args.scope, args.commit)}
    raise Invalid("the roster does not have its epoch")
