"""The giving half of replication: what a peer lacks is pushed, announced, or sent when asked for.

Unasked data is small (`PUSH_MAX_BYTES`) and goes with the highest priority, so it keeps its order
on the link and a mark in it is true when it arrives. Everything else is asked for, and travels
with the priority the asker chose.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from crdt import limits
from crdt.entry import Entry, LogId, Run
from crdt.errors import Invalid
from crdt.ops import PART_TIMELINE
from crdt.sync_answer import Answer, run_of, tables
from crdt.sync_core import CHANNELS_REMEMBERED, PRIORITY_LIVE, Core, Link, entry_bytes
from crdt.sync_messages import (
    ChannelPrint,
    Cursor,
    Entries,
    Fingerprints,
    Heads,
    HeadsWant,
    Hello,
    Mark,
    Page,
    Touched,
    Want,
    channel_set,
    encode,
    state_bytes,
    told_field,
)
from crdt.sync_ports import LogState, Send

_PRIORITY_HEADS = 1


class Serve:
    """Answers hellos and requests, and passes on what is new."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def answer(self, link: Link, hello: Hello) -> None:
        """Send or announce what a peer lacks, judged by its hello; once a link.

        When there is nothing to send, a second hello is due, which says so.
        """
        core = self._core
        link.answered = True
        mark = core.mark()
        link.told = mark.arrival
        read = self._valid(hello.read)
        if read is None:
            most = None if hello.channels == channel_set(()) else limits.LISTED_AT_ONCE_LOGS
            states = self._few_logs(link, most)
            if states is None:
                self.compare(link, self._shared(link), ask=False)
            else:
                self.announce(link, states, mark)
            return
        touched = [
            state
            for state in core.store.touched_since(read)
            if core.common(link, state.log.channel) and link.known.get(state.log, -1) < state.head
        ]
        if len(touched) > limits.TOUCHED_MAX_LOGS:
            self.compare(link, self._shared(link), ask=False)
        elif not touched:
            link.news = True
            if read < mark.arrival:
                self.tell_mark(link)
        else:
            runs = self._pending(link, read, touched)
            if runs is None:
                self.announce(link, touched, mark)
            else:
                for run in runs:
                    link.known[run.log] = run.first_seq + len(run.items) - 1
                link.marked = mark.arrival
                core.send(link, Entries(tuple(runs), mark))

    def _few_logs(self, link: Link, most: int | None) -> list[LogState] | None:
        """All logs that both may hold; None when they are more than `most`."""
        states: list[LogState] = []
        for state in self._core.store.logs():
            if self._core.common(link, state.log.channel):
                states.append(state)
                if most is not None and len(states) > most:
                    return None
        return states

    def _valid(self, read: Cursor | None) -> int | None:
        """The arrival a peer has read, if it read this very store."""
        store = self._core.store
        if read is None or read.replica != store.replica_id or read.arrival > store.arrival_max:
            return None
        if read.arrival == 0:
            return 0
        found = store.id_at(read.arrival)
        return read.arrival if found is not None and found[:8] == read.id else None

    def _pending(self, link: Link, read: int, touched: Sequence[LogState]) -> list[Run] | None:
        """What arrived above heads since `read` as runs; None when it is too much to push."""
        store = self._core.store
        most = limits.PUSH_MAX_BYTES // 48
        arrived = store.since(read, most + 1)
        if len(arrived) > most:
            return None
        by_log: dict[LogId, list[Entry]] = {state.log: [] for state in touched}
        size = 0
        for _, entry in arrived:
            found = by_log.get(entry.log)
            if found is None or entry.seq <= link.known.get(entry.log, -1):
                continue
            found.append(entry)
            size += entry_bytes(entry)
        runs: list[Run] = []
        for state in touched:
            entries = sorted(by_log[state.log], key=lambda entry: entry.seq)
            top = len(entries) - 1
            if top < 0 or entries[top].seq != state.head:
                continue  # only its beginning was filled in; who lacks that asks for it
            lowest = state.first_kept if entries[0].seq == state.low else state.low
            while top > 0 and entries[top - 1].seq == max(entries[top].seq - 1, lowest):
                top -= 1
            run = run_of(self._core, entries[top:]) if link.takes(entries[top:]) else None
            size += limits.DIGEST_BYTES * 8
            if run is None or size > limits.PUSH_MAX_BYTES:
                return None
            runs.append(run)
        return runs

    def tell_mark(self, link: Link) -> None:
        """Say that everything up to now was sent, announced, or came from this peer.

        What others were sending the peer, and it has not confirmed, is announced now.
        """
        mark = self._core.mark()
        link.marked = link.told = mark.arrival
        logs, link.later = link.later, set()
        states = [self._core.store.log_state(log) for log in sorted(logs)]
        lacking = [
            state
            for state in states
            if state is not None and link.known.get(state.log, -1) < state.head
        ]
        if lacking:
            self.announce(link, lacking, mark)
        else:
            self._core.send(link, Entries((), mark))

    def announce(self, link: Link, states: Sequence[LogState], mark: Mark) -> None:
        """List logs that are longer here."""
        link.marked = mark.arrival
        self._note_short(link, states)
        pages = list(tables(states))
        for number, (authors, channels) in enumerate(pages, 1):
            last = number == len(pages)
            self._core.send(link, Touched(authors, channels, mark if last else None))
        if not pages and mark.arrival:
            self._core.send(link, Touched((), (), mark))
        elif not pages:
            link.news = True

    def _shared(self, link: Link) -> dict[bytes, int]:
        """The fingerprints of all channels held that both may hold."""
        prints = self._core.store.fingerprints()
        return {channel: prints[channel] for channel in prints if self._core.common(link, channel)}

    def ask_to_compare(self, link: Link) -> None:
        """Send the fingerprints of all common channels, and get those that differ there."""
        self.compare(link, self._shared(link), ask=True)

    def compare(self, link: Link, prints: Mapping[bytes, int], *, ask: bool) -> None:
        """Send fingerprints."""
        mark = self._core.mark()
        link.told = link.marked = mark.arrival
        rows = [ChannelPrint(channel, state_bytes(prints[channel])) for channel in sorted(prints)]
        size = limits.ROWS_PER_MESSAGE_MAX
        for start in range(0, max(1, len(rows)), size):
            last = start + size >= len(rows)
            piece = tuple(rows[start : start + size])
            self._core.send(link, Fingerprints(piece, mark if last else None, ask))

    def on_fingerprints(self, link: Link, message: Fingerprints) -> None:
        """Note the channels that differ, and answer with their fingerprints here.

        Raises:
            Invalid: no end of channels.
        """
        prints = self._shared(link)
        different: dict[bytes, int] = {}
        for row in message.channels:
            if not self._core.common(link, row.channel):
                continue
            link.listed.add(row.channel)
            if state_bytes(prints.get(row.channel, 0)) != row.fingerprint:
                link.to_compare.append(row.channel)
                different[row.channel] = prints.get(row.channel, 0)
        if len(link.to_compare) + len(link.listed) > CHANNELS_REMEMBERED:
            raise Invalid("compares more channels than there can be")
        if message.mark is not None:
            link.compared = True
            listed, link.listed = link.listed, set()
            if message.ask:
                only_here = {
                    channel: prints[channel] for channel in prints if channel not in listed
                }
                self.compare(link, {**different, **only_here}, ask=False)
        elif message.ask and different:
            rows = (ChannelPrint(name, state_bytes(here)) for name, here in different.items())
            self._core.send(link, Fingerprints(tuple(rows)))

    def publish(self) -> None:
        """Pass on what this call stored above heads, to every link not known to have it.

        Who is being sent the same by others gets it from them, and is asked about it later.
        """
        core = self._core
        groups: dict[tuple[tuple[LogId, int], ...], list[Link]] = {}
        parts_of: dict[tuple[tuple[LogId, int], ...], list[Sequence[Entry]]] = {}
        for link in core.links.values() if core.stored else ():
            if not link.open or not link.answered:
                continue
            parts = self._lacking(link)
            if link.device[:4] in core.told:
                link.later.update(entries[0].log for entries in parts)
            elif parts:
                key = tuple((entries[0].log, entries[0].seq) for entries in parts)
                groups.setdefault(key, []).append(link)
                parts_of[key] = parts
        for key, links in groups.items():
            self._publish_to(links, parts_of[key])
        core.told = set()

    def _publish_to(self, links: Sequence[Link], parts: Sequence[Sequence[Entry]]) -> None:
        """Push entries to links that lack the same; announce them when they are many."""
        core = self._core
        mark = core.mark()
        told = told_field((*(link.device for link in links), *sorted(core.told)))
        payload = self._push(parts, mark, told if len(told) > 4 else b"")
        states: list[LogState] = []
        if not payload:
            logs = dict.fromkeys(entries[0].log for entries in parts)
            found = [core.store.log_state(log) for log in logs]
            states = [state for state in found if state is not None]
        for link in links:
            if payload:
                link.marked = link.told = mark.arrival
                for entries in parts:
                    link.known[entries[0].log] = entries[-1].seq
                core.effects.append(Send(link.number, PRIORITY_LIVE, payload))
            else:
                self.announce(link, states, mark)

    def _lacking(self, link: Link) -> list[Sequence[Entry]]:
        parts: list[Sequence[Entry]] = []
        for entries in self._core.stored:
            log = entries[0].log
            if log in link.refused:
                continue
            known = link.known.get(log, -1)
            if known < entries[-1].seq and self._core.common(link, log.channel):
                lacking = entries[max(0, known + 1 - entries[0].seq) :]
                if link.takes(lacking):
                    parts.append(lacking)
        return parts

    def _push(self, parts: Sequence[Sequence[Entry]], mark: Mark, told: bytes) -> bytes:
        """Entries as one message; empty when they are too many to push."""
        size = sum(entry_bytes(entry) for entries in parts for entry in entries)
        if size > limits.PUSH_MAX_BYTES and sum(map(len, parts)) > 1:
            return b""
        runs = [run_of(self._core, entries) for entries in parts]
        whole = tuple(run for run in runs if run is not None)
        return encode(Entries(whole, mark, told=told))

    def on_want(self, link: Link, message: Want) -> None:
        """Answer a request for ranges, as far as one answer may go."""
        answer = Answer(self._core, link, message.request, message.priority)
        for asked in message.ranges:
            if not self._core.common(link, asked.channel):
                continue
            if message.backward and len(link.unserved) < limits.SHORT_LOGS_MAX:
                state = self._core.store.log_state(asked.log)
                if state is None or state.low > asked.first:
                    link.unserved.add(asked.log)
            if not answer.add(asked.log, asked.first, asked.last, message.backward):
                break
        answer.end()

    def _note_short(self, link: Link, states: Iterable[LogState]) -> None:
        """Remember what the peer was told is not whole here, to tell it when it is."""
        logs = (state.log for state in states if state.low > 0)
        link.unserved.update(islice(logs, max(0, limits.SHORT_LOGS_MAX - len(link.unserved))))

    def tell_beginnings(self) -> None:
        """Tell peers that asked in vain of logs whose beginning came in."""
        core = self._core
        logs, core.completed = core.completed, []
        for link in core.links.values() if logs else ():
            asked = link.unserved.intersection(logs)
            link.unserved -= asked
            states = [core.store.log_state(log) for log in logs if log in asked]
            shown = [
                state
                for state in states
                if state is not None and core.common(link, state.log.channel)
            ]
            if shown:
                self.announce(link, shown, core.mark())

    def on_page(self, link: Link, message: Page) -> None:
        """Answer a request for the newest messages of a channel."""
        answer = Answer(self._core, link, message.request, message.priority)
        if self._core.common(link, message.channel):
            store, limit = self._core.store, message.limit
            page = store.newest(message.channel, PART_TIMELINE, message.before, limit)
            for log, (first, last) in page.items():
                if not answer.add(log, first, last, message.before is not None):
                    break
        answer.end()

    def on_heads_want(self, link: Link, message: HeadsWant) -> None:
        """List the logs of the channels asked for."""
        core = self._core
        states = [
            state
            for channel in message.channels
            if core.common(link, channel)
            for state in core.store.logs(channel)
        ]
        self._note_short(link, states)
        for authors, channels in tables(states):
            core.send(link, Heads(message.request, authors, channels, False), _PRIORITY_HEADS)
        core.send(link, Heads(message.request, (), (), True), _PRIORITY_HEADS)
