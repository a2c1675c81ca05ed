"""Whether what was written here can have left this machine.

Entries leave over links alone, and a link gets what was written before it stood as well. So what
has a larger arrival number than the newest entry had when the last link ended, while no link came
since, is here and nowhere else. Of what an earlier run wrote nobody knows that any more.
"""


class Solitude:
    """Since when this device has been alone; `arrival` is the newest entry's number by now."""

    def __init__(self, arrival: int) -> None:
        self._since: int | None = arrival

    def linked(self) -> None:
        """A link stands: all that is here may leave."""
        self._since = None

    def parted(self, arrival: int) -> None:
        """The last link ended."""
        self._since = arrival

    def keeps(self, arrival: int) -> bool:
        """Whether the entry with this number is here and nowhere else."""
        return self._since is not None and arrival > self._since
