"""What the parts of a workspace's store share: the connection, names, and the channel rows.

`WorkspaceStore` (store.py) is one object composed of parts by inheritance, one file each; every
part owns its tables. What a part keeps in memory it forgets in `forget`, which runs after a
rollback, so that memory never knows what the file does not.
"""

from dataclasses import dataclass

from chat.store.database import Database
from chat.store.limits import ARRIVAL_BITS, WORKSPACES_MAX
from chat.store.names import Names

PROJECTION_VERSION = 3
"""Raised when the same entries are to be projected differently; see `Projection.is_stale`."""


@dataclass(slots=True)
class ChannelRow:
    """A channel's row.

    Attributes:
        first_ms: when something of the channel was first read here, 0 before that.
        messages: how many there are, those taken back among them.
        read_hlc, read_message: up to this message everything that came in in time is read.
    """

    number: int
    first_ms: int = 0
    messages: int = 0
    read_hlc: int = 0
    read_message: bytes = b""


class Tables:
    """Base of the parts."""

    def __init__(self, database: Database, names: Names, workspace: bytes) -> None:
        self.workspace = workspace
        self._database = database
        self._names = names
        self._channels: dict[bytes, ChannelRow] = {}
        self._channel_ids: dict[int, bytes] = {}
        self._number = self._find_number()
        self._keys_from = self._number << ARRIVAL_BITS
        """Row ids of this workspace's entries are this plus the arrival number."""
        self._keys_to = (self._number + 1) << ARRIVAL_BITS

    def _find_number(self) -> int:
        row = self._database.one("SELECT number FROM workspace WHERE id = ?", (self.workspace,))
        if row is not None:
            return int(row[0])
        number = self._database.insert(
            "INSERT INTO workspace (id, projection) VALUES (?, ?)",
            (self.workspace, PROJECTION_VERSION),
        )
        assert number < WORKSPACES_MAX
        return number

    def forget(self) -> None:
        """Read everything anew; after a rollback."""
        self._channels.clear()
        self._channel_ids.clear()

    def return_row(self) -> None:
        """Put this workspace's own row back if a rollback took it; the numbers stay."""
        self._database.write(
            "INSERT OR IGNORE INTO workspace (number, id, projection) VALUES (?, ?, ?)",
            (self._number, self.workspace, PROJECTION_VERSION),
        )

    def _find_channel(self, channel: bytes) -> ChannelRow | None:
        """The row of a channel, None when nothing is known of it."""
        known = self._channels.get(channel)
        if known is None:
            row = self._database.one(
                "SELECT number, first_ms, messages, read_hlc, read_message FROM channel"
                " WHERE workspace = ? AND id = ?",
                (self._number, channel),
            )
            if row is None:
                return None
            known = self._channels[channel] = ChannelRow(*row)
            self._channel_ids[known.number] = channel
        return known

    def _channel(self, channel: bytes) -> ChannelRow:
        """The row of a channel; it gets one if it has none."""
        known = self._find_channel(channel)
        if known is None:
            number = self._database.insert(
                "INSERT INTO channel (workspace, id, first_ms, messages, read_hlc, read_message)"
                " VALUES (?, ?, 0, 0, 0, x'')",
                (self._number, channel),
            )
            known = self._channels[channel] = ChannelRow(number)
            self._channel_ids[number] = channel
        return known

    def _write_channel(self, row: ChannelRow) -> None:
        self._database.write(
            "UPDATE channel SET first_ms = ?, messages = ?, read_hlc = ?, read_message = ?"
            " WHERE number = ?",
            (row.first_ms, row.messages, row.read_hlc, row.read_message, row.number),
        )

    def _channel_id(self, number: int) -> bytes:
        """The id of a channel whose number stands in some row."""
        known = self._channel_ids.get(number)
        if known is None:
            row = self._database.one("SELECT id FROM channel WHERE number = ?", (number,))
            if row is None:
                raise self._database.damaged()
            known = self._channel_ids[number] = bytes(row[0])
        return known

    def _channel_numbers(self) -> list[int]:
        rows = self._database.read(
            "SELECT number FROM channel WHERE workspace = ?", (self._number,)
        )
        return [int(number) for (number,) in rows]
