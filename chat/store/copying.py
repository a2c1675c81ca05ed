"""A consistent copy of the database, made while it is written to.

SQLite's backup reads through the connection that writes, because the file is locked for any other.
A step copies some pages and gives the thread back; pages that change meanwhile are copied again by
SQLite itself, so the copy is the database as of its last step. A step does nothing while a
transaction is open: what is not committed is never in a copy. Pages are sealed anew under the same
key as they are written, and what is on disk is at no time readable without it.
"""

import os
from collections.abc import Callable
from pathlib import Path

import apsw

from chat.errors import StoreError

Sentence = Callable[[apsw.Error, str], StoreError]


class Copying:
    """A copy under way; `close` it whatever happens. Raises apsw.Error when it cannot begin."""

    def __init__(
        self, source: apsw.Connection, target: apsw.Connection, path: Path, sentence: Sentence
    ) -> None:
        self._target = target
        self._path = path
        self._sentence = sentence
        self._finished = False
        try:
            self._backup = target.backup("main", source, "main")
        except apsw.Error:
            target.close(True)
            raise

    def step(self, pages: int) -> bool:
        """Copy so many pages; whether there are more, or a transaction is in the way.

        Raises:
            StoreError: the disk refuses, or the source is damaged.
        """
        try:
            self._backup.step(pages)
        except (apsw.BusyError, apsw.LockedError):
            return True
        except apsw.Error as error:
            raise self._sentence(error, str(self._path)) from None
        self._finished = bool(self._backup.done)
        return not self._finished

    def close(self) -> None:
        """End it. A copy that is whole is durable now, any other is gone.

        Raises:
            StoreError: it was whole and cannot be made durable.
        """
        try:
            self._backup.close(not self._finished)
            self._target.close(True)
            if self._finished:
                descriptor = os.open(self._path, os.O_RDWR)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except apsw.Error as error:
            self._finished = False
            raise self._sentence(error, str(self._path)) from None
        finally:
            if not self._finished:
                self._path.unlink(missing_ok=True)
