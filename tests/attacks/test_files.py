"""Attacks with files: 38 to 40. A block is its name's bytes, and a name is never a path."""

import unicodedata
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.blocks import messages, sealing
from chat.blocks.errors import Invalid, Missing
from chat.blocks.sealing import FileReader
from chat.blocks.store_files import BlockStore
from chat.errors import ChatError
from chat.files.user_files import type_of
from chat.pictures.formats import display_name
from crdt import keys
from tests.attacks.mallory import mutations
from tests.chat.engine_team import Team as EngineTeam
from tests.chat.files_team import Team, noise, tell, write

SECRET = bytes(range(32))
CLIP = noise(38, 300_000)


def sealed(data: bytes, secret: bytes = SECRET) -> tuple[sealing.FileRef, dict[bytes, bytes]]:
    ref, blocks = sealing.seal_bytes(data, secret)
    return ref, dict(blocks)


@pytest.mark.parametrize("lie", ["flipped", "cut", "longer", "another block", "empty"])
def test_38_a_block_that_is_not_its_names_is_neither_stored_nor_used(
    tmp_path: Path, lie: str
) -> None:
    """And who sent it is dropped; an honest holder finishes the file."""

    def wrong(data: bytes) -> bytes:
        return {
            "flipped": data[:-1] + bytes((data[-1] ^ 1,)),
            "cut": data[:-1],
            "longer": data + b"\0",
            "another block": noise(1, len(data)),
            "empty": b"",
        }[lie]

    def tamper(message: messages.Message) -> messages.Message:
        if isinstance(message, messages.Block):
            return messages.Block(message.cid, wrong(message.data))
        return message

    async def story(team: Team) -> None:
        ana, bo, mallory = team.add("ana"), team.add("bo"), team.add("mallory")
        mallory.tamper = tamper
        path = write(tmp_path, "clip.bin", CLIP)
        info = (await ana.prepare(path)).info
        await mallory.prepare(path)
        team.link(mallory, bo)
        bo.files.want(info)
        await team.until(lambda: bo.last(info).dropped != ())
        with pytest.raises(Missing):
            bo.store.get(info.root)
        team.link(ana, bo)
        await bo.files.get(info, str(tmp_path / "got"), 10)
        assert (tmp_path / "got").read_bytes() == CLIP

    tell(story, tmp_path)


