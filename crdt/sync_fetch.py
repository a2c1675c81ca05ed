"""The taking half of replication: what is asked for, of whom, and in which order.

Every link has a queue of logs (and of first pages) that its peer can help with; a log is asked of
one link at a time. The order is what a reader needs first: state, what is missing above heads,
the newest page of the open channel, newest pages elsewhere, notes, the other logs' newest ranges,
and then history, backwards, a range of each log in turn.

A request whose answer brought nothing means that the peer cannot help with that log; one whose
answer stopped early is asked again from where it stopped. A link that answers nothing for
REQUEST_TIMEOUT_MS loses its requests to the other links.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from crdt import limits
from crdt.entry import LogId
from crdt.ops import PART_NOTES, PART_STATE, PART_TIMELINE
from crdt.sync_core import Core, Link, PeerHead, Request
from crdt.sync_messages import HeadRow, HeadsWant, Page, Range, Want
from crdt.sync_ports import LogState

_STATE, _NEWS, _PAGE, _NOTES, _FRESH, _HISTORY = range(6)
_WIRE_PRIORITY = {_STATE: 1, _NEWS: 1, _PAGE: 2, _NOTES: 3, _FRESH: 3, _HISTORY: 3}
_PRIORITY_OPEN_PAGE = 1
_COMPARING_AT_ONCE = 2

Task = tuple[int, bool, int, int, int, LogId | bytes]
"""Class, not in the open channel, round, minus hlc, number; then a log, or a channel's page."""


@dataclass(slots=True)
class _Asked:
    """A log that one link was asked for: up to `edge`, in `count` requests."""

    link: int
    backward: bool
    edge: int
    count: int


