"""The workspace in a running node: engine, views and turns, and how effects are carried out.

A team begins when the workspace is known: at founding, when an invite's rest was read, or at the
start of a profile that has one. If the store fails, what was in memory is built again from it.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from chat import effects, events, model
from chat.engine import Engine
from chat.engine.talking import Talking
from chat.engine.warnings import warnings
from chat.errors import NoPeer, StoreError, Unavailable
from chat.hub import Hub
from chat.node.newsroom import Newsroom
from chat.node.solitude import Solitude
from chat.node.turns import Turns
from chat.node.verifying import Verified
from chat.profile import OpenProfile
from chat.views import Views
from chat.workspace import Identity, Now, Workspace
from crdt import ops
from crdt.ops import FileInfo

_IDENTITY = "identity"
REACH_SHOWN_MESSAGES = 200
"""Among so many newest messages of a channel, own ones are told again when their reach grows."""
REBUILD_PAUSE_SECONDS = 1.0
"""After the store failed, before memory is built and keys are looked at again."""


def now() -> Now:
    """The time, twice."""
    return Now(time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000)


class Surroundings(Protocol):
    """What a team needs of the node around it."""

    def send(self, link: int, kind: int, priority: int, payload: bytes) -> None:
        """Give a payload to a link."""

    def grant(self, link: int, size: int) -> None:
        """Let a link send more."""

    def close_link(self, link: int, reason: str, *, parting: bool) -> None:
        """End a link of a peer that broke a rule, or that was removed and is told so."""

    def roster_grew(self) -> None:
        """Links and doors are to be looked at again."""

    def links_are_void(self) -> None:
        """Replication begins anew: end every link."""

    def files_named(self, files: tuple[FileInfo, ...]) -> None:
        """A message that came in carries files."""

    def notes_arrived(self, channel: bytes, *, anew: bool) -> None:
        """A channel's notes log grew, or is to be read anew."""

    @property
    def listening(self) -> tuple[str, ...]:
        """Where this node can be dialled, or could when it last listened."""

    @property
    def away(self) -> Mapping[bytes, str]:
        """Members who say that they are away, and why."""

    def status_events(self) -> list[events.Event]:
        """The status as it is now."""

    def transfer_events(self) -> list[events.Event]:
        """Transfers as they are now."""


