"""One process holds a profile: a lock of the kernel on a file, gone with the process.

The file stays, whoever holds the lock writes its process id into it. That is for the sentence that
the next one reads, nothing depends on it; the lock itself ends with its process, however that ends.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from chat.errors import ProfileInUse
from chat.profile_files import PRIVATE_FILE

_PID_BYTES = 20
"""Written in place at a fixed size, so that a full disk has no say in it."""


class ProfileLock:
    """Held from construction to `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock, at once or not at all.

        Raises:
            ProfileInUse: another process, or another part of this one, holds it.
            OSError: the file cannot be made or locked.
        """
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, _PID_BYTES, 0).strip()
            os.close(self._descriptor)
            raise ProfileInUse(_sentence(path.parent, holder)) from None
        except OSError:
            os.close(self._descriptor)
            raise
        self._say(str(os.getpid()))

    def release(self) -> None:
        """Let go of the profile; once."""
        self._say("")
        os.close(self._descriptor)

    def _say(self, pid: str) -> None:
        with suppress(OSError):
            os.pwrite(self._descriptor, pid.encode().ljust(_PID_BYTES), 0)


def _sentence(home: Path, holder: bytes) -> str:
    known = f" (pid {holder.decode()})" if holder.isdigit() else ""
    return (
        f"Another Clowder process{known} holds this profile, {home}. End it and try again, or "
        "choose another profile with --home."
    )
