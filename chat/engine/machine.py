"""The engine's one door: links, payloads and time; what they change is read and told.

Replication judges and stores entries (`crdt.sync`); here they are opened, projected, and turned
into news for the face. Own operations take the same way in from the other side: written, stored,
projected, and given to replication. Roster ops that arrive may bring keys, and with keys comes
what waited for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from chat import effects
from chat.engine.asked import Asked
from chat.engine.limits import PURGE_AFTER_MS
from chat.engine.members import Members
from chat.engine.people import People, RosterNews
from chat.engine.showing import shown
from chat.erasing import hear_all, naming, obey_all, spelled_out, strays
from chat.errors import TrustError, Unavailable
from chat.history import said_again
from chat.reader import Reading, read, read_everything, read_turned, read_waiting
from chat.retention import SWEEP_PAUSE_MS, Retention
from chat.voiding import Voiding
from chat.workspace import Now, Workspace
from chat.writer import write
from crdt import ops, sync_ports
from crdt.budget import Budget
from crdt.entry import Entry
from crdt.errors import Invalid
from crdt.sync import Replicator


class Engine(Asked):
    """One workspace on this device.

    Args:
        workspace: who we are, the roster, the keys and the store.
        choose: `choose(n)` gives a random number from 0 to n - 1.
        keep_days: for a relay, what is older is forgotten; None keeps everything.
    """

    def __init__(
        self,
        workspace: Workspace,
        choose: Callable[[int], int],
        *,
        keep_days: int | None = None,
    ) -> None:
        self.budget = Budget(workspace.store, workspace.device)
        self.retention = Retention(workspace, keep_days)
        replicator = Replicator(
            workspace.id,
            workspace.store,
            workspace.roster,
            device=workspace.device,
            sign_seed=workspace.keys.sign_seed,
            visible=workspace.visible,
            choose=choose,
            seals=workspace.epochs,
            budget=self.budget,
            forgets=self.retention.forgets,
        )
        super().__init__(workspace, replicator)
        self.people = People(workspace)
        self.members = Members(workspace, self.people)
        self.voiding = Voiding(workspace)
        self._out: list[effects.Effect] = []
        self._unsent: list[bytes] = []
        """Own ops of this turn. They go out together, so that nobody sees a removal without the
        key that follows it, and makes one as well."""
        self._wakes: dict[str, int] = {}
        self._woken_for: int | None = None

    # What peers do ------------------------------------------------------------------------------

    def link_up(self, link: int, device: bytes, known: bool, now: Now) -> list[effects.Effect]:
        """A link to a device was opened with the workspace's own key.

        `known` holds when the roster here names the device. One that was taken out is told so, and
        the link ends.
        """
        if self.workspace.roster.farewell(device):
            self._follow(self.replicator.link_up(link, device, False, False, now.mono), now)
            self._tell(effects.CloseLink(link, "removed", parting=True))
            return self._finish(now)
        self._links[link] = device
        relay, replicator = self.is_relay(device), self.replicator
        self._follow(replicator.link_up(link, device, relay, known, now.mono), now)
        for claim in self.people.claims_for(device):
            self._follow(replicator.send_claim(link, claim, now.mono), now)
        self._tell(effects.ViewChanged("members"), effects.ViewChanged("status"))
        return self._finish(now)

    def link_down(self, link: int, now: Now) -> list[effects.Effect]:
        """A link ended."""
        self._links.pop(link, None)
        self._follow(self.replicator.link_down(link, now.mono), now)
        self._tell(effects.ViewChanged("members"), effects.ViewChanged("status"))
        return self._finish(now)

    def receive(self, link: int, payload: bytes, bulk: bool, now: Now) -> list[effects.Effect]:
        """A peer's sync message; a bulk one is paid for with credit."""
        self._follow(self.replicator.receive(link, payload, now.mono), now)
        if bulk:
            self._tell(effects.Grant(link, len(payload)))
        return self._finish(now)

    def others_online(self, devices: frozenset[bytes], now: Now) -> list[effects.Effect]:
        """These devices are online, as members tell who are linked with them."""
        if devices != self._others_online:
            self._others_online = devices
            self._tell(effects.ViewChanged("members"))
        return self._finish(now)

    def claim_left(self, wire: bytes, now: Now) -> list[effects.Effect]:
        """Somebody left a claim in the lobby: let them in, or keep it and tell members."""
        self._claimed(wire, now)
        return self._finish(now)

    def tick(self, now: Now) -> list[effects.Effect]:
        """The time of the last `WakeAt` has come."""
        self._woken_for = None
        due = [name for name, at in self._wakes.items() if at <= now.mono]
        for name in due:
            del self._wakes[name]
        if "sync" in due:
            self._follow(self.replicator.tick(now.mono), now)
        if "keys" in due:
            self._mend_keys(now)
        if "words" in due:
            self.workspace.store.purge_words()
        if "age" in due:
            self._sweep(now)
        return self._finish(now)

    # What the user does -------------------------------------------------------------------------

    def write(self, channel: bytes, op: ops.AnyOp, now: Now) -> list[effects.Effect]:
        """Append one operation to the own log of its part. Raises as `write_many`."""
        return self.write_many(channel, [op], now)

    def write_many(
        self, channel: bytes, said: Sequence[ops.AnyOp], now: Now
    ) -> list[effects.Effect]:
        """Append operations of one part to its own log; they go out together.

        Raises:
            TrustError, Unavailable: this device cannot write there now.
            crdt.errors.Invalid: an operation breaks a limit; nothing is written then.
        """
        for statement in spelled_out(self.workspace, channel, said):
            self._write(channel, [statement], now)
        self._write(channel, said, now)
        return self._finish(now)

    def publish(self, news: RosterNews, now: Now) -> list[effects.Effect]:
        """An own roster op, and what follows from it at once.

        Raises:
            TrustError: the rules refuse it; nothing was written.
        """
        self._publish(news, now)
        self._mend_keys(now)
        return self._finish(now)

    def publish_each(self, ops: Iterator[RosterNews], now: Now) -> list[effects.Effect]:
        """Own roster ops, each before the next is made, and the keys that they call for.

        Raises:
            What making them raises, and TrustError when the rules refuse one.
        """
        self.people.mending.at_once = True
        try:
            for news in ops:
                self._publish(news, now)
            self._mend_keys(now)
        finally:
            self.people.mending.at_once = False
        return self._finish(now)

    def open_channel(self, channel: bytes | None, now: Now) -> list[effects.Effect]:
        """The user looks at this channel: fetch it first."""
        self._follow(self.replicator.open_channel(channel, now.mono), now)
        return self._finish(now)

    def awaken(self, now: Now) -> list[effects.Effect]:
        """The engine is new: read what is here and was not read, and see to the keys."""
        self.workspace.follow_clocks(now)
        self.workspace.leave_forked_logs()
        self._read_keys(now)
        if self.workspace.store.is_stale and self.workspace.relay:
            hear_all(self.workspace, self.voiding)
        elif self.workspace.store.is_stale:
            read_everything(self.workspace, self.voiding, now)
        self._judge_again(now)  # An older build kept evidence of forks, and did not go by it.
        self._admit_kept(now)
        self._mend_keys(now)
        self._wakes["age"] = now.mono + SWEEP_PAUSE_MS
        return self._finish(now)

    # Inside: effects ----------------------------------------------------------------------------

    def _tell(self, *told: effects.Effect) -> None:
        self._out.extend(told)

    def _finish(self, now: Now) -> list[effects.Effect]:
        self.budget.open_day(now.wall)  # The next turn is a moment later, or at most ten minutes.
        self.retention.begin_turn(now)
        if self._unsent:
            ids, self._unsent = self._unsent, []
            self._follow(self.replicator.roster_changed(ids, now.mono), now)
        if self.workspace.store.purging:
            self._wakes.setdefault("words", now.mono + PURGE_AFTER_MS)
        out, self._out = self._out, []
        at = min(self._wakes.values(), default=None)
        if at is not None and (self._woken_for is None or at < self._woken_for):
            self._woken_for = at
            out.append(effects.WakeAt(at))
        return out

    def _follow(self, sync_effects: Iterable[sync_ports.Effect], now: Now) -> None:
        """Turn what replication did into effects."""
        for effect in sync_effects:
            match effect:
                case sync_ports.Send(link, priority, payload):
                    self._tell(effects.Send(link, effects.KIND_SYNC, priority, payload))
                case sync_ports.Stored(entries, first, _, prepended):
                    kept = self.retention.arrived(entries, prepended=prepended, now=now)
                    if len(kept) < len(entries):
                        log = entries[0].log
                        self._follow(self.replicator.forgotten([log], now.mono), now)
                    self._read_new(kept, first + len(entries) - len(kept), now)
                case sync_ports.RosterChanged():
                    self._roster_changed(now)
                case sync_ports.ForkProven():
                    self.workspace.leave_forked_logs()
                    self._judge_again(now)
                    self._tell(effects.ViewChanged("members"), effects.ViewChanged("status"))
                case sync_ports.SealsArrived():
                    self._keys_arrived(now)
                case sync_ports.ClaimArrived(wire, _):
                    self._claimed(wire, now)
                case sync_ports.Misbehaved(link, reason):
                    device = self._links.pop(link, b"")
                    removed = device in self.workspace.roster.state.former_devices
                    self._tell(effects.CloseLink(link, reason, parting=removed))
                case sync_ports.ReceiptsChanged(logs):
                    own = {log.channel for log in logs if log.device == self.workspace.device}
                    self._tell(*map(effects.ReachGrew, sorted(own)))
                case sync_ports.ProgressChanged():
                    self._tell(effects.ViewChanged("status"))
                case sync_ports.WakeAt(at):
                    self._wakes["sync"] = at

    # Inside: entries ----------------------------------------------------------------------------

    def _write(self, channel: bytes, said: Sequence[ops.AnyOp], now: Now) -> None:
        written = write(self.workspace, channel, said, now)
        self._tell(*shown(self.workspace, written.changes))
        self.retention.heard(written.changes)
        if isinstance(said[0], ops.NoteUpdate):
            self._tell(effects.NotesArrived(channel))
        elif isinstance(said[0], ops.Erase):
            batch = enumerate(written.entries, written.first_arrival)
            self._show_reading(read(self.workspace, self.voiding, batch, now))
        self._follow(self.replicator.local(written.entries, now.mono), now)

    def _read_new(self, entries: Sequence[Entry], first: int, now: Now) -> None:
        batch = enumerate(entries, first)
        if self.workspace.relay:
            obey_all(self.workspace, self.voiding, batch)
            return
        reading = read(self.workspace, self.voiding, batch, now)
        self._show_reading(reading)
        for channel in self.retention.heard(reading.changes):
            self._follow(self.replicator.rule_changed(channel, now.mono), now)
            self._wakes["age"] = now.mono + SWEEP_PAUSE_MS
        self._name_strays(reading, now)
        if self.voiding.doubts:
            self._judge_again(now)

    def _sweep(self, now: Now) -> None:
        """Forget some of what is too old."""
        swept = self.retention.sweep(now)
        self._wakes["age"] = now.mono + swept.pause_ms
        self._follow(self.replicator.forgotten(swept.logs, now.mono), now)
        if swept.channels:
            self._tell(*map(effects.ChannelRemade, swept.channels))
            self._tell(effects.ViewChanged("channels"))

    def _name_strays(self, reading: Reading, now: Now) -> None:
        """Name what is here of messages that this member took back elsewhere."""
        for channel, salt in strays(self.workspace, reading.changes):
            with suppress(TrustError, Unavailable):  # Another device of this member will.
                for statement in naming(self.workspace, channel, salt):
                    self._write(channel, [statement], now)

    def _judge_again(self, now: Now) -> None:
        """What stands may have changed: read what does now, and forget what does not."""
        turned = None if self.workspace.relay else self.voiding.judge()
        if turned is None:
            return
        self._show_reading(read_turned(self.workspace, self.voiding, turned, now))
        anew = (effects.NotesArrived(channel, anew=True) for channel in turned.notes)
        self._tell(*map(effects.ChannelRemade, turned.fallen), *anew)
        self.workspace.forget_views()

    def _show_reading(self, reading: Reading) -> None:
        files = [effects.FilesNamed(tuple(reading.files))] if reading.files else []
        notes = map(effects.NotesArrived, sorted(reading.notes))
        self._tell(*shown(self.workspace, reading.changes), *files, *notes)

    # Inside: roster and keys --------------------------------------------------------------------

    def _publish(self, news: RosterNews, now: Now) -> None:
        workspace, op = self.workspace, news.op
        try:
            ids = tuple(workspace.roster.add(op.wire))
        except Invalid as error:
            raise TrustError(f"The workspace's rules refuse that: {error}.") from None
        for op_id in ids:
            workspace.store.add_op(op_id, workspace.roster.wire(op_id))
        if news.seals is not None:
            workspace.epochs.add_seals(op.id, news.seals)
            workspace.store.put_seals(op.id, news.seals)
        self._unsent.extend(ids)
        self._roster_changed(now)

    def _roster_changed(self, now: Now) -> None:
        """Ops became part of the history: new names, new keys, perhaps new people to let in."""
        self.workspace.forget_views()
        self._tell(effects.RosterGrew(), effects.ViewChanged("channels"))
        self._tell(effects.ViewChanged("members"), effects.ViewChanged("status"))
        self.people.roster_changed()
        self._judge_again(now)
        if self._read_keys(now):
            self._admit_kept(now)
        self._keys_due(now)

    def _keys_arrived(self, now: Now) -> None:
        """Seals are here: perhaps this device can write now, and hand keys on itself."""
        if self._read_keys(now):
            self._tell(effects.RosterGrew())
            self._admit_kept(now)
            self._keys_due(now)

    def _keys_due(self, now: Now) -> None:
        if (due := self.people.mending.due(now)) is not None:
            self._wakes["keys"] = due

    def _read_keys(self, now: Now) -> bool:
        """Open what epoch keys are here now, and read what waited for them; whether some came."""
        workspace = self.workspace
        if workspace.relay:
            return False
        fresh = workspace.epochs.refresh()
        for epoch in fresh:
            workspace.store.put_epoch_key(epoch, workspace.epochs.key(epoch))
        if fresh:
            workspace.forget_views()
            self._tell(effects.ViewChanged("channels"), effects.ViewChanged("members"))
            self._show_reading(read_waiting(workspace, self.voiding, fresh, now))
        return bool(fresh)

    def _claimed(self, wire: bytes, now: Now) -> None:
        """Let somebody in; who may not keeps the claim and shows it to those who may.

        A claim that is no good, or nothing new, costs whoever sent it nothing: it may have been
        good until a moment ago.
        """
        try:
            news = self.people.claimed(wire, now)
            if news is not None:
                self._publish(news, now)
        except (Invalid, TrustError):
            return
        if news is not None:
            self._mend_keys(now)
            return
        for link, device in self._links.items():
            if self.people.is_witness(device):
                self._follow(self.replicator.send_claim(link, wire, now.mono), now)

    def _admit_kept(self, now: Now) -> None:
        """Without the key this device could not witness; claims that came meanwhile wait."""
        if self.people.is_witness(self.workspace.device) and self.workspace.has_key:
            for kept in self.workspace.store.claims():
                self._claimed(kept.wire, now)

    def _mend_keys(self, now: Now) -> None:
        """Hand keys to devices that lack them, and make new ones where none is usable."""
        while (news := self.people.next_mending(now)) is not None:
            with suppress(TrustError, Unavailable):  # Refused: it is somebody else's to do.
                self._publish(news, now)
                for channel, said in said_again(self.workspace, news.op):
                    self._write(channel, said, now)
        self._keys_due(now)
