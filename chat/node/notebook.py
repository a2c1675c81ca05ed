"""Shared notes in a running node: entries to updates, changes to entries, cursors to places.

A channel's notes are opened when somebody asks for them, and kept up from then on. The text is
built by `chat.notes` in a process of its own. An own change becomes an entry before the next one
of the same channel is made, so the log has them in the order in which they were made.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from chat import events, model
from chat.effects import Effect
from chat.engine.ephemeral import CursorAt
from chat.errors import ChatError, Unavailable, UsageError
from chat.hub import Hub
from chat.node import notes_past
from chat.node.notes_past import Said
from chat.node.team import Team
from chat.notes.channel import Stretch
from chat.notes.errors import BadSplice, NotesFailed, TooLarge
from chat.notes.host import NotesHost, NotesView
from chat.workspace import Now
from crdt import clock, ops
from crdt import entry as entries
from crdt.entry import Entry
from crdt.errors import Invalid, NotReadable
from crdt.notes import SignedUpdate, client_id

T = TypeVar("T")

OPEN_CHANNELS_MAX = 32
"""Whose notes are kept up at once; the one asked for longest ago is closed."""
PARTS_MAX = 512
"""Entries that one new text may take: those of the longest, and as many again for what goes."""
TEXT_MAX_BYTES = 4 * 1024 * 1024
"""A book; longer texts are files."""


@dataclass
class _Open:
    """One channel's notes that are kept up.

    Attributes:
        read_to: the arrival number up to which entries were handed to the host.
        sealed: entries whose key was not here.
        said: who wrote each entry that was read, and when, by its id.
        cursors: where other members' cursors are, as they sent them, by member.
        following: something came and is being taken in.
        more: something came meanwhile.
        stale: what was handed over is not what counts now.
    """

    read_to: int = 0
    sealed: list[Entry] = field(default_factory=list)
    said: dict[bytes, Said] = field(default_factory=dict)
    cursors: dict[bytes, bytes] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    following: bool = False
    more: bool = False
    stale: bool = False


class Notebook:
    """The notes of one workspace."""

    def __init__(self, team: Team, hub: Hub) -> None:
        self._team = team
        self._hub = hub
        self._host = NotesHost()
        self._open: dict[bytes, _Open] = {}
        self._following: set[asyncio.Task[None]] = set()

    # What is asked ------------------------------------------------------------------------------

    async def read(self, channel: bytes) -> model.Notes:
        """A channel's notes now."""
        async with self._held(channel) as notes:
            return await self._view(channel, notes)

    async def set_text(self, channel: bytes, text: str) -> model.Notes:
        """Make the notes read `text` by small changes."""
        if len(text.encode(errors="replace")) > TEXT_MAX_BYTES:
            raise UsageError("Notes hold at most 4 MiB; share a longer text as a file.")
        async with self._held(channel) as notes:
            for _ in range(PARTS_MAX):
                op = await self._asked(
                    self._host.set_text(channel, text, self._client(channel), self._me)
                )
                if op is None:
                    break
                await self._write(channel, op)
            return await self._changed(channel, notes)

    async def splice(
        self, channel: bytes, splices: Sequence[tuple[int, int, str]], version: int
    ) -> model.Notes:
        """Make edits against an earlier version of the text."""
        async with self._held(channel) as notes:
            op = await self._asked(
                self._host.splice(channel, splices, version, self._client(channel), self._me)
            )
            if op is not None:
                await self._write(channel, op)
            return await self._changed(channel, notes)

    async def past(self, channel: bytes, limit: int) -> model.NotesPast:
        """The newest earlier states, and what is set aside; each list newest first."""
        async with self._held(channel) as notes:
            view = await self._asked(self._host.read(channel))
            aside = self._aside(channel, notes, view)
            replayed = self._host.replayed(channel)
            return notes_past.listed(self._team, channel, replayed, aside, notes.said, limit)

    async def at(self, channel: bytes, version: str) -> model.Notes:
        """The notes as they were at an earlier state, by its id or a beginning of it."""
        async with self._held(channel):
            await self._asked(self._host.read(channel))
            entry_id = notes_past.called(version, self._host.replayed(channel))
        text, authors = await self._asked(self._host.text_after(channel, entry_id))
        return model.Notes(
            channel=self._team.workspace.channel_name(channel),
            text=text,
            authors=self._named(authors),
        )

    async def restore(self, channel: bytes, version: str) -> model.Notes:
        """Make the notes read as they did, by an edit like any other."""
        return await self.set_text(channel, (await self.at(channel, version)).text)

    async def move_cursor(self, channel: bytes, index: int | None) -> CursorAt:
        """My cursor, as the others are told of it."""
        if index is None:
            return CursorAt(channel, b"")
        async with self._held(channel):
            return CursorAt(channel, await self._asked(self._host.cursor_at(channel, index)))

    # What arrives -------------------------------------------------------------------------------

    def arrived(self, channel: bytes, *, anew: bool = False) -> None:
        """A channel's notes log grew, or a key for it came; with `anew` all of it counts afresh."""
        notes = self._open.get(channel)
        if notes is None:
            return
        if anew:
            notes.stale = True
        self._follow(channel)

    def cursor_moved(self, member: bytes, cursor: CursorAt) -> None:
        """Another member's cursor is somewhere else."""
        notes = self._open.get(cursor.channel)
        if notes is None:
            return
        if cursor.place:
            notes.cursors[member] = cursor.place
        else:
            notes.cursors.pop(member, None)
        self._follow(cursor.channel)

    def member_left(self, member: bytes) -> None:
        """No link leads to a member any more: their cursors are gone."""
        for channel, notes in self._open.items():
            if notes.cursors.pop(member, None) is not None:
                self._follow(channel)

    async def aclose(self) -> None:
        """End the process that holds the texts."""
        for task in list(self._following):
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        await self._host.aclose()

    def forget(self) -> None:
        """What was written was taken back: read everything anew when it is asked for."""
        self._open.clear()

    # Inside -------------------------------------------------------------------------------------

    @property
    def _me(self) -> bytes:
        return self._team.workspace.me

    def _client(self, channel: bytes) -> int:
        log = self._team.workspace.own_log(channel, ops.PART_NOTES)
        return client_id(log.device, log.incarnation, channel)

    @asynccontextmanager
    async def _held(self, channel: bytes) -> AsyncIterator[_Open]:
        """A channel's notes, loaded, for one who has them alone."""
        while True:
            notes = self._open.get(channel)
            if notes is None:
                await self._load(channel)
                continue
            self._open[channel] = self._open.pop(channel)
            async with notes.lock:
                if self._open.get(channel) is notes:  # Nobody has closed them meanwhile.
                    yield notes
                    return

    async def _load(self, channel: bytes) -> None:
        """Open a channel's notes; where that fails, the next who asks tries again."""
        notes = self._open[channel] = _Open()
        async with notes.lock:
            try:
                aside = self._team.workspace.store.quarantined(channel)
                await self._asked(self._host.load(channel, self._fresh(channel, notes), aside))
            except BaseException:
                if self._open.get(channel) is notes:
                    del self._open[channel]
                raise
        await self._make_room()

    async def _make_room(self) -> None:
        for channel in list(self._open)[:-OPEN_CHANNELS_MAX]:
            notes = self._open[channel]
            async with notes.lock:
                if self._open.get(channel) is notes:
                    del self._open[channel]
                    await self._asked(self._host.unload(channel))

    def _fresh(self, channel: bytes, notes: _Open) -> list[SignedUpdate]:
        """What the host has not been given: new entries, and those whose key has come."""
        waiting, notes.sealed = notes.sealed, []
        for arrival, entry in self._team.workspace.store.note_entries(channel, notes.read_to):
            waiting.append(entry)
            notes.said[entry.id] = Said(entry.log.device, clock.milliseconds(entry.hlc))
            notes.read_to = max(notes.read_to, arrival)
        updates = []
        for entry in waiting:
            try:
                update = self._update(entry)
            except NotReadable:
                notes.sealed.append(entry)
                continue
            if update is not None:
                updates.append(update)
        return updates

    def _update(self, entry: Entry) -> SignedUpdate | None:
        """The update in an entry; None when its author wrote something else there.

        Raises:
            NotReadable: the key is not here yet.
        """
        workspace = self._team.workspace
        log = entry.log
        key = workspace.epochs.channel_key(entry.epoch, log.channel)
        try:
            op = ops.decode(entries.open_payload(workspace.id, entry, key), log.part)
        except Invalid:
            return None  # The reader has set it aside, with the reason.
        member = workspace.member_of(log.device)
        if not isinstance(op, ops.NoteUpdate) or member is None:
            return None
        client = client_id(log.device, log.incarnation, log.channel)
        return SignedUpdate(entry.id, client, entry.seq, member, op)

    async def _write(self, channel: bytes, op: ops.NoteUpdate) -> None:
        """Make a change an entry; if that fails, the text goes back."""
        try:
            self._team.write(channel, op)
            await self._team.turns.durable()
        except (ChatError, Invalid) as error:
            if channel in self._open:  # A store that failed has closed all notes.
                await self._asked(self._host.forget_pending(channel))
            if isinstance(error, Invalid):
                raise UsageError(f"That cannot be written into the notes: {error}.") from None
            raise

    def _follow(self, channel: bytes) -> None:
        """Take in what came, and tell. However much comes, one task a channel does it."""
        notes = self._open.get(channel)
        if notes is None:
            return
        notes.more = True
        if notes.following:
            return
        notes.following = True
        task = asyncio.get_running_loop().create_task(self._take_new(channel, notes))
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _take_new(self, channel: bytes, notes: _Open) -> None:
        try:
            while notes.more and self._open.get(channel) is notes:
                async with notes.lock:
                    notes.more = False
                    view = await self._changed(channel, notes)
                if self._hub.has_listeners:
                    self._hub.emit(events.NotesChanged(view))
        except ChatError as error:
            self._hub.emit(events.Warned(str(error)))
        finally:
            notes.following = False

    async def _changed(self, channel: bytes, notes: _Open) -> model.Notes:
        """Give the host what is new, keep what it set aside, and look."""
        if notes.stale:
            notes.stale, notes.read_to, notes.sealed = False, 0, []
            notes.said.clear()
            aside = self._team.workspace.store.quarantined(channel)
            await self._asked(self._host.load(channel, self._fresh(channel, notes), aside))
        updates = self._fresh(channel, notes)
        if updates:
            await self._asked(self._host.add(channel, updates))
        return await self._view(channel, notes)

    async def _view(self, channel: bytes, notes: _Open) -> model.Notes:
        view = await self._asked(self._host.read(channel))
        self._keep_set_aside(channel, view)
        workspace = self._team.workspace
        return model.Notes(
            channel=workspace.channel_name(channel),
            text=view.text,
            version=view.version,
            cursors=await self._cursors(channel, notes),
            authors=self._named(view.authors),
            quarantined=len(self._aside(channel, notes, view)),
            earlier=self._earlier(channel, notes),
        )

    def _earlier(self, channel: bytes, notes: _Open) -> int:
        """How many changes are here that are not for who came into the channel when we did."""
        workspace = self._team.workspace
        closed = set(workspace.epochs.closed_here(workspace.scope_of(channel)))
        return sum(entry.epoch in closed for entry in notes.sealed)

    def _named(self, authors: Iterable[Stretch]) -> tuple[tuple[int, int, str], ...]:
        nick = self._team.workspace.shown
        return tuple((start, length, nick(member)) for start, length, member in authors)

    def _aside(self, channel: bytes, notes: _Open, view: NotesView) -> dict[bytes, str]:
        """What takes no part in these notes, and why: what the rules refuse, and nonsense."""
        # The store has the first reason, and what is set aside of the channel's other parts, too.
        kept = self._team.workspace.store.quarantined(channel)
        return {id_: why for id_, why in (view.quarantined | kept).items() if id_ in notes.said}

    def _keep_set_aside(self, channel: bytes, view: NotesView) -> None:
        """Remember updates that ended the process, so that the next start does not try them.

        What the rules refuse is not remembered: it follows from the updates that are here, and
        may be another one when more of them are.
        """
        store = self._team.workspace.store
        known = store.quarantined(channel)
        fresh = {id_: why for id_, why in view.set_aside.items() if id_ not in known}

        def work(_: Now) -> Sequence[Effect]:
            for entry_id, reason in fresh.items():
                store.quarantine(channel, entry_id, reason)
            return ()

        if fresh:
            self._team.attempt(work)

    async def _cursors(self, channel: bytes, notes: _Open) -> tuple[model.Cursor, ...]:
        shown = []
        for member, place in sorted(notes.cursors.items()):
            try:
                index = await self._host.cursor_index(channel, place)
            except (Invalid, NotesFailed):
                continue  # It stands beside text that is not here yet.
            author = self._team.views.author(member)
            shown.append(model.Cursor(author, index, self._team.views.colour(member)))
        return tuple(shown)

    @staticmethod
    async def _asked(asking: Awaitable[T]) -> T:
        """Ask the host; what it cannot do becomes a sentence for the user."""
        try:
            return await asking
        except (TooLarge, BadSplice) as error:
            raise UsageError(f"{_sentence(error)}.") from None
        except NotesFailed as error:
            raise Unavailable(f"{_sentence(error)}.") from None


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
