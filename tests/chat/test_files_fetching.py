"""A file comes from whoever has it: senders that leave, lie or restart, and blind relays."""

import asyncio
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.blocks import messages
from chat.blocks.cid import cid_dag, cid_raw, format_cid
from chat.blocks.errors import Invalid
from chat.blocks.limits import CHUNK_MIN_BYTES, UPLOADS_OPEN_MAX
from chat.errors import ChatError, NoPeer, NotFound, Unavailable, UsageError
from chat.files import TransferState
from chat.files.files import Stats
from crdt.ops import FileInfo
from tests.chat.files_team import Machine, Team, noise, tell, write

FILM = noise(5, 5_000_000)
CLIP = noise(6, 600_000)


def chunks_of(size: int) -> int:
    return -(-size // CHUNK_MIN_BYTES)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_second_holder_finishes_what_the_sender_began(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo, cleo = team.add("ana"), team.add("bo"), team.add("cleo")
        path = write(tmp_path, "film.bin", FILM)
        info = (await ana.prepare(path)).info
        await bo.prepare(path)
        team.link(ana, cleo)

        def leave_half_way(state: TransferState) -> None:
            if state.done >= len(FILM) // 2 and team.linked(ana, cleo):
                team.unlink(ana, cleo)

        cleo.on_heard = leave_half_way
        getting = asyncio.create_task(cleo.files.get(info, str(tmp_path / "got"), 10))
        await team.until(lambda: cleo.heard != [] and cleo.last(info).done >= len(FILM) // 2)
        await team.until(lambda: cleo.last(info).state == "wanted")
        assert cleo.last(info).holders == 0
        assert 0.4 < cleo.files.have(info) < 1.0
        team.link(bo, cleo)
        state = await getting
        assert (tmp_path / "got").read_bytes() == FILM
        assert (state.state, state.done, state.total) == ("done", len(FILM), len(FILM))
        sources = dict(state.sources)
        assert sources.keys() == {b"ana", b"bo"}
        # What was on its way to the disk when ana left, up to 24 blocks, counts as hers.
        assert min(sources.values()) > len(FILM) // 10
        assert state.seconds > 0
        assert cleo.complete == [info.root]
        assert cleo.files.have(info) == 1.0

    tell(story, tmp_path)


def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        info = (await ana.prepare(write(tmp_path, "film.bin", FILM))).info
        team.link(ana, bo)
        bo.files.want(info)
        await team.until(lambda: bo.heard[-1].done >= len(FILM) // 3)
        bo = await team.restart(bo)

        before = bo.files.have(info)
        assert 0.3 <= before < 1.0
        assert bo.files.transfers() == []
        chunks_here = bo.store.count - 1
        sent = ana.sent_blocks
        assert bo.files.want(info)
        team.link(ana, bo)
        await team.until(lambda: bo.complete == [info.root])
        assert ana.sent_blocks - sent == chunks_of(len(FILM)) - chunks_here
        assert bo.files.have(info) == 1.0
        assert not bo.files.want(info), "nothing to fetch any more"

    tell(story, tmp_path)


def test_who_sends_wrong_bytes_is_dropped_and_the_file_comes_anyway(tmp_path: Path) -> None:
    def lie(message: messages.Message) -> messages.Message:
        if isinstance(message, messages.Block):
            return messages.Block(message.cid, message.data[:-1] + b"x")
        return message

    async def story(team: Team) -> None:
        ana, bo, mallory = team.add("ana"), team.add("bo"), team.add("mallory")
        mallory.tamper = lie
        path = write(tmp_path, "clip.bin", CLIP)
        info = (await ana.prepare(path)).info
        await mallory.prepare(path)
        team.link(mallory, bo)
        bo.files.want(info)
        await team.until(lambda: bo.last(info).dropped != ())
        assert bo.last(info).state == "wanted"
        team.link(ana, bo)
        state = await bo.files.get(info, str(tmp_path / "got"), 10)
        assert (tmp_path / "got").read_bytes() == CLIP
        assert [device for device, _ in state.dropped] == [b"mallory"]
        assert dict(state.sources).keys() == {b"ana"}

    tell(story, tmp_path)


def test_who_broke_a_rule_or_left_is_not_counted_as_a_holder(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        bo = team.add("bo")
        info = FileInfo(cid_raw(b"1"), bytes(32), bytes(32), 5, "x", "text/plain")
        bo.files.want(info)

        def say(bitmap: bytes) -> str:
            bo.files.receive(b"mallory", messages.encode(messages.Have(info.root, bitmap, True)))
            return bo.files.transfers()[0].state

        assert say(b"\x01") == "wanted", "not linked"
        bo.files.peer_up(b"mallory")
        assert say(b"\x01") == "moving"
        assert say(b"\x03") == "wanted", "one piece is all there is"
        assert say(b"\x01") == "wanted", "and nothing it says makes up for it"
        assert [device for device, _ in bo.last(info).dropped] == [b"mallory"]
        bo.files.peer_down(b"mallory")
        assert say(b"\x01") == "wanted"
        bo.files.peer_up(b"mallory")
        assert say(b"\x01") == "moving"

    tell(story, tmp_path)


def test_a_relay_stores_and_serves_what_it_cannot_read(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, relay, bo = team.add("ana"), team.add("relay", relay=True), team.add("bo")
        text = b"the treats are behind the blue door. " * 9_000
        info = (await ana.prepare(write(tmp_path, "secret.txt", text))).info
        team.link(ana, relay, relay=relay)
        await team.until(lambda: relay.complete == [info.root])
        assert relay.files.transfers()[0].state == "done"
        team.unlink(ana, relay)

        kept = [path.read_bytes() for path in relay.folder.rglob("*") if path.is_file()]
        assert len(kept) == chunks_of(len(text)) + 1
        assert not [data for data in kept if b"blue door" in data or info.key in data]

        team.link(relay, bo, relay=relay)
        await bo.files.get(info, str(tmp_path / "got"), 10)
        assert (tmp_path / "got").read_bytes() == text

    tell(story, tmp_path)


def test_a_relay_fetches_what_somebody_wants_from_who_comes_later(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, relay, bo = team.add("ana"), team.add("relay", relay=True), team.add("bo")
        info = (await ana.prepare(write(tmp_path, "clip.bin", CLIP))).info
        team.link(relay, bo, relay=relay)
        getting = asyncio.create_task(bo.files.fetch(info, 10))
        await team.until(lambda: relay.heard != [])
        assert relay.last(info).total == 0, "a relay does not know the size"
        team.link(relay, ana, relay=relay)
        assert (await getting).state == "done"

    tell(story, tmp_path)


def test_a_relay_keeps_within_its_quota(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        relay = team.add("relay", relay=True, quota_bytes=1_000_000)
        team.link(ana, relay, relay=relay)
        first = (await ana.prepare(write(tmp_path, "one.bin", CLIP))).info
        await team.until(lambda: relay.complete == [first.root])
        second = (await ana.prepare(write(tmp_path, "two.bin", noise(9, 600_000)))).info
        small = (await ana.prepare(write(tmp_path, "three.bin", noise(10, 300_000)))).info
        await team.until(lambda: small.root in relay.complete)
        assert relay.files.have(second) == 0.0
        assert relay.store.total_bytes < 1_000_000

        # Who wants a file does not tell its size: known once the manifest is here, then dropped.
        bo = team.add("bo")
        bo.files.want(second)
        team.link(bo, relay, relay=relay)
        await team.until(lambda: relay.heard[-1].root == second.root)
        await team.until(lambda: relay.heard[-1].state == "failed")
        assert "larger" in relay.last(second).reason or "quota" in relay.last(second).reason
        assert relay.store.total_bytes < 1_000_000

    tell(story, tmp_path)


def test_two_files_offered_at_once_do_not_overrun_the_quota(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        relay = team.add("relay", relay=True, quota_bytes=1_000_000)
        infos = [
            (await ana.prepare(write(tmp_path, f"{seed}.bin", noise(seed, 600_000)))).info
            for seed in (1, 2)
        ]
        team.link(ana, relay, relay=relay)
        roots = {info.root for info in infos}

        def ended() -> set[bytes]:
            return {each.root for each in relay.heard if each.state in ("done", "failed")}

        await team.until(lambda: ended() == roots)
        assert {each.state for each in relay.files.transfers()} == {"done", "failed"}
        assert relay.store.total_bytes < 1_000_000

    tell(story, tmp_path)


def test_a_file_that_left_with_its_holder_takes_no_room(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, mallory = team.add("ana"), team.add("mallory")
        relay = team.add("relay", relay=True, quota_bytes=1_000_000)
        promise = (await mallory.prepare(write(tmp_path, "big.bin", noise(1, 800_000)))).info

        def only_the_manifest(message: messages.Message) -> messages.Message | None:
            chunk = isinstance(message, messages.Block) and message.cid != promise.root
            return None if chunk else message

        mallory.tamper = only_the_manifest
        team.link(mallory, relay, relay=relay)
        await team.until(lambda: relay.heard != [] and relay.last(promise).total == 800_000)
        team.unlink(mallory, relay)
        info = (await ana.prepare(write(tmp_path, "clip.bin", CLIP))).info
        team.link(ana, relay, relay=relay)
        await team.until(lambda: relay.complete == [info.root])

    tell(story, tmp_path)


def test_what_a_callback_asks_for_waits_its_turn(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        first = (await ana.prepare(write(tmp_path, "first", b"1"))).info
        second = (await ana.prepare(write(tmp_path, "second", b"2"))).info
        for relay in (b"one", b"two"):
            ana.files.peer_up(relay, relay=True)
        offered: list[bytes] = []

        def hold_another(message: messages.Message) -> None:
            assert isinstance(message, messages.Offer)
            offered.append(message.root)
            if len(offered) == 1:
                ana.files.hold(second)

        ana.tamper = hold_another
        ana.files.hold(first)
        assert offered == [first.root, first.root, second.root, second.root]

    tell(story, tmp_path)


def test_a_relay_is_not_made_to_want_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.files.fetching.RELAY_WANTS_MAX", 20)

    async def story(team: Team) -> None:
        relay = team.add("relay", relay=True)
        relay.files.peer_up(b"mallory")
        for number in range(200):
            root = cid_raw(number.to_bytes(4, "big"))
            relay.files.receive(b"mallory", messages.encode(messages.Offer(root, 9 << 30)))
        assert len([each for each in relay.files.transfers() if each.state == "wanted"]) == 20

        # What was only promised takes no room from what really comes.
        ana = team.add("ana")
        info = (await ana.prepare(write(tmp_path, "clip.bin", CLIP))).info
        team.link(ana, relay, relay=relay)
        await team.until(lambda: relay.complete == [info.root])

    tell(story, tmp_path)


def test_nobody_has_it_is_told_and_it_comes_later(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        info = (await ana.prepare(write(tmp_path, "clip.bin", CLIP))).info
        with pytest.raises(NoPeer, match=r"Nobody who is linked has “clip.bin”.*\.$"):
            await bo.files.fetch(info, 0.01)
        ana.tamper = lambda message: None if isinstance(message, messages.Block) else message
        team.link(ana, bo)
        with pytest.raises(NoPeer, match=r"Nothing more of “clip.bin” came for 0.05 seconds.*\.$"):
            await bo.files.fetch(info, 0.05)
        assert bo.files.transfers()[0].state == "moving"
        team.unlink(ana, bo)
        assert bo.files.transfers()[0].state == "wanted"
        ana.tamper = lambda message: message
        team.link(ana, bo)
        await team.until(lambda: bo.complete == [info.root])

    tell(story, tmp_path)


def test_pictures_come_by_themselves_up_to_a_size(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        bo = team.add("bo", auto_bytes=1_000)
        info = FileInfo(cid_raw(b"1"), bytes(32), bytes(32), 999, "cat.png", "image/png")
        assert bo.files.announced(info)
        assert [each.state for each in bo.files.transfers()] == ["wanted"]
        for other in (
            msgspec.structs.replace(info, root=cid_raw(b"2"), size=1_001),
            msgspec.structs.replace(info, root=cid_raw(b"3"), type="application/zip"),
            msgspec.structs.replace(info, root=b"no id"),
            msgspec.structs.replace(info, size=70_000),
        ):
            assert not bo.files.announced(other)
            assert bo.files.have(other) == 0.0
        bo.files.stop(info.root)
        assert [each.state for each in bo.files.transfers()] == ["failed"]

    tell(story, tmp_path)


def test_a_message_that_lies_about_the_size_does_not_spoil_an_honest_one(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        info = (await ana.prepare(write(tmp_path, "clip.bin", CLIP))).info
        lies = [msgspec.structs.replace(info, size=info.size + 1 + step) for step in range(3)]
        for lie in lies:
            bo.files.want(lie)
        getting = asyncio.create_task(bo.files.fetch(info, 10))
        await team.until(lambda: len(bo.heard) == 1)
        team.link(ana, bo)
        state = await getting
        assert (state.state, state.total) == ("done", info.size)

        cleo = team.add("cleo")
        cleo.files.want(lies[0])
        team.link(ana, cleo)
        await team.until(lambda: cleo.heard[-1].state == "failed")
        assert (await cleo.files.fetch(info, 10)).state == "done", "an honest message comes later"
        with pytest.raises(ChatError, match=r"not what its message says.*\.$"):
            await cleo.files.save(lies[0], str(tmp_path / "got"))
        assert not (tmp_path / "got").exists()

    tell(story, tmp_path)


def test_a_file_under_the_wrong_hash_is_never_written(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        info = (await ana.prepare(write(tmp_path, "clip.bin", CLIP))).info
        target = write(tmp_path, "old", b"what was there")
        for lie in (
            msgspec.structs.replace(info, sha256=bytes(32)),
            msgspec.structs.replace(info, key=bytes(32)),
        ):
            with pytest.raises(ChatError, match="was not written"):
                await ana.files.save(lie, str(target))
        with pytest.raises(ChatError, match="not right"):
            await ana.files.save(msgspec.structs.replace(info, root=b"x"), str(target))
        assert target.read_bytes() == b"what was there"
        assert names_in(tmp_path) == ["blocks of ana", "clip.bin", "old"]

    tell(story, tmp_path)


def test_a_file_is_written_where_the_user_says_and_nowhere_else(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        prepared = await ana.prepare(write(tmp_path, "clip.bin", b"content"))
        info = msgspec.structs.replace(prepared.info, name="../../evil\x1b[2J")
        (tmp_path / "inner").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "inner" / "target")
        os.mkfifo(tmp_path / "pipe")
        for path, error, words in (
            (tmp_path / "inner", UsageError, "is a folder"),
            (tmp_path / "none" / "x", NotFound, "There is no folder"),
            (tmp_path / "pipe", UsageError, "not a plain file"),
            (tmp_path / "clip.bin" / "x", NotFound, "There is no folder"),
            (Path("relative"), UsageError, "whole path"),
        ):
            with pytest.raises(error, match=words) as caught:
                await ana.files.save(info, str(path))
            assert str(caught.value).endswith(".")
        missing = msgspec.structs.replace(info, root=cid_raw(b"nowhere"))
        with pytest.raises(NotFound, match="“evil") as caught:
            await ana.files.save(missing, str(tmp_path / "out"))
        assert str(caught.value).isprintable()
        await ana.files.save(info, str(tmp_path / "link"))
        assert (tmp_path / "inner" / "target").read_bytes() == b"content"
        assert (tmp_path / "link").is_symlink()
        assert not [name for name in names_in(tmp_path) if "evil" in name]

    tell(story, tmp_path)


def test_a_block_damaged_on_disk_is_fetched_anew(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        info = (await ana.prepare(write(tmp_path, "clip.bin", CLIP))).info
        team.link(ana, bo)
        await bo.files.fetch(info, 10)
        name = format_cid(next(cid for cid in bo.store.cids() if cid != info.root))
        (damaged,) = bo.folder.rglob(name)
        damaged.write_bytes(b"rust")
        await bo.files.get(info, str(tmp_path / "got"), 10)
        assert (tmp_path / "got").read_bytes() == CLIP
        assert bo.files.have(info) == 1.0

        # The holder notices as well, when somebody asks it.
        (damaged,) = (path for path in ana.folder.rglob(name) if path.parent.name != "damaged")
        damaged.write_bytes(b"rust")
        cleo = team.add("cleo")
        team.link(ana, cleo)
        cleo.files.want(info)
        await team.until(lambda: ana.files.have(info) < 1.0)

    tell(story, tmp_path)


def test_what_breaks_the_rules_is_refused_and_credit_is_given_once_it_is_on_disk(
    tmp_path: Path,
) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        with pytest.raises(Invalid):
            bo.files.receive(b"ana", b"\x93\x07nonsense")
        info = (await ana.prepare(write(tmp_path, "clip.bin", b"x" * 60_000))).info
        team.link(ana, bo)
        taken: list[bool] = []
        block: list[bytes] = []

        def keep(message: messages.Message) -> messages.Message | None:
            if isinstance(message, messages.Block):
                block.append(messages.encode(message))
                team.wake()
                return None
            return message

        ana.tamper = keep
        bo.files.want(info)
        await team.until(lambda: block != [])

        def on_disk() -> None:
            taken.append(bo.store.has(info.root))
            team.wake()

        have = messages.encode(messages.Have(info.root, b"\x01", True))
        bo.files.receive(b"ana", have, lambda: taken.append(True))
        assert taken == [True], "what is no block is dealt with at once"
        bo.files.receive(b"ana", block[0], on_disk)
        assert taken == [True], "and a block is not"
        await team.until(lambda: len(taken) == 2)
        assert taken == [True, True]
        assert bo.files.stats() == Stats(1, 60_016)

    tell(story, tmp_path)


def test_blocks_count_as_sent_when_the_link_says_they_left(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        stuck = True
        queued: dict[tuple[bytes, int], int] = {}

        def unsent(device: bytes, priority: int) -> int:
            return queued.get((device, priority), 0) if stuck else 0

        ana, bo, cleo = team.add("ana", unsent=unsent), team.add("bo"), team.add("cleo")
        info = (await ana.prepare(write(tmp_path, "film.bin", FILM))).info
        for machine in (bo, cleo):
            team.link(ana, machine)
        queued |= {(machine.device, 4): 10**9 for machine in (bo, cleo)}
        busy: list[messages.Message] = []

        def watch(message: messages.Message) -> messages.Message:
            if isinstance(message, messages.Refused) and message.reason == messages.BUSY:
                busy.append(message)
                team.wake()
            return message

        ana.tamper = watch
        bo.files.want(info)
        cleo.files.want(info)
        await team.until(lambda: busy != [])
        chunks_given = UPLOADS_OPEN_MAX + 2
        assert ana.sent_blocks <= chunks_given, "an uplink that does not move takes no more"
        stuck = False
        await team.until(lambda: bo.complete == cleo.complete == [info.root])

    tell(story, tmp_path)


def test_closing_wakes_whoever_waits_and_leaves_no_half_file(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        path = write(tmp_path, "film.bin", FILM)
        info = (await ana.prepare(path)).info
        waiting = asyncio.create_task(bo.files.fetch(info, 60))
        writing = asyncio.create_task(ana.files.save(info, str(tmp_path / "copy")))
        sharing = asyncio.create_task(ana.prepare(path, secret=bytes(32)))
        await team.until(lambda: bo.heard != [])
        blocks = ana.store.count
        await bo.files.aclose()
        await ana.files.aclose()
        for task in (waiting, writing, sharing):
            with pytest.raises(Unavailable):
                await task
        assert names_in(tmp_path) == ["blocks of ana", "blocks of bo", "film.bin"]
        assert ana.store.count == blocks
        with pytest.raises(Unavailable):
            await ana.prepare(path)
        assert not ana.files.want(info)
        ana.files.receive(b"bo", messages.encode(messages.WantRoot(info.root, False)))

    tell(story, tmp_path)


def test_giving_up_a_share_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        sharing: list[asyncio.Task[object]] = []

        def give_up(sha256: bytes) -> None:
            asyncio.get_running_loop().call_soon(sharing[0].cancel)

        path = write(tmp_path, "film.bin", FILM)
        sharing.append(asyncio.create_task(ana.prepare(path, known=give_up)))
        with pytest.raises(asyncio.CancelledError):
            await sharing[0]
        assert ana.store.count == 0

    tell(story, tmp_path)


def test_putting_a_file_that_is_on_its_way_ends_the_wait(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, bo = team.add("ana"), team.add("bo")
        path = write(tmp_path, "film.bin", FILM)
        info = (await ana.prepare(path)).info
        getting = asyncio.create_task(bo.files.fetch(info, 10))
        await team.until(lambda: bo.heard != [])
        assert (await bo.prepare(path)).info == info
        assert (await getting).state == "done"

    tell(story, tmp_path)


def test_a_file_of_before_the_restart_is_offered_to_a_relay_when_held_again(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana, relay = team.add("ana"), team.add("relay", relay=True)
        info = (await ana.prepare(write(tmp_path, "clip.bin", CLIP))).info
        ana = await team.restart(ana)
        ana.files.hold(info)
        team.link(ana, relay, relay=relay)
        await team.until(lambda: relay.complete == [info.root])

    tell(story, tmp_path)


IDS = st.integers(0, 3)
SPOKEN = st.one_of(
    st.builds(lambda root, prefetch: ("want", root, prefetch), IDS, st.booleans()),
    st.builds(lambda root, bits: ("have", root, bits), IDS, st.binary(min_size=1, max_size=3)),
    st.builds(lambda root, wants: ("have not", root, wants), IDS, st.booleans()),
    st.builds(lambda root, piece: ("more", root, piece), IDS, st.integers(0, 20)),
    st.builds(lambda root, cid: ("get", root, cid), IDS, IDS),
    st.builds(lambda cid, data: ("block", cid, data), IDS, st.binary(max_size=5)),
    st.builds(lambda root, cid: ("cancel", root, cid), IDS, IDS),
    st.builds(lambda root, size: ("offer", root, size), IDS, st.integers(0, 2_000_000)),
    st.builds(lambda data: ("bytes", 0, data), st.binary(max_size=60)),
    st.builds(lambda up: ("link", 0, up), st.booleans()),
)


def spoken(said: tuple[str, int, Any], ids: list[bytes]) -> bytes:
    what, number, more = said
    one = ids[number]
    made: dict[str, Callable[[], messages.Message]] = {
        "want": lambda: messages.WantRoot(one, more),
        "have": lambda: messages.Have(one, more, False),
        "have not": lambda: messages.HaveNot(one, more),
        "more": lambda: messages.HaveMore(one, (more,)),
        "get": lambda: messages.GetBlock(one, ids[more], True),
        "block": lambda: messages.Block(one, more),
        "cancel": lambda: messages.Cancel(one, ids[more]),
        "offer": lambda: messages.Offer(one, more),
    }
    return more if what == "bytes" else messages.encode(made[what]())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SPOKEN, max_size=40), st.booleans())
def test_whatever_a_peer_says_costs_at_most_its_link(
    tmp_path: Path, conversation: list[tuple[str, int, Any]], is_relay: bool
) -> None:
    async def story(team: Team) -> None:
        bo = team.add("bo", relay=is_relay, quota_bytes=1_000_000)
        info = (await bo.prepare(write(tmp_path, "clip.bin", CLIP))).info
        wanted = FileInfo(cid_raw(b"other"), bytes(32), bytes(32), 5, "x", "text/plain")
        bo.files.want(wanted)
        chunk = next(cid for cid in bo.store.cids() if cid != info.root)
        ids = [info.root, wanted.root, chunk, cid_dag(b"nobody has this")]
        bo.files.peer_up(b"mallory")
        for said in conversation:
            if said[0] == "link":
                (bo.files.peer_up if said[2] else bo.files.peer_down)(b"mallory")
                continue
            try:
                bo.files.receive(b"mallory", spoken(said, ids))
            except Invalid:
                assert said[0] == "bytes"
        ana = team.add("ana")
        team.link(ana, bo)
        assert (await ana.files.fetch(info, 10)).state == "done"
        assert bo.files.have(info) == 1.0

    folder = tmp_path / "a team"
    folder.mkdir()
    try:
        tell(story, folder)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("seed", range(6))
def test_a_team_whose_links_come_and_go_ends_with_every_file(tmp_path: Path, seed: int) -> None:
    async def story(team: Team) -> None:
        lot = random.Random(seed)
        machines = [team.add(name) for name in ("ana", "bo", "cleo", "dov")]
        infos: list[tuple[FileInfo, bytes]] = []
        for number in range(3):
            data = noise(seed * 10 + number, lot.choice((10, 70_000, 400_000)))
            path = write(tmp_path, f"{number}.bin", data)
            infos.append(((await lot.choice(machines).prepare(path)).info, data))
        pairs = [(one, other) for i, one in enumerate(machines) for other in machines[:i]]

        def shake(state: TransferState) -> None:
            one, other = lot.choice(pairs)
            if state.state == "moving" and lot.random() < 0.05 and team.linked(one, other):
                team.unlink(one, other)
                asyncio.get_running_loop().call_soon(team.link, one, other)

        for machine in machines:
            machine.on_heard = shake
            for info, _ in infos:
                machine.files.want(info)
        for one, other in pairs:
            team.link(one, other)

        def everywhere(machine: Machine) -> bool:
            return all(machine.files.have(info) == 1.0 for info, _ in infos)

        await team.until(lambda: all(map(everywhere, machines)))
        for machine in machines:
            for number, (info, data) in enumerate(infos):
                target = tmp_path / f"got {number}"
                await machine.files.save(info, str(target))
                assert target.read_bytes() == data

    tell(story, tmp_path)
