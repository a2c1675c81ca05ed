"""Files that messages carry, and the roots whose blocks this member wants."""

from typing import NamedTuple

from chat.store.limits import FILES_FOUND_MAX
from chat.store.states import States, shown_files
from crdt.ops import FileInfo


class CarriedFile(NamedTuple):
    """A file and a message that carries it."""

    info: FileInfo
    channel: bytes
    message: bytes


class Files(States):
    """Which files there are, and which are wanted."""

    def file_of_root(self, root: bytes) -> CarriedFile | None:
        """A file by the id of its root block.

        Several messages can carry one root, and somebody can lie about its key. The first one
        that came in is believed, so nobody takes away later what was there.
        """
        rows = self._database.read(
            "SELECT f.channel, f.mid FROM file f"
            " JOIN message m ON m.mid = f.mid AND m.channel = f.channel"
            " WHERE f.root = ? AND m.entry > ? AND m.entry < ? ORDER BY m.entry LIMIT 1",
            (root, self._keys_from, self._keys_to),
        )
        for channel, mid in rows:
            for info in self._carried(channel, mid):
                if info.root == root:
                    return CarriedFile(info, self._channel_id(channel), mid)
        return None

    def files_by_plaintext(self, sha256: bytes) -> list[CarriedFile]:
        """Some files with this plaintext, those that came in first."""
        rows = self._database.read(
            "SELECT f.root, f.channel, f.mid FROM file f"
            " JOIN message m ON m.mid = f.mid AND m.channel = f.channel"
            " WHERE f.sha256 = ? AND m.entry > ? AND m.entry < ? ORDER BY m.entry, f.root LIMIT ?",
            (sha256, self._keys_from, self._keys_to, FILES_FOUND_MAX),
        )
        return [
            CarriedFile(info, self._channel_id(channel), mid)
            for root, channel, mid in rows
            for info in self._carried(channel, mid)
            if info.root == root and info.sha256 == sha256
        ]

    def newest_files(self, channel: bytes | None, limit: int) -> list[CarriedFile]:
        """Files of one channel or of all, newest message first; each once, where it is newest."""
        row = None if channel is None else self._find_channel(channel)
        if channel is not None and row is None:
            return []
        only = None if row is None else row.number
        rows = self._database.read(
            "SELECT f.root, f.channel, f.mid, max(m.hlc) AS hlc FROM file f"
            " JOIN message m ON m.mid = f.mid AND m.channel = f.channel"
            " WHERE m.entry > ? AND m.entry < ? AND (? IS NULL OR f.channel = ?)"
            " GROUP BY f.root ORDER BY hlc DESC, f.mid DESC, f.root LIMIT ?",
            (self._keys_from, self._keys_to, only, only, limit),
        )
        return [
            CarriedFile(info, self._channel_id(number), mid)
            for root, number, mid, _ in rows
            for info in self._carried(number, mid)
            if info.root == root
        ]

    def roots(self) -> set[bytes]:
        """The roots of all files that some message carries; blocks of no other are needed."""
        rows = self._database.read(
            "SELECT DISTINCT root FROM file"
            " WHERE channel IN (SELECT number FROM channel WHERE workspace = ?)",
            (self._number,),
        )
        return {root for (root,) in rows}

    def _carried(self, channel: int, mid: bytes) -> tuple[FileInfo, ...]:
        stored = self._load(channel, mid)
        return () if stored is None else shown_files(stored.state)

    def add_want(self, root: bytes) -> None:
        """This member wants a file; a known want changes nothing."""
        self._database.write(
            "INSERT OR IGNORE INTO want (workspace, root) VALUES (?, ?)", (self._number, root)
        )

    def drop_want(self, root: bytes) -> None:
        """The file is here, or not wanted any more."""
        self._database.write(
            "DELETE FROM want WHERE workspace = ? AND root = ?", (self._number, root)
        )

    def wants(self) -> list[bytes]:
        """The roots wanted, in the order they were asked for."""
        rows = self._database.read(
            "SELECT root FROM want WHERE workspace = ? ORDER BY number", (self._number,)
        )
        return [root for (root,) in rows]
