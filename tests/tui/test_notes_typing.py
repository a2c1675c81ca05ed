"""Two who type at the same place of shared notes, each with a node of their own."""

import random

from chat.model import Notes
from tests.chat.test_notes_host import CHANNEL, Member, tell
from tui.notes import delta as deltas
from tui.notes.draft import NotesDraft


class Writer:
    """Somebody at a notes pane: what they type goes where their cursor is."""

    def __init__(self, member: Member, words: str) -> None:
        self.member = member
        self.left = words
        self.draft = NotesDraft(Notes("general", ""))
        self.cursor = 0

    async def notes(self) -> Notes:
        view = await self.member.host.read(CHANNEL)
        return Notes("general", view.text, view.version)

    def shows(self, change: deltas.Delta) -> None:
        self.cursor = deltas.map_index(change, self.cursor)

    async def open(self) -> None:
        self.draft = NotesDraft(await self.notes())

    def type(self) -> None:
        letter, self.left = self.left[0], self.left[1:]
        self.draft.edit(deltas.splice(len(self.draft.text), self.cursor, 0, letter))
        self.cursor += 1

    async def send(self) -> None:
        batch = self.draft.batch()
        if batch is not None:
            splices, version = batch
            await self.member.splice(*splices, version=version)
            self.shows(self.draft.confirmed(await self.notes()))

    async def meet(self, other: "Writer") -> None:
        """The node hears what the other's has; the pane is told a little later."""
        await self.member.host.add(CHANNEL, other.member.written)

    async def hear(self) -> None:
        self.shows(self.draft.remote(await self.notes()))


def test_words_typed_at_one_place_at_once_stay_whole() -> None:
    async def story(*team: Member) -> None:
        chance = random.Random(5)
        for rounds in range(1, 9):
            ana, bo = Writer(team[0], "alpha beta"), Writer(team[1], "one two six")
            for writer in (ana, bo):
                await writer.open()
            while ana.left or bo.left:
                writer, other = chance.sample((ana, bo), 2)
                if writer.left:
                    writer.type()
                if chance.random() < 0.4:
                    await writer.send()
                if chance.random() < 0.4:
                    await writer.meet(other)
                if chance.random() < 0.4:
                    await writer.hear()
            for writer, other in ((ana, bo), (bo, ana), (ana, bo)):
                await writer.send()
                await other.meet(writer)
                await other.hear()
            assert ana.draft.text == bo.draft.text
            assert ana.draft.text.count("alpha beta") == rounds
            assert ana.draft.text.count("one two six") == rounds

    tell(story, 2)
