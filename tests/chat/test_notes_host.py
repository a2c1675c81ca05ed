"""Members edit notes at once; each sees one text, and a harmful update costs nobody but itself."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import crdt.notes
from chat.notes.errors import BadSplice, NotesFailed, TooLarge
from chat.notes.host import NotesHost
from chat.notes.limits import CRASHES_MAX, VERSIONS_KEPT
from crdt import ops
from crdt.errors import Invalid
from crdt.notes import SignedUpdate, check, client_id
from crdt.ops import NoteUpdate
from crdt.yjs_update import Item, Update, varint
from tests.chat.test_notes_worker import TWICE, nested
from tests.crdt.notes_authors import item, signed, string, update

CHANNEL, OTHER = b"c" * 16, b"o" * 16


class Member:
    """A member's machine: a host, an own log, and all entries that came."""

    def __init__(self, number: int) -> None:
        self.host = NotesHost()
        self.client = client_id(bytes((number,)) * 32, bytes(8), CHANNEL)
        self.name = self.client.to_bytes(16, "big")
        self.written: list[SignedUpdate] = []

    async def write(self, op: NoteUpdate | None) -> SignedUpdate:
        """Make an entry of an own change."""
        assert op is not None
        check(op, self.client)
        ops.encode(op)
        made = signed(self.client, len(self.written), op.update, dict(op.after))
        assert made.op == op
        self.written.append(made)
        await self.host.add(CHANNEL, [made])
        return made

    async def splice(self, *splices: tuple[int, int, str], version: int = 0) -> SignedUpdate:
        version = version or (await self.host.read(CHANNEL)).version
        op = await self.host.splice(CHANNEL, splices, version, self.client, self.name)
        return await self.write(op)

    async def text(self) -> str:
        return (await self.host.read(CHANNEL)).text


def tell(story: Callable[..., Awaitable[None]], members: int = 1) -> None:
    async def run() -> None:
        team = [Member(number) for number in range(members)]
        try:
            for member in team:
                await member.host.load(CHANNEL, [])
            await story(*team)
        finally:
            for member in team:
                await member.host.aclose()

    asyncio.run(run())


def test_three_members_apart_and_together() -> None:
    async def story(*team: Member) -> None:
        rng = random.Random(7)
        for _ in range(8):
            for member in team:
                length = len(await member.text())
                at = rng.randrange(length + 1)
                await member.splice((at, min(2, length - at), rng.choice(("é\n", "😀", "word "))))
            met = [each for member in team for each in member.written]
            for member in team:
                rng.shuffle(met)
                half = len(met) // 2
                await member.host.add(CHANNEL, met[:half])
                await member.host.add(CHANNEL, met[half:])
            views = [await member.host.read(CHANNEL) for member in team]
            assert len({view.text for view in views}) == 1
            assert views[0].authors == views[1].authors == views[2].authors
            assert not any(view.waiting or view.quarantined for view in views)
        newcomer = NotesHost()
        await newcomer.load(CHANNEL, list(reversed(met)))
        view = await newcomer.read(CHANNEL)
        await newcomer.aclose()
        assert view.text == views[0].text
        assert view.authors == views[0].authors
        assert {member for _, _, member in view.authors} <= {member.name for member in team}
        assert sum(length for _, length, _ in view.authors) == len(view.text)

    tell(story, 3)


def test_an_edit_against_an_older_version_is_carried_over() -> None:
    async def story(ana: Member, bo: Member) -> None:
        await ana.splice((0, 0, "one two three"))
        await bo.host.add(CHANNEL, ana.written)
        seen = (await ana.host.read(CHANNEL)).version
        await bo.splice((0, 0, "zero "), (9, 3, "2"))
        assert await bo.text() == "zero one 2 three"
        await ana.host.add(CHANNEL, bo.written)
        await ana.splice((13, 0, " four"), (0, 3, "1"), version=seen)
        assert await ana.text() == "zero 1 2 three four"
        await bo.host.add(CHANNEL, ana.written)
        assert await bo.text() == await ana.text()

    tell(story, 2)


