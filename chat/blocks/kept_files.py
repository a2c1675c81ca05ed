"""Which files the user keeps whatever happens: one empty file a root, named by its id.

    folder/kept/bafy...

Beside the blocks and not in the database, so that a relay and a profile without its database know
it too. Blocking, but short; a few thousand names are read at start.
"""

from contextlib import suppress
from pathlib import Path

from chat.blocks.cid import format_cid, parse_cid
from chat.blocks.errors import Invalid, StoreFailure
from chat.blocks.store_files import sentence_of, sync_folder


class KeptRoots:
    """The roots that are kept. Raises StoreFailure when the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "kept"
        self._roots: set[bytes] = set()
        try:
            if self._folder.is_dir():
                for entry in self._folder.iterdir():
                    with suppress(Invalid):
                        self._roots.add(parse_cid(entry.name))
        except OSError as error:
            raise StoreFailure(sentence_of(error, self._folder)) from error

    def __contains__(self, root: object) -> bool:
        return root in self._roots

    def keep(self, root: bytes, on: bool) -> None:
        """Keep a file, or no longer; durable when this returns."""
        path = self._folder / format_cid(root)
        try:
            if on:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600)
            else:
                path.unlink(missing_ok=True)
            if self._folder.is_dir():
                sync_folder(self._folder)
        except OSError as error:
            raise StoreFailure(sentence_of(error, self._folder)) from error
        (self._roots.add if on else self._roots.discard)(root)
