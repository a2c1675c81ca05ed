"""A profile's folder: what is in it, who may use it, and what it says when it cannot be used."""

import errno
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat import profile_marker
from chat.errors import NotFound, ProfileInUse, StoreError
from chat.profile import OpenProfile, Profile, default_home
from chat.profile_files import refusal
from chat.profile_key import KeyFile
from chat.profile_socket import SOCKET_PATH_MAX_BYTES
from crdt.limits import INCARNATION_BYTES
from tests.chat.profile_process import profile_process
from tests.chat.store_authors import seeded

VECTORS = Path(__file__).parent.parent / "vectors"


def opened(home: Path, name: str = "opened", *, create: bool = True) -> OpenProfile:
    return Profile(home).open(seeded(name), create=create)


def contents(home: Path) -> dict[str, bytes]:
    """Every file but the lock, which is no part of what is kept."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def refused(home: Path, *words: str) -> None:
    """Opening fails with one sentence that has these words, and changes nothing."""
    before = contents(home)
    with pytest.raises(StoreError) as raised:
        opened(home)
    text = str(raised.value)
    assert text.endswith((".", "!", "?"))
    assert "\n" not in text
    assert not [word for word in (str(home), *words) if word not in text], text
    assert contents(home) == before


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A profile that was used and shut down."""
    home = tmp_path / "home"
    with opened(home, "first") as profile:
        profile.store.put("note", b"kept")
        profile.store.commit()
    return home


# The folder


def test_a_profile_is_one_private_folder(home: Path) -> None:
    assert home.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()}
    assert modes == dict.fromkeys(("clowder.db", "key", "lock", "marker"), 0o600)
    with opened(home, create=False) as profile:
        assert profile.store.get("note") == b"kept"
        assert len(profile.incarnation) == INCARNATION_BYTES
        profile.store.put("note", b"again")
        profile.store.commit()
        assert (home / "clowder.db-wal").stat().st_mode & 0o777 == 0o600


def test_names_need_no_folder(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "home")
    names = (
        profile.config_path,
        profile.control_path,
        profile.database_path,
        profile.blocks_path,
        profile.marker_path,
        profile.lock_path,
    )
    assert len(set(names)) == len(names)
    assert {path.parent for path in names} == {profile.home}
    assert not list(tmp_path.iterdir())


def test_a_relative_home_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    profile = Profile(Path("home"))
    monkeypatch.chdir("/")
    assert profile.config_path == tmp_path / "home" / "config.toml"


def test_the_environment_names_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOWDER_HOME", "~/cats")
    assert default_home() == tmp_path / "cats"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("CLOWDER_HOME", "")
    assert default_home().is_relative_to(tmp_path)
    assert default_home().name == "clowder"


def test_without_a_profile_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(
        NotFound, match=r"`clowder new NAME --nick YOU`.*`clowder join INVITE --nick YOU`"
    ):
        opened(tmp_path / "home", create=False)
    assert not list(tmp_path.iterdir())
    # Settings may be written before there is a profile.
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(NotFound):
        opened(tmp_path, create=False)
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_a_folder_that_is_used_for_more_keeps_its_mode(tmp_path: Path) -> None:
    empty, used = tmp_path / "empty", tmp_path / "used"
    for folder in (empty, used):
        folder.mkdir(0o755)
    (used / "letter.txt").write_text("dear")
    for folder in (empty, used):
        opened(folder).close()
    assert [folder.stat().st_mode & 0o777 for folder in (empty, used)] == [0o700, 0o755]


def test_a_key_that_came_back_readable_for_others_is_closed(home: Path) -> None:
    (home / "key").chmod(0o644)
    opened(home).close()
    assert (home / "key").stat().st_mode & 0o777 == 0o600


# Going on, and beginning anew


def test_a_clean_shutdown_is_continued_and_any_other_is_not(home: Path) -> None:
    first = opened(home)
    first.close()
    second = opened(home)
    assert second.continues
    assert second.incarnation == first.incarnation
    replica = second.store.replica_id
    second.close(clean=False)
    third = opened(home, "third")
    assert not third.continues
    assert third.incarnation != second.incarnation
    assert third.store.replica_id != replica
    third.close()
    fourth = opened(home)
    assert fourth.continues
    assert fourth.incarnation == third.incarnation
    fourth.close()


def test_an_error_inside_makes_it_an_unclean_one(home: Path) -> None:
    with pytest.raises(RuntimeError), opened(home):
        raise RuntimeError
    with opened(home, "after") as profile:
        assert not profile.continues


