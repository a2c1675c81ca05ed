"""The workspaces of one profile: the folder itself is the first, and holds the others.

    key clowder.db blocks/ …                 the first workspace, or the only one
    workspaces/0f3a…/key clowder.db …        another one: a folder of the same kind

Each has its own device keys, database, blocks, lock and socket, so two teams have nothing by which
they could tell that one person is in both, and what goes wrong in one leaves the other alone. They
share the settings, and what guards the first one's key (`profile_key`).

A folder's name tells nothing: it is drawn, or follows from an invite's secret under the profile's
key. So who joins by the same invite once more comes to the same folder, where the claim waits.
"""

import shutil
from contextlib import suppress

from chat.errors import ProfileInUse, UsageError
from chat.profile import Profile
from chat.profile_files import PRIVATE_FOLDER, make_folder, refusal, sync_folder
from chat.profile_lock import ProfileLock
from crdt.keys import Entropy, kdf

FOLDER_NAME = "workspaces"
WORKSPACES_MAX = 32
"""Each has a port, a database and some tasks; nobody is in more teams at once."""
_NAME_BYTES = 8
_LABEL = b"x1.beside"


def workspaces_of(main: Profile) -> list[Profile]:
    """Those that are there, the first one first.

    Raises:
        StoreError: the folder cannot be read.
    """
    folder = main.home / FOLDER_NAME
    try:
        names = sorted(each.name for each in folder.iterdir() if each.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        names = []
    except OSError as error:
        raise refusal(error, folder) from None
    found = [main, *(Profile(folder / name, main) for name in names)]
    return [each for each in found if each.key_file.has_profile]


def new_workspace(main: Profile, entropy: Entropy) -> Profile:
    """A place for one more. Raises UsageError: there are enough. StoreError."""
    return _place(main, entropy(_NAME_BYTES))


def workspace_of_invite(main: Profile, secret: bytes, passphrase: str | None = None) -> Profile:
    """The place where the claim of this invite waits, or will.

    Raises:
        UsageError: there are enough workspaces.
        Locked, StoreError: the profile's key cannot be read.
    """
    return _place(main, kdf(main.key_file.known(passphrase), _LABEL, secret)[:_NAME_BYTES])


def discard(workspace: Profile) -> None:
    """Remove what was begun and is no workspace; one that somebody holds is left alone."""
    assert not workspace.is_main, "a profile's own folder is the user's to remove"
    with suppress(OSError, ProfileInUse):
        lock = ProfileLock(workspace.lock_path)
        try:
            shutil.rmtree(workspace.home)
            sync_folder(workspace.home.parent)
        finally:
            lock.release()


def _place(main: Profile, name: bytes) -> Profile:
    folder = main.home / FOLDER_NAME
    place = Profile(folder / name.hex(), main)
    if not place.key_file.has_profile and len(workspaces_of(main)) >= WORKSPACES_MAX:
        raise UsageError(
            f"This profile is in {WORKSPACES_MAX} workspaces; more need a folder of their own, "
            "with --home."
        )
    try:
        make_folder(folder)
        folder.chmod(PRIVATE_FOLDER)
    except OSError as error:
        raise refusal(error, folder) from None
    return place
