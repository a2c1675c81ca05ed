"""No profile ever puts two entries where one may stand: not after kills, copies, or backups.

An entry that was sent cannot be taken back. So the test keeps what every process ever sent, and one
number of one incarnation must never be seen with two contents, whatever happened to the files.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from chat.errors import NotFound
from chat.profile import Profile
from tests.chat.profile_process import ProfileProcess, Sent, profile_process
from tests.chat.store_authors import seeded

LINES_MAX = 1_000  # more than opening and closing have
EVERY = int(os.environ.get("KILL_EVERY", "5"))
"""Of so many lines one is tried; `make attacks` tries all."""


@pytest.fixture(scope="module")
def process() -> Iterator[ProfileProcess]:
    with profile_process() as started:
        yield started


class Others:
    """Everybody else: what they were sent."""

    def __init__(self) -> None:
        self.have: dict[tuple[str, int], str] = {}

    def take(self, sent: tuple[Sent, ...]) -> None:
        for entry in sent:
            place = (entry.incarnation, entry.number)
            assert place not in self.have, f"two entries stand at {place}"
            self.have[place] = entry.content


def replaced(backup: Path, home: Path) -> None:
    """As from an archive."""
    shutil.rmtree(home)
    shutil.copytree(backup, home)


def synchronised(backup: Path, home: Path) -> None:
    """As rsync does: what seems the same is left, the rest is written in place or removed."""
    for path in home.iterdir():
        if not (backup / path.name).exists():
            path.unlink()
    for path in backup.iterdir():
        target, found = home / path.name, path.stat()
        if target.exists():
            known = target.stat()
            if (known.st_size, known.st_mtime_ns) == (found.st_size, found.st_mtime_ns):
                continue
        shutil.copy2(path, target)


def swapped(backup: Path, home: Path) -> None:
    """Both are used in turn, under one name."""
    aside = home.with_name("aside")
    home.rename(aside)
    backup.rename(home)
    aside.rename(backup)


def only(name: str) -> Callable[[Path, Path], None]:
    """One file of a backup."""

    def restored(backup: Path, home: Path) -> None:
        if (backup / name).exists():
            shutil.copy2(backup / name, home / name)

    return restored


RESTORED = (replaced, synchronised, swapped, only("marker"), only("clowder.db"))


class Backups(RuleBasedStateMachine):
    """Sessions of one profile, and what people do with its folder in between."""

    process: ProfileProcess

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.home = self.folder / "home"
        self.backups: list[Path] = []
        self.others = Others()

    def back_up(self) -> None:
        copy = self.folder / f"backup {len(self.backups)}"
        shutil.copytree(self.home, copy)
        self.backups.append(copy)

    @rule(
        writes=st.integers(0, 2),
        end=st.sampled_from(("clean", "clean", "kill")),
        live=st.booleans(),
    )
    def use(self, writes: int, end: str, live: bool) -> None:
        meanwhile = self.back_up if live and len(self.backups) < 3 else lambda: None
        told = self.process.run(self.home, writes=writes, end=end, while_open=meanwhile)
        self.others.take(told.sent)
        assert "Traceback" not in told.refused

    @precondition(lambda self: self.home.exists() and len(self.backups) < 3)
    @rule()
    def copy(self) -> None:
        self.back_up()

    @precondition(lambda self: self.backups)
    @rule(which=st.integers(0, 2), how=st.sampled_from(RESTORED))
    def restore(self, which: int, how: Callable[[Path, Path], None]) -> None:
        how(self.backups[which % len(self.backups)], self.home)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)


def test_no_log_forks_whatever_backups_come_back(process: ProfileProcess) -> None:
    Backups.process = process
    run_machine(Backups, settings=settings(max_examples=30, stateful_step_count=12, deadline=None))


def test_no_log_forks_when_one_process_is_killed_at_any_line(
    process: ProfileProcess, tmp_path: Path
) -> None:
    home, others = tmp_path / "home", Others()
    others.take(process.run(home, writes=1).sent)
    for line in range(1, LINES_MAX, EVERY):
        told = process.run(home, writes=1, end=line)
        others.take(told.sent)
        marked = bool((home / "marker").read_bytes())
        after = process.run(home, writes=1)
        others.take(after.sent)
        assert after.refused == ""
        # Nothing stands between the marker and the end but letting go of the lock.
        assert after.continues is marked
        if told.ended == 0:
            break
        assert told.ended == -signal.SIGKILL
    else:
        pytest.fail("opening and closing never came to an end")
    assert line > 40, "the profile's code was followed"


def test_a_creation_killed_at_any_line_is_gone_on_with(
    process: ProfileProcess, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    for line in range(1, LINES_MAX, EVERY):
        told = process.run(home, end=line)
        if told.ended == 0:
            break
        if not (home / "key").exists():
            with pytest.raises(NotFound):
                Profile(home).open(seeded("reader"), create=False)
        assert process.run(home, writes=1).refused == ""
        assert not (home / "key.new").exists()
        shutil.rmtree(home)
    else:
        pytest.fail("creating never came to an end")
    assert line > 60, "the profile's code was followed"


def test_what_stops_cleanly_goes_on_in_its_logs(process: ProfileProcess, tmp_path: Path) -> None:
    home, others = tmp_path / "home", Others()
    first = process.run(home, writes=2)
    second = process.run(home, writes=2)
    home = home.rename(tmp_path / "moved")
    third = process.run(home, writes=1, end="kill")
    fourth = process.run(home, writes=1)
    for told in (first, second, third, fourth):
        others.take(told.sent)
    assert [told.continues for told in (first, second, third, fourth)] == [False, True, True, False]
    logs = [[(entry.incarnation, entry.number) for entry in told.sent] for told in (first, second)]
    incarnation = first.sent[0].incarnation
    assert logs == [[(incarnation, 1), (incarnation, 2)], [(incarnation, 3), (incarnation, 4)]]
    assert first.replica == second.replica == third.replica != fourth.replica


def test_the_copy_begins_anew_and_the_original_goes_on(
    process: ProfileProcess, tmp_path: Path
) -> None:
    home, copy, others = tmp_path / "home", tmp_path / "copy", Others()
    first = process.run(home, writes=1)
    shutil.copytree(home, copy)
    home.rename(tmp_path / "away")
    copy.rename(home)
    as_copy = process.run(home, writes=1)
    again = process.run(home, writes=1)
    home.rename(copy)
    (tmp_path / "away").rename(home)
    original = process.run(home, writes=1)
    for told in (first, as_copy, again, original):
        others.take(told.sent)
    assert (as_copy.continues, again.continues, original.continues) == (False, True, True)
    assert as_copy.replica == again.replica != original.replica == first.replica