def test_what_was_not_committed_is_forgotten_and_the_shutdown_is_clean(home: Path) -> None:
    profile = opened(home)
    profile.store.put("note", b"not committed")
    profile.close()
    with opened(home) as profile:
        assert profile.continues
        assert profile.store.get("note") == b"kept"


def test_closing_twice_is_closing_once(home: Path) -> None:
    profile = opened(home)
    profile.close()
    holder = opened(home)
    profile.close(clean=False)
    with pytest.raises(ProfileInUse):
        opened(home)
    holder.close()
    assert (home / "marker").read_bytes()


def copied(home: Path) -> Path:
    return Path(shutil.copytree(home, home.with_name("copy")))


def linked(home: Path) -> Path:
    return Path(shutil.copytree(home, home.with_name("copy"), copy_function=os.link))


def touched(home: Path) -> Path:
    os.utime(home / "clowder.db")
    return home


def written_anew(home: Path) -> Path:
    data = (home / "clowder.db").read_bytes()
    (home / "clowder.db").unlink()
    (home / "clowder.db").write_bytes(data)
    return home


def unmarked(home: Path) -> Path:
    (home / "marker").unlink()
    return home


def marked_with(data: bytes) -> Callable[[Path], Path]:
    def marked(home: Path) -> Path:
        (home / "marker").write_bytes(data)
        return home

    return marked


def counted_back(home: Path) -> Path:
    """The marker of another number of shutdowns, right in everything else."""
    witness = profile_marker.Witness.of(home / "clowder.db")
    (home / "marker").write_bytes(profile_marker.text(7, witness))
    return home


@pytest.mark.parametrize(
    "happens",
    [
        copied,
        linked,
        touched,
        written_anew,
        unmarked,
        marked_with(b""),
        marked_with(b"\x00" * 160),
        marked_with(b'{"v":1}'),
        counted_back,
    ],
)
def test_what_may_be_a_copy_begins_anew(home: Path, happens: Callable[[Path], Path]) -> None:
    with opened(happens(home), "anew") as profile:
        assert not profile.continues
        assert profile.incarnation == seeded("anew")(INCARNATION_BYTES)
        assert profile.store.get("note") == b"kept"


def test_a_moved_folder_goes_on(home: Path) -> None:
    with opened(home.rename(home.with_name("moved"))) as profile:
        assert profile.continues


def test_another_machine_begins_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = home.parent / "machine-id"
    monkeypatch.setattr(profile_marker, "MACHINE_ID_FILES", (named,))
    assert profile_marker.machine() == ""
    with opened(home, "nameless"):
        pass
    named.write_text("0123456789abcdef0123456789abcdef\n")
    assert "0123456789abcdef" not in profile_marker.machine()
    with opened(home, "named") as profile:
        assert not profile.continues
    with opened(home) as profile:
        assert profile.continues


def test_a_marker_from_before_fits_no_more(home: Path) -> None:
    marker = (home / "marker").read_bytes()
    opened(home).close(clean=False)
    (home / "marker").write_bytes(marker)
    with opened(home, "after") as profile:
        assert not profile.continues


def test_the_files_are_those_that_the_documentation_describes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = json.loads((VECTORS / "profile.json").read_text("utf-8"))
    (tmp_path / "machine-id").write_text(vectors["machine_id_file"])
    monkeypatch.setattr(profile_marker, "MACHINE_ID_FILES", (tmp_path / "machine-id",))
    witness = profile_marker.Witness(**vectors["database"])
    assert profile_marker.text(vectors["shutdowns"], witness).decode() == vectors["marker"]
    key_file = KeyFile(tmp_path / "clowder.db")
    assert key_file.begin(lambda size: bytes(range(size))).hex() == vectors["key"]
    key_file.finish()
    assert (tmp_path / "key").read_bytes().hex() == vectors["key_file"]


# What is missing or damaged


def test_a_database_without_its_key_is_left_alone(home: Path) -> None:
    key = (home / "key").read_bytes()
    (home / "key").unlink()
    refused(home, "lost its key", str(home / "key"))
    (home / "key").write_bytes(key)
    with opened(home) as profile:
        assert profile.store.get("note") == b"kept"


def test_a_key_without_its_database_is_left_alone(home: Path) -> None:
    database = (home / "clowder.db").read_bytes()
    (home / "clowder.db").write_bytes(b"")
    refused(home, "missing or empty", "clowder.db")
    (home / "clowder.db").unlink()
    refused(home, "missing or empty", "clowder.db")
    (home / "clowder.db").write_bytes(database)
    with opened(home) as profile:
        assert profile.store.get("note") == b"kept"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "damaged"),
        (b"\x01", "damaged"),
        (b"\x01" + bytes(31), "damaged"),
        (b"\x01" + bytes(33), "damaged"),
        (b"\x00" + bytes(32), "damaged"),
        (b"\x02" + bytes(96), "damaged"),
        (b"\x03" + bytes(31), "damaged"),
        (b"\x05" + bytes(80), "newer Clowder"),
    ],
)
def test_a_key_that_is_none_is_named(home: Path, data: bytes, word: str) -> None:
    (home / "key").write_bytes(data)
    refused(home, word, str(home / "key"))