class Fetch:
    """Knows what peers have and this store lacks, and asks for it."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._queues: dict[int, list[Task]] = {}
        self._queued: dict[int, dict[LogId | bytes, int]] = {}
        self._asked: dict[LogId, _Asked] = {}
        self._paging: dict[bytes, int] = {}
        self._resting: dict[int, int] = {}
        self._dense: set[LogId] = set()
        """Logs of large entries, of which one answer holds less than was asked for: what was asked
        for behind it would not follow, so they are asked for once at a time."""
        self._number = 0
        self.open_channel: bytes | None = None

    def link_opened(self, link: Link) -> None:
        """Take a link into use."""
        self._queues[link.number] = []
        self._queued[link.number] = {}

    def use_history(self, link: Link) -> None:
        """Let a link fill in beginnings of logs."""
        for log in self._core.gaps:
            self._queue_log(link, log)

    def link_closed(self, link: Link) -> None:
        """Give what was asked of a link to the others."""
        self._queues.pop(link.number, None)
        self._queued.pop(link.number, None)
        self._resting.pop(link.number, None)
        self.release(link)

    def want(self, link: Link, log: LogId, row: HeadRow | PeerHead) -> None:
        """Note that the peer's log is longer than the one here."""
        link.noted[log] = self._core.request_number
        link.wanted[log] = PeerHead(row.low, row.head, row.hlc)
        self._core.progress = True
        self._queue_log(link, log)

    def want_page(self, link: Link, channel: bytes, hlc: int) -> None:
        """Note that the peer has messages of a channel of which there are none here."""
        self._push(link, _PAGE, 0, hlc, channel)

    def ask_page_now(self, link: Link, channel: bytes) -> None:
        """Ask for the newest page without knowing what the peer has."""
        if channel not in self._paging:
            self._send_page(link, channel)

    def arrived(self, log: LogId, head: int) -> None:
        """Entries up to `head` are held now."""
        for link in self._core.links.values():
            wanted = link.wanted.get(log)
            if wanted is not None and wanted.head <= head:
                del link.wanted[log]
                link.stalled.discard(log)

    def reopen(self) -> None:
        """Ask again for what did not fit into the budgets of a day that is over."""
        core = self._core
        devices = set(core.budget.reopened())
        if not devices:
            return
        logs = {log for link in core.links.values() for log in link.wanted}
        for log in sorted(logs.union(core.gaps)):
            if log.device in devices:
                self.requeue(log)
        core.progress = True

    def requeue(self, log: LogId) -> None:
        """Let every link that can help with a log be asked for it."""
        for link in self._core.links.values():
            if link.number in self._queues:
                self._queue_log(link, log)

    def look_again(self, channel: bytes) -> None:
        """Ask once more for what was refused of a channel, and for its beginnings."""
        logs = set(self._core.gaps)
        for link in self._core.links.values():
            logs.update(link.wanted)
            link.stalled = {log for log in link.stalled if log.channel != channel}
            link.lows = {log: low for log, low in link.lows.items() if log.channel != channel}
        for log in sorted(log for log in logs if log.channel == channel):
            self.requeue(log)

    def answered(self, link: Link, number: int, *, cut: bool) -> None:
        """A request was answered; unless the answer was cut, judge what it did not bring."""
        request = link.requests.pop(number, None)
        if request is None:
            return
        self._resting.pop(link.number, None)
        if request.page is not None:
            self._page_done(request.page)
        for asked in request.ranges:
            log = asked.log
            current = self._asked.get(log)
            if current is not None:
                current.count -= 1
                if current.count == 0:
                    del self._asked[log]
            if cut:
                self._dense.add(log)
            else:
                self._judge(link, number, asked, request.backward)
            self.requeue(log)

    def _judge(self, link: Link, number: int, asked: Range, backward: bool) -> None:
        """What is still missing where an answer began, the peer cannot give.

        Unless it said so after it was asked: what it says overtakes what it answers.
        """
        log = asked.log
        if self._core.budget.is_closed(log.device):
            return  # It was left out here.
        state = self._core.store.log_state(log)
        if log not in link.stalled and link.noted.get(log, 0) < number:
            if backward:
                if state is not None and 0 < state.low == asked.last + 1:
                    link.lows[log] = state.low
                    self._core.progress = True
            elif log in link.wanted:
                next_seq = asked.first if state is None else state.head + 1
                if next_seq == asked.first:
                    del link.wanted[log]
                    self._core.progress = True

    def _page_done(self, channel: bytes) -> None:
        self._paging.pop(channel, None)
        for link in self._core.links.values():
            for log in [log for log in link.wanted if log.channel == channel]:
                self._queue_log(link, log)

    def time_out(self, link: Link, now: int) -> None:
        """Take requests from a link that does not answer, and let it rest as long again."""
        if link.requests and now - link.heard_at >= limits.REQUEST_TIMEOUT_MS:
            self._resting[link.number] = now + limits.REQUEST_TIMEOUT_MS
            self.release(link)

    def deadline(self, link: Link) -> int | None:
        """When to look at a link again: a time-out, or the end of its rest."""
        if link.requests:
            return link.heard_at + limits.REQUEST_TIMEOUT_MS
        return self._resting.get(link.number)

    def release(self, link: Link) -> None:
        """Ask others, or later, for what was asked of a link."""
        requests, link.requests = link.requests, {}
        link.to_compare.extend(
            channel for number in sorted(link.comparing) for channel in requests[number].channels
        )
        link.comparing.clear()
        for request in requests.values():
            if request.page is not None:
                channel = request.page
                self._page_done(channel)
                for other in self._core.links.values():
                    if any(log.channel == channel for log in other.wanted):
                        self.want_page(other, channel, 0)
            for asked in request.ranges:
                current = self._asked.get(asked.log)
                if current is not None and current.link == link.number:
                    del self._asked[asked.log]
                self.requeue(asked.log)

    def plan(self, link: Link) -> None:
        """Ask a link for as much as may be under way."""
        # A rest that is over ends in any case: its time must not stay due while nothing is asked.
        if self._core.now < self._resting.get(link.number, self._core.now):
            return
        self._resting.pop(link.number, None)
        queue = self._queues.get(link.number)
        if queue is None or not link.open or link.roster_asked:
            return
        self._plan_heads(link)
        while queue and len(link.requests) - len(link.comparing) < limits.REQUESTS_IN_FLIGHT:
            if isinstance(queue[0][-1], LogId):
                self._ask_ranges(link, queue)
            else:
                channel = self._pop(link, queue)[-1]
                assert isinstance(channel, bytes)
                if channel not in self._paging and not self._has_timeline(channel):
                    self._send_page(link, channel)

    def _plan_heads(self, link: Link) -> None:
        while link.to_compare and len(link.comparing) < _COMPARING_AT_ONCE:
            count = min(len(link.to_compare), limits.CHANNELS_PER_REQUEST)
            channels = tuple(link.to_compare.popleft() for _ in range(count))
            number = self._begin(link, Request(channels=channels))
            link.comparing.add(number)
            self._core.send(link, HeadsWant(number, channels))

    def _begin(self, link: Link, request: Request) -> int:
        if not link.requests:
            link.heard_at = self._core.now
        number = self._core.next_request()
        link.requests[number] = request
        return number

    def _send_page(self, link: Link, channel: bytes) -> None:
        self._paging[channel] = link.number
        number = self._begin(link, Request(page=channel))
        is_open = channel == self.open_channel
        priority = _PRIORITY_OPEN_PAGE if is_open else _WIRE_PRIORITY[_PAGE]
        self._core.send(link, Page(number, priority, channel, None, limits.PAGE_ENTRIES))

    def _has_timeline(self, channel: bytes) -> bool:
        return any(state.log.part == PART_TIMELINE for state in self._core.store.logs(channel))

    def _ask_ranges(self, link: Link, queue: list[Task]) -> None:
        """Pop logs that go together into one request, and send it."""
        ranges: list[Range] = []
        again: list[Task] = []
        direction: bool | None = None
        priority = _WIRE_PRIORITY[queue[0][0]]
        entries = 0
        while queue and entries < limits.REQUEST_ENTRIES and len(ranges) < _RANGES_MAX:
            if _WIRE_PRIORITY[queue[0][0]] != priority or not isinstance(queue[0][-1], LogId):
                break
            log = queue[0][-1]
            found = self._next_range(link, log)
            if found is None:
                self._pop(link, queue)
                continue
            backward, first, last = found
            if direction is not None and backward != direction:
                break
            direction = backward
            again.append(self._pop(link, queue))
            ranges.append(Range(*log, first, last))
            entries += last - first + 1
            asked = self._asked.setdefault(log, _Asked(link.number, backward, last, 0))
            asked.edge = first if backward else last
            asked.count += 1
        if ranges:
            assert direction is not None
            number = self._begin(link, Request(tuple(ranges), direction))
            self._core.send(link, Want(number, priority, direction, tuple(ranges)))
        for kind, _, turn, minus_hlc, _, item in again:
            self._push(link, kind, turn + 1, -minus_hlc, item)

    def _next_range(self, link: Link, log: LogId) -> tuple[bool, int, int] | None:
        """Direction, first and last seq to ask this link for next; None for nothing now."""
        state = self._core.store.log_state(log)
        asked = self._asked.get(log)
        if asked is not None and asked.link != link.number:
            return None
        if self._core.budget.is_closed(log.device) or (asked is not None and log in self._dense):
            return None
        wanted = link.wanted.get(log)
        if wanted is not None and log not in link.stalled:
            if asked is not None and asked.backward:
                return None
            if state is None and log.part == PART_TIMELINE and log.channel in self._paging:
                return None
            return _forward_range(log, state, wanted, asked)
        if state is None or log not in self._core.gaps or log in link.stalled:
            return None
        if asked is not None and not asked.backward:
            return None
        lowest = link.lows.get(log, 0)
        last = (state.low if asked is None else asked.edge) - 1
        if last < lowest:
            return None
        every = limits.ANCHOR_EVERY
        aligned = (last + 1 - limits.RANGE_ENTRIES) // every * every + 1
        return True, max(lowest, aligned, 0), last

    def _queue_log(self, link: Link, log: LogId) -> None:
        if link.number not in self._queues:
            return
        wanted = link.wanted.get(log)
        state = self._core.store.log_state(log)
        if wanted is not None and log not in link.stalled:
            if log.part == PART_STATE:
                kind = _STATE
            elif log.part == PART_NOTES:
                kind = _NOTES
            else:
                kind = _FRESH if state is None else _NEWS
            self._push(link, kind, 0, wanted.hlc, log)
        elif log in self._core.gaps and state is not None:
            if link.lows.get(log, 0) < state.low and self._core.common(link, log.channel):
                kind = _HISTORY if log.part == PART_TIMELINE else _NOTES
                self._push(link, kind, self._core.gaps[log], state.head_hlc, log)

    def _push(self, link: Link, kind: int, turn: int, hlc: int, item: LogId | bytes) -> None:
        queued = self._queued.get(link.number)
        if queued is None or queued.get(item, _HISTORY + 1) <= kind:
            return
        queued[item] = kind
        channel = item.channel if isinstance(item, LogId) else item
        self._number += 1
        elsewhere = channel != self.open_channel
        heappush(self._queues[link.number], (kind, elsewhere, turn, -hlc, self._number, item))

    def _pop(self, link: Link, queue: list[Task]) -> Task:
        task = heappop(queue)
        queued = self._queued[link.number]
        if queued.get(task[-1]) == task[0]:
            del queued[task[-1]]
        return task

    def reorder(self) -> None:
        """The open channel changed: sort the queues anew."""
        for link in self._core.links.values():
            queue = self._queues.get(link.number)
            if queue is None:
                continue
            items = [task[-1] for task in sorted(queue)]
            queue.clear()
            self._queued[link.number].clear()
            for item in items:
                if isinstance(item, LogId):
                    self._queue_log(link, item)
                else:
                    self.want_page(link, item, 0)


