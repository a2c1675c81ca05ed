"""Backups: one moment of a database that is written to, whole or not there, and no log forks."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import commands
from chat.errors import ChatError, Locked, NotFound, StoreError, UsageError
from chat.profile import Profile
from chat.profile_backup import (
    MANIFEST_MAX_BYTES,
    VERSION,
    Manifest,
    decode_manifest,
    encode_manifest,
    new_backup,
    restore,
)
from chat.profile_guard import key_guard
from chat.profile_key import KeyFile
from chat.profile_vault import Cost
from chat.profile_workspaces import new_workspace, workspaces_of
from chat.store import Store
from crdt.errors import Invalid, TooNew
from tests.chat.keyring_stub import installed
from tests.chat.node_team import Desk, nodes
from tests.chat.store_authors import seeded

VECTORS = Path(__file__).parent.parent / "vectors" / "profile.json"
PHRASE = "correct horse"
Make = Callable[..., Awaitable[Desk]]


def quiet(_done: int, _total: int) -> None:
    """Nobody looks."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A profile that was used and shut down, with files beside its database."""
    home = tmp_path / "home"
    with Profile(home).open(seeded("first"), create=True) as profile:
        profile.store.put("note", b"kept" * 20_000)
        profile.store.commit()
    (home / "blocks" / "blocks" / "qu").mkdir(parents=True)
    (home / "blocks" / "blocks" / "qu" / "bafkqu").write_bytes(b"sealed" * 1000)
    (home / "blocks" / "incoming").mkdir()
    (home / "blocks" / "incoming" / "half").write_bytes(b"ha")
    (home / "config.toml").write_text("")
    (home / "elsewhere").symlink_to("/etc/hostname")
    return home


def backed_up(home: Path, path: Path, passphrase: str | None = None) -> Manifest:
    """A backup of a profile that nobody holds."""
    profile = Profile(home)
    with new_backup(profile, path) as made:
        made.write_keys(passphrase, seeded("backup"))
        for each in made.workspaces:
            made.database_of(each).touch(0o600)
            with each.open(seeded("open"), create=False, passphrase=passphrase) as opened:
                with closing(opened.store.copy_to(made.database_of(each))) as copying:
                    while copying.step(8):
                        pass
        files, size = made.copy_files(quiet)
        return made.finish(1_000, files, size)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


# The manifest


def test_the_manifest_is_the_one_that_the_page_describes() -> None:
    known = json.loads(VECTORS.read_text("utf-8"))["backup"]
    data = known.pop("file").encode()
    manifest = Manifest(1, **known)
    assert encode_manifest(manifest) == data
    assert decode_manifest(data) == manifest


@given(
    st.one_of(
        st.binary(max_size=200),
        st.dictionaries(
            st.sampled_from(("v", "made_ms", "database", "files", "bytes", "later")),
            st.one_of(st.integers(), st.text(max_size=3), st.none(), st.floats()),
        ).map(lambda value: json.dumps(value).encode()),
        st.just(b"[" * MANIFEST_MAX_BYTES),
    )
)
def test_any_bytes_are_a_manifest_or_the_one_error(data: bytes) -> None:
    try:
        found = decode_manifest(data)
    except Invalid:
        return
    assert 1 <= found.v <= VERSION
    assert min(found.made_ms, found.database, found.files, found.bytes) >= 0


def test_a_later_manifest_says_so() -> None:
    with pytest.raises(TooNew):
        decode_manifest(b'{"v":3,"made_ms":0,"database":0,"files":0,"bytes":0}')


# The copy of the database