class Team:
    """One workspace, at work."""

    def __init__(
        self,
        opened: OpenProfile,
        identity: Identity,
        hub: Hub,
        have: Callable[[FileInfo], float],
        around: Surroundings,
        *,
        keep_days: int | None = None,
    ) -> None:
        """`keep_days`: for a relay, what is older is forgotten; None keeps everything."""
        self._keep_days = keep_days
        self.identity = identity
        self.turns = Turns(opened.store, self._carry_out, self._taken_back)
        self._opened = opened
        self._hub = hub
        self._have = have
        self._around = around
        self._timer: asyncio.TimerHandle | None = None
        self._rebuild: asyncio.TimerHandle | None = None
        self._behind_disk = False
        """The store failed, and memory could not be built from it yet."""
        self.ignored: frozenset[bytes] = frozenset()
        """Members of whom this one wants to hear nothing."""
        self.device_names: Mapping[bytes, str] = {}
        """What this member calls devices, whatever they came in as."""
        self._petnames: Mapping[bytes, str] = {}
        self._waiters: list[tuple[bytes, int, asyncio.Future[None]]] = []
        self._build()
        self.solitude = Solitude(self.workspace.store.arrival_max)
        self.newsroom = Newsroom(
            hub,
            self._message_view,
            lambda channel, mids: self.workspace.store.oldest_of(channel, mids),
            lambda channel: self.workspace.channel_names().get(channel),
            {
                "channels": self._channel_events,
                "members": self._member_events,
                "status": around.status_events,
                "transfers": around.transfer_events,
            },
        )

    def _build(self) -> None:
        """Read the workspace from the store."""
        self.workspace = Workspace.load(
            self.identity,
            self._opened.store.workspace(self.identity.workspace),
            secrets.token_bytes,
            self._opened.incarnation,
        )
        self.workspace.call(self._petnames)
        choose = random.SystemRandom().randrange
        self.engine = Engine(self.workspace, choose, keep_days=self._keep_days)
        self.verified = Verified(self._opened.store, self.workspace)
        self.views = Views(
            self.workspace,
            self._have,
            self.engine.present,
            self.verified.standing,
            away=lambda: self._around.away,
            ignored=lambda: self.ignored,
        )
        self.talking = Talking(self.workspace, self.views)
        self._channels = {channel.id for channel in self.views.channels()}
        self._looked_at: bytes | None = None

    def call(self, petnames: Mapping[bytes, str]) -> None:
        """Show these members by these names from now on."""
        self._petnames = petnames
        self.workspace.call(petnames)

    def warnings(self) -> list[str]:
        """Sentences about what is not shown, taken or kept as it came."""
        engine = self.engine
        announced = engine.retention.announced(now())
        return warnings(self.workspace, engine.budget.closed(), announced)

    def address_hints(self) -> tuple[str, ...]:
        """Where an invite's holder finds somebody: here, or where others were met."""
        met = [address.url for address in self.workspace.store.addresses()]
        return tuple(dict.fromkeys((*self._around.listening, *met)))

    # Doing --------------------------------------------------------------------------------------

    def run(
        self, work: Callable[[Now], Sequence[effects.Effect]], *, patient: bool = False
    ) -> None:
        """Do work in this turn. Raises what it raises, and as `Turns.run`."""
        if self._behind_disk:
            self._build()
            self._behind_disk = False
        self.turns.run(lambda: work(now()), patient=patient)

    def attempt(
        self, work: Callable[[Now], Sequence[effects.Effect]], *, patient: bool = False
    ) -> None:
        """Do work that nobody waits for: when the store fails, the user was told of it, links
        were ended, and whatever matters is found again in the store. At the end it comes too
        late, and is not missed."""
        with suppress(StoreError, Unavailable):
            self.run(work, patient=patient)

    def write(self, channel: bytes, op: ops.AnyOp) -> None:
        """Write one operation in this turn."""
        self.run(lambda at: self.engine.write(channel, op, at))

    def remember_address(self, url: str, device: bytes, at: Now) -> Sequence[effects.Effect]:
        """A device was met there."""
        self.workspace.store.remember_address(url, device, at.wall)
        return ()

    def looks_at(self, channel: bytes) -> None:
        """The user reads this channel: what is missing of it is fetched before the rest."""
        if channel != self._looked_at:
            self._looked_at = channel
            self.attempt(lambda at: self.engine.open_channel(channel, at))

    def mark_read(self, channel: bytes, message: bytes | None) -> None:
        """Everything up to a message, or to the newest, is read."""

        def work(_: Now) -> Sequence[effects.Effect]:
            self.workspace.store.mark_read(channel, message)
            return (effects.ViewChanged("channels"),)

        self.run(work)

    async def wait_reached(self, message: bytes, count: int, timeout: float) -> None:
        """Wait until `count` other members hold a message.

        Raises:
            NoPeer: they did not in time.
            Unavailable: this node stops.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (message, count, waiter)
        self._waiters.append(waiting)
        self._look_at_waiters()
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            raise NoPeer(
                "It is safe on this machine, but nobody else has taken it yet; it goes out as "
                "soon as somebody is met."
            ) from None
        finally:
            self._waiters.remove(waiting)

    def close(self) -> None:
        """Finish writing and stop timers; whoever waits is told."""
        with suppress(StoreError):  # Whoever waits has been told.
            self.turns.close()
        for timer in (self._timer, self._rebuild):
            if timer is not None:
                timer.cancel()
        self.newsroom.close()
        for _, _, waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(Unavailable("This Clowder is stopping."))

    # Carrying out -------------------------------------------------------------------------------

    def _carry_out(self, told: Sequence[effects.Effect]) -> None:
        around, newsroom = self._around, self.newsroom
        grew: set[bytes] = set()
        for effect in told:
            match effect:
                case effects.Send(link, kind, priority, payload):
                    around.send(link, kind, priority, payload)
                case effects.MessageTouched():
                    newsroom.touch(effect)
                case effects.ViewChanged(what):
                    newsroom.change(what)
                case effects.Grant(link, size):
                    around.grant(link, size)
                case effects.WakeAt(at):
                    self._wake_at(at)
                case effects.ReachGrew(channel):
                    grew.add(channel)
                case effects.FilesNamed(files):
                    around.files_named(files)
                case effects.NotesArrived(channel, anew):
                    around.notes_arrived(channel, anew=anew)
                case effects.ChannelRemade(channel):
                    newsroom.remade(channel)
                case effects.CloseLink(link, reason, parting):
                    around.close_link(link, reason, parting=parting)
                case effects.RosterGrew():
                    around.roster_grew()
        try:
            if grew:
                self._reach_grew(grew)
            newsroom.tell()
        except StoreError as error:  # It is stored, and cannot be shown.
            self._hub.emit(events.Warned(str(error)))

    def _reach_grew(self, channels: set[bytes]) -> None:
        self._look_at_waiters()
        if not self._hub.has_listeners:
            return
        for channel in channels:
            for mid in self.workspace.store.own_among_newest(channel, REACH_SHOWN_MESSAGES):
                self.newsroom.touch(effects.MessageTouched(channel, mid, False))

    def _look_at_waiters(self) -> None:
        for message, count, waiter in self._waiters:
            row = self.workspace.store.message(message)
            if row is not None and not waiter.done() and self.views.reached(row)[0] >= count:
                waiter.set_result(None)

    def _wake_at(self, at: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay = max(0, at - now().mono) / 1000
        self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self.attempt(lambda at: self.engine.tick(at), patient=True)

    def _taken_back(self, error: StoreError) -> None:
        """The store failed: memory may know what the disk does not, so it is built again."""
        self._around.links_are_void()
        for timer in (self._timer, self._rebuild):
            if timer is not None:
                timer.cancel()
        try:
            self._build()
        except StoreError:
            self._behind_disk = True
        loop = asyncio.get_running_loop()
        self._rebuild = loop.call_later(REBUILD_PAUSE_SECONDS, self._awaken)
        self._hub.emit(events.Warned(str(error)))

    def _awaken(self) -> None:
        self.attempt(lambda at: self.engine.awaken(at))

    # Views --------------------------------------------------------------------------------------

    def _message_view(self, channel: bytes, message: bytes) -> model.Message | None:
        row = self.workspace.store.message(message)
        return None if row is None or row.channel != channel else self.views.message(row)

    def _channel_events(self) -> list[events.Event]:
        known, listed = self._channels, self.views.channels()
        self._channels = {channel.id for channel in listed}
        return [
            *(events.ChannelGone(channel) for channel in sorted(known - self._channels)),
            *(events.ChannelChanged(channel) for channel in listed),
        ]

    def _member_events(self) -> list[events.Event]:
        return [events.MembersChanged(tuple(self.views.members()))]


def load_identity(opened: OpenProfile) -> Identity | None:
    """Who this profile's device is; None before a workspace is known."""
    data = opened.store.get(_IDENTITY)
    if not data:
        return None
    try:
        return msgspec.msgpack.decode(data, type=Identity)
    except (msgspec.MsgspecError, ValueError):
        raise StoreError(
            f"{opened.profile.database_path} is damaged: it does not say who this device is."
        ) from None


def save_identity(opened: OpenProfile, identity: Identity) -> None:
    """Keep who this device is, within the current transaction."""
    opened.store.put(_IDENTITY, msgspec.msgpack.encode(identity))


def forget_identity(opened: OpenProfile) -> None:
    """This device is nobody yet, within the current transaction."""
    opened.store.put(_IDENTITY, b"")
