"""One workspace as this device holds it: who we are in it, its keys and its store.

The parts of the engine share this object. It has no I/O of its own; the store it is given is the
caller's, within the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from chat import nicks
from chat.errors import NotFound, TrustError, Unavailable
from chat.model_people import PETNAME_MARK
from crdt import ops, text
from crdt.clock import HybridClock
from crdt.entry import Entry, LogId
from crdt.epochs import Epochs
from crdt.errors import Invalid, NotReadable
from crdt.keys import DeviceKeys, Entropy, digest
from crdt.limits import CHANNEL_NAME_MAX_CHARS, ID_BYTES, NICK_MAX_CHARS, ROSTER_PARENTS_MAX
from crdt.registers import counts, needs_right
from crdt.roster import Roster
from crdt.roster_ops import LEVEL_RELAY, LEVEL_WRITER_MAX, MODE_PUBLIC

if TYPE_CHECKING:
    from chat.store import WorkspaceStore

NAME_SETTING = "name"
"""The setting that names a private channel, in its own state."""
NAME_REGISTER = f"set/{NAME_SETTING}"


class Now(NamedTuple):
    """The time, twice: wall milliseconds for people, monotonic milliseconds for timers."""

    wall: int
    mono: int


class Identity(msgspec.Struct, array_like=True, frozen=True):
    """Who this device is in one workspace, as the store keeps it. Secrets; never logged."""

    workspace: bytes
    member: bytes
    sign_seed: bytes
    link_secret: bytes
    box_secret: bytes
    net_key: bytes
    relay: bool = False

    def __repr__(self) -> str:
        return f"Identity(workspace={self.workspace.hex()[:8]})"

    @property
    def keys(self) -> DeviceKeys:
        return DeviceKeys(self.sign_seed, self.link_secret, self.box_secret)


def directory_channel(workspace: bytes) -> bytes:
    """The built-in channel whose state holds the members' profiles and the workspace's name."""
    return digest(b"x1.directory", workspace)[:ID_BYTES]


def workspace_scope(workspace: bytes) -> bytes:
    """The scope of everybody."""
    return digest(b"x1.scope", workspace)[:ID_BYTES]


@dataclass
class Workspace:
    """What the engine's parts share."""

    identity: Identity
    store: WorkspaceStore
    roster: Roster
    epochs: Epochs
    entropy: Entropy
    incarnation: bytes
    clock: HybridClock = field(default_factory=HybridClock)
    _names: dict[bytes, str] | None = None
    _nicks: dict[bytes, str] | None = None
    _shown: dict[bytes, str] | None = None
    _petnames: Mapping[bytes, str] = field(default_factory=dict)
    _titles: dict[bytes, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.id = self.identity.workspace
        self.keys = self.identity.keys
        self.device = self.keys.public.sign
        self.directory = directory_channel(self.id)
        self.scope = workspace_scope(self.id)
        self.relay = self.identity.relay
        own = [log.head_hlc for log in self.store.logs() if log.log.device == self.device]
        self.clock.last = max(own, default=0)

    @classmethod
    def load(
        cls, identity: Identity, store: WorkspaceStore, entropy: Entropy, incarnation: bytes
    ) -> Workspace:
        """A workspace as its store has it.

        Raises:
            StoreError: the disk refuses.
        """
        roster = Roster(identity.workspace)
        for wire in store.ops():
            roster.add(wire)
        device_keys = None if identity.relay else identity.keys
        epochs = Epochs(roster, device_keys, store.epoch_keys(), store.seals())
        return cls(identity, store, roster, epochs, entropy, incarnation)

    def follow_clocks(self, now: Now) -> None:
        """Go on behind everything that is here and not far ahead of now: a message from a clock
        that is years ahead must not take this one there, neither when it comes nor later. That
        holds for own ones, too, once the own clock is right again."""
        for log in self.store.logs():
            self.clock.merge(log.head_hlc, now.wall)

    @property
    def me(self) -> bytes:
        """This device's member, 16 bytes."""
        return self.identity.member

    @property
    def level(self) -> int | None:
        """My level, None before I am admitted and after I am removed."""
        member = self.roster.state.members.get(self.me)
        if member is None or self.device not in self.roster.state.devices:
            return None
        return member.level

    @property
    def was_member(self) -> bool:
        """Whether this device was in once and is no more."""
        return self.device in self.roster.state.former_devices

    def member_of(self, device: bytes) -> bytes | None:
        """The member a device belongs or belonged to."""
        state = self.roster.state
        known = state.devices.get(device) or state.former_devices.get(device)
        return None if known is None else known.member

    def register_heads(self, roster_hash: bytes) -> None:
        """Let the roster know heads that a stored entry names.

        What was stored before this start is not registered yet.
        """
        if not self.roster.is_registered(roster_hash):
            self.roster.register_heads(self.store.head_set(roster_hash) or ())

    def counts(self, entry: Entry, op: ops.AnyOp) -> bool:
        """Whether who wrote a stored entry might say this, by the roster heads that it names."""
        if not needs_right(op):
            return True
        self.register_heads(entry.roster)
        level = self.roster.level_at(entry.log.device, entry.roster)
        return level is not None and counts(op, level)

    def heads(self, after: bytes = b"") -> tuple[bytes, ...]:
        """The roster heads that this device's next op lists, or its next entry.

        An entry's heads cover those of the entry before it in its log, whose roster hash is
        `after`: otherwise everybody would refuse it.
        """
        if after == self.roster.heads_hash and len(self.roster.heads) <= ROSTER_PARENTS_MAX:
            return self.roster.heads
        before = (self.store.head_set(after) if after else None) or ()
        return self.roster.parents(self.device, cover=before)

    # Channels ---------------------------------------------------------------------------------

    def scope_of(self, channel: bytes) -> bytes:
        """The scope whose epoch seals a channel."""
        known = self.roster.state.channels.get(channel)
        return self.scope if known is None else known.scope

    def visible(self, channel: bytes, device: bytes) -> bool:
        """Whether a device may replicate a channel: relays all, members what they may read."""
        if self._readers_scope(channel) == self.scope:
            return True
        known = self.roster.state.devices.get(device)
        if known is None:
            return False
        return known.level >= LEVEL_RELAY or known.member in self.readers(channel)

    def readers(self, channel: bytes) -> frozenset[bytes]:
        """Members who may read a channel: those of its scope, and of a public one everybody."""
        return self.roster.state.scopes.get(self._readers_scope(channel), frozenset())

    def _readers_scope(self, channel: bytes) -> bytes:
        # A public channel has a scope, and so a key, of its own; the key is open to everybody.
        known = self.roster.state.channels.get(channel)
        if known is None or known.mode == MODE_PUBLIC:
            return self.scope
        return known.scope

    def channel_names(self) -> dict[bytes, str]:
        """Names by channel id; of channels whose names look the same, all but one get a suffix."""
        if self._names is None:
            self._names = self._read_names()
        return self._names

    def _read_names(self) -> dict[bytes, str]:
        names: dict[bytes, str] = {}
        taken: set[str] = set()
        channels = self.roster.state.channels.values()
        # The senior's channel keeps its name, whatever times others claim: nobody can make a
        # second "general" that is found in place of the founder's.
        for channel in sorted(
            channels, key=lambda c: (self.roster.op(c.op).body.level, c.time_ms, c.op)
        ):
            if channel.id == self.directory or not self.visible(channel.id, self.device):
                continue
            title = self._title(channel.op) if channel.scope == self.scope else ""
            # Who is not in a channel's scope must not learn its name, so a private channel's
            # stands in its own state.
            title = title or self.store.register(channel.id, NAME_REGISTER)
            name = text.clean_name(title, CHANNEL_NAME_MAX_CHARS)
            if not text.look(name):
                name = f"channel-{channel.id.hex()[:4]}"
            if text.look(name) in taken:
                name = f"{name}~{channel.id.hex()[:4]}"
            taken.add(text.look(name))
            names[channel.id] = name
        return names

    def channel_name(self, channel: bytes) -> str:
        """How a channel is called here.

        Raises:
            NotFound: this device is not in it (any more), or it does not exist.
        """
        name = self.channel_names().get(channel)
        if name is None:
            raise NotFound("You are not in that channel any more.")
        return name

    def name(self) -> str:
        """The workspace's own name."""
        channel = self.roster.state.channels.get(self.directory)
        if channel is None:
            return ""
        return text.clean_line(self._title(channel.op), CHANNEL_NAME_MAX_CHARS)

    def _title(self, op: bytes) -> str:
        """The first private value of an op, "" while its key is not here."""
        known = self._titles.get(op)
        if known is None:
            try:
                values = self.epochs.open_private(op)
            except (NotReadable, Invalid):
                return ""
            known = values[0] if values and isinstance(values[0], str) else ""
            self._titles[op] = known
        return known

    def find_channel(self, named: str) -> bytes:
        """The id of a channel given by name (with or without #) or id.

        Raises:
            NotFound: with the names there are.
        """
        wanted = named.removeprefix("#")
        for channel, name in self.channel_names().items():
            if wanted in (name, channel.hex()):
                return channel
        names = ", ".join(sorted(self.channel_names().values())) or "none yet"
        raise NotFound(f"There is no channel “{wanted}” here. Channels: {names}.")

    # Members ----------------------------------------------------------------------------------

    def nick(self, member: bytes) -> str:
        """How everybody sees a member: their nick, with a suffix where it looks like another's."""
        if self._nicks is None:
            self._nicks = self._read_nicks()
        return self._nicks.get(member) or self.own_nick(member)

    def shown(self, member: bytes) -> str:
        """How this device shows a member: by their petname, else their nick, told apart from
        petnames. For eyes here; what is sent or exported has the nick."""
        if self._shown is None:
            self.nick(member)
            self._shown = nicks.as_shown(self._nicks or {}, self._petnames)
        return self._shown.get(member) or self.nick(member)

    def petname(self, member: bytes) -> str:
        """What this device's member calls another, "" for nothing."""
        return self._petnames.get(member, "")

    def call(self, petnames: Mapping[bytes, str]) -> None:
        """Show these members by these names from now on."""
        self._petnames = petnames
        self._shown = None

    def answers_to(self, member: bytes) -> frozenset[str]:
        """What a member answers to here, casefolded, before anybody who answers to a nick."""
        shown = self.shown(member).casefold()
        return frozenset((shown, shown.removesuffix(PETNAME_MARK)))

    def own_nick(self, member: bytes) -> str:
        """What a member calls themselves: in their profile, or else when they came in."""
        profile = self.store.register(self.directory, f"nick/{member.hex()}")
        return self._clean_nick(member, profile or self._nick_at_admission(member))

    def _read_nicks(self) -> dict[bytes, str]:
        state = self.roster.state
        members = {*state.members, *(device.member for device in state.former_devices.values())}
        profiles = self.store.registers(self.directory, "nick/")
        named: dict[bytes, str] = {}
        for member in members:
            said = profiles.get(f"nick/{member.hex()}") or self._nick_at_admission(member)
            named[member] = self._clean_nick(member, said)
        rivals = (member for group in nicks.rivals(named) for member in group)
        return nicks.tell_apart(named, {m: self._standing(m, named[m]) for m in rivals})

    def _standing(self, member: bytes, nick: str) -> nicks.Standing:
        known = self.roster.state.members.get(member)
        if known is None:  # Was removed, and makes room for who is in.
            return nicks.Standing(LEVEL_RELAY + 1, False, 0, member)
        if known.admit_op is None:
            return nicks.Standing(known.level, False, 0, member)
        renamed = text.look(self._nick_at_admission(member)) != text.look(nick)
        at = self.roster.op(known.admit_op).body.time
        return nicks.Standing(known.level, renamed, at, member)

    def _nick_at_admission(self, member: bytes) -> str:
        state = self.roster.state
        admitted = state.members.get(member) or state.former_members.get(member)
        if admitted is None or admitted.admit_op is None:
            return ""
        return self._clean_nick(member, self._title(admitted.admit_op))

    def _clean_nick(self, member: bytes, nick: str) -> str:
        shown = text.clean_name(nick, NICK_MAX_CHARS)
        return shown if text.look(shown) else member.hex()[:8]

    def forget_views(self) -> None:
        """The roster, keys or profiles changed: read names anew."""
        self._names = self._nicks = self._shown = None

    # Keys -------------------------------------------------------------------------------------

    def sending_epoch(self, channel: bytes) -> bytes:
        """The epoch to seal with.

        Raises:
            TrustError: this device may not write here.
            Unavailable: the keys are being renewed.
        """
        level = self.level
        if level is None or level > LEVEL_WRITER_MAX:
            raise TrustError("This device may not write in this workspace.")
        scope = self.scope_of(channel)
        if self.epochs.current(scope) is None:
            raise Unavailable("The workspace's keys are being renewed; try again in a moment.")
        epoch = self.epochs.sendable(scope)
        if epoch is None:
            raise Unavailable(
                "This device has no key yet; it arrives when another member is linked."
            )
        return epoch

    @property
    def has_key(self) -> bool:
        """Whether this device can seal for the workspace's own scope now."""
        return self.epochs.sendable(self.scope) is not None

    def own_log(self, channel: bytes, part: int) -> LogId:
        """Where this device writes."""
        return LogId(channel, part, self.device, self.incarnation)

    def leave_forked_logs(self) -> None:
        """Go on in new logs if the ones of now are proven to be forked: somebody else uses this
        device's key, and what is added there counts for nobody."""
        own = (self.device, self.incarnation)
        if any((log.device, log.incarnation) == own for log in self.store.fork_points()):
            self.incarnation = self.store.renew_incarnation(self.entropy)
