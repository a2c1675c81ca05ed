"""The face as a Textual application: themes, keys, signals, and which screen comes first.

`run` and `run_async` are the doors. The session outlives the application; whoever made it closes
it. Textual draws on standard error under Linux, so nothing else may write there meanwhile.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any, ClassVar, Protocol, runtime_checkable

from textual.app import SuspendNotSupported, SystemCommand
from textual.screen import Screen

from chat.events import Event, StatusChanged, Warned
from chat.session import Session, Workspaces
from tui import editor, escapes, garbage, graphics, keymap, palette, workers
from tui.config import Settings, UiConfig, from_settings
from tui.errors import InputError
from tui.pictures import PictureDecoder
from tui.screens.welcome import WelcomeScreen
from tui.screens.workspace import WorkspaceScreen
from tui.seated import SeatedApp
from tui.terminal import exit_on_signals, free_alt_keys, outlast_terminals, tell
from tui.text import moments


@runtime_checkable
class TakesEvents(Protocol):
    """A screen that follows what happens."""

    def take(self, happened: Sequence[Event]) -> None: ...


class ClowderApp(SeatedApp):
    """Composition only: screens do the work."""

    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = [
        "styles/app.tcss",
        "styles/timeline.tcss",
        "styles/dialogs.tcss",
        "styles/plain.tcss",
    ]
    TITLE = "Clowder"
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        session: Session,
        config: UiConfig,
        decoder: PictureDecoder | None = None,
        config_path: Path | None = None,
        workspaces: Workspaces | None = None,
    ) -> None:
        super().__init__(session, config, config_path, workspaces)
        self.decoder = decoder
        self.pixels: graphics.Pixels | None = None
        self._undo_signals: Callable[[], None] = lambda: None
        self._titled = ""

    async def on_mount(self) -> None:
        self._undo_signals = exit_on_signals(self._leave)
        self.theme_changed_signal.subscribe(self, lambda _: self._theme_changed())
        self.follow(self.seat)
        for problem in keymap.problems(self.deciding.config.keys):
            self.notify(problem, severity="warning", markup=False)
        await self.read_world()
        self.show_phase()
        self.watch_for_idle()
        workers.start(self, "seats", self.look_for_workspaces)

    def on_unmount(self) -> None:
        if self._titled:
            tell(self, escapes.TITLE_POP)
        self._undo_signals()

    def _leave(self, code: int) -> None:
        self.exit(code, return_code=code)

    # What is known.

    def show_phase(self, *, anew: bool = False) -> None:
        """The screen that fits: the workspace for members, else the welcome screen."""
        if self.world.status.locked:
            self.follow_lock()
            return
        live = self.world.status.phase in ("live", "removed")
        wanted = WorkspaceScreen if live else WelcomeScreen
        if not anew and any(isinstance(screen, wanted) for screen in self.screen_stack):
            return
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if len(self.screen_stack) > 1:
            self.switch_screen(wanted(self))
        else:
            self.push_screen(wanted(self))

    def reconnected(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, WorkspaceScreen):
                screen.renew(1)
                screen.notes.renew()

    def elsewhere_changed(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, WorkspaceScreen) and screen.is_mounted and screen.children:
                screen.show_elsewhere()

    def deliver(self, happened: Sequence[Event]) -> None:
        now = time.monotonic()
        before = self.world.status.phase
        for event in happened:
            self.world.apply(event, now)
            if isinstance(event, Warned):
                self.notify(event.text, severity="warning", markup=False)
        if self.world.status.phase != before:
            workers.start(self, "work", self.enter)
        self.follow_lock()
        for screen in self.screen_stack:
            # A screen that is closing has lost its widgets before it leaves the stack.
            if isinstance(screen, TakesEvents) and screen.is_mounted and screen.children:
                screen.take(happened)

    async def enter(self) -> None:
        """A workspace was created, joined, lost or unlocked."""
        await self.read_world()
        self.show_phase()
        self.deliver([StatusChanged(self.world.status)])

    async def keep_all(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, WorkspaceScreen):
                await screen.keep()

    # What several screens need.

    def hue(self, member: str, chosen: str = "") -> str:
        """The colour of a member on this theme; the one they chose where that is possible."""
        return super().hue(member, chosen or self.world.colour(member))

    def ring(self, title: str, text: str) -> None:
        """Something came that may call the user; say so when nobody looks."""
        if self.app_focus:
            return
        if self.deciding.config.bell:
            self.bell()
        way = escapes.way_for(self.deciding.config.notify, os.environ)
        tell(self, escapes.notification(way, title, text, tmux="TMUX" in os.environ))

    def show_title(self, text: str) -> None:
        """What the terminal's title says; nothing of a locked workspace."""
        waits = sum(waits.unread for waits in self.elsewhere)
        text = f"{text} +{moments.number(waits)} elsewhere" if waits else text
        text = self.TITLE if self.world.status.locked else text
        if self.deciding.config.title and text != self._titled:
            before, self._titled = self._titled, text
            tell(self, ("" if before else escapes.TITLE_PUSH) + escapes.window_title(text))

    def on_app_focus(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, WorkspaceScreen):
                screen.seen()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What Ctrl+P offers: our keys by their names, then Textual's own."""
        if isinstance(screen, WorkspaceScreen):
            yield from palette.entries(screen, self.deciding.config.keys)
        yield from super().get_system_commands(screen)

    def _theme_changed(self) -> None:
        self.keep_theme()
        for screen in self.screen_stack:
            if isinstance(screen, WorkspaceScreen):
                screen.repaint()

    def rows_changed(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, WorkspaceScreen):
                screen.rows_changed()

    def write_in_editor(self, text: str, done: Callable[[str], None]) -> None:
        """Let the user write in $VISUAL or $EDITOR."""
        workers.start(self, "editor", self._write_in_editor, text, done)

    async def _write_in_editor(self, text: str, done: Callable[[str], None]) -> None:
        try:
            # Nothing is drawn meanwhile, and everything else goes on: links stay up.
            with self.suspend(), self.batch_update():
                text = await asyncio.to_thread(editor.write, text)
        except (InputError, SuspendNotSupported) as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            done(text)


async def run_async(
    session: Session,
    config: UiConfig | Settings | None = None,
    *,
    decoder: PictureDecoder | None = None,
    config_path: Path | None = None,
    workspaces: Workspaces | None = None,
) -> int:
    """Run the face until the user leaves; gives the exit code.

    Without a `decoder` of the caller's, pictures are decoded by chat.pictures in its own process.
    Settings that are changed inside are kept in `config_path`. `workspaces` tells of others.
    """
    free_alt_keys()
    outlast_terminals()
    if config is None:
        config = UiConfig()
    elif not isinstance(config, UiConfig):
        config = from_settings(config)
    own = None
    if decoder is None:
        from chat.pictures.decoder import PictureDecoder as Decoder

        decoder = own = Decoder()
    app = ClowderApp(session, config, decoder, config_path, workspaces)
    app.pixels = None if config.ascii else graphics.probe(os.environ)
    sweeping = asyncio.create_task(garbage.sweep(lambda: app.idle_seconds))
    try:
        code = await app.run_async(mouse=config.mouse)
    finally:
        sweeping.cancel()
        if own is not None:
            await own.aclose()
    return app.return_code or code or 0


def run(session: Session, config: UiConfig | None = None) -> int:
    """`run_async` in an event loop of its own."""
    return asyncio.run(run_async(session, config))
