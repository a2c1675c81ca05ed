"""Passphrase, keyring or nothing: whatever happens meanwhile, one of two ways opens the profile."""

import errno
import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from chat import profile_guard, profile_keyring
from chat.errors import ChatError, Locked, StoreError, Unavailable, UsageError
from chat.profile import Profile
from chat.profile_guard import PASSPHRASE_MIN_CHARS, KeyGuard, key_guard
from chat.profile_key import KeyFile
from chat.profile_vault import PASSPHRASE_MAX_BYTES, Cost
from tests.chat.keyring_stub import Keyring, KeyringError, installed
from tests.chat.profile_process import PROFILE_CODE, ProfileProcess, profile_process
from tests.chat.store_authors import seeded

CHEAP = Cost(8, 1)
OLD, NEW = "correct horse", "battery staple"
LINES_MAX = 400


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A profile that was used and shut down, with nothing that guards its key."""
    home = tmp_path / "home"
    with Profile(home).open(seeded("first"), create=True) as profile:
        profile.store.put("note", b"kept")
        profile.store.commit()
    return home


@pytest.fixture(scope="module")
def process() -> Iterator[ProfileProcess]:
    with profile_process() as started:
        yield started


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    return installed(monkeypatch)


def set_to(home: Path, new: str, current: str | None = None) -> None:
    key_guard(home).set_passphrase(new, current, seeded(f"{current} to {new}"), CHEAP)


def opens(home: Path, passphrase: str | None) -> bool:
    """Whether this opens the profile with what was kept in it."""
    try:
        with Profile(home).open(seeded("opens"), create=False, passphrase=passphrase) as profile:
            assert profile.store.get("note") == b"kept"
    except Locked:
        return False
    return True


def is_the_way(home: Path, passphrase: str | None) -> bool:
    """Whether this and nothing else opens the profile."""
    return opens(home, passphrase) and (passphrase is None or not opens(home, None))


def key_of(home: Path, passphrase: str | None = None) -> bytes:
    return KeyFile(home / "clowder.db").read(passphrase)


def guard(home: Path) -> str:
    return KeyFile(home / "clowder.db").guard()


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}


def test_a_passphrase_comes_changes_and_goes(home: Path) -> None:
    key = key_of(home)
    set_to(home, OLD)
    assert guard(home) == "passphrase"
    assert key not in (home / "key").read_bytes()
    assert (home / "key").stat().st_mode & 0o777 == 0o600
    assert [opens(home, given) for given in (None, NEW, OLD)] == [False, False, True]
    set_to(home, NEW, OLD)
    assert [opens(home, given) for given in (None, OLD, NEW)] == [False, False, True]
    key_guard(home).remove(NEW)
    assert guard(home) == "nothing"
    assert opens(home, None)
    assert key_of(home) == key, "the database is sealed as it was"
    assert {path.name for path in home.iterdir()} == {"clowder.db", "key", "lock", "marker"}


def test_a_locked_profile_that_was_shut_down_cleanly_goes_on(home: Path) -> None:
    set_to(home, OLD)
    with Profile(home).open(seeded("locked"), create=False, passphrase=OLD) as profile:
        assert profile.continues


def test_a_wrong_passphrase_is_a_sentence_and_changes_nothing(home: Path) -> None:
    set_to(home, OLD)
    before = contents(home)
    tries: list[Callable[[], object]] = [
        lambda: Profile(home).open(seeded("wrong"), create=False, passphrase=NEW),
        lambda: Profile(home).open(seeded("none"), create=True),
        lambda: set_to(home, "something else", NEW),
        lambda: set_to(home, "something else"),
        lambda: key_guard(home).remove(NEW),
        lambda: key_guard(home).remove(None),
    ]
    for attempt in tries:
        with pytest.raises(Locked, match=str(home)) as raised:
            attempt()
        assert raised.value.exit_code == 5
    del before["lock"]
    after = contents(home)
    del after["lock"]
    assert after == before
    assert opens(home, OLD)


@pytest.mark.parametrize(
    "given", ["", "x" * (PASSPHRASE_MIN_CHARS - 1), "x" * (PASSPHRASE_MAX_BYTES + 1)]
)
def test_what_is_no_passphrase_is_refused(home: Path, given: str) -> None:
    before = contents(home)
    with pytest.raises(UsageError, match="passphrase"):
        set_to(home, given)
    assert contents(home) == before


def test_it_is_changed_while_a_node_holds_the_profile(home: Path) -> None:
    with Profile(home).open(seeded("holder"), create=False) as profile:
        set_to(home, OLD)
        profile.store.put("note", b"kept")
        profile.store.commit()
    assert [opens(home, given) for given in (None, OLD)] == [False, True]


def test_two_changes_at_once_are_one(home: Path) -> None:
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="just now"):
            set_to(home, OLD)
    finally:
        os.close(folder)
    assert guard(home) == "nothing"
    set_to(home, OLD)
    assert opens(home, OLD)


# What cuts it off


@pytest.mark.parametrize(("first", "then"), [(None, NEW), (OLD, NEW), (OLD, None)])
def test_killed_at_any_line_the_old_or_the_new_way_opens(
    process: ProfileProcess, home: Path, first: str | None, then: str | None
) -> None:
    if first is not None:
        set_to(home, first)
    original = (home / "key").read_bytes()
    seen: set[bool] = set()
    for line in range(1, LINES_MAX):
        (home / "key").write_bytes(original)
        told = process.change(home, first, then, end=line)
        assert told.refused == ""
        ways = [is_the_way(home, first), is_the_way(home, then)]
        assert sorted(ways) == [False, True], "exactly one of the two"
        seen.add(ways[1])
        assert not (home / "key.next").exists(), "the next opening leaves nothing of it"
        if told.ended == 0:
            break
        assert told.ended == -signal.SIGKILL
    else:
        pytest.fail("the change never came to an end")
    assert seen == {False, True}
    assert line > 40, "the profile's code was followed"


def failing_at(wanted: int, error: BaseException, fired: list[int]) -> Callable[..., Any]:
    """A trace that raises, and notes it, when so many lines of the profile's code have begun."""
    begun = 0

    def lines(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal begun
        if event == "line":
            begun += 1
            if begun == wanted:
                fired.append(wanted)
                raise error
        return lines

    def calls(frame: FrameType, _event: str, _argument: object) -> Any:
        return lines if frame.f_code.co_filename.startswith(PROFILE_CODE) else None

    return calls


def let_go(home: Path) -> None:
    """Close what the end of the process would close: an error may come before any `finally`."""
    for descriptor in [int(each.name) for each in Path("/proc/self/fd").iterdir()]:
        try:
            if os.path.samestat(os.fstat(descriptor), home.stat()):
                os.close(descriptor)
        except OSError:
            continue


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space"), KeyboardInterrupt()])
@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("nothing", lambda guard: guard.set_passphrase(NEW, None, os.urandom, CHEAP)),
        ("keyring", lambda guard: guard.set_passphrase(NEW, None, os.urandom, CHEAP)),
        ("nothing", lambda guard: guard.use_keyring(None, os.urandom)),
        ("keyring", lambda guard: guard.use_keyring(None, os.urandom)),
        ("keyring", lambda guard: guard.remove(None)),
    ],
)
def test_an_error_at_any_line_loses_no_key(
    home: Path,
    keyring: Keyring,
    before: str,
    change: Callable[[KeyGuard], None],
    error: BaseException,
) -> None:
    key = key_of(home)
    if before == "keyring":
        key_guard(home).use_keyring(None, os.urandom)
    original, ringed = (home / "key").read_bytes(), dict(keyring.kept)
    previous = sys.gettrace()
    for line in range(1, LINES_MAX):
        (home / "key").write_bytes(original)
        keyring.kept = dict(ringed)
        fired: list[int] = []
        sys.settrace(failing_at(line, error, fired))
        try:
            change(key_guard(home))
        except (ChatError, OSError, KeyboardInterrupt):
            assert fired
        finally:
            sys.settrace(previous)
            let_go(home)
        assert key_of(home, NEW) == key
        key_guard(home).clean()
        assert not (home / "key.next").exists()
        if not fired:
            break
    else:
        pytest.fail("the change never came to an end")
    assert line > 30, "the profile's code was followed"