def test_38_wrong_bytes_never_enter_a_store(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    _, blocks = sealed(CLIP)
    for cid, data in blocks.items():
        for bad in (data[:-1], data + b"x", bytes((data[0] ^ 1,)) + data[1:], b""):
            with pytest.raises(Invalid):
                store.put(cid, bad)
            with pytest.raises(Missing):
                store.get(cid)
        store.put(cid, data)
        assert store.get(cid) == data


def test_38_a_reader_gives_the_announced_plaintext_or_nothing() -> None:
    """Right blocks under a message that lies: another hash, key, size or root."""
    ref, blocks = sealed(CLIP)
    other, more = sealed(noise(2, 300_000))
    blocks.update(more)
    assert FileReader(ref, blocks.__getitem__).read() == CLIP
    for changes in (
        {"plaintext_sha256": bytes(32)},
        {"key": bytes(32)},
        {"key": other.key},
        {"size": ref.size - 1},
        {"size": ref.size + 1},
        {"root": other.root},
        {"root": next(cid for cid in blocks if cid != ref.root)},
    ):
        with pytest.raises(Invalid):
            FileReader(msgspec.structs.replace(ref, **changes), blocks.__getitem__).read()


def test_38_a_file_under_a_wrong_hash_is_never_written(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        info = (await ana.prepare(write(tmp_path, "clip.bin", CLIP))).info
        target = write(tmp_path, "target", b"what was there")
        for lie in ({"sha256": bytes(32)}, {"key": bytes(32)}, {"size": 7}):
            with pytest.raises(ChatError):
                await ana.files.save(msgspec.structs.replace(info, **lie), str(target))
            assert target.read_bytes() == b"what was there"

    tell(story, tmp_path)


def test_39_one_picture_is_one_set_of_blocks_for_those_who_share_a_key_and_for_nobody_else() -> (
    None
):
    """Scopes and epochs: by the keys that the product derives for them."""
    team = EngineTeam(seed=39)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.channel(ana, "secret", bo)
    team.run()
    secret = ana.workspace.scope_of(ana.workspace.find_channel("secret"))
    epochs = ana.workspace.epochs
    first = epochs.current(ana.workspace.scope)
    assert first is not None
    private = epochs.current(secret)
    assert private is not None
    news = epochs.rekey(ana.engine.people._place(team.now(ana)), ana.workspace.scope, ana.entropy)
    ana.workspace.roster.add(news[0].wire)
    secrets = {
        "workspace": epochs.convergence_secret(first),
        "private channel": epochs.convergence_secret(private),
        "next epoch": epochs.convergence_secret(news[0].id),
        "outsider's guess": bytes(32),
    }
    picture = noise(3, 200_000)
    roots = {name: sealed(picture, key)[0].root for name, key in secrets.items()}
    assert len(set(roots.values())) == len(roots)
    again = sealed(picture, bo.workspace.epochs.convergence_secret(first))
    assert again[0].root == roots["workspace"], "bo's copy is the same blocks"
    apart = [set(sealed(picture, key)[1]) for key in secrets.values()]
    assert not set.intersection(*apart)
    assert keys.digest(b"x1.block", picture) not in set().union(*apart)


NAMES = [
    "../../etc/passwd",
    "..\\..\\windows\\system32\\evil.dll",
    "/etc/passwd",
    "a\0b.png",
    "x" * 300 + ".png",
    "x" * 5_000,
    "cat\u202egnp.exe",
    "\x1b]0;title\x07cat.png",
    "line\nbreak.png",
    "..",
    ".",
    "",
    "CON",
    "NUL.txt",
    "-rf",
    "~",
    "\ud800",
    "\u200b\u200b",
    "e\u0301" * 200,
]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


def is_harmless(name: str) -> bool:
    return (
        name != ""
        and name not in (".", "..")
        and "/" not in name
        and "\\" not in name
        and len(name.encode("utf-8")) <= 255
        and not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name)
        and not any(0x202A <= ord(char) <= 0x202E or 0x2066 <= ord(char) <= 0x2069 for char in name)
    )


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_40_a_file_name_is_shown_as_a_name(name: str) -> None:
    assert is_harmless(display_name(name))


@given(st.text(st.characters(), max_size=400))
def test_40_any_file_name_is_shown_as_a_name(name: str) -> None:
    shown = display_name(name)
    assert is_harmless(shown)
    assert display_name(shown) == shown


def test_40_a_name_that_came_with_a_message_is_never_a_path(tmp_path: Path) -> None:
    """The file goes where the user says, whatever it is called."""

    async def story(team: Team) -> None:
        ana = team.add("ana")
        (tmp_path / "inner").mkdir()
        info = (await ana.prepare(write(tmp_path, "clip.bin", b"content"))).info
        before = names_in(tmp_path)
        for number, name in enumerate(name for name in NAMES if "\ud800" not in name):
            evil = msgspec.structs.replace(info, name=name)
            await ana.files.save(evil, str(tmp_path / "inner" / f"{number}"))
        assert names_in(tmp_path) - before == {str(number) for number in range(len(NAMES) - 1)}
        with pytest.raises(ChatError):
            await ana.files.save(evil, str(tmp_path / "inner"))

    tell(story, tmp_path)


def test_40_devices_pipes_and_folders_are_no_files(tmp_path: Path) -> None:
    async def story(team: Team) -> None:
        ana = team.add("ana")
        info = (await ana.prepare(write(tmp_path, "clip.bin", b"content"))).info
        for path in ("/dev/null", "/dev/full", "/proc/self/mem", str(tmp_path)):
            with pytest.raises(ChatError):
                await ana.files.save(info, path)
            with pytest.raises(ChatError):
                await ana.prepare(Path(path))

    tell(story, tmp_path)


def test_40_a_name_makes_nothing_a_picture() -> None:
    assert type_of(b"#!/bin/sh\nrm -rf ~\n", "cat.png") != "image/png"


def test_38_a_manifest_changed_in_any_byte_opens_no_file() -> None:
    ref, blocks = sealed(CLIP)

    def get(cid: bytes) -> bytes:
        if cid not in blocks:
            raise Missing(cid)
        return blocks[cid]

    genuine = blocks[ref.root]
    assert FileReader(ref, get).read() == CLIP
    for bad in mutations(genuine):
        blocks[ref.root] = bad
        with pytest.raises((Invalid, Missing)):
            FileReader(ref, get).read()
