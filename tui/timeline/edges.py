"""The ends of what a timeline has loaded: what lies behind them, and when it is asked for. Pure.

Who scrolls should never wait for a page, and the answer to a key should never wait for a page that
is not needed yet. So near an end the next page is asked for at once; from further away it is
asked for when the reader rests.
"""

NEAR_ROWS = 30
"""So close to an end, the next page is read at once."""
SOON_ROWS = 120
"""So close, it is read when the reader rests: a screen of a tall terminal further."""
REST_SECONDS = 0.05
"""Who has not scrolled for so long looks at what is there."""


class Edges:
    """An end is named by whether it is the older one."""

    def __init__(self) -> None:
        self.has_older = False
        self.has_newer = False
        self._asked: set[bool] = set()

    def begin(self, *, has_older: bool, has_newer: bool) -> None:
        """Another stretch is loaded."""
        self.has_older, self.has_newer = has_older, has_newer
        self._asked.clear()

    def near(self, rows: int, above: float, below: float) -> list[bool]:
        """The ends within `rows` of a view behind which there is a page that was not asked for.

        Args:
            above, below: rows of what is loaded above the view and below it.
        """
        wanted = []
        if self.has_older and above < rows and True not in self._asked:
            wanted.append(True)
        if self.has_newer and below < rows and False not in self._asked:
            wanted.append(False)
        return wanted

    def ask(self, *, older: bool) -> None:
        """The page behind an end is being read."""
        self._asked.add(older)

    def fail(self, *, older: bool) -> None:
        """It could not be read, and may be asked for again."""
        self._asked.discard(older)

    def take(self, *, older: bool, more: bool) -> None:
        """It is here; `more` when there is another one behind it."""
        self._asked.discard(older)
        if older:
            self.has_older = more
        else:
            self.has_newer = more
