"""The workspace: channels, timeline, thread, members, composer, status.

The screen composes, shows events and follows keys. What a command does is in `tui.doing`, what
the timeline reads in `tui.reading`, and everything about rows in `tui.timeline`.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from chat.events import (
    ChannelGone,
    Event,
    MessageChanged,
    MessagesArrived,
    NotesChanged,
    TransferChanged,
)
from chat.model import Channel, Message
from tui import keymap
from tui.answered import Answered
from tui.asking import Asker
from tui.calling import Calling
from tui.catching_up import CatchingUp
from tui.completing import Completing
from tui.doing import Doing
from tui.input import actions
from tui.input.completion import Known
from tui.notes.pane import NotesPane
from tui.pictures import Gallery
from tui.reading import Reading
from tui.screens.pane_steps import PaneSteps
from tui.side import Side
from tui.text.frame import Frame
from tui.text.moments import Calendar
from tui.timeline.widget import Timeline
from tui.unsent import Unsent
from tui.widgets.channel_header import ChannelHeader
from tui.widgets.channel_list import ChannelList, head
from tui.widgets.completion_popup import CompletionPopup
from tui.widgets.composer import Composer
from tui.widgets.composer_box import ComposerBox
from tui.widgets.member_list import MemberList
from tui.widgets.new_below import NewBelow
from tui.widgets.status_row import StatusRow
from tui.widgets.still import Still
from tui.widgets.thread_pane import ThreadPane

if TYPE_CHECKING:
    from tui.app import ClowderApp

TICK_SECONDS = 1.0
"""How often what depends on the clock is looked at: who is writing, which day it is."""


class WorkspaceScreen(PaneSteps):
    """The screen that a member lives in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, key.action, key.text, show=False, priority=key.priority, id=key.id)
        for key in keymap.scope("workspace")
    ]
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it on instances
        (0, "-narrow"),
        (80, "-normal"),
        (120, "-wide"),
    ]
    AUTO_FOCUS = "#composer"

    def __init__(self, face: "ClowderApp") -> None:
        super().__init__()
        self.face = face
        self.session = face.session
        self.decoder = face.decoder
        self.world = face.world
        self.deciding = face.deciding
        self.asker = Asker(face.session, self)
        self._calendar = Calendar()
        self._calling = Calling(face, self.world, self._calendar, _now_ms)
        self._answered = Answered(self.asker, self._repaint_messages)
        frame = Frame(
            80,
            self._calendar,
            pictures=face.deciding.config.pictures and face.decoder is not None,
            ascii=face.deciding.config.ascii,
            me=self.world.me,
            parent=self._answered.get,
            progress=self.world.progress,
            now=_now_ms(),
        )
        gallery = Gallery(face.decoder)
        self.timeline = Timeline(frame, face.hue, gallery, id="timeline")
        self._answered.use(self.timeline)
        self.thread = ThreadPane(Timeline(frame, face.hue, gallery), id="thread")
        self.notes = NotesPane(self.asker, face.hue, id="notes")
        self.box = ComposerBox(id="box")
        # Held, not looked up: an event may come while the screen is being taken apart.
        self._title = Still(id="workspace-name")
        self._channels = ChannelList(id="channel-list")
        self._header = ChannelHeader(id="header")
        keys = self.deciding.config.keys
        self._below = NewBelow(keymap.shown("late", keys), id="below")
        self._members = MemberList(face.hue, id="members")
        self._status = StatusRow(keys, id="status")
        self.reading = Reading(self.asker, self.timeline)
        # What gives way to an open pane on a narrow screen is the style sheet's to decide.
        self.side = Side(self.asker, self.box, self.thread, self.notes, self._set_side)
        self._doing = Doing(self)
        self._popup = CompletionPopup(id="popup")
        self._completing = Completing(self.box, self._popup, self._known)
        self._unsent = Unsent(
            self.asker,
            self,
            self.box,
            lambda: self.world.private,
            lambda: self._doing.undoing.held,
            self._writes,
        )
        self._catching_up = CatchingUp()

    def compose(self) -> ComposeResult:
        with Horizontal(id="body"):
            with Vertical(id="channels"):
                yield self._title
                yield self._channels
            with Vertical(id="centre"):
                yield self._header
                with Horizontal(id="panes"):
                    with Vertical(id="main"):
                        yield self.timeline
                        yield self._below
                    yield self.thread
                    yield self.notes
                yield self.box
                yield self._popup
            yield self._members
        yield self._status

    async def on_unmount(self) -> None:
        await self.keep()

    async def keep(self) -> None:
        """Nothing that is written gets lost: drafts are kept now."""
        await self._doing.undoing.keep()
        await self._unsent.flush()

    def draft_changed(self) -> None:
        """What is written and not sent changed, without a key."""
        self._unsent.keep_now()

    def _writes(self) -> None:
        if self.face.is_away:
            self.face.came_back()

    def on_mount(self) -> None:
        self.set_interval(TICK_SECONDS, self._tick)
        self._show_world()
        listed = self.world.listed
        if listed:
            self.open_channel(self.world.channels.get(self.world.shown, listed[0]))

    # The open channel.

    @property
    def channel_name(self) -> str:
        """The open channel's name."""
        return self.reading.channel.name if self.reading.channel is not None else ""

    def open_channel(self, channel: Channel, at: Message | None = None) -> None:
        """Show a channel; what was being written waits in the one before."""
        before = self.reading.channel
        if before is None or before.id != channel.id:
            self._doing.undoing.let_go()
            self._unsent.open(channel)
            self.side.follow(channel.name)
        self._answered.clear()
        self.world.shown = channel.id
        self.reading.open(channel, at)
        self._show_world()

    def jump_to(self, message: Message) -> None:
        """Show a message where it stands."""
        channel = self.world.channel(message.channel)
        if channel is not None:
            self.open_channel(channel, message)
            self.timeline.focus()

    # Events.

    def take(self, happened: Sequence[Event]) -> None:
        """Show what happened; the world has taken it already."""
        messages: list[Message] = []
        for event in happened:
            match event:
                case MessageChanged(message=message, new=new):
                    messages.append(message)
                    self.world.stop_writing(message.channel, message.author.member)
                    if new:
                        self._calling.came(message)
                case MessagesArrived(channel=channel, count=count):
                    if self.reading.is_open(channel) or not channel:
                        self.renew(count)
                case ChannelGone(channel=gone):
                    self.let_go(gone)
                case NotesChanged(notes=notes):
                    self.notes.take(notes)
                case TransferChanged(transfer=transfer):
                    self.timeline.file_changed(transfer.id)
                    self.thread.timeline.file_changed(transfer.id)
        self.take_messages(messages)
        self._doing.take(happened)
        if self._catching_up.take(self.world.status, happened):
            self.reading.caught_up(self.world.channels)
        self._show_world()

    def renew(self, count: int) -> None:
        """Read anew what is on screen: more changed than was told one by one."""
        self.reading.flood(count)
        self.side.renew(self.channel_name)

    def take_messages(self, messages: list[Message]) -> None:
        """New or changed messages, from events and replies."""
        self._answered.take(messages)
        self.reading.take(messages)
        self.thread.take(messages)

    def _show_world(self) -> None:
        """Lists, header and status row."""
        open_now = self.reading.channel
        if open_now is not None:
            channel = self.world.channels.get(open_now.id, open_now)
            self.reading.renew_channel(channel)
            self._header.show(channel)
        if self.timeline.frame.me != self.world.me:
            self.timeline.reframe(me=self.world.me)
        current = open_now.id if open_now is not None else ""
        self._title.update(head(self.world.status.name, self.face.elsewhere))
        self._channels.show(
            self.world.listed, current, self.world.private.alerts, self.world.members
        )
        self._members.show(self.world.readers(open_now and self.world.channels.get(open_now.id)))
        self._calling.show(self._status, self.channel_name)
        self._mark_read()

    def show_elsewhere(self) -> None:
        """What waits in other workspaces changed."""
        self._title.update(head(self.world.status.name, self.face.elsewhere))
        self._calling.show(self._status, self.channel_name)

    def _tick(self) -> None:
        self._calling.show(self._status, self.channel_name)
        now = _now_ms()
        if self._calendar.day(now) != self._calendar.day(self.timeline.frame.now):
            self.timeline.reframe(now=now)

    def _mark_read(self) -> None:
        if self.app.app_focus:
            self.seen()

    def repaint(self) -> None:
        """The theme changed."""
        self._repaint_messages()
        self._members.repaint()

    def rows_changed(self) -> None:
        """What rows are drawn with changed."""
        config = self.deciding.config
        pictures = config.pictures and self.decoder is not None
        for timeline in (self.timeline, self.thread.timeline):
            timeline.reframe(pictures=pictures, ascii=config.ascii)

    def _repaint_messages(self) -> None:
        self.timeline.repaint()
        self.thread.timeline.repaint()

    def seen(self) -> None:
        """The terminal is in front, or comes there now: Textual notes that after it tells us."""
        if self.is_current and not self._catching_up.going:
            self.reading.mark_read()

    # The timeline.

    @on(Timeline.PageWanted)
    def _page_wanted(self, event: Timeline.PageWanted) -> None:
        if event.timeline is self.timeline:
            self.reading.page(event.older)

    @on(Timeline.Moved)
    def _moved(self, event: Timeline.Moved) -> None:
        if event.timeline is self.timeline:
            self._below.show(event.below, event.at_end, event.late)
            self._mark_read()

    @on(Timeline.Chosen)
    def _chosen(self, event: Timeline.Chosen) -> None:
        self._doing.on_message(event.action, event.message)

    @on(Timeline.Left)
    def _left(self) -> None:
        self.box.composer.focus()

    # The composer.

    @on(Composer.Submitted)
    def _submitted(self, event: Composer.Submitted) -> None:
        self._completing.close()
        self._doing.submit(event.text)

    @on(Composer.Pasted)
    def _pasted(self, event: Composer.Pasted) -> None:
        self._doing.pasted(event.text)

    @on(Composer.Edited)
    def _edited(self, event: Composer.Edited) -> None:
        self._completing.edited(event.before, event.asked)
        self._unsent.edited()

    @on(Composer.Steered)
    def _steered(self, event: Composer.Steered) -> None:
        self._completing.steered(event.key)

    @on(Composer.Escaped)
    def _escaped(self) -> None:
        if self._completing.close():
            return
        if self.side.has_thread:
            self.side.close_thread()
        elif self.box.mode is not None:
            self.box.set_mode(None)
        else:
            self.timeline.focus()

    @on(Composer.UndoWanted)
    def _undo_wanted(self) -> None:
        self.run_line("/undo")

    @on(Composer.EditLast)
    def action_edit_last(self) -> None:
        self.run_line("/edit")

    def run_line(self, line: str) -> None:
        """Do what a line says that nobody typed; what was typed stays."""
        self._doing.run(line)

    def _known(self) -> Known:
        sheet = self.timeline.sheet
        recent = [sheet[i].author for i in range(len(sheet) - 1, -1, -1)[:50]]
        nicks = self.world.mentionable(recent, self.reading.channel)
        return Known(nicks, [channel.name for channel in self.world.listed])

    def action_pick_file(self) -> None:
        self._doing.pick_file()

    @on(Composer.EditorWanted)
    def action_editor(self) -> None:
        self.face.write_in_editor(self.box.composer.text, self.box.composer.set_text)

    # Channels.

    @on(ChannelList.Picked)
    def _picked(self, event: ChannelList.Picked) -> None:
        self.go(event.channel)
        self.box.composer.focus()

    # Panes and dialogs.

    def action_show(self, panel: actions.Panel) -> None:
        self._doing.do(actions.Show(panel))

    def action_search(self) -> None:
        self._doing.do(actions.Find(""))

    def action_notes(self) -> None:
        self.side.toggle_notes(self.channel_name)

    @on(NotesPane.Closed)
    def _notes_closed(self) -> None:
        self.side.notes_closed()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
