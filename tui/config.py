"""What a user may decide about the face."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tui import themes
from tui.escapes import Way


@dataclass(frozen=True)
class UiConfig:
    """Settings of the face.

    Attributes:
        theme: a theme's name; an unknown one is replaced by the default.
        mouse: whether the mouse scrolls and selects here, or belongs to the terminal.
        keys: other keys by the ids of `tui.keymap`.
        previews: pictures in the timeline.
        bell: ring on a mention while the terminal is not in front.
        notify: also ask for a desktop notification, by which escape sequence.
        title: show unread messages in the terminal's title.
        ascii: draw with letters and signs of ASCII only.
        motion: whether anything may blink, slide or fade.
        away_after: minutes without a key after which the others see that nobody is here, 0 never.
        lock_after: minutes without a key after which the passphrase is asked for, 0 never.
        undo_seconds: how long a message waits here, to be taken back, before it is sent.
    """

    theme: str = themes.DEFAULT
    mouse: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    previews: bool = True
    bell: bool = True
    notify: Way = "off"
    title: bool = True
    ascii: bool = False
    motion: bool = True
    away_after: int = 10
    lock_after: int = 0
    undo_seconds: int = 0

    @property
    def pictures(self) -> bool:
        """Whether the timeline has pictures: half blocks are no ASCII."""
        return self.previews and not self.ascii


class _Ui(Protocol):
    @property
    def theme(self) -> str: ...
    @property
    def mouse(self) -> bool: ...
    @property
    def bell(self) -> bool: ...
    @property
    def notify(self) -> Way: ...
    @property
    def title(self) -> bool: ...
    @property
    def ascii(self) -> bool: ...
    @property
    def motion(self) -> bool: ...
    @property
    def away_after(self) -> int: ...
    @property
    def lock_after(self) -> int: ...
    @property
    def undo_seconds(self) -> int: ...
    @property
    def previews(self) -> bool: ...


class Settings(Protocol):
    """The settings of a profile as `chat.config` reads them."""

    @property
    def ui(self) -> _Ui: ...
    @property
    def keys(self) -> Mapping[str, str]: ...


def from_settings(settings: Settings) -> UiConfig:
    """The part of a profile's settings that is about the face."""
    ui = settings.ui
    return UiConfig(
        theme=ui.theme,
        mouse=ui.mouse,
        keys=settings.keys,
        bell=ui.bell,
        notify=ui.notify,
        title=ui.title,
        ascii=ui.ascii,
        motion=ui.motion,
        away_after=ui.away_after,
        lock_after=ui.lock_after,
        undo_seconds=ui.undo_seconds,
        previews=ui.previews,
    )