def test_a_splice_that_fits_nothing_is_refused() -> None:
    async def story(ana: Member) -> None:
        await ana.splice((0, 0, "text"))
        version = (await ana.host.read(CHANNEL)).version
        for splices, against in (([(9, 0, "x")], version), ([(0, 0, "x")], version + 1)):
            with pytest.raises(BadSplice):
                await ana.host.splice(CHANNEL, splices, against, ana.client)
        with pytest.raises(TooLarge):
            await ana.host.splice(CHANNEL, [(0, 0, "x" * 40_000)], version, ana.client)
        assert await ana.host.splice(CHANNEL, [(0, 0, "")], version, ana.client) is None
        for number in range(VERSIONS_KEPT):
            await ana.splice((0, 1, str(number % 10) + "x"))
        with pytest.raises(BadSplice, match="read them again"):
            await ana.host.splice(CHANNEL, [(0, 0, "x")], version, ana.client)

    tell(story)


def test_a_long_text_is_set_in_parts() -> None:
    """Each part fits an entry; setting is done when nothing is left to change."""
    wanted = "".join(f"line {number} — 😀\n" for number in range(6_000))

    async def set_all(member: Member, text: str) -> int:
        count = 0
        while op := await member.host.set_text(CHANNEL, text, member.client, member.name):
            await member.write(op)
            count += 1
        return count

    async def story(ana: Member) -> None:
        assert 4 < await set_all(ana, wanted) < 12
        assert await ana.text() == wanted
        changed = wanted.replace("line 17 ", "seventeen ").replace("line 99 ", "")
        assert await set_all(ana, changed) == 1
        assert len(ana.written[-1].op.update) < 200
        assert await set_all(ana, "") == 1
        assert await set_all(ana, "a\r\nb\x1b[2J\tc") == 1
        assert await ana.text() == "a\nb[2J\tc"

    tell(story)


def test_text_in_more_pieces_than_one_entry_lists_can_be_cleared() -> None:
    """Written in turns at two places: to delete one place is to name every other unit."""

    def turns(start: int) -> SignedUpdate:
        items = []
        for clock in range(start, start + 1_000):
            left = (5, clock - 2 if clock > 1 else 0) if clock else None
            right = (5, 1) if clock and clock % 2 == 0 else None
            items.append(item(string("xy"[clock % 2]), 4, left, right))
        return signed(5, start, update(5, start, items), {5: start})

    async def story(ana: Member) -> None:
        await ana.host.add(CHANNEL, [turns(start) for start in range(0, 10_000, 1_000)])
        assert await ana.text() == "x" * 5_000 + "y" * 5_000
        version = (await ana.host.read(CHANNEL)).version
        with pytest.raises(TooLarge):
            await ana.host.splice(CHANNEL, [(0, 5_000, "")], version, ana.client)
        count = 0
        while op := await ana.host.set_text(CHANNEL, "y" * 5_000, ana.client, ana.name):
            await ana.write(op)
            count += 1
        assert count == 2
        assert await ana.text() == "y" * 5_000

    tell(story)


def test_changes_are_pending_until_they_come_back() -> None:
    async def story(ana: Member, bo: Member) -> None:
        version = (await ana.host.read(CHANNEL)).version
        first = await ana.host.splice(CHANNEL, [(0, 0, "one")], version, ana.client, ana.name)
        second = await ana.host.splice(CHANNEL, [(0, 0, "0 ")], version, ana.client, ana.name)
        assert await ana.text() == "0 one"
        await bo.splice((0, 0, "bo"))
        await ana.host.add(CHANNEL, bo.written)
        assert sorted(await ana.text()) == sorted("one0 bo")
        await ana.write(first)
        await ana.write(second)
        await bo.host.add(CHANNEL, ana.written)
        assert await ana.text() == await bo.text()
        lost = await ana.host.set_text(CHANNEL, "never written", ana.client, ana.name)
        assert lost is not None
        await ana.host.forget_pending(CHANNEL)
        assert await ana.text() == await bo.text()
        await ana.splice((0, 0, "on"))
        await bo.host.add(CHANNEL, ana.written)
        assert await bo.text() == await ana.text()
        assert (await bo.host.read(CHANNEL)).waiting == 0

    tell(story, 2)


