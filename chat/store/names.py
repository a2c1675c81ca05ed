"""Each long value once: devices, members, epochs and roster hashes as small numbers.

A 32-byte value that stands in a hundred thousand rows would be most of the file.
"""

from chat.store.database import Database
from chat.store.limits import NAMES_CACHED


class Names:
    """Values and their numbers, both ways, with a bounded cache."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers: dict[bytes, int] = {}
        self._values: dict[int, bytes] = {}

    def forget(self) -> None:
        """Read everything anew; after a rollback."""
        self._numbers.clear()
        self._values.clear()

    def find(self, value: bytes) -> int | None:
        """The number of a value, None when it has none yet."""
        number = self._numbers.get(value)
        if number is None:
            row = self._database.one("SELECT number FROM name WHERE value = ?", (value,))
            if row is None:
                return None
            number = int(row[0])
            self._keep(number, value)
        return number

    def number(self, value: bytes) -> int:
        """The number of a value; it gets one if it has none."""
        number = self._numbers.get(value)
        if number is None:
            number = self.find(value)
            if number is None:
                number = self._database.insert("INSERT INTO name (value) VALUES (?)", (value,))
                self._keep(number, value)
        return number

    def value(self, number: int) -> bytes:
        """The value of a number that stands in some row."""
        value = self._values.get(number)
        if value is None:
            row = self._database.one("SELECT value FROM name WHERE number = ?", (number,))
            if row is None:
                raise self._database.damaged()
            value = bytes(row[0])
            self._keep(number, value)
        return value

    def _keep(self, number: int, value: bytes) -> None:
        if len(self._numbers) >= NAMES_CACHED:
            self.forget()
        self._numbers[value] = number
        self._values[number] = value
