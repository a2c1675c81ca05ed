"""What follows from nobody touching the keys: being away, and a locked screen. Pure.

Times are seconds of a clock that does not go back. Who went away by themselves comes back by
writing; who was only idle comes back with any key.
"""

from typing import Literal

Step = Literal["", "away", "back", "lock"]


class Idle:
    """When somebody was here last, and what was said of it since."""

    def __init__(self, now: float) -> None:
        self._touched = now
        self._away = False
        self._locked = False

    def touch(self, now: float) -> Step:
        """A key, the mouse, a paste. "back" when they were away because of nothing but this."""
        away, self._away, self._locked = self._away, False, False
        self._touched = now
        return "back" if away else ""

    def seconds(self, now: float) -> float:
        """For how long nobody has been here."""
        return now - self._touched

    def look(self, now: float, *, away_after: float, lock_after: float, is_away: bool) -> Step:
        """What to do by now; 0 seconds mean never. Each is said once until somebody comes."""
        idle = now - self._touched
        if lock_after and idle >= lock_after and not self._locked:
            self._locked = True
            return "lock"
        if away_after and idle >= away_after and not (is_away or self._away):
            self._away = True
            return "away"
        return ""