def test_nothing_is_written_behind_an_own_update_that_waits() -> None:
    """Else two entries of one log would use the same clocks, and one would be lost."""

    async def story(ana: Member, bo: Member) -> None:
        await bo.splice((0, 0, "bo was here"))
        await ana.host.add(CHANNEL, bo.written)
        await ana.splice((2, 0, "!"))
        await ana.host.load(CHANNEL, ana.written)
        assert (await ana.host.read(CHANNEL)).waiting == 1
        with pytest.raises(NotesFailed, match="arriving"):
            await ana.host.set_text(CHANNEL, "x", ana.client)
        await ana.host.add(CHANNEL, bo.written)
        await ana.splice((0, 0, "x"))
        assert await ana.text() == "xbo! was here"

    tell(story, 2)


def test_cursors_move_with_the_text() -> None:
    async def story(ana: Member, bo: Member) -> None:
        await ana.splice((0, 0, "é😀 hello"))
        await bo.host.add(CHANNEL, ana.written)
        places = [await bo.host.cursor_at(CHANNEL, index) for index in range(9)]
        assert [await ana.host.cursor_index(CHANNEL, each) for each in places] == list(range(9))
        await ana.splice((0, 0, "中中"), (5, 1, ""))
        now = [await ana.host.cursor_index(CHANNEL, each) for each in places]
        assert now == [0, 3, 4, 5, 5, 6, 7, 8, 9]
        late = await ana.host.cursor_at(CHANNEL, 1)
        with pytest.raises(Invalid):
            await bo.host.cursor_index(CHANNEL, late)
        for junk in (b"", b"\x02", b"\x01\xff", places[3] + b"!", b"\x01\x05\x00"):
            with pytest.raises(Invalid):
                await bo.host.cursor_index(CHANNEL, junk)
        await bo.host.add(CHANNEL, ana.written)
        assert await bo.host.cursor_index(CHANNEL, late) == 1

    tell(story, 2)


def test_a_killed_worker_comes_back_with_every_text() -> None:
    async def story(ana: Member) -> None:
        await ana.host.load(OTHER, [])
        await ana.splice((0, 0, "here"))
        for _ in range(3):
            pid = ana.host.worker_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await ana.splice((0, 0, "still "))
            assert ana.host.worker_pid not in (None, pid)
        assert await ana.text() == "still still still here"
        assert (await ana.host.read(OTHER)).text == ""

    tell(story)


def hole(monkeypatch: pytest.MonkeyPatch, *attacks: bytes) -> None:
    """A validator that lets these through."""
    strict = crdt.notes.decode

    def lenient(data: bytes, client: int, after: dict[int, int]) -> Update:
        if data in attacks:
            return Update(client, 0, 3, (Item(0, 3, None, None, "abc"),), ())
        return strict(data, client, after)

    monkeypatch.setattr(crdt.notes, "decode", lenient)


@pytest.mark.parametrize("attack", [TWICE, nested(200_000), b"\x01\xff"])
def test_a_hole_in_the_validator_costs_one_update(
    monkeypatch: pytest.MonkeyPatch, attack: bytes
) -> None:
    """Abort, segmentation fault, refusal: that update is set aside, on every machine the same."""
    hole(monkeypatch, attack)

    async def story(ana: Member, bo: Member) -> None:
        await ana.host.load(OTHER, [])
        for word in ("one ", "two ", "three "):
            await ana.splice((len(await ana.text()), 0, word))
        evil = signed(5, 0, attack, {})
        await bo.host.add(CHANNEL, [evil, *ana.written])
        await ana.host.add(CHANNEL, [evil])
        for member in (ana, bo):
            await member.splice((0, 0, member.name[:1].hex()))
        await ana.host.add(CHANNEL, bo.written)
        await bo.host.add(CHANNEL, ana.written)
        views = [await member.host.read(CHANNEL) for member in (ana, bo)]
        assert views[0].text == views[1].text
        assert "one two three " in views[0].text
        assert [list(view.quarantined) for view in views] == [[evil.entry_id]] * 2
        assert [list(view.set_aside) for view in views] == [[evil.entry_id]] * 2
        assert (await ana.host.read(OTHER)).text == ""
        await bo.host.load(CHANNEL, [evil, *ana.written, *bo.written], [evil.entry_id])
        assert (await bo.host.read(CHANNEL)).text == views[0].text

    tell(story, 2)


