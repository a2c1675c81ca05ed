"""What the user decided, carried out: lines that were sent, keys on messages, files, dialogs.

A text is never lost: the composer is emptied at once, and gets the text back when posting fails.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chat import commands
from chat.events import Event
from chat.model import Channel, FileView, Message, Transfer
from chat.pictures.formats import why_not_shown
from tui import naming, workers
from tui.errors import InputError
from tui.holding import Held
from tui.input import actions, pasting, saving, slash
from tui.input.actions import Context, Step
from tui.managing import Managing
from tui.screens.choice import Choice
from tui.screens.file_picker import FilePicker
from tui.screens.picture import PictureScreen
from tui.screens.react import ReactPicker
from tui.screens.upload import Upload, UploadScreen
from tui.showing import Showing
from tui.text import markup, moments
from tui.text.parts import is_picture
from tui.undoing import Undoing
from tui.widgets.composer_box import Mode
from tui.world import provenance

if TYPE_CHECKING:
    from tui.screens.workspace import WorkspaceScreen

RECENT_MESSAGES = 200
"""How far back a command without a named message looks for the obvious one."""


class Doing:
    """Carries out steps for the workspace screen."""

    def __init__(self, screen: "WorkspaceScreen") -> None:
        self._screen = screen
        self._asker = screen.asker
        self.undoing = Undoing(
            screen,
            lambda held: self._send(held.command, held.mode, held.typed),
            screen.draft_changed,
        )
        self._managing = Managing(screen, self.do)
        self._showing = Showing(screen, self._managing, self._look, self._keep)

    def take(self, happened: Sequence[Event]) -> None:
        """What happened, for dialogs that wait for something."""
        self._showing.devices.take(happened)

    # What was written.

    def submit(self, text: str) -> None:
        """Enter in the composer."""
        if not text.strip():
            return
        box = self._screen.box
        try:
            line = slash.parse(text)
            if isinstance(line, slash.Asked):
                step = actions.plan(line, self._context())
                box.composer.history_of_lines.add(text)
                box.composer.set_text("")
                self.do(step)
                return
        except InputError as error:
            self._asker.complain(error)
            return
        box.composer.history_of_lines.add(text)
        mode = box.mode
        box.clear()
        self._say(line.text, mode, text)

    def run(self, line: str) -> None:
        """A command that nobody typed; the composer is left alone."""
        try:
            asked = slash.parse(line)
            assert isinstance(asked, slash.Asked)
            self.do(actions.plan(asked, self._context()))
        except InputError as error:
            self._asker.complain(error)

    def _say(self, text: str, mode: Mode | None, typed: str) -> None:
        if mode is not None and mode.kind == "edit":
            self._send(commands.Edit(mode.message.id, text), mode, typed)
            return
        answered = mode.message.id if mode is not None else None
        post = commands.Post(self._screen.channel_name, text, answered)
        seconds = self._screen.deciding.config.undo_seconds
        if seconds:
            self.undoing.hold(Held(post, typed, mode), seconds)
        else:
            self._send(post, mode, typed)

    def _send(self, command: commands.Post | commands.Edit, mode: Mode | None, typed: str) -> None:
        channel = self._screen.channel_name

        def shown(message: Message) -> None:
            self._screen.take_messages([message])
            if isinstance(command, commands.Post):
                self._screen.timeline.jump_end_if_loaded()

        def failed() -> None:
            box = self._screen.box
            if not box.composer.text and self._screen.channel_name == channel:
                box.composer.set_text(typed)
                if box.mode is None and mode is not None:
                    box.set_mode(mode)
                    box.composer.set_text(typed)

        self._asker.send(command, shown, failed)

    def _context(self) -> Context:
        sheet = self._screen.timeline.sheet
        newest = [sheet[i] for i in range(len(sheet) - 1, -1, -1)[:RECENT_MESSAGES]]
        return Context(
            channel=self._screen.channel_name,
            me=self._screen.world.me,
            selected=self._screen.timeline.selected,
            recent=newest,
            resolve=lambda given: actions.by_id(given, newest),
            channels=[channel.name for channel in self._screen.world.listed],
            bookmarks=self._screen.world.private.bookmarks,
            now=time.time_ns() // 1_000_000,
        )

    # Steps.

    def do(self, step: Step) -> None:
        """Carry out one step."""
        screen = self._screen
        match step:
            case actions.Ask(commands.NameMember() as command, said):
                naming.give(self._asker, screen.world, command, said)
            case actions.Ask(command, said):
                self._asker.send(command, lambda _: self._asker.say(said) if said else None)
            case actions.Go(channel):
                found = screen.world.channel(channel)
                if found is not None:
                    screen.open_channel(found)
            case actions.MakeChannel(command):
                self._asker.send(command, self._made_channel)
            case actions.Show(panel):
                self._showing.panel(panel)
            case actions.Find(query):
                self._showing.search(query)
            case actions.Compose(kind, message):
                screen.timeline.unselect()
                screen.box.set_mode(Mode(kind, message))
                screen.box.composer.focus()
            case actions.ShowDelivery(message):
                self._showing.delivery(message)
            case actions.OpenThread(message):
                screen.side.open_thread(screen.channel_name, message)
            case actions.Unfold(message):
                screen.timeline.unfold(message.id)
            case actions.Confirm(question, command, said):
                self._confirm(question, command, said)
            case actions.Manage(wanted):
                self._managing.decide(wanted)
            case actions.Save(message, path):
                self._save(message, path)
            case actions.Move(workspace):
                screen.face.move(workspace)
            case actions.Lock():
                screen.face.lock()
            case actions.Undo(message):
                self.undoing.undo(message)
            case actions.Quit():
                screen.app.exit(0)

    def _made_channel(self, channel: Channel) -> None:
        self._screen.world.channels[channel.id] = channel
        self._screen.open_channel(channel)

    def _confirm(self, question: str, command: commands.Command, said: str) -> None:
        def answered(answer: str | None) -> None:
            if answer == "yes":
                self._asker.send(command, lambda _: self._asker.say(said) if said else None)

        dialog = Choice(question, [("no", "No"), ("yes", "Yes")])
        self._screen.app.push_screen(dialog, answered)

    # Messages.

    def on_message(self, action: str, message: Message) -> None:
        """A key of the timeline, on a message."""
        try:
            self._on_message(action, message)
        except InputError as error:
            self._asker.complain(error)

    def _on_message(self, action: str, message: Message) -> None:
        screen = self._screen
        match action:
            case "reply":
                self.do(actions.Compose("reply", message))
            case "edit":
                self.do(actions.edit(message))
            case "delete":
                self.do(actions.delete(message))
            case "pin":
                self.do(actions.pin(message))
            case "bookmark":
                self.do(actions.bookmark(message, screen.world.private.bookmarks))
            case "delivery":
                self.do(actions.ShowDelivery(message))
            case "thread":
                screen.side.open_thread(screen.channel_name, message)
            case "react":
                screen.app.push_screen(ReactPicker(), lambda sign: self._react(message, sign))
            case "copy":
                screen.app.copy_to_clipboard(message.text)
                self._asker.say("Copied.")
            case "save":
                self._save(message, "")
            case "open":
                self._open(message)

    def _react(self, message: Message, sign: str | None) -> None:
        if sign is not None:
            self.do(actions.react(message, sign, self._screen.world.me))

    def _open(self, message: Message) -> None:
        """A picture, else a link, else the thread."""
        screen = self._screen
        picture = next((file for file in message.files if is_picture(file)), None)
        links = markup.addresses(message.text)
        if picture is not None:
            self._look(picture, message)
        elif message.files:
            reason = why_not_shown(message.files[0].type)
            said = f"{reason[:1].upper()}{reason[1:]}; s saves it." if reason else ""
            self._asker.say(said or "s saves this file.")
        elif links:
            screen.app.open_url(links[0])
            self._asker.say(f"Opening {links[0]}")
        else:
            screen.side.open_thread(screen.channel_name, message)

    def _look(self, picture: FileView, message: Message) -> None:
        screen = self._screen
        if screen.decoder is None:
            self._asker.say("Pictures are not shown here; s saves this one.")
            return
        screen.app.push_screen(
            PictureScreen(
                screen.session,
                screen.decoder,
                picture,
                message.author.name,
                screen.world.transfers.get(picture.id),
                lambda: self._keep(picture, message),
            )
        )

    def _keep(self, picture: FileView, message: Message) -> None:
        self._save(message, "", picture)

    def _save(self, message: Message, path: str, file: FileView | None = None) -> None:
        if not message.files:
            raise InputError("That message carries no file.")
        file = file or message.files[0]
        goal = saving.goal(path, file.name)
        self._asker.say(f"Fetching {file.name}…")

        def saved(transfer: Transfer) -> None:
            came = provenance(transfer)
            self._asker.say(
                f"Saved {moments.size(transfer.total)} to {goal}" + (f", {came}" if came else "")
            )

        self._asker.send(commands.Get(file.id, str(goal)), saved)

    # Files and pastes.

    def pick_file(self) -> None:
        """Ctrl+O."""

        def picked(path: str | None) -> None:
            if path is not None:
                self._offer_files([Path(path)])

        self._screen.app.push_screen(FilePicker(Path.cwd()), picked)

    def pasted(self, text: str) -> None:
        """Something was pasted or dropped on the composer."""
        files = pasting.dropped_paths(text, _is_file)
        if files:
            self._offer_files(files, text)
        elif pasting.is_long(text):
            self._offer_long(text)
        else:
            self._screen.box.composer.insert_text(text)

    def _offer_files(self, files: list[Path], text: str = "") -> None:
        def answered(answer: Upload | str | None) -> None:
            if isinstance(answer, Upload):
                self._put(files, answer)
            elif answer == "text":
                self._screen.box.composer.insert_text(text)

        dialog = UploadScreen(files, self._screen.channel_name, pasted=bool(text))
        self._screen.app.push_screen(dialog, answered)

    def _put(self, files: list[Path], told: Upload) -> None:
        box, channel = self._screen.box, self._screen.channel_name
        reply_to = box.mode.message.id if box.mode and box.mode.kind != "edit" else None
        for at, file in enumerate(files):
            caption = told.caption if at == 0 else ""
            self._asker.send(
                commands.Put(channel, str(file), caption, told.alts[at], reply_to),
                lambda message: self._screen.take_messages([message]),
            )
        if box.mode is not None and box.mode.kind == "reply":
            box.set_mode(None)

    def _offer_long(self, text: str) -> None:
        lines = text.count("\n") + 1
        size = moments.size(len(text.encode("utf-8", "replace")))

        def answered(answer: str | None) -> None:
            if answer == "text":
                self._screen.box.composer.insert_text(text)
            elif answer == "file":
                workers.start(self._screen, "work", self._put_text, text)

        dialog = Choice(
            f"A paste of {moments.plural(lines, 'line')}, {size}",
            [("text", "Insert as text; one message"), ("file", "Share as a file"), ("no", "No")],
        )
        self._screen.app.push_screen(dialog, answered)

    async def _put_text(self, text: str) -> None:
        """Share a text as a file; the file on this disk is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="clowder-") as folder:
            path = Path(folder) / "paste.txt"
            path.write_text(text, "utf-8", errors="replace")
            message = await self._asker.ask(commands.Put(self._screen.channel_name, str(path)))
        if message is not None:
            self._screen.take_messages([message])


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # Names longer than the file system takes are no files.
        return False
