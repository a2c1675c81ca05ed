"""Where a profile's control socket is.

Inside the profile's folder, if its name fits what systems allow for a socket (104 bytes on macOS,
108 on Linux). Else in a folder for this user alone, under a name that follows from the profile's,
so that every process finds the same one.
"""

import hashlib
import os
import stat
from pathlib import Path

from chat.errors import StoreError
from chat.profile_files import OTHERS, PRIVATE_FOLDER

SOCKET_NAME = "control.sock"
SOCKET_PATH_MAX_BYTES = 100
_NAME_DIGITS = 16  # 64 bits: one person's profiles do not collide


def socket_path(home: Path) -> Path:
    """The socket of the profile in `home`; makes nothing.

    Raises:
        StoreError: the folder it would be in is open to others.
    """
    inside = home / SOCKET_NAME
    if _fits(inside):
        return inside
    # A folder reached by two names is one profile.
    whole = os.fsencode(os.path.realpath(home))
    name = f"{hashlib.sha256(whole).hexdigest()[:_NAME_DIGITS]}.sock"
    folder = _runtime_folder(name)
    if os.path.lexists(folder):
        _check_private(folder)
    return folder / name


def prepare_socket_folder(home: Path) -> None:
    """Make the folder of the socket, when it is not the profile's.

    Raises:
        StoreError: it is open to others. OSError: it cannot be made.
    """
    folder = socket_path(home).parent
    if folder != home:
        folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
        _check_private(folder)


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= SOCKET_PATH_MAX_BYTES


def _runtime_folder(name: str) -> Path:
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""), "clowder")
    if runtime.is_absolute() and _fits(runtime / name):
        return runtime
    temporary = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 (checked to be ours before use)
    return Path(temporary, f"clowder-{os.geteuid()}")


def _check_private(folder: Path) -> None:
    """Anybody may have made a folder of this name first, and would then hear every command."""
    found = folder.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not ours or found.st_mode & OTHERS:
        raise StoreError(
            f"{folder} should be a folder that only you can open, and is not. Remove it and try "
            "again."
        )