def test_after_many_crashes_these_notes_stay_closed_and_others_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attacks = [nested(100_000 + number) for number in range(CRASHES_MAX + 2)]
    hole(monkeypatch, *attacks)

    async def story(ana: Member) -> None:
        await ana.splice((0, 0, "mine"))
        await ana.host.load(OTHER, ana.written)
        evil = [signed(100 + n, 0, each, {}) for n, each in enumerate(attacks)]
        with pytest.raises(NotesFailed, match="damaged"):
            await ana.host.add(CHANNEL, evil)
        with pytest.raises(NotesFailed, match="damaged"):
            await ana.host.read(CHANNEL)
        assert (await ana.host.read(OTHER)).text == "mine"

    tell(story)


def test_five_thousand_updates_are_read_at_once_and_one_more_is_cheap() -> None:
    """Budgets are generous: a busy machine shows 0.7 s and 40 ms each."""

    async def story(ana: Member, bo: Member) -> None:
        rng = random.Random(1)
        length = 0
        for _ in range(100):
            splices = [(rng.randrange(length + 1), 0, "hello ")]
            length += 6
            await ana.splice(*splices)
        while len(ana.written) < 5_000:
            last = ana.written[-1]
            start = dict(last.op.after)[ana.client] + 6
            text = b"\x01\x01" + varint(ana.client)
            text += varint(start) + b"\x84"
            text += varint(ana.client) + varint(start - 1)
            text += b"\x06again " + b"\x00"
            ana.written.append(signed(ana.client, len(ana.written), text, {ana.client: start}))
        rng.shuffle(ana.written)
        began = time.monotonic()
        await bo.host.load(CHANNEL, ana.written)
        assert time.monotonic() - began < 6.0
        assert len(await bo.text()) == 30_000
        began = time.monotonic()
        for _ in range(10):
            await bo.splice((15_000, 0, "x"))
        assert time.monotonic() - began < 1.0

    tell(story, 2)


def test_the_host_does_not_load_pycrdt() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import chat.notes.host, sys; print(*sys.modules)"],
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pycrdt" not in ended.stdout.split()


def test_what_the_rules_refuse_is_quarantined_and_not_set_aside() -> None:
    """Refused is judged anew with each update; set aside is for what ended a worker."""

    async def story(ana: Member, bo: Member) -> None:
        await ana.splice((0, 0, "text"))
        broken = signed(5, 0, update(5, 0, [item(string("x"), 7)]), {})
        twice = [signed(6, n, update(6, 0, [item(string("xy"[n]))]), {}) for n in range(2)]
        await ana.host.add(CHANNEL, [broken, *twice])
        await bo.host.add(CHANNEL, [twice[1], *ana.written])
        assert "y" in await bo.text()
        await bo.host.add(CHANNEL, [twice[0], broken])
        views = [await member.host.read(CHANNEL) for member in (ana, bo)]
        assert views[0].text == views[1].text
        assert sorted(views[0].text) == sorted("textx")
        for view in views:
            assert set(view.quarantined) == {broken.entry_id, twice[1].entry_id}
            assert view.set_aside == {}

    tell(story, 2)


def test_unloading_forgets() -> None:
    async def story(ana: Member) -> None:
        await ana.splice((0, 0, "text"))
        await ana.host.unload(CHANNEL)
        with pytest.raises(KeyError):
            await ana.host.read(CHANNEL)
        await ana.host.load(CHANNEL, ana.written)
        assert await ana.text() == "text"

    tell(story)
