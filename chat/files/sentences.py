"""Errors of blocks, pictures and the system become sentences for the user."""

from pathlib import Path

from chat.errors import ChatError, NoPeer, NotFound, UsageError
from chat.files.limits import PATH_SHOWN_CHARS
from chat.pictures.formats import display_name
from crdt.ops import FileInfo
from crdt.text import clean_line

KEEP_METADATA = "with --keep-metadata it is shared as it is"


def sentence(reason: object) -> str:
    """The text of an error with a capital first letter and a full stop."""
    text = str(reason)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def shown(path: Path) -> str:
    """A path of the user, in quotes."""
    return f"“{clean_line(str(path), PATH_SHOWN_CHARS)}”"


def named(info: FileInfo) -> str:
    """A file that a message carries, in quotes; the name is a peer's."""
    return f"“{display_name(info.name)}”"


def nothing_came(info: FileInfo, held: bool, seconds: float) -> NoPeer:
    """Why a file was not fetched in time; `held`: somebody who is linked has some of it."""
    if not held:
        return NoPeer(
            f"Nobody who is linked has {named(info)}; it comes as soon as somebody who has it "
            "is linked."
        )
    return NoPeer(
        f"Nothing more of {named(info)} came for {seconds:g} seconds; it goes on as soon as "
        "somebody sends it."
    )


def cannot_read(error: OSError, path: Path) -> ChatError:
    """Why a file of the user cannot be shared."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFound(f"There is no file {shown(path)}.")
    if isinstance(error, PermissionError):
        return UsageError(f"{shown(path)} may not be read; look at its permissions.")
    return UsageError(f"{shown(path)} cannot be read: {error.strerror or error}.")
