"""What is known here of what the workspace needs of its files."""

from collections.abc import Callable
from dataclasses import dataclass

from chat.files.limits import COPIES_WANTED
from crdt.ops import FileInfo


def _unknown() -> set[bytes] | None:
    return None


def _untold(_: bytes) -> FileInfo | None:
    return None


def _usual() -> int:
    return COPIES_WANTED


@dataclass(frozen=True, slots=True)
class Needs:
    """Asked whenever it matters; without a workspace, and on a relay, little is known.

    Attributes:
        named: the roots that messages name; blocks of others go first. None: not known.
        told_of: what some message says of the file of a root.
        copies: how many of each file the workspace wants.
    """

    named: Callable[[], set[bytes] | None] = _unknown
    told_of: Callable[[bytes], FileInfo | None] = _untold
    copies: Callable[[], int] = _usual


NOTHING_KNOWN = Needs()
