"""Who lacks which key: what holders of an epoch see of its handing out, and can mend.

A seal follows from the key and its recipient (`seals`), so whoever holds the key knows of every
seal and share whether it is the right one. A device of the scope whom no right one names lacks the
key, and any holder shares it. That is so for the current epoch, and for earlier ones that it does
not lead to; of closed ones (`epoch_history`) for devices of members who hold them alone.
"""

from collections.abc import Callable, Mapping

from crdt import limits, seals
from crdt.epoch_choice import EpochChoice, EpochRoster
from crdt.errors import Invalid
from crdt.roster_history import Node
from crdt.roster_ops import Rekey, Share


class EpochNeeds:
    """Looks at the handing out of the epochs that are readable here.

    Args:
        keys: epoch keys that are here, `blocks` the blocks of seals; both change meanwhile.
    """

    def __init__(
        self,
        roster: EpochRoster,
        choice: EpochChoice,
        keys: Mapping[bytes, bytes],
        blocks: Mapping[bytes, bytes],
        seal: Callable[[Node, bytes, bytes], bytes],
    ) -> None:
        self._roster = roster
        self._choice = choice
        self._keys = keys
        self._blocks = blocks
        self._seal = seal
        self._leads: dict[tuple[bytes, bytes], bool] = {}
        """Whether a later epoch gives an earlier one's key."""
        self._wrong_seals: dict[bytes, frozenset[bytes]] = {}
        self._right_shares: dict[bytes, bool] = {}
        """What was found out about seals and shares for others: epoch or share to the answer."""

    def to_wrap(self, scope: bytes) -> list[Node]:
        """What the next epoch of a scope wraps: the ends of what is readable here, as far as all
        may read it who will read that epoch; newest first."""
        ends = [node for node in self._ends(scope) if self._choice.may_be_wrapped(node)]
        return ends[: limits.WRAPS_MAX]

    def begins_anew(self, node: Node) -> bool:
        """Whether an epoch does not lead to the latest one in its past that is readable here."""
        scope = _rekey(node).scope
        before = [
            other
            for other in self._choice.rekeys_of(scope)
            if node.past & other.bit and other.op.id in self._keys
        ]
        latest = max(before, key=lambda other: other.order, default=None)
        return latest is not None and latest in self._ends(scope)

    def lacking(self, epoch: bytes) -> list[bytes]:
        """Devices of its scope that nothing gives the key of the current epoch, sorted."""
        node = self._roster.history.by_id[epoch]
        return self._unserved(node) if isinstance(node.op.args, Rekey) else []

    def lacking_history(self, scope: bytes, current: bytes) -> list[tuple[bytes, bytes]]:
        """(epoch, device): earlier epochs that the current one does not lead to, and who lacks
        them, sorted.

        Only those that were called for when they were made: whoever makes keys at will makes no
        work.
        """
        strays = [
            node
            for node in self._ends(scope)
            if node.op.id != current and self._choice.was_called_for(node)
        ]
        return sorted(
            (node.op.id, device)
            for node in strays
            for device in self._unserved(node)
            if self._choice.is_for(node, device)
        )

    def _ends(self, scope: bytes) -> list[Node]:
        """Readable epochs of a scope that no other readable one leads to, newest first."""
        readable = [node for node in self._choice.rekeys_of(scope) if node.op.id in self._keys]
        led_to = {
            earlier
            for node in readable
            for earlier, wrapped in _rekey(node).wraps
            if self._leads_to(node, earlier, wrapped)
        }
        return sorted(
            (node for node in readable if node.op.id not in led_to),
            key=lambda node: node.order,
            reverse=True,
        )

    def _leads_to(self, node: Node, earlier: bytes, wrapped: bytes) -> bool:
        """Whether an epoch gives an earlier one's key, both of which are here, as it says."""
        if earlier not in self._keys:
            return False
        pair = node.op.id, earlier
        if pair not in self._leads:
            try:
                key = seals.unwrap(self._keys[node.op.id], _rekey(node).scope, earlier, wrapped)
            except Invalid:
                key = b""
            self._leads[pair] = key == self._keys[earlier]
        return self._leads[pair]

    def _unserved(self, node: Node) -> list[bytes]:
        """Devices of an epoch's scope whom no seal or share gives its key, sorted."""
        args = _rekey(node)
        served = {node.op.body.device, *args.devices} - self._wrong(node)
        served.update(
            share.op.args.device
            for share in self._choice.shares(node.op.id)
            if isinstance(share.op.args, Share) and self._is_right(node, share)
        )
        return sorted(self._choice.devices(args.scope).keys() - served)

    def _is_right(self, node: Node, share: Node) -> bool:
        """Whether a share gives its device the key."""
        right = self._right_shares.get(share.op.id)
        if right is None:
            args = share.op.args
            assert isinstance(args, Share)
            known = self._roster.state.devices.get(args.device)
            if known is None:
                return False
            right = args.sealed == self._seal(node, args.device, known.box)
            self._right_shares[share.op.id] = right
        return right

    def _wrong(self, node: Node) -> frozenset[bytes]:
        """Devices whose seal in the block is not the right one; none while it is not here."""
        epoch, args = node.op.id, _rekey(node)
        block = self._blocks.get(epoch)
        if block is None:
            return frozenset()
        if epoch not in self._wrong_seals:
            known = self._choice.devices(args.scope)
            self._wrong_seals[epoch] = frozenset(
                device
                for index, device in enumerate(args.devices)
                if device in known
                and seals.seal_at(block, index) != self._seal(node, device, known[device].box)
            )
        return self._wrong_seals[epoch]


def _rekey(node: Node) -> Rekey:
    assert isinstance(node.op.args, Rekey)
    return node.op.args
