"""How a profile knows that it continues where it stopped.

Two entries of one log with one number are a fork, and a fork voids what an honest device wrote. It
would come about when a profile is put back from a backup and writes where the lost one had written
already. So a log is only continued by the very files that last wrote it, after a clean shutdown.

The marker is a file beside the database that says what a clean shutdown left: the machine, how
many clean shutdowns there were (the database holds the same number), and the identity of the
database's file: device, inode, time of its last change (which no program can set) and of its last
modification. It is never parsed: what it should say is worked out anew and compared.

- Opening empties the marker before anything else is written, then touches the database. So an
  unclean stop leaves an empty marker, and a marker that comes back from a backup fits no more,
  even when the tool that restores finds the database unchanged and leaves it in place.
- Closing counts, commits, closes the database, and writes the marker last.
- A copy has another inode and time of change; a moved folder has the same ones, and continues.

When in doubt the answer is no, which costs one more set of logs. What cannot be seen from here is
a whole disk or virtual machine that is taken back to an earlier state.
"""

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from chat.profile_files import overwrite
from crdt.keys import digest

VERSION = 1
MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
"""Where systems keep a random name of the installation; where there is none, files must do."""


class Witness(NamedTuple):
    """The identity of a file, and when it last changed (nanoseconds)."""

    device: int
    inode: int
    changed: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> "Witness":
        """What is there now. Raises OSError."""
        found = os.lstat(path)
        return cls(found.st_dev, found.st_ino, found.st_ctime_ns, found.st_mtime_ns)


def machine() -> str:
    """This installation's name, hashed: the id itself is not to be shown around."""
    for path in MACHINE_ID_FILES:
        if path.is_file():
            return digest(b"x1.machine", path.read_bytes().strip())[:16].hex()
    return ""


def text(shutdowns: int, database: Witness) -> bytes:
    """What a marker says after so many clean shutdowns: one line of JSON."""
    says = {"v": VERSION, "machine": machine(), "shutdowns": shutdowns, **database._asdict()}
    return msgspec.json.encode(says) + b"\n"


def take(path: Path) -> bytes:
    """What the marker said; from now on it says nothing. Raises OSError."""
    if not path.exists():
        return b""
    said = path.read_bytes()
    if said:
        overwrite(path, b"")
    return said


def leave(path: Path, shutdowns: int, database: Path) -> None:
    """Mark a clean shutdown; the database must be closed. Raises OSError."""
    overwrite(path, text(shutdowns, Witness.of(database)))
