"""What a user may decide about the face."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tui import themes


@dataclass(frozen=True)
class UiConfig:
    """Settings of the face.

    Attributes:
        theme: a theme's name; an unknown one is replaced by the default.
        mouse: whether the mouse scrolls and selects here, or belongs to the terminal.
        keys: other keys by the ids of `tui.keymap`.
        previews: pictures in the timeline.
        bell: ring on a mention while the terminal is not in front.
        notify: also send a desktop notification (OSC 9).
    """

    theme: str = themes.DEFAULT
    mouse: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    previews: bool = True
    bell: bool = True
    notify: bool = False


class _Ui(Protocol):
    @property
    def theme(self) -> str: ...
    @property
    def mouse(self) -> bool: ...


class Settings(Protocol):
    """The settings of a profile as `chat.config` reads them."""

    @property
    def ui(self) -> _Ui: ...
    @property
    def keys(self) -> Mapping[str, str]: ...


def from_settings(settings: Settings) -> UiConfig:
    """The part of a profile's settings that is about the face."""
    return UiConfig(theme=settings.ui.theme, mouse=settings.ui.mouse, keys=settings.keys)
