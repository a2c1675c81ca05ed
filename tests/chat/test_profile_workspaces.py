"""Several workspaces in one folder: each on its own, all behind one key."""

import shutil
from pathlib import Path

import pytest

from chat import profile_workspaces
from chat.errors import Locked, StoreError, UsageError
from chat.profile import Profile
from chat.profile_files import OTHERS
from chat.profile_guard import key_guard
from chat.profile_vault import Cost
from chat.profile_workspaces import (
    WORKSPACES_MAX,
    discard,
    new_workspace,
    workspace_of_invite,
    workspaces_of,
)
from tests.chat.store_authors import seeded

PHRASE, OTHER = "correct horse", "battery staple"
SECRET = bytes(range(16))


def write(profile: Profile, text: bytes, passphrase: str | None = None) -> bytes:
    """Open, making it if it is not there, write, close; gives the incarnation."""
    entropy = seeded(f"{profile.home.name} {text!r}")
    with profile.open(entropy, create=True, passphrase=passphrase) as opened:
        opened.store.put("note", text)
        opened.store.commit()
        return opened.incarnation


def note(profile: Profile, passphrase: str | None = None) -> bytes | None:
    with profile.open(seeded("look"), create=False, passphrase=passphrase) as opened:
        return opened.store.get("note")


@pytest.fixture
def main(tmp_path: Path) -> Profile:
    profile = Profile(tmp_path / "home")
    write(profile, b"cats")
    return profile


def test_each_is_a_folder_of_its_own_in_the_first_ones(main: Profile) -> None:
    assert [each.home for each in workspaces_of(main)] == [main.home]
    dogs = new_workspace(main, seeded("dogs"))
    assert [each.home for each in workspaces_of(main)] == [main.home], "nothing is in it yet"
    write(dogs, b"dogs")
    found = workspaces_of(Profile(main.home))
    assert [each.home for each in found] == [main.home, dogs.home]
    assert [note(each) for each in found] == [b"cats", b"dogs"]
    assert dogs.config_path == main.config_path
    assert not (dogs.home.parent.stat().st_mode | dogs.home.stat().st_mode) & OTHERS
    with main.open(seeded("a"), create=False) as held, dogs.open(seeded("b"), create=False) as also:
        assert held.store is not also.store  # One process holds one without the other.


def test_one_database_does_not_open_with_the_key_of_another(main: Profile) -> None:
    dogs = new_workspace(main, seeded("dogs"))
    write(dogs, b"dogs")
    key = (main.home / "key").read_bytes()
    assert key[1:] not in (dogs.home / "key").read_bytes()
    (dogs.home / "key").write_bytes(key)
    with pytest.raises(StoreError):
        note(Profile(dogs.home, main))


def test_a_passphrase_that_is_given_later_guards_all_of_them(main: Profile) -> None:
    dogs = new_workspace(main, seeded("dogs"))
    write(dogs, b"dogs")
    key_guard(main.home).set_passphrase(PHRASE, None, seeded("set"), Cost(8, 1))
    main, dogs = workspaces_of(Profile(main.home))
    assert dogs.key_file.guard() == "passphrase"
    with pytest.raises(Locked):
        note(dogs)
    with pytest.raises(Locked):
        note(dogs, OTHER)
    assert note(dogs, PHRASE) == b"dogs"
    # What is made under it is under it, too, though nobody is asked once more.
    owls = new_workspace(main, seeded("owls"))
    write(owls, b"owls")
    main, *others = workspaces_of(Profile(main.home))
    with pytest.raises(Locked):
        note(next(each for each in others if each.home == owls.home))
    key_guard(main.home).set_passphrase(OTHER, PHRASE, seeded("change"), Cost(8, 1))
    changed = {note(each, OTHER) for each in workspaces_of(Profile(main.home))}
    assert changed == {b"cats", b"dogs", b"owls"}


def test_an_invite_leads_to_the_same_place_each_time_and_tells_nothing(
    main: Profile, tmp_path: Path
) -> None:
    first = workspace_of_invite(main, SECRET)
    assert workspace_of_invite(Profile(main.home), SECRET).home == first.home
    assert workspace_of_invite(main, bytes(16)).home != first.home
    other = Profile(tmp_path / "other")
    write(other, b"mice")
    assert workspace_of_invite(other, SECRET).home.name != first.home.name
    assert SECRET.hex()[:8] not in first.home.name


def test_a_folder_that_is_taken_out_says_where_it_belongs(main: Profile) -> None:
    dogs = new_workspace(main, seeded("dogs"))
    write(dogs, b"dogs")
    with pytest.raises(StoreError, match="--workspace"):
        note(Profile(dogs.home))
    other = Profile(main.home.with_name("other"))
    write(other, b"mice")
    moved = new_workspace(other, seeded("moved"))
    shutil.copytree(dogs.home, moved.home)
    with pytest.raises(StoreError, match="another profile"):
        note(moved)
    assert note(dogs) == b"dogs"


def test_what_a_crash_left_of_one_is_gone_on_with(main: Profile) -> None:
    dogs = new_workspace(main, seeded("dogs"))
    dogs.home.mkdir(parents=True)
    dogs.key_file.begin(seeded("begin"))
    assert [each.home for each in workspaces_of(main)] == [main.home]
    write(dogs, b"dogs")
    assert note(dogs) == b"dogs"


def test_what_is_held_is_not_discarded(main: Profile) -> None:
    dogs = new_workspace(main, seeded("dogs"))
    with dogs.open(seeded("open"), create=True):
        discard(dogs)
        assert dogs.database_path.exists()
    discard(dogs)
    assert not dogs.home.exists()
    assert note(main) == b"cats"


def test_there_is_an_end_to_them(main: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    assert WORKSPACES_MAX > 2
    monkeypatch.setattr(profile_workspaces, "WORKSPACES_MAX", 2)
    claim = workspace_of_invite(main, SECRET)
    write(claim, b"claimed")
    with pytest.raises(UsageError):
        new_workspace(main, seeded("one more"))
    assert workspace_of_invite(main, SECRET).home == claim.home, "the claim goes on"


def test_each_begins_logs_of_its_own_after_a_copy(main: Profile) -> None:
    dogs = new_workspace(main, seeded("dogs"))
    write(dogs, b"dogs")
    shutil.copytree(main.home, main.home.with_name("copy"))
    for original, copy in zip(
        workspaces_of(main), workspaces_of(Profile(main.home.with_name("copy"))), strict=True
    ):
        with original.open(seeded("again"), create=False) as opened:
            assert opened.continues
            incarnation = opened.incarnation
        with copy.open(seeded("copied"), create=False) as opened:
            assert not opened.continues
            assert opened.incarnation != incarnation
