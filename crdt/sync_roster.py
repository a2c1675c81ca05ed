"""Bringing two rosters together, before any content: who is in decides what may pass.

Both sides send their heads when the hashes in their hellos differ, and each answers with the ops
that those heads do not cover, parents first. Ops that come in later are passed on at once.

A rekey op is of no use without its block of seals, and who made it may be gone a moment later. So
the blocks of the newest go ahead of the ops that name them, unasked, and wait at the other side
for them; what does not come so is asked for by name, first from who brought the op.

From a device that no op names, ops are taken up to a bound: a newcomer brings the op that admits
it. Such a device is told heads only; one that was taken out is told so, and what came before that.
"""

from collections.abc import Collection, Iterable, Sequence

from crdt import limits
from crdt.errors import Invalid
from crdt.sync_core import Core, Link
from crdt.sync_messages import RosterHave, RosterOps, Seals, SealsWant
from crdt.sync_ports import RosterChanged, SealsArrived, SealStore

_OPS_BYTES = limits.SYNC_MESSAGE_MAX_BYTES - limits.ROSTER_OP_MAX_BYTES - 1024


class RosterExchange:
    """Heads, ops and seals."""

    def __init__(self, core: Core, seals: SealStore | None) -> None:
        self._core = core
        self._seals = seals
        self._seals_asked: dict[bytes, int] = {}
        self._brought: dict[bytes, int] = {}
        """Epochs whose block is not here, and the link that brought the op."""

    def ask(self, link: Link) -> None:
        """Send the heads here, unless an answer to them is still to come."""
        if not link.roster_asked:
            link.roster_asked = True
            heads = tuple(self._core.roster.heads)[: limits.ROSTER_HEADS_SENT_MAX]
            self._core.send(link, RosterHave(heads))

    def on_have(self, link: Link, message: RosterHave) -> None:
        """Answer a peer's heads."""
        roster = self._core.roster
        lacking = roster.missing_from(message.heads)
        if link.unknown:
            allowed = set(roster.farewell(link.device))
            lacking = [op_id for op_id in lacking if op_id in allowed]
            if not lacking:
                return
        self._send_ops(link, lacking, done=True)

    def part(self, link: Link) -> None:
        """Tell a device that was taken out so; what it lacks to understand that, it asks for."""
        known = self._core.roster.farewell(link.device)
        if known:
            self._send_ops(link, known[-1:], done=False)

    def _send_ops(self, link: Link, ids: Sequence[bytes], *, done: bool) -> None:
        self._push_seals(link, ids)
        wires: list[bytes] = []
        size = 0
        for op_id in ids:
            wire = self._core.roster.wire(op_id)
            if wires and (size + len(wire) > _OPS_BYTES or len(wires) == 1024):
                self._core.send(link, RosterOps(tuple(wires)))
                wires, size = [], 0
            wires.append(wire)
            size += len(wire) + 3
        if wires or done:
            self._core.send(link, RosterOps(tuple(wires), done))
        link.ops_known.update(ids)

    def _push_seals(self, link: Link, ids: Sequence[bytes]) -> None:
        """Send ahead the blocks that these ops name, the newest first, as far as is decent."""
        if self._seals is None or not link.open or self._core.level(link.device) is None:
            return
        left = limits.PUSH_MAX_BYTES
        for op_id in reversed(ids):
            block = self._seals.seals(op_id)
            if block is None:
                continue
            left -= len(block)
            if left < 0:
                return
            link.seals_wanted.discard(op_id)
            self._core.send(link, Seals(op_id, block))  # in the ops' priority, so before them

    def on_ops(self, link: Link, message: RosterOps) -> list[bytes]:
        """Take ops; gives the ids that became part of the history.

        Raises:
            Invalid: one of them is no op, or a block sent ahead is not the one that it names.
                Those before it count.
        """
        core = self._core
        if link.unknown:
            link.unknown_bytes += sum(map(len, message.ops))
            if link.unknown_bytes > limits.UNKNOWN_PEER_MAX_BYTES:
                raise Invalid("too many roster ops from a device nobody knows")
        new: list[bytes] = []
        try:
            for wire in message.ops:
                new.extend(core.roster.add(wire))
        finally:
            for op_id in new:
                core.store.add_op(op_id, core.roster.wire(op_id))
            link.ops_known.update(new)
            if new:
                core.effects.append(RosterChanged(tuple(new)))
                core.roster_news.extend(new)
        if self._seals is not None:
            self._brought.update(dict.fromkeys(new, link.number))
        if message.done:
            link.roster_asked = False
        self._take_ahead(link)
        self._ask_missing(link)
        return new

    def _ask_missing(self, link: Link) -> None:
        """Ask once more when ops came without their parents; not twice for the same ones."""
        missing = frozenset(self._core.roster.missing())
        if missing and not link.roster_asked and missing != link.missing_asked:
            link.missing_asked = missing
            self.ask(link)

    def forward(self, ids: Iterable[bytes]) -> None:
        """Pass ops on to every open link that does not have them."""
        ids = list(ids)
        for link in self._core.links.values():
            if link.unknown or link.hello is None:
                continue
            lacking = [op_id for op_id in ids if op_id not in link.ops_known]
            if lacking:
                self._send_ops(link, lacking, done=False)

    def want_seals(self) -> None:
        """Ask for blocks of seals that are named and not here: one link, then the next.

        A peer that lacks a block as well sends it when it comes.
        """
        if self._seals is None:
            return
        missing = set(self._seals.missing())
        now = self._core.now
        self._seals_asked = {
            epoch: at
            for epoch, at in self._seals_asked.items()
            if epoch in missing and now - at < limits.REQUEST_TIMEOUT_MS
        }
        self._brought = {epoch: at for epoch, at in self._brought.items() if epoch in missing}
        for link in self._core.links.values():
            if not link.open:
                continue
            open_epochs = missing - self._seals_asked.keys() - link.seals_asked
            open_epochs -= self._better_elsewhere(link)
            piece = tuple(sorted(open_epochs)[: limits.SEALS_PER_REQUEST])
            if piece:
                self._core.send(link, SealsWant(piece))
                link.seals_asked.update(piece)
                self._seals_asked.update(dict.fromkeys(piece, now))

    def _better_elsewhere(self, link: Link) -> set[bytes]:
        """Epochs whose op came over another link, which was not asked for the block yet."""
        found: set[bytes] = set()
        for epoch, number in self._brought.items():
            other = self._core.links.get(number)
            if other is not None and other is not link and other.open:
                found.update({epoch} - other.seals_asked)
        return found

    def deadline(self) -> int | None:
        """When the next link is to be asked for seals."""
        first = min(self._seals_asked.values(), default=None)
        return None if first is None else first + limits.REQUEST_TIMEOUT_MS

    def on_seals_want(self, link: Link, message: SealsWant) -> None:
        """Send blocks that are here now; the others follow when they come."""
        for epoch in message.epochs:
            block = None if self._seals is None else self._seals.seals(epoch)
            if block is not None:
                self._core.send(link, Seals(epoch, block), 1)
            elif len(link.seals_wanted) < limits.ROWS_PER_MESSAGE_MAX:
                link.seals_wanted.add(epoch)

    def on_seals(self, link: Link, message: Seals) -> None:
        """Take a block, or hold it until the op comes that names it.

        Raises:
            Invalid: it is not the one that the op names.
        """
        if self._seals is None or self._seals.seals(message.epoch) is not None:
            return
        if message.epoch in self._seals.missing():
            self._take(message)
        elif not self._core.roster.has(message.epoch):
            ahead = link.seals_ahead
            ahead[message.epoch] = message
            while _too_much(ahead.values()):
                del ahead[next(iter(ahead))]

    def _take_ahead(self, link: Link) -> None:
        """Take blocks whose ops have come."""
        for epoch in [epoch for epoch in link.seals_ahead if self._core.roster.has(epoch)]:
            self.on_seals(link, link.seals_ahead.pop(epoch))

    def _take(self, message: Seals) -> None:
        assert self._seals is not None
        self._seals.add_seals(message.epoch, message.block)
        self._core.store.put_seals(message.epoch, message.block)
        self._core.effects.append(SealsArrived(message.epoch))
        self.seals_added(message.epoch)

    def seals_added(self, epoch: bytes) -> None:
        """A block is here now: send it to who asked in vain."""
        block = None if self._seals is None else self._seals.seals(epoch)
        if block is None:
            return
        for link in self._core.links.values():
            if epoch in link.seals_wanted and link.open:
                link.seals_wanted.discard(epoch)
                self._core.send(link, Seals(epoch, block), 1)


def _too_much(ahead: Collection[Seals]) -> bool:
    size = sum(len(held.block) for held in ahead)
    return size > limits.SEALS_AHEAD_MAX_BYTES or len(ahead) > limits.SEALS_AHEAD_MAX
