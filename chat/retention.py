"""Retention at work: what is too old is forgotten, some of it in each of many short turns.

How long a channel is kept is for members its rule, obeyed a day after it was given, and for a
relay, which cannot read rules, what it was told (`clowder relay --keep`). Since there may be a rule
that it does not know, a relay takes as forgotten whatever the shortest rule would forget: else one
that was away meanwhile could not go on with any log. Members have no setting
of their own, and nobody forgets own entries that nobody else holds: else an author could forget
what somebody who was away needs to go on with the log.

What comes in above a head and is too old already was on its way for long, or written by a machine
that was away: it is kept for a day, so that it is read and passed on. What comes in below was asked
for to fill in history, and goes at once.

Which entry is too old is said in `crdt.retention`, forgetting is `chat.store.forgetting`. Rules:
docs/protocol/retention.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from chat.workspace import Now, Workspace
from crdt.clock import milliseconds, reading
from crdt.entry import Entry, LogId
from crdt.limits import KEEP_MIN_DAYS, KEEP_SLACK_MS
from crdt.ops import PART_TIMELINE
from crdt.registers import KEEP_REGISTERS
from crdt.retention import DAY_MS, Rule, Said, gone_below, horizon, rule_of

if TYPE_CHECKING:
    from chat.store.projection import ProjectedChange

LATE_KEPT_MS = DAY_MS
"""What was too old when it came is kept for so long."""
CLOCK_BELIEVED_MS = 30 * DAY_MS
"""So far behind the newest word of others it may be: a clock that jumps ahead by years, as those of
machines without a battery do, must not make this one forget everything."""
SWEEP_EVERY_MS = 3_600_000
"""Rules speak of days; an hour more is not noticed."""
SWEEP_PAUSE_MS = 200
"""Between two turns of a sweep, in which others have theirs."""
SWEEP_ENTRIES = 500
"""Entries forgotten in a turn: some 20 ms."""
SWEEP_LOGS = 1_000
"""Logs looked at in a turn: some 20 ms."""


class Swept(NamedTuple):
    """What a turn of a sweep did.

    Attributes:
        logs: of which entries were forgotten.
        channels: of which messages went.
        pause_ms: until the next turn.
    """

    logs: tuple[LogId, ...]
    channels: tuple[bytes, ...]
    pause_ms: int


def channel_rule(workspace: Workspace, channel: bytes) -> Rule:
    """How long a channel is kept, by who may say so now."""
    said = workspace.store.words_on_keeping(channel)
    return rule_of(said, _levels(workspace, said))


def _levels(workspace: Workspace, said: Said) -> dict[bytes, int]:
    members = workspace.roster.state.members
    return {member: members[member].level for member, _ in said if member in members}


class Retention:
    """What this store forgets.

    Args:
        keep_days: what a relay keeps; None for ever.
    """

    def __init__(self, workspace: Workspace, keep_days: int | None) -> None:
        self._workspace = workspace
        self._keep_days = keep_days
        self._wall_ms = 0
        self._believed_ms = 0
        """Up to when this machine's clock is believed, as far as others' words go."""
        self._rules: dict[bytes, Rule] = {}
        self._gone: dict[bytes, int] = {}
        """Of this turn, by channel: the rules, and below which readings entries may be missing."""
        self._late: dict[LogId, int] = {}
        """Logs that brought something old, and until when nothing of them is forgotten."""
        self._left: deque[LogId] = deque()
        """Of the sweep under way: logs to look at."""
        self._swept: list[bytes] = []
        """Channels that it is about."""
        self._ruled: set[bytes] | None = None
        """Channels that have a rule, None before that was looked up."""

    def begin_turn(self, now: Now) -> None:
        """It is now, and rules may have changed since."""
        self._wall_ms = now.wall
        self._rules.clear()
        self._gone.clear()

    def forgets(self, log: LogId, hlc: int) -> bool:
        """Whether an entry with this reading is older than what is kept of its channel, or was
        when an earlier rule held, or will be soon: whose clock is ahead forgets it sooner."""
        if log.part != PART_TIMELINE:
            return False
        limit = self._gone.get(log.channel)
        if limit is None:
            limit = self._gone[log.channel] = self._may_be_gone(log.channel)
        return bool(limit) and hlc < limit + reading(KEEP_SLACK_MS)

    def _may_be_gone(self, channel: bytes) -> int:
        """The reading below which entries may be missing at others, too; 0 when none may."""
        if self._workspace.relay:
            return horizon(KEEP_MIN_DAYS, self._wall_ms)
        said = self._workspace.store.words_on_keeping(channel)
        gone = gone_below(said, _levels(self._workspace, said), self._wall_ms)
        return max(gone, horizon(self._keep_days, self._wall_ms))

    def _horizon(self, channel: bytes, now_ms: int) -> int:
        """The reading below which entries of a channel are too old, 0 when none are."""
        rule = self._rules.get(channel)
        if rule is None:
            rule = self._rules[channel] = channel_rule(self._workspace, channel)
        obeyed = rule.days if rule.from_ms <= now_ms else None
        days = (each for each in (self._keep_days, obeyed) if each is not None)
        return horizon(min(days, default=None), now_ms)

    def _limit(self, channel: bytes) -> int:
        """Below this reading entries of a channel are forgotten."""
        return self._horizon(channel, min(self._wall_ms, self._believed_ms))

    def heard(self, changes: Iterable[ProjectedChange]) -> set[bytes]:
        """Channels about whose keeping something was said just now."""
        found = {
            change.channel
            for change in changes
            if any(key.startswith(KEEP_REGISTERS) for key in change.registers)
        }
        if found:
            self._rules.clear()
            self._gone.clear()
            self._ruled = None
        return found

    def announced(self, now: Now) -> list[tuple[bytes, Rule]]:
        """Rules that were given and are not obeyed yet, with their channels."""
        workspace = self._workspace
        if self._ruled is None:
            every = workspace.channel_names()
            self._ruled = {c for c in every if workspace.store.words_on_keeping(c)}
        rules = [(channel, channel_rule(workspace, channel)) for channel in sorted(self._ruled)]
        return [(channel, rule) for channel, rule in rules if rule.days and rule.from_ms > now.wall]

    def arrived(self, entries: Sequence[Entry], *, prepended: bool, now: Now) -> Sequence[Entry]:
        """Entries of one log were stored; gives those of them that are kept."""
        log = entries[0].log
        if log.device != self._workspace.device:
            latest = milliseconds(entries[-1].hlc) + CLOCK_BELIEVED_MS
            self._believed_ms = max(self._believed_ms, latest)
        if log.part != PART_TIMELINE:
            return entries
        if prepended and self._workspace.relay:
            entries = entries[self._forget_beginning(log, entries) :]
            if not entries:
                return entries
        limit = self._limit(log.channel)
        if entries[0].hlc >= limit:
            return entries
        if not prepended:
            self._late[log] = now.mono + LATE_KEPT_MS
            return entries
        count, _ = self._workspace.store.forget_before(
            log, limit, len(entries), first=entries[0].seq, last=entries[-1].seq
        )
        return entries[count:]

    def _forget_beginning(self, log: LogId, entries: Sequence[Entry]) -> int:
        """What comes to a relay without its words, and was not erased by its author, is what others
        have forgotten: there is nothing more to look for below. Gives how many entries it is."""
        store = self._workspace.store
        named = {*store.named(log, entries[0].seq, entries[-1].seq)}
        gone = [
            *takewhile(
                lambda e: e.ciphertext is None and e.seq not in named and self.forgets(log, e.hlc),
                entries,
            )
        ]
        if gone:
            above = max(entry.hlc for entry in gone) + 1
            store.forget_before(log, above, len(gone), first=gone[0].seq, last=gone[-1].seq)
        return len(gone)

    def sweep(self, now: Now) -> Swept:
        """Forget what is too old, as much as a turn may take."""
        store = self._workspace.store
        if not self._left:
            self._begin_sweep(now)
        logs: list[LogId] = []
        channels: dict[bytes, None] = {}
        room, looks = SWEEP_ENTRIES, SWEEP_LOGS
        while self._left and room > 0 and looks > 0:
            log = self._left.popleft()
            limit = self._limit(log.channel)
            count, went = store.forget_before(log, limit, room, last=self._passed_on(log))
            if count:
                logs.append(log)
            if went:
                channels[log.channel] = None
            if count == room:
                self._left.appendleft(log)
            room -= count
            looks -= 1
        if self._left:
            return Swept(tuple(logs), tuple(channels), SWEEP_PAUSE_MS)
        for channel in self._swept:
            store.forget_remarks(channel, self._limit(channel))
        return Swept(tuple(logs), tuple(channels), SWEEP_EVERY_MS)

    def _begin_sweep(self, now: Now) -> None:
        store = self._workspace.store
        self._ruled = None
        self._late = {log: until for log, until in self._late.items() if until > now.mono}
        channels = list(store.fingerprints())
        if self._keep_days is None:
            channels = [c for c in channels if channel_rule(self._workspace, c).days]
        if channels:
            self._believed_ms = self._latest_ms(now)
            self.begin_turn(now)
        self._swept = [channel for channel in channels if self._limit(channel)]
        self._left.extend(
            state.log
            for channel in self._swept
            for state in store.logs(channel)
            if state.log.part == PART_TIMELINE
            and state.forgotten <= state.head
            and state.log not in self._late
        )

    def _passed_on(self, log: LogId) -> int | None:
        """Up to where a log may be forgotten: an own one as far as somebody else holds it."""
        workspace, own = self._workspace, self._workspace.device
        if log.device != own:
            return None
        others = [d for d in workspace.roster.state.devices if d != own]
        holders = [device for device in others if workspace.visible(log.channel, device)]
        if not holders:
            return None
        receipts = workspace.store.receipts(log)
        return max((receipts[d] for d in holders if d in receipts), default=-1)

    def _latest_ms(self, now: Now) -> int:
        """Up to when the clock is believed; whose own words are all there are believes it."""
        own = self._workspace.device
        heads = (s.head_hlc for s in self._workspace.store.logs() if s.log.device != own)
        newest = max(heads, default=None)
        return now.wall if newest is None else milliseconds(newest) + CLOCK_BELIEVED_MS
