"""A picture that moves: which frame stands for how long, painted when it is needed.

The frames were decoded elsewhere and are bounded there in number and bytes. Painting one costs
milliseconds and keeps many objects, so only some stay painted. Pure.
"""

from collections import OrderedDict

from tui.limits import FILM_PAINTED_FRAMES, FRAME_LEAST_MS, FRAME_UNTOLD_MS
from tui.pictures import Animation, Colour, Painted, Part, paint

_UNTOLD_BELOW_MS = 20
"""What asks for less than this wants no time at all: encoders write 0 or 10 for "as usual"."""


class Film:
    """The frames of an animation, and the one that is shown."""

    def __init__(self, animation: Animation, background: Colour) -> None:
        self._animation = animation
        self._background = background
        self._painted: OrderedDict[int, Painted] = OrderedDict()
        self.at = 0

    def __len__(self) -> int:
        return len(self._animation.frames)

    @property
    def seconds(self) -> float:
        """How long the frame shown stands."""
        told = self._animation.frames[self.at][0]
        return (FRAME_UNTOLD_MS if told < _UNTOLD_BELOW_MS else max(told, FRAME_LEAST_MS)) / 1000

    @property
    def rows(self) -> Painted:
        """The frame shown."""
        if self.at not in self._painted:
            rgb = self._animation.frames[self.at][1]
            whole = Part(self._animation.width, self._animation.height, rgb)
            self._painted[self.at] = paint(whole, self._background)
            if len(self._painted) > FILM_PAINTED_FRAMES:
                self._painted.popitem(last=False)
        return self._painted[self.at]

    def step(self) -> None:
        """To the next frame; after the last comes the first."""
        self.at = (self.at + 1) % len(self)
