"""How much of other people's files a relay keeps.

Room is what the quota leaves after what is stored and what the files under way still lack. A file
counts from when its manifest is here, because a manifest cannot lie about the size and an offer
can; if it does not fit then, it is dropped. While nobody linked has it, it takes no room: else a
member could fill a relay with promises.
"""


class Quota:
    """Bytes of one relay."""

    def __init__(self, limit_bytes: int, used_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = used_bytes
        self._expected: dict[bytes, int] = {}
        self._expected_bytes = 0

    @property
    def room(self) -> int:
        """Bytes that may still be promised; negative when too much was."""
        return self._limit - self._used - self._expected_bytes

    def expect(self, root: bytes, lacking: int) -> None:
        """So many bytes of this file are still to come."""
        self._expected_bytes += lacking - self._expected.get(root, 0)
        self._expected[root] = lacking

    def settle(self, root: bytes) -> None:
        """Nothing more of this file will come."""
        self._expected_bytes -= self._expected.pop(root, 0)

    def removed(self, size: int) -> None:
        """Blocks of `size` bytes went."""
        self._used -= size

    def stored(self, size: int) -> None:
        """A block of `size` bytes is on disk."""
        self._used += size
