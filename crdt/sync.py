"""Replication of one workspace over all its links: the composed machine.

    call -> Replicator -> effects        link_up, receive, local, tick, ... ; see `sync_ports`

The machine writes to the store it was given, inside the caller's transaction. The caller commits,
then executes the effects: persist, then tell. Time is an argument (`now`, milliseconds, never
going back); randomness is `choose`.

How two stores become equal, in short (docs/protocol/sync.md has the whole of it):

1. Both say hello at once. Equal states: done, nothing more is sent.
2. Different rosters are brought together first (`sync_roster`).
3. Each sends or announces what arrived since the place up to which the other has read
   (`sync_serve`); an unknown place leads to fingerprints of channels, then to heads of logs.
4. Each asks for what was announced and is not here (`sync_fetch`), judges what comes
   (`sync_take`, `ingest`), and passes it on live.
5. When nothing is missing, both say hello again, until their states are equal, or differ in forks
   only.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from crdt import limits
from crdt.budget import Budget
from crdt.entry import Entry, LogId
from crdt.errors import Invalid, TooNew
from crdt.retention import Forgets, keeps_all
from crdt.sync_core import Core, Link
from crdt.sync_fetch import Fetch
from crdt.sync_forks import ForkExchange
from crdt.sync_greet import Greet
from crdt.sync_messages import (
    Claim,
    Entries,
    Fingerprints,
    ForkPoints,
    Forks,
    ForksWant,
    Heads,
    HeadsWant,
    Hello,
    Message,
    Page,
    Receipt,
    ReceiptsListed,
    ReceiptsWant,
    RosterHave,
    RosterOps,
    Seals,
    SealsWant,
    Touched,
    Want,
    decode,
)
from crdt.sync_ports import (
    Choose,
    ClaimArrived,
    Effect,
    EntryStore,
    Misbehaved,
    ProgressChanged,
    ReceiptsChanged,
    RosterView,
    SealStore,
    Visible,
    WakeAt,
)
from crdt.sync_receipts import Receipts
from crdt.sync_roster import RosterExchange
from crdt.sync_serve import Serve
from crdt.sync_take import Take

_BEFORE_OPEN = (Hello, RosterHave, RosterOps, Claim)


class Replicator:
    """One workspace's replication on this device.

    When a call raises (the store failed), the caller rolls back and makes a new machine.

    Args:
        workspace: its id, 32 bytes.
        store, roster, seals: see `sync_ports`; `seals` may be None where none are kept.
        device: this device's public signing key.
        sign_seed: its secret, for receipts.
        visible: which device may hold which channel.
        choose: randomness.
        budget: what devices may add in a day; the caller tells it which day it is.
        forgets: what is too old to be kept here; the caller forgets it.
    """

    def __init__(
        self,
        workspace: bytes,
        store: EntryStore,
        roster: RosterView,
        *,
        device: bytes,
        sign_seed: bytes,
        visible: Visible,
        choose: Choose,
        seals: SealStore | None = None,
        budget: Budget | None = None,
        forgets: Forgets = keeps_all,
    ) -> None:
        budget = Budget(store, device) if budget is None else budget
        self._core = Core(workspace, store, roster, device, visible, budget, forgets)
        self._choose = choose
        self._fetch = Fetch(self._core)
        self._receipts = Receipts(self._core, sign_seed)
        self._serve = Serve(self._core)
        self._forks = ForkExchange(self._core)
        self._take = Take(self._core, self._fetch, self._receipts, self._forks)
        self._roster = RosterExchange(self._core, seals)
        self._woken_for: int | None = None
        self._greet_at: int | None = None
        self._greet = Greet(self._core, self._serve, self._fetch, self._receipts, self._roster)
        self._handlers: dict[type[Message], Callable[[Link, Any], object]] = {
            Hello: self._greet.on_hello,
            Touched: self._take.on_touched,
            Want: self._serve.on_want,
            Fingerprints: self._on_fingerprints,
            HeadsWant: self._serve.on_heads_want,
            Heads: self._take.on_heads,
            Page: self._serve.on_page,
            RosterHave: self._roster.on_have,
            RosterOps: self._on_roster_ops,
            SealsWant: self._roster.on_seals_want,
            Seals: self._roster.on_seals,
            Claim: self._on_claim,
            Receipt: self._receipts.on_receipt,
            ReceiptsWant: self._receipts.on_receipts_want,
            ReceiptsListed: self._receipts.on_listed,
            ForkPoints: self._forks.on_points,
            ForksWant: self._forks.on_want,
            Forks: self._forks.on_forks,
        }

    # What the caller reports.

    def link_up(
        self, number: int, device: bytes, relay: bool, known_member: bool, now: int
    ) -> list[Effect]:
        """A link to `device` was authenticated.

        `known_member` holds when the roster names the device, or an invite does.
        """
        core = self._start(now)
        member = core.level(device) is not None
        link = Link(number, device, relay, unknown=not (known_member or member))
        link.was_member = member
        core.links[number] = link
        self._fetch.link_opened(link)
        if self._greet_at is None:
            self._greet_at = now + limits.ANTI_ENTROPY_MS
        core.say_hello(link)
        if not link.unknown:
            if core.store.arrival_max == 0:
                self._roster.ask(link)
            channel = self._fetch.open_channel
            if channel is not None and self._is_cold(channel):
                self._fetch.ask_page_now(link, channel)
        return self._finish()

    def link_down(self, number: int, now: int) -> list[Effect]:
        """A link ended, for whatever reason."""
        core = self._start(now)
        link = core.links.pop(number, None)
        if link is not None:
            self._close(link)
        return self._finish()

    def receive(self, number: int, payload: bytes, now: int) -> list[Effect]:
        """A peer's message."""
        core = self._start(now)
        link = core.links.get(number)
        if link is None:
            return []
        try:
            self._handle(link, decode(payload), len(payload))
        except TooNew:
            pass  # What came before it in the same message counts.
        except Invalid as error:
            core.bad_links[number] = str(error)
        return self._finish()

    def local(self, entries: Sequence[Entry], now: int) -> list[Effect]:
        """Own entries (consecutive, of one log) were appended to the store."""
        core = self._start(now)
        for entry in entries:
            if entry.heads:
                core.store.remember_head_set(entry.roster, entry.heads)
        core.stored.append(entries)
        self._receipts.entries_stored(entries[0].log)
        return self._finish()

    def forgotten(self, logs: Iterable[LogId], now: int) -> list[Effect]:
        """The store forgot what was too old of these logs: nobody is asked for what is below."""
        core = self._start(now)
        for log in logs:
            state = core.store.log_state(log)
            if state is not None and not state.lacks_beginning:
                core.gaps.pop(log, None)
                core.progress = True
        return self._finish()

    def rule_changed(self, channel: bytes, now: int) -> list[Effect]:
        """A channel is kept for another time than before: see again how old its beginnings are."""
        self._start(now)
        self._fetch.look_again(channel)
        return self._finish()

    def roster_changed(self, ids: Iterable[bytes], now: int) -> list[Effect]:
        """Roster ops were added here, and stored."""
        self._start(now).roster_news.extend(ids)
        return self._finish()

    def seals_added(self, epoch: bytes, now: int) -> list[Effect]:
        """The block of seals of an epoch is here now, and stored."""
        self._start(now)
        self._roster.seals_added(epoch)
        return self._finish()

    def open_channel(self, channel: bytes | None, now: int) -> list[Effect]:
        """The user looks at this channel: fetch it first."""
        core = self._start(now)
        if channel != self._fetch.open_channel:
            self._fetch.open_channel = channel
            self._fetch.reorder()
            if channel is not None and self._is_cold(channel):
                for link in core.links.values():
                    if link.open and not link.equal:
                        self._fetch.ask_page_now(link, channel)
                        break
        return self._finish()

    def send_claim(self, number: int, wire: bytes, now: int) -> list[Effect]:
        """Show an invite claim to a peer."""
        core = self._start(now)
        link = core.links.get(number)
        if link is not None:
            core.send(link, Claim(wire))
        return self._finish()

    def want_receipts(self, logs: Sequence[LogId], now: int) -> list[Effect]:
        """Ask all peers who holds these logs."""
        core = self._start(now)
        for link in core.links.values():
            if link.open and link.answered:
                self._receipts.want(link, logs)
        return self._finish()

    def tick(self, now: int) -> list[Effect]:
        """Time passed; asked for by `WakeAt`."""
        core = self._start(now)
        self._woken_for = None
        self._receipts.tick()
        for link in list(core.links.values()):
            self._fetch.time_out(link, now)
        self._roster.want_seals()
        self._fetch.reopen()
        if self._greet_at is not None and now >= self._greet_at:
            self._greet_at = now + limits.ANTI_ENTROPY_MS
            links = [link for link in core.links.values() if link.open and link.answered]
            if links:
                core.say_hello(links[self._choose(len(links))])
        return self._finish()

    # What the caller asks.

    def behind(self, number: int | None = None) -> int | None:
        """Entries known to exist that are not here; None until some peer said what it has.

        With `number`, those that this link's peer has.
        """
        links = [
            link
            for link in self._core.links.values()
            if number in (None, link.number) and self._greet.knows_heads(link)
        ]
        if not links:
            return None
        return self._core.missing(links)

    def in_sync(self, number: int) -> bool:
        """Whether a link's peer and this store were equal when last compared, and nothing that
        the peer announced since is missing here."""
        link = self._core.links.get(number)
        return link is not None and link.open and link.equal and not link.needs

    # Inside.

    def _start(self, now: int) -> Core:
        core = self._core
        core.now = max(now, core.now)
        core.effects = []
        return core

    def _is_cold(self, channel: bytes) -> bool:
        return next(iter(self._core.store.logs(channel)), None) is None

    def _handle(self, link: Link, message: Message, size: int) -> None:
        if not link.open and not isinstance(message, _BEFORE_OPEN):
            return
        if isinstance(message, Entries):
            link.news = True
            self._take.on_entries(link, message, size)
            return
        if isinstance(message, Touched | Fingerprints | Heads):
            link.news = True
        self._handlers[type(message)](link, message)

    def _on_claim(self, link: Link, message: Claim) -> None:
        self._core.effects.append(ClaimArrived(message.wire, link.number))

    def _on_fingerprints(self, link: Link, message: Fingerprints) -> None:
        self._serve.on_fingerprints(link, message)
        self._take.note_mark(link, message.mark)

    def _on_roster_ops(self, link: Link, message: RosterOps) -> None:
        self._roster.on_ops(link, message)
        if message.done and not link.unknown:
            self._refresh()
            self._greet.proceed(link)

    def _refresh(self) -> None:
        """The roster changed: pass it on, and see who and what it lets in or out."""
        core = self._core
        if not core.roster_news:
            return
        news, core.roster_news = core.roster_news, []
        self._roster.forward(news)
        for link in list(core.links.values()):
            member = core.level(link.device) is not None
            if link.was_member and not member:
                core.bad_links[link.number] = "removed"
                continue
            link.was_member = member
            if link.unknown and member:
                link.unknown = False
                link.roster_asked = False
                core.say_hello(link)
                if link.hello is not None:
                    self._greet.on_hello(link, link.hello)
            self._show_channels(link)
        self._take.retry_roster()
        self._forks.roster_changed()
        self._roster.want_seals()

    def _show_channels(self, link: Link) -> None:
        """Announce the logs of channels that the peer may hold since now."""
        core = self._core
        before, link.channels = link.channels, {}
        if not link.answered:
            return
        shown = [
            channel for channel, held in before.items() if not held and core.common(link, channel)
        ]
        states = [state for channel in shown for state in core.store.logs(channel)]
        if states:
            link.equal = False
            self._serve.announce(link, states, core.mark())

    def _close(self, link: Link) -> None:
        self._take.forget_link(link)
        self._fetch.link_closed(link)
        self._receipts.link_closed(link)
        self._core.progress = True

    def _finish(self) -> list[Effect]:
        """Do what follows from this call, for all links."""
        core = self._core
        self._refresh()
        self._ask_for_rosters()
        self._end_bad_links()
        self._serve.publish()
        self._serve.tell_beginnings()
        self._forks.tell()
        for link in sorted(core.links.values(), key=lambda link: link.relay):
            self._fetch.plan(link)  # members' links first: a relay's line is the longer one
            self._greet.follow_up(link)
        core.stored = []
        if self._receipts.changed:
            core.effects.append(ReceiptsChanged(tuple(self._receipts.changed)))
            self._receipts.changed = {}
        if core.progress:
            core.progress = False
            core.effects.append(ProgressChanged())
        self._wake()
        effects, core.effects = core.effects, []
        return effects

    def _ask_for_rosters(self) -> None:
        """Entries came whose roster ops are not here: their sender must have them."""
        core = self._core
        for number in sorted(core.roster_short):
            link = core.links.get(number)
            if link is not None and link.open:
                self._roster.ask(link)
        core.roster_short.clear()

    def _end_bad_links(self) -> None:
        core = self._core
        for number, reason in sorted(core.bad_links.items()):
            link = core.links.pop(number, None)
            if link is not None:
                core.effects.append(Misbehaved(number, reason))
                self._close(link)
        core.bad_links.clear()

    def _wake(self) -> None:
        """Say when `tick` is due, if that changed."""
        due = [self._receipts.due_at, self._greet_at, self._roster.deadline()]
        for link in self._core.links.values():
            due += (self._fetch.deadline(link), link.mark_due, link.check_due, link.compare_due)
        first = min((at for at in due if at is not None), default=None)
        if first is not None and first != self._woken_for:
            self._woken_for = first
            self._core.effects.append(WakeAt(first))
