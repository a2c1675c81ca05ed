"""Epochs: the content keys that are here, and making new ones.

A rekey op begins an epoch of a scope; its id names the epoch. Two questions are kept apart.

*Sending* asks which epoch is current; `epoch_choice` decides that from the roster alone.

*Reading* asks for a key that fits the commitment of the op which an entry or a private part names,
whatever became of the op's author since: what was sealed in good faith stays readable. Keys come
from seals, from shares, and from the wraps of later epochs. Bytes that give no fitting key count
as not received; whoever holds the key sees that a seal is wrong and shares the key anew.

A relay has no device keys here: it keeps and passes on blocks of seals, and nothing is readable.
Bytes are in `seals`. Format and reasons: docs/protocol/epochs.md.
"""

from collections.abc import Iterator, Mapping, Sequence

from crdt import limits, seals
from crdt.epoch_choice import EpochChoice, EpochRoster
from crdt.epoch_needs import EpochNeeds
from crdt.errors import Invalid, NotReadable
from crdt.keys import DeviceKeys, Entropy
from crdt.roster_history import Node
from crdt.roster_ops import (
    LEVEL_ADMIN_MAX,
    AnyArgs,
    Channel,
    Op,
    Place,
    Rekey,
    Share,
    build,
)
from crdt.seals import Value

CHANNEL_KEYS_KEPT = 4_096
"""Derived keys: some channels in some epochs; deriving one anew costs 2 us."""


