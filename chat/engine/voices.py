"""What was heard of each device lately: nothing is taken twice, nothing old, and not too much."""

from collections.abc import Callable
from dataclasses import dataclass

from chat.engine.limits import BURST_MAX, EVERY_MS, RECENT_MAX, STAMP_WINDOW_MS
from chat.workspace import Now


@dataclass(slots=True)
class _Voice:
    """Stamps that were taken, and how many messages may follow at `at`."""

    recent: dict[int, None]
    allowance: float
    at: int

    def left(self, now: Now) -> float:
        return min(self.allowance + (now.mono - self.at) / EVERY_MS, BURST_MAX)


class Voices:
    """The devices that were heard."""

    def __init__(self) -> None:
        self._voices: dict[bytes, _Voice] = {}

    def knows(self, device: bytes, stamp: int) -> bool:
        """Whether this was taken lately."""
        voice = self._voices.get(device)
        return voice is not None and stamp in voice.recent

    def may(self, device: bytes, stamp: int, now: Now) -> bool:
        """Whether a message that is not known may be taken: it is not behind everything that is
        remembered, and its device has not said too much."""
        voice = self._voices.get(device)
        if voice is None:
            return True
        behind = len(voice.recent) >= RECENT_MAX and stamp < min(voice.recent)
        return not behind and voice.left(now) >= 1

    def take(self, device: bytes, stamp: int, now: Now) -> None:
        """It is taken."""
        voice = self._voices.setdefault(device, _Voice({}, BURST_MAX, now.mono))
        voice.allowance, voice.at = voice.left(now) - 1, now.mono
        voice.recent[stamp] = None
        if len(voice.recent) > RECENT_MAX:
            del voice.recent[min(voice.recent)]

    def keep(self, known: Callable[[bytes], bool]) -> None:
        """Forget all other devices."""
        self._voices = {device: v for device, v in self._voices.items() if known(device)}


def is_about_now(stamp: int, now: Now) -> bool:
    """Whether something said at `stamp` can still be true."""
    return abs(stamp - now.wall) <= STAMP_WINDOW_MS
