"""Views: rows of the store become the values the face reads, with names in place of ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from chat import history, model
from chat.errors import NotFound
from chat.retention import channel_rule
from chat.workspace import Workspace
from crdt.clock import milliseconds
from crdt.ops import FileInfo
from crdt.registers import Hidden
from crdt.roster_ops import (
    LEVEL_ADMIN_MAX,
    LEVEL_READER,
    LEVEL_RELAY,
    LEVEL_WRITER_MAX,
    MODE_HIDDEN,
    MODE_PUBLIC,
)

if TYPE_CHECKING:
    from chat.store.projection import MessageRow

ID_PREFIX_MIN_DIGITS = 4
_MODES: dict[int, Literal["private", "hidden", "public"]] = {
    0: "private",
    1: "hidden",
    2: "public",
}


def role(level: int) -> Literal["founder", "admin", "member", "reader", "relay"]:
    """The word for a level."""
    if level == 0:
        return "founder"
    if level <= LEVEL_ADMIN_MAX:
        return "admin"
    if level <= LEVEL_WRITER_MAX:
        return "member"
    return "reader" if level < LEVEL_RELAY else "relay"


class Views:
    """Builds what the face reads.

    `have` tells which share of a file's blocks is here; `online` which members are present;
    `verified` how a member who is in stands with this one; `away` who says that they are away;
    `ignored` of whom this member wants to hear nothing.
    """

    def __init__(
        self,
        workspace: Workspace,
        have: Callable[[FileInfo], float],
        online: Callable[[], set[bytes]],
        verified: Callable[[bytes], model.Verified] = lambda _: "no",
        *,
        away: Callable[[], Mapping[bytes, str]] = dict,
        ignored: Callable[[], frozenset[bytes]] = frozenset,
    ) -> None:
        self._workspace = workspace
        self._have = have
        self._online = online
        self._verified = verified
        self._away = away
        self._ignored = ignored

    def author(self, member: bytes) -> model.Author:
        workspace = self._workspace
        return model.Author(member.hex(), workspace.nick(member), self._shown(member))

    def _shown(self, member: bytes) -> str:
        nick, shown = self._workspace.nick(member), self._workspace.shown(member)
        return "" if shown == nick else shown

    def message(self, row: MessageRow) -> model.Message:
        """A message; its channel is named as in the list."""
        workspace = self._workspace
        ignored = row.member in self._ignored()
        return model.Message(
            id=row.mid.hex(),
            channel=workspace.channel_names().get(row.channel, row.channel.hex()),
            author=self.author(row.member),
            at=row.at_ms,
            text=row.text,
            order=f"{row.hlc:016x}{row.mid.hex()}",
            reply_to=row.reply_to.hex() if row.reply_to else None,
            edited=row.edited,
            deleted=row.deleted,
            reactions={
                emoji: tuple(self.author(member) for member in members)
                for emoji, members in row.reactions.items()
            },
            files=tuple(self.file(info) for info in row.files),
            reached=self.reached(row),
            ahead_ms=row.ahead_ms,
            mine=row.mine,
            mentions_me=workspace.me in row.mentions and not ignored,
            replies=row.replies,
            pinned=row.pinned,
            late=row.late,
            channel_id=row.channel.hex(),
            hidden=None if row.hidden is None else self.hidden(row.hidden),
            ignored=ignored,
        )

    def hidden(self, known: Hidden) -> model.Hidden:
        return model.Hidden(self.author(known.member), known.reason)

    def file(self, info: FileInfo) -> model.FileView:
        from chat.blocks.cid import format_cid

        return model.FileView(
            id=format_cid(info.root),
            name=info.name,
            size=info.size,
            type=info.type,
            have=self._have(info),
            width=info.width,
            height=info.height,
            preview=info.preview,
            alt=info.alt,
        )

    def reached(self, row: MessageRow) -> tuple[int, int]:
        """(n, of): other members than the author known to hold the message's entry.

        Of a private channel its members count, of all others everybody; relays never do.
        """
        workspace = self._workspace
        people = set(workspace.readers(row.channel))
        people.discard(row.member)
        holders = set()
        for device, seq in self._workspace.store.receipts(row.log).items():
            if seq >= row.seq:
                member = self._workspace.member_of(device)
                if member in people:
                    holders.add(member)
        if row.member != self._workspace.me and self._workspace.me in people:
            holders.add(self._workspace.me)
        return len(holders), len(people)

    def find_message(self, given: str) -> bytes:
        """The id of a message given by id or a unique beginning of one.

        Raises:
            NotFound: none or several match, or there is too little to look for.
        """
        digits = given.lower().strip()
        if all(c in "0123456789abcdef" for c in digits):
            if len(digits) < ID_PREFIX_MIN_DIGITS:
                raise NotFound(
                    f"“{digits}” is too short to find a message by; give at least "
                    f"{ID_PREFIX_MIN_DIGITS} digits of its id."
                )
            found = self._workspace.store.find_message(digits)
            if len(found) == 1:
                return found[0]
            if found:
                raise NotFound(f"Several messages begin with {digits}; give more digits.")
        raise NotFound(f"There is no message {given} here.")

    def channel(self, channel: bytes) -> model.Channel:
        """A channel that this device is in. Raises NotFound."""
        workspace = self._workspace
        name = workspace.channel_name(channel)
        known = workspace.roster.state.channels[channel]
        unread, mentions = workspace.store.unread(channel, self._ignored())
        last = workspace.store.channel_last(channel)
        gaps = history.gaps(workspace, channel)
        limited = known.scope != workspace.scope and known.mode != MODE_PUBLIC
        readers = workspace.readers(channel)
        authors = [self.author(member) for member in readers] if limited else []
        authors.sort(key=lambda a: (a.member != workspace.me.hex(), a.name.casefold(), a.member))
        return model.Channel(
            id=channel.hex(),
            name=name,
            topic=workspace.store.register(channel, "topic"),
            mode=_MODES.get(known.mode, "private"),
            unread=unread,
            mentions=mentions,
            last_at=milliseconds(last) if last else 0,
            complete=not any(log.lacks_beginning for log in workspace.store.logs(channel)),
            limited=limited,
            readers=len(readers),
            members=tuple(authors),
            direct=limited
            and known.mode != MODE_HIDDEN
            and workspace.me in readers
            and len(readers) == model.DIRECT_READERS,
            keep_days=channel_rule(workspace, channel).days or 0,
            history=not history.is_closed(workspace, channel),
            earlier=bool(gaps),
            gaps=gaps,
        )

    def channels(self) -> list[model.Channel]:
        """General first, then by name."""
        found = [self.channel(channel) for channel in self._workspace.channel_names()]
        return sorted(found, key=lambda c: (c.name != "general", c.name))

    def member(self, member: bytes) -> model.Member:
        """A member who is in. Raises NotFound."""
        known = self._workspace.roster.state.members.get(member)
        if known is None:
            raise NotFound("That member is not in the workspace any more.")
        away = self._away()
        online = member in self._online() or member == self._workspace.me
        return model.Member(
            member=member.hex(),
            nick=self._workspace.nick(member),
            level=known.level,
            role=role(known.level),
            devices=len(known.devices),
            online=online,
            away=online and member in away,
            away_text=away.get(member, "") if online else "",
            me=member == self._workspace.me,
            colour=self.colour(member),
            verified=self._verified(member),
            ignored=member in self._ignored(),
            shown=self._shown(member),
            petname=self._workspace.petname(member),
        )

    def colour(self, member: bytes) -> str:
        """The colour that a member chose, "" for none."""
        workspace = self._workspace
        return workspace.store.register(workspace.directory, f"colour/{member.hex()}")

    def members(self) -> list[model.Member]:
        """Everybody, the most senior first, then by nick."""
        found = [self.member(member) for member in self._workspace.roster.state.members]
        return sorted(found, key=lambda m: (m.level >= LEVEL_READER, m.level, m.name.lower()))