def test_the_key_of_another_database_opens_nothing(home: Path) -> None:
    (home / "marker").write_bytes(b"")
    (home / "key").write_bytes(b"\x01" + bytes(32))
    refused(home, "clowder.db", "cannot be read")


def test_a_file_in_the_way_is_named(tmp_path: Path, home: Path) -> None:
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError, match=r"file.* is in the way.*--home\.$"):
            opened(wrong)
    with pytest.raises(StoreError, match=r"too long a name.*\.$"):
        opened(tmp_path / ("n" * 300))
    (home / "marker").unlink()
    (home / "marker").mkdir()
    refused(home, str(home / "marker"), "should be a file")


def test_a_disk_that_refuses_the_marker_makes_the_shutdown_unclean(home: Path) -> None:
    profile = opened(home)
    (home / "marker").unlink()
    (home / "marker").mkdir()
    profile.close()
    (home / "marker").rmdir()
    with opened(home, "after") as profile:
        assert not profile.continues


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not be written"),
        (errno.EIO, "reports an error"),
    ],
)
def test_every_refusal_is_a_sentence_that_names_the_file(number: int, words: str) -> None:
    for error in (OSError(number, os.strerror(number)), OSError(number, "x", "/home/ana/cats")):
        text = str(refusal(error, Path("/home/ana/cats")))
        assert words in text
        assert "/home/ana/cats" in text
        assert text.endswith(".")


# One process at a time


def test_a_second_process_is_told_who_holds_the_profile(home: Path) -> None:
    with profile_process() as holder, profile_process() as other:
        pid = holder.hold(home)
        marked = (home / "marker").read_bytes()
        told = other.run(home)
        assert told.refused.startswith(f"Another Clowder process (pid {pid}) holds this profile")
        assert str(home) in told.refused
        assert (home / "marker").read_bytes() == marked == b""
        os.kill(pid, signal.SIGKILL)
        assert holder.reap() == -signal.SIGKILL
        told = other.run(home, writes=1)
        assert told.refused == ""
        assert told.continues is False
        assert holder.run(home).continues


def test_a_process_does_not_open_its_profile_twice(home: Path) -> None:
    with opened(home), pytest.raises(ProfileInUse, match=rf"pid {os.getpid()}\b"):
        opened(home)
    assert not (home / "lock").read_bytes().strip()


# The control socket


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A place whose path is short enough for sockets, which pytest's folders are not."""
    with tempfile.TemporaryDirectory(prefix="clw") as folder:
        yield Path(folder)


@pytest.fixture
def deep(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose socket must be elsewhere."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return tmp_path.joinpath(*["a folder with a long name"] * 8)


def test_a_deep_profile_has_its_socket_in_a_private_place(
    deep: Path, runtime: Path, tmp_path: Path
) -> None:
    path = Profile(deep).control_path
    assert path.parent == runtime / "clowder"
    assert not path.parent.exists()
    opened(deep).close()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(os.fsencode(path)) <= SOCKET_PATH_MAX_BYTES
    assert Profile(deep).control_path == path
    assert Profile(deep.parent).control_path != path
    (tmp_path / "link").symlink_to(deep.parent.parent)
    assert Profile(tmp_path / "link" / deep.parent.name / deep.name).control_path == path


def test_without_a_session_the_socket_is_among_temporary_files(
    deep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "run"
    monkeypatch.setenv("TMPDIR", str(temporary))
    for useless in ("", "relative", f"/{'x' * 90}"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", useless)
        assert Profile(deep).control_path.parent == temporary / f"clowder-{os.geteuid()}"


def test_a_socket_that_others_could_stand_in_for_is_refused(
    deep: Path, runtime: Path, tmp_path: Path
) -> None:
    folder = runtime / "clowder"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(0o700)
    for make in (
        lambda: folder.mkdir(0o755),
        lambda: folder.write_text(""),
        lambda: folder.symlink_to(elsewhere),
    ):
        make()
        for use in (lambda: Profile(deep).control_path, lambda: opened(deep)):
            with pytest.raises(StoreError, match=r"only you can open.*\.$"):
                use()
        if folder.is_dir() and not folder.is_symlink():
            folder.rmdir()
        else:
            folder.unlink()
