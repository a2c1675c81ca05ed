"""What the face knows of the workspace, kept up to date by events. Pure.

Messages are not here: the timelines hold those they show. Everything else is small and whole.
"""

from dataclasses import dataclass, field

from chat.events import (
    ChannelChanged,
    ChannelGone,
    Event,
    MembersChanged,
    PrivateChanged,
    StatusChanged,
    TransferChanged,
    TypingShown,
)
from chat.model import Author, Channel, Member, Private, Status, Transfer
from tui import attention, privacy
from tui.limits import TYPING_SHOWN_SECONDS
from tui.text.frame import Progress


@dataclass
class World:
    """Status, channels, members, transfers, who is writing, and what is this member's alone."""

    status: Status = field(default_factory=lambda: Status("none"))
    channels: dict[str, Channel] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    transfers: dict[str, Transfer] = field(default_factory=dict)
    private: Private = field(default_factory=Private)
    shown: str = ""
    """The id of the channel that was on the screen last."""
    writing: dict[tuple[str, str], tuple[Author, float]] = field(default_factory=dict)

    def apply(self, event: Event, now: float) -> None:
        """Take an event; `now` in seconds of a clock that does not go back."""
        match event:
            case StatusChanged(status=status):
                self.status = status
            case ChannelChanged(channel=channel):
                self.channels[channel.id] = channel
            case ChannelGone(channel=gone):
                self.channels.pop(gone, None)
            case MembersChanged(members=members):
                self.set_members(members)
            case TransferChanged(transfer=transfer):
                self.transfers[transfer.id] = transfer
            case PrivateChanged(private=private):
                self.private = private
            case TypingShown(channel=name, author=author):
                self.writing[name, author.member] = (author, now + TYPING_SHOWN_SECONDS)
            case _:
                pass

    def set_channels(self, channels: list[Channel]) -> None:
        self.channels = {channel.id: channel for channel in channels}

    def set_members(self, members: tuple[Member, ...] | list[Member]) -> None:
        self.members = {member.member: member for member in members}

    def set_transfers(self, transfers: list[Transfer]) -> None:
        self.transfers = {transfer.id: transfer for transfer in transfers}

    @property
    def listed(self) -> list[Channel]:
        """Channels as they stand in the list: those of the workspace, general first of them, then
        by kind and name; direct ones last, by who is in them."""

        def place(channel: Channel) -> tuple[object, ...]:
            other = attention.partner(channel)
            name = (channel.name if other is None else f"{other.name} {channel.name}").lower()
            kind = privacy.KINDS.index(privacy.kind(channel))
            return other is not None, kind, channel.name != "general", name

        return sorted(self.channels.values(), key=place)

    def channel(self, given: str) -> Channel | None:
        """A channel by id or name; a leading # and the case of letters do not matter."""
        if given in self.channels:
            return self.channels[given]
        name = given.removeprefix("#").lower()
        return next((c for c in self.channels.values() if c.name.lower() == name), None)

    @property
    def me(self) -> str:
        """This member's id, "" before a workspace is joined."""
        mine = next((m.member for m in self.members.values() if m.me), "")
        return mine or self.status.member

    def colour(self, member: str) -> str:
        """The colour a member chose, "" for none."""
        known = self.members.get(member)
        return known.colour if known is not None else ""

    def readers(self, channel: Channel | None) -> list[Member]:
        """Who is in a channel: those whom it is sealed for, else everybody, with the relays."""
        if channel is None or not channel.limited:
            return list(self.members.values())
        return [self.members[a.member] for a in channel.members if a.member in self.members]

    def mentionable(self, recent: list[Author], channel: Channel | None = None) -> list[str]:
        """Nicks to complete: those who spoke last, then everybody who reads the channel."""
        readers = [m for m in self.readers(channel) if m.role != "relay" and not m.me]
        nicks = [author.call for author in recent if author.member != self.me]
        return list(dict.fromkeys([*nicks, *sorted(member.call for member in readers)]))

    def next_unread(self, current: str) -> Channel | None:
        """The channel to read next: mentions first, then the nearest below in the list.

        One that may ring for nothing is passed over.
        """
        listed = self.listed
        at = next((i for i, c in enumerate(listed) if c.id == current), -1)
        around = [c for c in listed[at + 1 :] + listed[: at + 1] if c.id != current]
        around = [c for c in around if attention.alerts(self.private, c) != "off"]
        mentioned = [c for c in around if attention.called(c)]
        unread = [c for c in around if c.unread]
        return next(iter(mentioned + unread), None)

    def step(self, current: str, by: int) -> Channel | None:
        """The channel `by` places from the current one, round the ends."""
        listed = self.listed
        if not listed:
            return None
        at = next((i for i, c in enumerate(listed) if c.id == current), 0)
        return listed[(at + by) % len(listed)]

    def writers(self, channel: str, now: float) -> list[str]:
        """Nicks of those who write in a channel now."""
        for key, (_, until) in list(self.writing.items()):
            if until <= now:
                del self.writing[key]
        return sorted(
            author.name for (name, _), (author, _) in self.writing.items() if name == channel
        )

    def stop_writing(self, channel: str, member: str) -> None:
        """Who has just posted does not write any more."""
        self.writing.pop((channel, member), None)

    def progress(self, file: str) -> Progress | None:
        """What a file's row says of its transfer, None when there is none under way."""
        transfer = self.transfers.get(file)
        if transfer is None or transfer.state == "done":
            return None
        share = transfer.done / transfer.total if transfer.total else 0.0
        if transfer.state == "failed":
            return Progress(share, "failed")
        if transfer.state == "wanted":
            return Progress(share, "waits for a holder")
        nicks = ", ".join(nick for nick, _ in transfer.sources[:3])
        return Progress(share, f"{share:.0%} from {nicks}" if nicks else f"{share:.0%}")


def provenance(transfer: Transfer) -> str:
    """Where a file came from: `from ana 61%, bo 39%, 0.4 s, 3 holders`."""
    return transfer.provenance