@pytest.mark.parametrize("cipher", ["aegis", "chacha20"])
@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(("step", "write", "commit", "rollback", "grow")), max_size=60))
def test_a_copy_is_one_moment_between_transactions(cipher: str, plan: list[str]) -> None:
    """Two settings that every transaction changes alike are alike in the copy."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="clc"))
    key = bytes(range(32))
    from chat.store import database

    before = database.CIPHERS
    database.CIPHERS = (cipher,)
    try:
        store = Store(folder / "one.db", key, seeded("one"))
        store.put("big", bytes(200_000))
        store.put("left", b"0")
        store.put("right", b"0")
        store.commit()
        (folder / "two.db").write_bytes(b"")
        with closing(store.copy_to(folder / "two.db")) as copying:
            for number, deed in enumerate(plan):
                if deed == "step":
                    copying.step(3)
                elif deed == "write":
                    store.put("left", str(number).encode())
                    store.put("right", str(number).encode())
                elif deed == "grow":
                    store.put("left", b"half")
                    store.put(f"more {number}", bytes(5_000))
                    store.put("right", b"half")
                elif deed == "commit":
                    store.commit()
                else:
                    store.rollback()
            store.commit()
            while copying.step(3):
                pass
        wanted = store.get("left"), store.get("big"), store.replica_id
        store.close()
        copy = Store(folder / "two.db", key, seeded("two"), create=False)
        copy.check()
        assert (copy.get("left"), copy.get("big"), copy.replica_id) == wanted
        assert copy.get("left") == copy.get("right")
        copy.close()
        assert b"SQLite" not in (folder / "two.db").read_bytes()[:16]
    finally:
        database.CIPHERS = before
        shutil.rmtree(folder)


def test_an_open_transaction_is_in_no_copy(tmp_path: Path) -> None:
    store = Store(tmp_path / "one.db", bytes(32), seeded("one"))
    store.put("note", b"not committed")
    (tmp_path / "two.db").write_bytes(b"")
    with closing(store.copy_to(tmp_path / "two.db")) as copying:
        assert all(copying.step(1_000) for _ in range(5)), "it waits"
        store.rollback()
        while copying.step(1_000):
            pass
    store.close()
    copy = Store(tmp_path / "two.db", bytes(32), seeded("two"), create=False)
    assert copy.get("note") is None
    copy.close()


def test_a_copy_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "one.db", bytes(32), seeded("one"))) as store:
        store.put("big", bytes(500_000))
        store.commit()
        (tmp_path / "two.db").write_bytes(b"")
        with closing(store.copy_to(tmp_path / "two.db")) as copying:
            assert copying.step(2)
        assert not (tmp_path / "two.db").exists()


# The folder


def test_a_backup_has_everything_but_what_is_of_one_process(home: Path, tmp_path: Path) -> None:
    manifest = backed_up(home, tmp_path / "backup")
    kept = {"clowder.db", "key", "config.toml", "blocks/blocks/qu/bafkqu"}
    assert names(tmp_path / "backup") == {*kept, "backup"}
    assert (manifest.files, manifest.bytes) == (2, 6000)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "backup").rglob("*")}
    assert modes == {0o600, 0o700}
    restore(tmp_path / "backup", tmp_path / "new", None, seeded("restore"), quiet)
    assert names(tmp_path / "new") == {*kept, "marker"}
    assert {path.name for path in tmp_path.iterdir()} == {"home", "backup", "new"}
    with Profile(tmp_path / "new").open(seeded("again"), create=False) as profile:
        assert profile.store.get("note") == b"kept" * 20_000


def test_each_restored_profile_is_a_writer_of_its_own(home: Path, tmp_path: Path) -> None:
    with Profile(home).open(seeded("original"), create=False) as original:
        writers = [(original.incarnation, original.store.replica_id)]
    backed_up(home, tmp_path / "backup")
    for name in ("one", "two"):
        restore(tmp_path / "backup", tmp_path / name, None, seeded(name), quiet)
        with Profile(tmp_path / name).open(seeded(f"{name} opened"), create=False) as profile:
            assert profile.continues, "what restoring began is gone on with"
            writers.append((profile.incarnation, profile.store.replica_id))
    # A backup that is opened where it lies is a copy as well.
    with Profile(tmp_path / "backup").open(seeded("in place"), create=False) as profile:
        writers.append((profile.incarnation, profile.store.replica_id))
    assert len({incarnation for incarnation, _ in writers}) == 4
    assert len({replica for _, replica in writers}) == 4


def test_a_backup_opens_as_the_profile_does(home: Path, tmp_path: Path) -> None:
    key_guard(home).set_passphrase(PHRASE, None, seeded("set"), Cost(8, 1))
    backed_up(home, tmp_path / "backup", PHRASE)
    for given_ in (None, "battery staple"):
        with pytest.raises(Locked):
            restore(tmp_path / "backup", tmp_path / "new", given_, seeded("no"), quiet)
        assert {path.name for path in tmp_path.iterdir()} == {"home", "backup"}
    restore(tmp_path / "backup", tmp_path / "new", PHRASE, seeded("yes"), quiet)
    assert KeyFile(tmp_path / "new" / "clowder.db").guard() == "passphrase"


def test_a_backup_of_a_keyring_profile_has_a_passphrase_instead(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = installed(monkeypatch)
    key_guard(home).use_keyring(None, seeded("ring"))
    backed_up(home, tmp_path / "backup", PHRASE)
    keyring.kept.clear()  # another machine
    restore(tmp_path / "backup", tmp_path / "new", PHRASE, seeded("yes"), quiet)
    assert KeyFile(tmp_path / "new" / "clowder.db").guard() == "passphrase"


def remove_block(backup: Path) -> None:
    (backup / "blocks" / "blocks" / "qu" / "bafkqu").unlink()


def cut_block(backup: Path) -> None:
    (backup / "blocks" / "blocks" / "qu" / "bafkqu").write_bytes(b"sea")


def cut_database(backup: Path) -> None:
    data = (backup / "clowder.db").read_bytes()
    (backup / "clowder.db").write_bytes(data[:-4096])


def flip_database(backup: Path) -> None:
    data = bytearray((backup / "clowder.db").read_bytes())
    data[len(data) // 2] ^= 1  # deep inside: nothing that opening reads
    (backup / "clowder.db").write_bytes(data)


def other_key(backup: Path) -> None:
    (backup / "key").write_bytes(b"\x01" + bytes(32))


def no_key(backup: Path) -> None:
    (backup / "key").unlink()


def not_finished(backup: Path) -> None:
    (backup / "backup").unlink()


def newer(backup: Path) -> None:
    (backup / "backup").write_bytes(b'{"v":3,"made_ms":0,"database":0,"files":0,"bytes":0,"new":1}')


def garbled(backup: Path) -> None:
    (backup / "backup").write_bytes(b"{")


@pytest.mark.parametrize(
    "harm",
    [
        remove_block,
        cut_block,
        cut_database,
        flip_database,
        other_key,
        no_key,
        not_finished,
        newer,
        garbled,
    ],
)
def test_a_backup_that_is_not_whole_is_refused_and_leaves_nothing(
    home: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    backed_up(home, tmp_path / "backup")
    harm(tmp_path / "backup")
    with pytest.raises((StoreError, NotFound)) as raised:
        restore(tmp_path / "backup", tmp_path / "new", None, seeded("no"), quiet)
    assert "\n" not in str(raised.value)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "backup"}


def test_nothing_is_replaced(home: Path, tmp_path: Path) -> None:
    backed_up(home, tmp_path / "backup")
    for target in (home, tmp_path / "backup" / "inside", tmp_path / "backup"):
        with pytest.raises(UsageError):
            restore(tmp_path / "backup", target, None, seeded("no"), quiet)
    for target in (tmp_path / "backup", home / "inside", home):
        with pytest.raises(UsageError):
            backed_up(home, target)
    (tmp_path / "empty").mkdir()
    restore(tmp_path / "backup", tmp_path / "empty", None, seeded("yes"), quiet)


def test_a_backup_that_fails_leaves_nothing(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ChatError, match="the node"), new_backup(Profile(home), tmp_path / "backup"):
        raise ChatError("the node said no")
    assert {path.name for path in tmp_path.iterdir()} == {"home"}


def test_a_backup_has_all_workspaces(home: Path, tmp_path: Path) -> None:
    main = Profile(home)
    for text in (b"dogs", b"owls"):
        place = new_workspace(main, seeded(text.decode()))
        with place.open(seeded(text.decode()), create=True) as opened:
            opened.store.put("note", text)
            opened.store.commit()
        (place.blocks_path / "incoming").mkdir(parents=True)
        (place.blocks_path / "incoming" / "half").write_bytes(b"ha")
        (place.blocks_path / "piece").write_bytes(text)
    key_guard(home).set_passphrase(PHRASE, None, seeded("set"), Cost(8, 1))
    manifest = backed_up(home, tmp_path / "backup", PHRASE)
    assert manifest.v == 2, "an earlier build would leave out what it does not know"
    below = [each.home.relative_to(home) for each in workspaces_of(Profile(home))]
    kept = {
        str(each / name) for each in below[1:] for name in ("clowder.db", "key", "blocks/piece")
    }
    kept |= {"clowder.db", "key", "config.toml", "blocks/blocks/qu/bafkqu"}
    assert names(tmp_path / "backup") == {*kept, "backup"}
    assert (manifest.files, manifest.bytes) == (4, 6008)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "backup").rglob("*")}
    assert modes == {0o600, 0o700}
    restore(tmp_path / "backup", tmp_path / "new", PHRASE, seeded("restore"), quiet)
    assert names(tmp_path / "new") == kept | {str(each / "marker") for each in below}
    before = {bytes(each.marker_path.read_bytes()) for each in workspaces_of(Profile(home))}
    notes = set()
    for each in workspaces_of(Profile(tmp_path / "new")):
        assert each.marker_path.read_bytes() not in before
        with each.open(seeded("look"), create=False, passphrase=PHRASE) as opened:
            notes.add(opened.store.get("note"))
    assert notes == {b"kept" * 20_000, b"dogs", b"owls"}


def test_a_backup_that_lost_a_workspace_is_refused(home: Path, tmp_path: Path) -> None:
    place = new_workspace(Profile(home), seeded("dogs"))
    place.open(seeded("open"), create=True).close()
    backed_up(home, tmp_path / "backup")
    shutil.rmtree(tmp_path / "backup" / "workspaces" / place.home.name)
    with pytest.raises(StoreError, match="not complete"):
        restore(tmp_path / "backup", tmp_path / "new", None, seeded("restore"), quiet)
    shutil.rmtree(tmp_path / "backup" / "workspaces")
    with pytest.raises(StoreError):
        restore(tmp_path / "backup", tmp_path / "new", None, seeded("restore"), quiet)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "backup"}


# Stories


@pytest.fixture
def stories() -> Callable[[Callable[[Make], Awaitable[None]]], None]:
    def tell(story: Callable[[Make], Awaitable[None]]) -> None:
        async def play() -> None:
            async with nodes() as make:
                await story(make)

        asyncio.run(asyncio.wait_for(play(), 90))

    return tell


async def backed_up_running(desk: Desk, path: Path) -> None:
    """A backup of a node that works, as `clowder backup` makes it."""
    with new_backup(Profile(desk.home), path) as made:
        made.write_keys(None, seeded("backup"))
        await desk.call(commands.CopyStore(str(made.database_of(made.workspaces[0]))))
        files, size = made.copy_files(quiet)
        made.finish(1_000, files, size)


@pytest.mark.parametrize("in_place", [False, True])
def test_original_and_restored_both_write_and_nothing_forks(
    stories: Callable[[Callable[[Make], Awaitable[None]]], None], in_place: bool
) -> None:
    async def story(make: Make) -> None:
        ana, bo = await make("ana"), await make("bo")
        await ana.create()
        await bo.join(ana)
        await ana.post("before the backup")
        writing = asyncio.create_task(storm(ana))
        backup = ana.home.with_name("backup")
        await backed_up_running(ana, backup)
        await writing
        await ana.post("after the backup")
        said = ["before the backup", *(f"storm {n}" for n in range(40)), "after the backup"]
        await bo.until(lambda: bo.texts() == said)
        await ana.stop()
        home = ana.home
        if in_place:
            ana.home.rename(ana.home.with_name("lost"))
        else:
            home = ana.home.with_name("elsewhere")
        restore(backup, home, None, seeded("restore"), quiet)
        # It writes before it hears of what it said and forgot.
        restored = Desk("ana", home)
        await restored.start(network=False)
        await restored.post("from the backup")
        await restored.stop()
        if not in_place:  # The original goes on meanwhile, and its logs with it.
            await ana.start(bo.url)
            await ana.post("from the original")
            await bo.until(lambda: "from the original" in bo.texts())
            said.append("from the original")
            await ana.stop()
        await restored.start(bo.url)
        try:
            everything = sorted([*said, "from the backup"])
            await restored.until(lambda: sorted(restored.texts()) == everything)
            await bo.until(lambda: bo.texts() == restored.texts())
            await bo.post("and on we go")
            await restored.until(lambda: "and on we go" in restored.texts())
            for desk in (restored, bo):
                assert desk.team.workspace.store.forks() == []
            if not in_place:  # One after the other: a peer has one link with one device.
                await restored.stop()
                await ana.start(bo.url)
                await ana.until(lambda: ana.texts() == bo.texts())
                assert ana.team.workspace.store.forks() == []
        finally:
            await restored.stop()

    stories(story)


async def storm(desk: Desk) -> None:
    for number in range(40):
        await desk.post(f"storm {number}")


def test_a_copy_replaces_nothing_and_needs_a_whole_path(
    stories: Callable[[Callable[[Make], Awaitable[None]]], None],
) -> None:
    async def story(make: Make) -> None:
        ana = await make("ana", network=False)
        await ana.create()
        target = ana.home.with_name("copy.db")
        target.write_bytes(b"mine")
        for path in (str(target), "copy.db"):
            with pytest.raises(UsageError):
                await ana.call(commands.CopyStore(path))
        assert target.read_bytes() == b"mine"
        with pytest.raises(StoreError):
            await ana.call(commands.CopyStore(str(target.with_name("none") / "copy.db")))
        await ana.post("and it works on")

    stories(story)
