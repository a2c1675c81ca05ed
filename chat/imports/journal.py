"""What an import has posted: message ids by the keys of what they were made of, for one channel.

A file of JSON lines in the profile's folder. The first line names the channel, each other one a key
and an id. A line is on the disk before the next posts are begun, so that a run that is cut off goes
on behind its last line; what was posted and did not come to its line is found by its text. A line
that was cut in the middle is cut away.
"""

import fcntl
import hashlib
import os
import re
from pathlib import Path
from types import TracebackType

import msgspec

from chat.errors import UsageError
from chat.profile_files import PRIVATE_FILE, PRIVATE_FOLDER, refusal

_PLAIN = re.compile("[A-Za-z0-9]{1,40}")


class Entry(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A line: a key ("" for the channel) and the id that goes with it."""

    key: str
    id: str


_entries = msgspec.json.Decoder(Entry)


class Journal:
    """The journal of one channel of one source.

    Attributes:
        channel: id of the channel that is posted to, "" at first.
        ids: message ids by key, the last one posted last.
    """

    def __init__(self, home: Path, source: str, name: str) -> None:
        """Open it, or begin it.

        Raises:
            UsageError: another import of this channel runs. StoreError: the disk refuses.
        """
        # The name is another's: letters and digits may be a file's name, all else becomes some.
        safe = name if _PLAIN.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()[:32]
        self._path = home / "imports" / f"{source}-{safe}.jsonl"
        self.channel = ""
        self.ids: dict[str, str] = {}
        try:
            self._path.parent.mkdir(PRIVATE_FOLDER, exist_ok=True)
            opened = os.open(self._path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
            self._file = os.fdopen(opened, "r+b")
            self._alone()
            self._read()
        except OSError as error:
            raise refusal(error, self._path) from None

    def _alone(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise UsageError("Another import of this channel runs; wait for its end.") from None

    def _read(self) -> None:
        end = 0
        for line in self._file:
            try:
                entry = _entries.decode(line)
            except (msgspec.MsgspecError, ValueError):
                break
            if not line.endswith(b"\n"):
                break
            end += len(line)
            if entry.key:
                self.ids[entry.key] = entry.id
            else:
                self.channel = entry.id
        self._file.truncate(end)
        self._file.seek(end)

    def begin(self, channel: str) -> None:
        """Posts go to this channel from now on. Raises StoreError."""
        self.channel = channel
        self._write([Entry("", channel)])

    def add(self, posted: dict[str, str]) -> None:
        """These keys were posted with these ids. Raises StoreError."""
        self.ids |= posted
        self._write([Entry(key, mid) for key, mid in posted.items()])

    def _write(self, entries: list[Entry]) -> None:
        try:
            self._file.write(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise refusal(error, self._path) from None

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
        except OSError as failed:
            raise refusal(failed, self._path) from None