class Epochs:
    """The keys of one workspace on this device.

    Args:
        roster: the signed history, which grows by itself.
        device_keys: of this device, None on a relay.
        keys: epoch keys that the store has.
        blocks: blocks of seals that the store has, by epoch.
    """

    def __init__(
        self,
        roster: EpochRoster,
        device_keys: DeviceKeys | None,
        keys: Mapping[bytes, bytes],
        blocks: Mapping[bytes, bytes],
    ) -> None:
        self._roster = roster
        self.choice = EpochChoice(roster)
        self._device_keys = device_keys
        self._device = b"" if device_keys is None else device_keys.public.sign
        self._keys: dict[bytes, bytes] = {} if device_keys is None else dict(keys)
        self._papers: dict[bytes, bytes] = {}
        """Papers whose words were typed here, with their secret box keys; never stored."""
        self._drafts: dict[bytes, bytes] = {}
        """Keys of own rekey ops until the history has them."""
        self._blocks = dict(blocks)
        self._channel_keys: dict[tuple[bytes, bytes], bytes] = {}
        self._failed: set[tuple[bytes, bytes]] = set()
        """(epoch, where its key was to come from) that gave no fitting key."""
        self._needs = EpochNeeds(roster, self.choice, self._keys, self._blocks, self._seal)

    # Blocks of seals (the port of replication) --------------------------------------------------

    def missing(self) -> list[bytes]:
        """Epochs whose block of seals is named by the roster and not here, newest first."""
        found = [
            node
            for node in self.choice.rekeys()
            if node.op.id not in self._blocks and _rekey(node).devices
        ]
        return [node.op.id for node in sorted(found, key=lambda n: n.order, reverse=True)]

    def seals(self, epoch: bytes) -> bytes | None:
        """The block of an epoch."""
        return self._blocks.get(epoch)

    def add_seals(self, epoch: bytes, block: bytes) -> None:
        """Take a block of seals; `refresh` then looks for this device's.

        Raises:
            Invalid: the epoch is unknown, or its op names another block.
        """
        node = self._roster.history.by_id.get(epoch)
        if node is None or not isinstance(node.op.args, Rekey):
            raise Invalid("seals of no epoch")
        if len(block) != len(node.op.args.devices) * seals.SEAL_BYTES:
            raise Invalid("a block of seals of another size")
        if seals.block_digest(block) != node.op.args.seals:
            raise Invalid("not the block of seals that the epoch names")
        self._blocks[epoch] = block

    # Keys ---------------------------------------------------------------------------------------

    def key(self, epoch: bytes) -> bytes:
        """The key of an epoch.

        Raises:
            NotReadable: it is not here.
        """
        key = self._keys.get(epoch) or self._drafts.get(epoch)
        if key is None:
            raise NotReadable("no key of this epoch is here")
        return key

    def channel_key(self, epoch: bytes, channel: bytes) -> bytes:
        """The key that seals a channel's entries. Raises NotReadable."""
        found = self._channel_keys.get((epoch, channel))
        if found is None:
            found = seals.channel_key(self.key(epoch), channel)
            if len(self._channel_keys) >= CHANNEL_KEYS_KEPT:
                self._channel_keys.clear()
            self._channel_keys[epoch, channel] = found
        return found

    def convergence_secret(self, epoch: bytes) -> bytes:
        """What the file keys of a scope and epoch follow from. Raises NotReadable."""
        return seals.convergence_secret(self.key(epoch))

    def current(self, scope: bytes) -> bytes | None:
        """The epoch to send with in a scope; None while there is no usable one."""
        return self.choice.current(scope)

    def must_rekey(self, scope: bytes) -> bool:
        """Whether a scope needs a new key: it has none yet, or somebody who has it was removed.

        Also on an admin's device whose seal of the current epoch gave no key: if that is so for
        all, only an admin can make another one.
        """
        epoch = self.current(scope)
        if epoch is None:
            return True
        me = self._roster.state.devices.get(self._device)
        spoiled = (epoch, epoch) in self._failed and epoch not in self._keys
        return spoiled and me is not None and me.level <= LEVEL_ADMIN_MAX

    def may_replace_unsealed(self, scope: bytes) -> bool:
        """Whether this is an admin's device whose seal of the current epoch has not come.

        The seals may be on their way, so this is worth an epoch only after some time. Who is to
        get the key by a share waits for that: it may not hold what the new epoch has to wrap.
        """
        epoch = self.current(scope)
        if epoch is None or epoch in self._keys or epoch in self._blocks:
            return False
        args = self._roster.history.by_id[epoch].op.args
        me = self._roster.state.devices.get(self._device)
        named = isinstance(args, Rekey) and self._device in args.devices
        return named and me is not None and me.level <= LEVEL_ADMIN_MAX

    def sendable(self, scope: bytes) -> bytes | None:
        """The epoch to send with from here; None while no key of a usable one is here.

        That is the current one, and until its key has come the one that would be current without
        those whose keys are not here: if that is usable, nobody holds it who is out.
        """
        epoch = self.current(scope)
        if epoch is None or epoch in self._keys or epoch in self._drafts:
            return epoch
        return self.choice.best_of(scope, self._keys.keys())

    def open_for(self, paper: bytes, box_secret: bytes) -> None:
        """From now on look for seals of a paper as well; `refresh` opens them."""
        self._papers[paper] = box_secret

    def refresh(self) -> list[bytes]:
        """Look for keys in what came in since; gives the epochs that are newly readable."""
        if self._device_keys is None:
            return []
        fresh: list[bytes] = []
        nodes = {node.op.id: node for node in self.choice.rekeys()}
        locked = {epoch: node for epoch, node in nodes.items() if epoch not in self._keys}
        for epoch, node in locked.items():
            key = self._find(node)
            if key is not None:
                self._learn(epoch, key, fresh)
        for epoch, key in self._public_keys():
            self._learn(epoch, key, fresh)
        self._unwrap([node for epoch, node in nodes.items() if epoch in self._keys], nodes, fresh)
        return fresh

    def _learn(self, epoch: bytes, key: bytes, fresh: list[bytes]) -> None:
        if epoch not in self._keys:
            self._keys[epoch] = key
            self._drafts.pop(epoch, None)
            fresh.append(epoch)

    def _find(self, node: Node) -> bytes | None:
        """The key of an epoch from a draft, this device's seal, or a share for it."""
        assert self._device_keys is not None
        args = _rekey(node)
        draft = self._drafts.get(node.op.id)
        if draft is not None:
            return draft
        for source, sealed, box_secret in self._sealed_for_me(node):
            if (node.op.id, source) in self._failed:
                continue
            try:
                return seals.open_seal(box_secret, sealed, args.scope, args.salt, args.commit)
            except Invalid:
                self._failed.add((node.op.id, source))
        return None

    def _sealed_for_me(self, node: Node) -> Iterator[tuple[bytes, bytes, bytes]]:
        """(where it comes from, sealed key, what opens it) for this device, then for papers."""
        assert self._device_keys is not None
        devices, block = _rekey(node).devices, self._blocks.get(node.op.id)
        for device, secret in ((self._device, self._device_keys.box_secret), *self._papers.items()):
            mark = b"" if device == self._device else device
            if block is not None and device in devices:
                yield node.op.id + mark, seals.seal_at(block, devices.index(device)), secret
            for share in self.choice.shares(node.op.id):
                args = share.op.args
                if isinstance(args, Share) and args.device == device:
                    yield share.op.id, args.sealed, secret

    def _public_keys(self) -> Iterator[tuple[bytes, bytes]]:
        for scope in self._roster.history.scoped:
            node = self.choice.public(scope)
            if node is not None:
                assert isinstance(node.op.args, Channel)
                yield node.op.id, node.op.args.key

    def _unwrap(self, known: list[Node], nodes: Mapping[bytes, Node], fresh: list[bytes]) -> None:
        """Follow wraps from readable epochs to earlier ones; each is visited once.

        A wrap leads to its own scope only: the commitment of the earlier epoch says so.
        """
        while known:
            later = known.pop()
            args = _rekey(later)
            for earlier, wrapped in args.wraps:
                node = nodes.get(earlier)
                if node is None or earlier in self._keys:
                    continue
                if (earlier, later.op.id) in self._failed:
                    continue
                try:
                    key = seals.unwrap(self._keys[later.op.id], args.scope, earlier, wrapped)
                    seals.checked(key, _rekey(node).salt, args.scope, _rekey(node).commit)
                except Invalid:
                    self._failed.add((earlier, later.op.id))
                    continue
                self._learn(earlier, key, fresh)
                known.append(node)

    # Private parts of roster ops ----------------------------------------------------------------

    def open_private(self, op_id: bytes) -> tuple[Value, ...]:
        """The values in the private part of an op of the history.

        Raises:
            NotReadable: its key is not here.
            Invalid: there is no private part, or it is not well-formed.
        """
        node = self._roster.history.by_id.get(op_id)
        if node is None:
            raise Invalid("no such op in the history")
        body = node.op.body
        return seals.open_private(body, self.key(seals.private_epoch(body.private)))

    def seal_private(
        self,
        values: Sequence[Value],
        epoch: bytes,
        place: Place,
        args: type[AnyArgs],
        entropy: Entropy,
    ) -> bytes:
        """The private part of the op that will stand at `place`. Raises NotReadable."""
        nonce = entropy(limits.NONCE_BYTES)
        return seals.seal_private(values, epoch, self.key(epoch), place, args, nonce)

    # Making and handing on keys -----------------------------------------------------------------

    def rekey(
        self,
        place: Place,
        scope: bytes,
        entropy: Entropy,
        devices: Mapping[bytes, bytes] | None = None,
    ) -> tuple[Op, bytes]:
        """A new epoch for the devices of a scope: the op, and its block of seals.

        Args:
            devices: device to box key, in place of the scope's devices in the roster.

        Devices beyond what one op may name get their key by `share`. The new key can be used at
        once; add the op to the roster, then the block here.
        """
        assert self._device_keys is not None
        if devices is None:
            devices = {device: known.box for device, known in self.choice.devices(scope).items()}
        chosen = sorted(devices)[: limits.SEALED_DEVICES_MAX]
        key, salt = entropy(limits.KEY_BYTES), entropy(limits.ID_BYTES)
        block = b"".join(seals.seal(key, scope, salt, device, devices[device]) for device in chosen)
        wraps = tuple(
            (node.op.id, self._wrap(key, scope, node.op.id, entropy))
            for node in self._needs.to_wrap(scope)
        )
        args = Rekey(
            scope=scope,
            salt=salt,
            commit=seals.commitment(key, salt, scope),
            seals=seals.block_digest(block),
            devices=tuple(chosen),
            wraps=wraps,
        )
        op = build(place, args, self._device_keys.sign_seed)
        self._drafts[op.id] = key
        return op, block

    def _wrap(self, key: bytes, scope: bytes, earlier: bytes, entropy: Entropy) -> bytes:
        nonce = entropy(limits.NONCE_BYTES)
        return seals.wrap(key, scope, earlier, self._keys[earlier], nonce)

    def lacking(self, scope: bytes) -> list[bytes]:
        """Devices of a scope that nothing gives the key of its current epoch, as far as seen here.

        Empty where the key is not here: who lacks it can neither see nor mend.
        """
        epoch = self._current_here(scope)
        return [] if epoch is None else self._needs.lacking(epoch)

    def lacking_history(self, scope: bytes) -> list[tuple[bytes, bytes]]:
        """(epoch, device): earlier epochs that the current one does not lead to, and who lacks
        them and may read them; two were made side by side, or history was closed between.
        Sorted."""
        epoch = self._current_here(scope)
        return [] if epoch is None else self._needs.lacking_history(scope, epoch)

    def _current_here(self, scope: bytes) -> bytes | None:
        """The current epoch of a scope, None when there is none or its key is not here."""
        epoch = self.current(scope)
        return None if epoch not in self._keys or self._device_keys is None else epoch

    def closed_here(self, scope: bytes) -> list[bytes]:
        """Epochs of a scope whose keys are not for this device: its member came later, and the
        history was closed."""
        epochs = self.choice.rekeys_of(scope)
        if not self.choice.newcomers.was_ruled(scope):
            return []
        locked = (node for node in epochs if node.op.id not in self._keys)
        return [node.op.id for node in locked if not self.choice.is_for(node, self._device)]

    def begins_anew(self, epoch: bytes) -> bool:
        """Whether an epoch does not lead to the one before it, whose key is here."""
        return self._needs.begins_anew(self._roster.history.by_id[epoch])

    def share(self, place: Place, epoch: bytes, device: bytes) -> Op:
        """The op that hands an epoch's key to a device of the roster. Raises NotReadable."""
        assert self._device_keys is not None
        node = self._roster.history.by_id[epoch]
        known = self._roster.state.devices[device]
        sealed = self._seal(node, device, known.box)
        return build(place, Share(epoch, device, sealed), self._device_keys.sign_seed)

    def _seal(self, node: Node, device: bytes, box: bytes) -> bytes:
        args = _rekey(node)
        return seals.seal(self.key(node.op.id), args.scope, args.salt, device, box)


def _rekey(node: Node) -> Rekey:
    assert isinstance(node.op.args, Rekey)
    return node.op.args
