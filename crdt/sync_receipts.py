"""Receipts: a device's signed word on how far it holds the timelines of others.

A receipt is made RECEIPT_DELAY_MS after entries were stored, one for the whole burst, and passed
on by everyone to whom it says something new. What passed on was kept (a few per device), so that a
peer that connects later learns it too, once: most of it has come to it by others, so it is given
a list, and asks for what it lacks, of one peer at a time. A peer whose state equals ours, or that
lists a head, tells us the same about itself without a signature, which we count but cannot pass on.

A receipt says `low` to `head`. The store keeps the head: what a newcomer has not fetched yet of
older history counts as received, new messages are counted exactly.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

import msgspec

from crdt import keys, limits
from crdt.entry import LogId
from crdt.errors import Invalid
from crdt.ops import PART_TIMELINE
from crdt.sync_core import Core, Link
from crdt.sync_messages import (
    Author,
    Range,
    Receipt,
    ReceiptsListed,
    ReceiptsWant,
    encode,
    tags,
    told_field,
)
from crdt.sync_receipt_body import ReceiptBody, ReceiptRow, decode_receipt, receipt_digest

RECEIPT_NAME_BYTES = 8


class _Kept:
    """A receipt that may be passed on."""

    __slots__ = ("device", "logs", "name", "number", "wire")

    def __init__(
        self, device: bytes, logs: frozenset[LogId], number: int, wire: Receipt, name: bytes
    ) -> None:
        self.device = device
        self.logs = logs
        self.number = number
        self.wire = wire
        self.name = name


class Receipts:
    """Makes, takes and passes on receipts."""

    def __init__(self, core: Core, sign_seed: bytes) -> None:
        self._core = core
        self._sign_seed = sign_seed
        self._due: dict[LogId, None] = {}
        self._due_at: int | None = None
        self._kept: dict[bytes, list[_Kept]] = {}
        self._number = 0
        self._told: dict[bytes, int] = {}
        self._heard: dict[bytes, None] = {}
        self._offers: dict[bytes, list[Link]] = {}
        """Names of receipts to the links that listed them; the first one was asked."""
        self._listed: Counter[int] = Counter()
        """How many names came on a link."""
        self._own = [
            state.log
            for state in core.store.logs()
            if state.log.device == core.device and state.log.part == PART_TIMELINE
        ]
        self.changed: dict[LogId, None] = {}
        """Logs whose receipts this call changed."""

    @property
    def due_at(self) -> int | None:
        """When the next receipt is to be signed."""
        return self._due_at

    def entries_stored(self, log: LogId) -> None:
        """New entries of a log were stored."""
        if log.part != PART_TIMELINE:
            return
        if log.device == self._core.device:
            self._note_own(log)
            return
        self._due[log] = None
        if self._due_at is None:
            self._due_at = self._core.now + limits.RECEIPT_DELAY_MS

    def _note_own(self, log: LogId) -> None:
        if log not in self._own:
            self._own.append(log)

    def tick(self) -> None:
        """Sign what is due, and pass it on."""
        if self._due_at is None or self._core.now < self._due_at:
            return
        logs, self._due, self._due_at = list(self._due), {}, None
        for shared in self._by_audience(logs):
            self._issue(shared)

    def _by_audience(self, logs: Iterable[LogId]) -> list[list[LogId]]:
        """Logs that the same devices may hold, together: what a receipt says of a private channel
        keeps the whole of it from everybody outside."""
        core = self._core
        audiences: dict[bytes, frozenset[bytes]] = {}
        found: dict[frozenset[bytes], list[LogId]] = {}
        for log in logs:
            audience = audiences.get(log.channel)
            if audience is None:
                devices = core.roster.state.devices
                audience = frozenset(each for each in devices if core.visible(log.channel, each))
                audiences[log.channel] = audience
            found.setdefault(audience, []).append(log)
        return list(found.values())

    def _issue(self, logs: list[LogId]) -> None:
        core = self._core
        if core.level(core.device) is None:
            return
        size = limits.RECEIPT_ROWS_MAX
        for start in range(0, len(logs), size):
            authors: dict[Author, int] = {}
            rows: list[ReceiptRow] = []
            for log in logs[start : start + size]:
                state = core.store.log_state(log)
                if state is None:
                    continue
                author = Author(log.device, log.incarnation)
                number = authors.setdefault(author, len(authors))
                rows.append(ReceiptRow(number, log.channel, state.low, state.head))
                core.store.add_receipt(core.device, log, state.head)
            if not rows:
                continue
            body = encode(ReceiptBody(core.device, core.now, tuple(authors), tuple(rows)))
            covered = receipt_digest(core.workspace, body)
            signature = keys.sign(self._sign_seed, keys.SIGN_HAVE, covered)
            logs_said = frozenset(logs[start : start + size])
            self._keep(core.device, logs_said, Receipt(body, signature), None)

    def on_receipt(self, link: Link, message: Receipt) -> None:
        """Take another device's word.

        Raises:
            Invalid: it is not that device's.
        """
        core = self._core
        said = decode_receipt(message.body)
        if said.device == link.device:
            self._note_known(link, said)
        name = self._name(message)
        self._offers.pop(name, None)
        if said.device == core.device or core.level(said.device) is None:
            return
        rows = [(self._log(said, row), row) for row in said.rows]
        new = [
            (log, row)
            for log, row in rows
            if core.store.receipts(log).get(said.device, -1) < row.head
        ]
        if not new:
            self._note_heard(name)
            return
        covered = receipt_digest(core.workspace, message.body)
        keys.verify(said.device, keys.SIGN_HAVE, covered, message.signature)
        self._note_heard(name)
        logs: list[LogId] = []
        for log, row in new:
            if core.visible(log.channel, said.device) and core.visible(log.channel, core.device):
                core.store.add_receipt(said.device, log, row.head)
                self.changed[log] = None
                logs.append(log)
        if logs:
            self._keep(said.device, frozenset(log for log, _ in rows), message, link)

    @staticmethod
    def _log(said: ReceiptBody, row: ReceiptRow) -> LogId:
        author = said.authors[row.author]
        return LogId(row.channel, PART_TIMELINE, author.device, author.incarnation)

    def _keep(
        self, device: bytes, logs: frozenset[LogId], wire: Receipt, source: Link | None
    ) -> None:
        """Remember a receipt, and pass it on to whom it concerns."""
        self._number += 1
        kept = [old for old in self._kept.get(device, ()) if not old.logs <= logs]
        plain = msgspec.structs.replace(wire, told=b"")
        kept.append(_Kept(device, logs, self._number, plain, self._name(plain)))
        self._kept[device] = kept[-limits.RECEIPTS_KEPT_PER_DEVICE :]
        told = tags(wire.told)
        targets: list[Link] = []
        for link in self._core.links.values():
            if link is source or not link.open or not link.answered:
                continue
            if link.device[:4] not in told and self._concerns(link, kept[-1], source is None):
                targets.append(link)
            self._told[link.device] = self._number
        if source is not None and self._told.get(source.device, 0) == self._number - 1:
            self._told[source.device] = self._number
        names = told_field((*(link.device for link in targets), *sorted(told)))
        named = msgspec.structs.replace(wire, told=names if len(names) > 4 else b"")
        for link in targets:
            self._core.send(link, named)

    def _concerns(self, link: Link, kept: _Kept, own: bool) -> bool:
        """Whether a receipt is to be passed on to a peer.

        In a large workspace a receipt is as frequent as there are members, so beyond the
        signer's neighbours it goes to the authors and to relays only.
        """
        if kept.device == link.device:
            return False
        if not all(self._core.common(link, log.channel) for log in kept.logs):
            return False
        few = len(self._core.roster.state.devices) <= limits.RECEIPT_GOSSIP_DEVICES
        return own or few or link.relay or any(log.device == link.device for log in kept.logs)

    def _note_known(self, link: Link, said: ReceiptBody) -> None:
        """A peer's own receipt also says what need not be sent to it."""
        for row in said.rows:
            log = self._log(said, row)
            if link.known.get(log, -1) < row.head and self._core.store.log_state(log) is not None:
                link.known[log] = row.head

    def _name(self, wire: Receipt) -> bytes:
        return receipt_digest(self._core.workspace, wire.body)[:RECEIPT_NAME_BYTES]

    def _note_heard(self, name: bytes) -> None:
        self._heard[name] = None
        if len(self._heard) > limits.RECEIPTS_HEARD_MAX:
            del self._heard[next(iter(self._heard))]

    def link_ready(self, link: Link) -> None:
        """List to a peer what it has not been told since this process began."""
        told = self._told.get(link.device, 0)
        fresh = [
            kept
            for every in self._kept.values()
            for kept in every
            if kept.number > told and self._concerns(link, kept, kept.device == self._core.device)
        ]
        fresh.sort(key=lambda kept: kept.number)
        if len(fresh) <= limits.RECEIPTS_UNLISTED_MAX:
            for kept in fresh:
                self._core.send(link, kept.wire)
        else:
            self._list(link, [kept.name for kept in fresh], want=False)
        self._told[link.device] = self._number

    def _list(self, link: Link, names: list[bytes], *, want: bool) -> None:
        size = limits.RECEIPTS_LISTED_MAX
        for start in range(0, len(names), size):
            listed = b"".join(names[start : start + size])
            self._core.send(link, ReceiptsListed(listed, want))

    def on_listed(self, link: Link, message: ReceiptsListed) -> None:
        """Ask for what is listed and did not come yet; or give what is asked for.

        Raises:
            Invalid: it lists no whole names.
        """
        if len(message.names) % RECEIPT_NAME_BYTES:
            raise Invalid("lists receipts by half their names")
        places = range(0, len(message.names), RECEIPT_NAME_BYTES)
        names = {message.names[at : at + RECEIPT_NAME_BYTES]: None for at in places}
        kept = {each.name: each for every in self._kept.values() for each in every}
        if message.want:
            for each in (kept[name] for name in names if name in kept):
                if self._concerns(link, each, each.device == self._core.device):
                    self._core.send(link, each.wire)
            return
        asked: list[bytes] = []
        for name in islice(names, limits.RECEIPTS_PER_LINK_MAX - self._listed[link.number]):
            self._listed[link.number] += 1
            if name in kept or name in self._heard:
                continue
            offers = self._offers.setdefault(name, [])
            if not offers:
                asked.append(name)
            if link not in offers:
                offers.append(link)
        self._list(link, asked, want=True)

    def link_closed(self, link: Link) -> None:
        """Ask others for what was asked of this link and listed by them, too."""
        del self._listed[link.number]
        again: dict[int, tuple[Link, list[bytes]]] = {}
        for name, offers in list(self._offers.items()):
            asked = offers[0]
            left = [other for other in offers if other is not link]
            if not left:
                del self._offers[name]
                continue
            self._offers[name] = left
            if asked is link:
                again.setdefault(left[0].number, (left[0], []))[1].append(name)
        for other, names in again.values():
            self._list(other, names, want=True)

    def peer_holds(self, link: Link, log: LogId, seq: int) -> None:
        """The peer itself says that it holds a log up to a seq."""
        core = self._core
        if log.device != core.device or log.part != PART_TIMELINE:
            return
        state = core.store.log_state(log)
        if state is None or core.level(link.device) is None:
            return
        if core.store.add_receipt(link.device, log, min(seq, state.head)):
            self.changed[log] = None

    def peer_equals(self, link: Link) -> None:
        """The peer's state equals ours, so it holds all own messages it may hold."""
        for log in self._own:
            state = self._core.store.log_state(log)
            if state is not None and self._core.common(link, log.channel):
                self.peer_holds(link, log, state.head)

    def on_receipts_want(self, link: Link, message: ReceiptsWant) -> None:
        """Say again what is held of some logs, here and elsewhere."""
        core = self._core
        logs = {
            asked.log
            for asked in message.logs
            if asked.part == PART_TIMELINE and core.common(link, asked.channel)
        }
        for every in list(self._kept.values()):
            for kept in every:
                wanted = kept.device not in (core.device, link.device) and kept.logs & logs
                if wanted and all(core.common(link, log.channel) for log in kept.logs):
                    core.send(link, kept.wire)
        for log in logs:
            if log.device != core.device and core.store.log_state(log) is not None:
                self._due[log] = None
                self._due_at = core.now if self._due_at is None else min(self._due_at, core.now)

    def want(self, link: Link, logs: Iterable[LogId]) -> None:
        """Ask a peer what it knows of who holds these logs."""
        ranges = [Range(*log, 0, 0) for log in logs if self._core.common(link, log.channel)]
        size = limits.REQUEST_RANGES_MAX
        for start in range(0, len(ranges), size):
            self._core.send(link, ReceiptsWant(tuple(ranges[start : start + size])))