def test_the_new_file_is_durable_before_it_has_the_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order on the disk, which no kill of a process shows."""
    steps: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def synchronise(descriptor: int) -> None:
        opened = Path("/proc/self/fd", str(descriptor)).readlink()
        steps.append(f"sync {opened.name}")
        fsync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        steps.append(f"rename {self.name} {target.name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synchronise)
    monkeypatch.setattr(Path, "replace", replace)
    set_to(home, OLD)
    assert steps == ["sync key.next", "sync home", "rename key.next key", "sync home"]


def test_a_disk_that_returns_something_else_is_not_believed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_other(path: Path, data: bytes) -> None:
        path.write_bytes(data[:-1] + bytes((data[-1] ^ 1,)))

    monkeypatch.setattr(profile_guard, "write_new", write_other)
    with pytest.raises((StoreError, Locked)):
        set_to(home, OLD)
    assert opens(home, None)
    assert not (home / "key.next").exists()


# The keyring


def test_a_keyring_takes_the_key_and_gives_it_back(home: Path, keyring: Keyring) -> None:
    key = key_of(home)
    set_to(home, OLD)
    key_guard(home).use_keyring(OLD, seeded("ring"))
    assert guard(home) == "keyring"
    assert key not in (home / "key").read_bytes()
    assert list(keyring.kept.values()) == [key.hex()]
    assert opens(home, None)
    set_to(home, NEW)
    assert keyring.kept == {}, "it is where it should be, and nowhere else"
    assert opens(home, NEW)


def test_without_a_keyring_everything_stays_as_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(Unavailable, match=r"clowder-chat\[keyring\]"):
        key_guard(home).use_keyring(None, seeded("ring"))
    assert guard(home) == "nothing"
    assert opens(home, None)


@pytest.mark.parametrize(
    "refusal", [KeyringError("locked\nby you"), OSError(2, "no bus"), RuntimeError("no backend")]
)
def test_a_keyring_that_refuses_is_a_sentence(
    home: Path, keyring: Keyring, refusal: Exception
) -> None:
    keyring.refuses = refusal
    with pytest.raises(Unavailable) as raised:
        key_guard(home).use_keyring(None, seeded("ring"))
    assert "\n" not in str(raised.value)
    assert guard(home) == "nothing"
    keyring.refuses = None
    key_guard(home).use_keyring(None, seeded("ring"))
    keyring.refuses = refusal
    with pytest.raises(Locked, match="keyring"):
        key_of(home)
    keyring.refuses = None
    assert opens(home, None)


def test_a_keyring_that_keeps_nothing_is_not_trusted(home: Path, keyring: Keyring) -> None:
    keyring.forgets = True
    with pytest.raises(Unavailable, match="did not keep"):
        key_guard(home).use_keyring(None, seeded("ring"))
    assert opens(home, None)


@pytest.mark.parametrize("found", [None, "no hex", "00" * 32, "00" * 31])
def test_another_key_in_the_keyring_is_found_out(
    home: Path, keyring: Keyring, found: str | None
) -> None:
    key_guard(home).use_keyring(None, seeded("ring"))
    (place,) = keyring.kept
    if found is None:
        del keyring.kept[place]
    else:
        keyring.kept[place] = found
    before = contents(home)
    with pytest.raises(Locked, match="another one"):
        Profile(home).open(seeded("lost"), create=False)
    assert {**contents(home), "lock": b""} == {**before, "lock": b""}


def test_the_name_in_the_keyring_says_nothing(home: Path, keyring: Keyring) -> None:
    key_guard(home).use_keyring(None, seeded("ring"))
    ((service, name),) = keyring.kept
    assert service == profile_keyring.SERVICE
    assert len(bytes.fromhex(name)) == 16
    assert name.encode() not in str(home).encode()


def test_an_interruption_right_behind_the_rename_loses_no_key(
    home: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, rename = key_of(home), Path.replace

    def replace(self: Path, target: Path) -> Path:
        rename(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        key_guard(home).use_keyring(None, seeded("ring"))
    assert guard(home) == "keyring"
    assert key_of(home) == key
