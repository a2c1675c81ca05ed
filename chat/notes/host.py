"""Shared notes for the node: takes signed updates, gives text, makes own updates.

For each channel the host keeps the canonical order and what the worker's document is built of.
After new updates it compares the two: if the document is a beginning of the order, the rest is
applied; else the document is built anew from the first update on (5,000 updates: 0.1 to 0.4 s).
Only an update made without knowledge of the newest ones has its place before them, so this happens
about once for each such meeting, and never more often than one build takes: whatever arrives while
one is running is taken together afterwards.

An own change is applied at once and handed out to become an entry. Until that entry comes back
through `add` it is *pending*: it stands behind everything in the order. Changes must become
entries in the order in which they were handed out; if one cannot be written, `forget_pending`
takes the text back to what is written.

An update that the rules refuse is quarantined, the same on every replica. An update that ends the
worker is found (suspects.py) and set aside here; after several of them a channel's notes
stay closed until they are loaded anew, and nothing but these notes is affected.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from chat.notes import pipe, suspects
from chat.notes.channel import ChannelNotes, Stretch, stretches
from chat.notes.errors import BadSplice, NotesFailed, TooLarge, WorkerDied
from chat.notes.limits import (
    AUTHORS_MAX,
    EDIT_MAX_BYTES,
    EDIT_MAX_HUNKS,
    REQUEST_SECONDS,
    SMALL_EDIT_CHARS,
    SPLICES_MAX,
)
from chat.notes.process import Worker
from chat.notes.splices import Hunk, Splice, carried, difference, hunks_of
from crdt import notes as rules
from crdt import yjs_update
from crdt.errors import Invalid
from crdt.notes import SignedUpdate
from crdt.ops import NoteUpdate


@dataclass(frozen=True, slots=True)
class NotesView:
    """A channel's notes now.

    Attributes:
        text: free of control characters but for line ends and tabs.
        version: grows with each change of the text here.
        authors: (start, length, member), code points, covering the text.
        quarantined: entry id and reason of each update that takes no part.
        waiting: updates that wait for others that are not here.
        set_aside: those of `quarantined` that ended a worker here, for `load` the next time. The
            others must not be given to it: the rules judge them anew with each update that comes.
    """

    text: str
    version: int
    authors: tuple[Stretch, ...]
    quarantined: dict[bytes, str]
    waiting: int
    set_aside: dict[bytes, str]


class NotesHost:
    """The notes of all open channels. Close it with `aclose`."""

    def __init__(self) -> None:
        self._worker = Worker()
        self._channels: dict[bytes, ChannelNotes] = {}
        self._looking_back = asyncio.Lock()

    @property
    def worker_pid(self) -> int | None:
        """The process that holds the texts now, if any does."""
        return self._worker.pid

    async def load(
        self,
        channel: bytes,
        updates: Sequence[SignedUpdate],
        set_aside: Collection[bytes] = (),
    ) -> None:
        """Open a channel's notes anew, without the updates that ended a worker before."""
        notes = self._channels[channel] = ChannelNotes(channel)
        for entry_id in set_aside:
            notes.leave_out(entry_id)
        await self.add(channel, updates)

    async def add(self, channel: bytes, updates: Sequence[SignedUpdate]) -> None:
        """Take updates of an open channel, in any order; known ones change nothing.

        Raises:
            NotesFailed: the text cannot be built; the updates are kept.
        """
        notes = self._channels[channel]
        notes.arrived += updates
        async with notes.lock:
            notes.take_arrived()
            await self._bring_up(notes)

    async def unload(self, channel: bytes) -> None:
        """Close a channel's notes."""
        notes = self._channels.pop(channel)
        async with notes.lock:
            if notes.generation == self._worker.generation and notes.built:
                # A worker that died over this has forgotten the channel, too.
                with suppress(WorkerDied):
                    await self._worker.ask(pipe.Close(channel, REQUEST_SECONDS))

    async def read(self, channel: bytes) -> NotesView:
        """The text now. Raises NotesFailed."""
        notes = self._channels[channel]
        async with notes.lock:
            await self._bring_up(notes)
            return NotesView(
                notes.text,
                notes.version,
                notes.authors(),
                notes.order.quarantined,
                notes.order.waiting,
                dict(notes.set_aside),
            )

    def replayed(self, channel: bytes) -> Sequence[SignedUpdate]:
        """The updates that make the text, in order."""
        return self._channels[channel].order.replayed

    async def text_after(self, channel: bytes, entry_id: bytes) -> tuple[str, tuple[Stretch, ...]]:
        """The text as it was after an update of `replayed`, and its authors as in NotesView.

        It is built in a process of its own, so nothing that goes wrong there costs the text of
        now; one at a time, as each may take the memory of a long text.

        Raises:
            NotesFailed: there is no such update, or the text cannot be built.
        """
        replayed = self.replayed(channel)
        place = next((at for at, each in enumerate(replayed) if each.entry_id == entry_id), None)
        if place is None:
            raise NotesFailed("these notes have no such version any more")
        past = replayed[: place + 1]
        members = list(dict.fromkeys(each.member for each in past))[:AUTHORS_MAX]
        numbers = {member: number for number, member in enumerate(members)}
        steps = [(numbers.get(each.member, len(members) - 1), each.op.update) for each in past]
        async with self._looking_back:
            worker = Worker()
            try:
                build = pipe.Build(channel, 0, 0, steps, False, suspects.seconds_for(len(steps)))
                answer = await worker.ask(build)
            except WorkerDied as error:
                raise NotesFailed(str(error)) from None
            finally:
                await worker.aclose()
        if not isinstance(answer, pipe.Built):
            raise NotesFailed("this version of the notes cannot be built")
        return answer.text, stretches(answer.runs, members)

    async def set_text(
        self, channel: bytes, text: str, client: int, member: bytes = b""
    ) -> NoteUpdate | None:
        """Make the notes read `text` by a small change, for the caller to write as an entry.

        A change that does not fit one entry is made in parts: ask again until None comes.
        `client` is `crdt.notes.client_id` of the own log, `member` who it is shown to be by.

        Raises:
            NotesFailed: the notes cannot be edited now.
        """
        wanted = yjs_update.clean(text)
        notes = self._channels[channel]
        async with notes.lock:
            await self._ready(notes, client)
            part = _first_part(difference(notes.text, wanted))
            try:
                return await self._change(notes, part, member)
            except TooLarge:
                return await self._change(notes, _small_part(part), member)

    async def splice(
        self,
        channel: bytes,
        splices: Sequence[Splice],
        version: int,
        client: int,
        member: bytes = b"",
    ) -> NoteUpdate | None:
        """Make edits (index, deleted, inserted), each after the one before it.

        They were made against the text of `version` and are carried to the text of now. None when
        they come to nothing.

        Raises:
            BadSplice: outside the text, or against a version that is too old.
            TooLarge: more than fits an entry.
            NotesFailed: the notes cannot be edited now.
        """
        notes = self._channels[channel]
        if len(splices) > SPLICES_MAX:
            raise TooLarge("this is too much for one change of the notes")
        cleaned = [(at, deleted, yjs_update.clean(text)) for at, deleted, text in splices]
        async with notes.lock:
            await self._ready(notes, client)
            since = notes.since(version)
            if since is None:
                raise BadSplice("these notes have changed too much since; read them again")
            try:
                hunks = hunks_of(cleaned, notes.length_at(version))
            except ValueError as error:
                raise BadSplice(str(error)) from None
            for theirs in since:
                hunks = carried(hunks, theirs)
            hunks = [hunk for hunk in hunks if hunk[0] < hunk[1] or hunk[2]]
            if _first_part(hunks) != hunks:
                raise TooLarge("this is too much for one change of the notes")
            return await self._change(notes, hunks, member)

    async def forget_pending(self, channel: bytes) -> None:
        """Take back own changes that were handed out and have not come back through `add`."""
        notes = self._channels[channel]
        async with notes.lock:
            notes.pending.clear()
            await self._bring_up(notes)

    async def cursor_at(self, channel: bytes, index: int) -> bytes:
        """A place that moves with the text, for an index of code points. Raises NotesFailed."""
        notes = self._channels[channel]
        async with notes.lock:
            await self._bring_up(notes)
            if not notes.built or index <= 0:
                return rules.encode_cursor(None)
            index = min(index, len(notes.text))
            answer = await self._ask(notes, pipe.Mark(notes.id, index, REQUEST_SECONDS))
            if not isinstance(answer, pipe.Place):
                raise NotesFailed("the notes have no place for this cursor")
            return rules.encode_cursor(answer.unit)

    async def cursor_index(self, channel: bytes, cursor: bytes) -> int:
        """Where a cursor stands now, as an index of code points.

        Raises:
            crdt.errors.Invalid: it is no cursor, or stands beside text that is not here yet.
            NotesFailed.
        """
        notes = self._channels[channel]
        async with notes.lock:
            await self._bring_up(notes)
            unit = rules.decode_cursor(cursor, notes.order, notes.pending_clocks())
            if unit is None:
                return 0
            answer = await self._ask(notes, pipe.Find(notes.id, *unit, REQUEST_SECONDS))
            if not isinstance(answer, pipe.Found) or not 0 <= answer.index <= len(notes.text):
                raise NotesFailed("the notes have no place for this cursor")
            return answer.index

    async def aclose(self) -> None:
        """End the worker."""
        self._channels.clear()
        await self._worker.aclose()

    async def _ask(self, notes: ChannelNotes, request: pipe.Request) -> pipe.Answer:
        """Ask something that no update can be blamed for; if the worker dies, it counts, too."""
        try:
            return await self._worker.ask(request)
        except WorkerDied as error:
            notes.crashed(None)
            raise NotesFailed(str(error)) from None

    async def _ready(self, notes: ChannelNotes, client: int) -> None:
        """Bring the document up, so that it writes as `client`."""
        if notes.order.waits(client):
            raise NotesFailed("these notes are still arriving; they can be edited in a moment")
        if notes.client != client:
            notes.client = client
            notes.pending.clear()
            notes.built.clear()
        await self._bring_up(notes)

    async def _bring_up(self, notes: ChannelNotes) -> None:
        """Make the worker's document what the order says.

        Raises:
            NotesFailed: too many updates ended the worker.
        """
        if notes.generation != self._worker.generation:
            notes.built.clear()
        while not notes.is_up():
            notes.check_open()
            base, steps = notes.lacking()
            request = pipe.Build(
                notes.id, notes.client, base, steps, False, suspects.seconds_for(len(steps))
            )
            try:
                answer = await self._worker.ask(request)
            except WorkerDied:
                await self._blame(notes)
                continue
            notes.generation = self._worker.generation
            if isinstance(answer, pipe.Built):
                notes.now_built(answer.text, answer.runs)
            elif isinstance(answer, pipe.Refused):
                notes.crashed(base + answer.index)
            else:
                raise NotesFailed("the process of the notes gave an answer that makes no sense")

    async def _blame(self, notes: ChannelNotes) -> None:
        """The worker died over this channel: find the update that did it and set it aside."""
        notes.built.clear()
        _, steps = notes.lacking()
        notes.crashed(await suspects.find(steps))

    async def _change(
        self, notes: ChannelNotes, hunks: Sequence[Hunk], member: bytes
    ) -> NoteUpdate | None:
        """Make an own change and check it as a stranger's. Raises TooLarge, NotesFailed."""
        if not hunks:
            return None
        while True:
            if not notes.built:
                await self._begin(notes)
            author = notes.author_number(member)
            edit = pipe.Edit(notes.id, author, list(hunks), REQUEST_SECONDS)
            try:
                answer = await self._worker.ask(edit)
                break
            except WorkerDied:
                before = notes.text
                await self._blame(notes)
                notes.check_open()
                await self._bring_up(notes)
                if notes.text != before:
                    raise NotesFailed("the notes changed just now; please try again") from None
        if not isinstance(answer, pipe.Built):
            raise NotesFailed("the process of the notes gave an answer that makes no sense")
        try:
            op = notes.own(answer.update)
        except Invalid:
            notes.built.clear()
            raise TooLarge("this is too much for one change of the notes") from None
        notes.handed_out(op, member, answer.text, answer.runs)
        return op

    async def _begin(self, notes: ChannelNotes) -> None:
        """An empty document, or the present one built again."""
        base, steps = notes.lacking()
        request = pipe.Build(
            notes.id, notes.client, base, steps, False, suspects.seconds_for(len(steps))
        )
        await self._ask(notes, request)
        notes.generation = self._worker.generation


def _first_part(hunks: Sequence[Hunk]) -> list[Hunk]:
    """As much of a change as fits one entry."""
    part: list[Hunk] = []
    left = EDIT_MAX_BYTES
    for start, end, text in hunks[:EDIT_MAX_HUNKS]:
        data = text.encode()
        if len(data) > left:
            fits = data[:left].decode("utf-8", "ignore")
            if fits:
                # What it replaces goes with the last part, so nothing is missing in between.
                part.append((start, start, fits))
            break
        part.append((start, end, text))
        left -= len(data)
    return part


def _small_part(hunks: Sequence[Hunk]) -> list[Hunk]:
    """The beginning of a change, small enough for any document."""
    start, end, text = hunks[0]
    return [
        (start, min(end, start + SMALL_EDIT_CHARS), text if end - start <= SMALL_EDIT_CHARS else "")
    ]