_RANGES_MAX = limits.REQUEST_RANGES_MAX


def _forward_range(
    log: LogId, state: LogState | None, wanted: PeerHead, asked: _Asked | None
) -> tuple[bool, int, int] | None:
    """The next range above what is held and asked for, ending at an anchor or the peer's head."""
    if asked is not None:
        first = asked.edge + 1
    elif state is not None:
        first = state.head + 1
    elif log.part == PART_TIMELINE:
        first = max(wanted.low, wanted.head - limits.RANGE_ENTRIES + 1)
    else:
        first = wanted.low
    if first > wanted.head:
        return None
    every = limits.ANCHOR_EVERY
    last = (first + limits.RANGE_ENTRIES - 1) // every * every
    return False, first, min(last, wanted.head) if last >= first else wanted.head


def cold_channels(
    states: Iterable[LogState], rows: Sequence[tuple[LogId, HeadRow]]
) -> Iterator[tuple[bytes, int]]:
    """Channels of which rows list many messages and nothing is held, with their newest hlc.

    Channels with few messages are fetched whole, many in one request.
    """
    held = {state.log.channel for state in states if state.log.part == PART_TIMELINE}
    found: dict[bytes, tuple[int, int]] = {}
    for log, row in rows:
        if log.part == PART_TIMELINE and log.channel not in held:
            hlc, count = found.get(log.channel, (0, 0))
            found[log.channel] = max(hlc, row.hlc), count + row.head - row.low + 1
    for channel, (hlc, count) in found.items():
        if count > limits.RANGE_ENTRIES:
            yield channel, hlc
