"""Keys that move through the messages of the open channel."""

from textual import on

from tui.screens.channel_steps import ChannelSteps
from tui.timeline.widget import Timeline
from tui.widgets.new_below import NewBelow
from tui.widgets.thread_pane import ThreadPane


class TimelineSteps(ChannelSteps):
    """The part of the workspace that knows where in the timeline things are."""

    timeline: Timeline
    thread: ThreadPane

    @on(NewBelow.Clicked)
    def action_newest(self) -> None:
        self.reading.to_newest()

    def action_scroll_timeline(self, by: int) -> None:
        shown = self.thread.timeline if self.thread.timeline.has_focus else self.timeline
        rows = max(shown.size.height - 2, 1)
        shown.scroll_to(y=shown.scroll_y + by * rows, animate=False, immediate=True)

    def action_step_mention(self, by: int) -> None:
        self.timeline.step_to(lambda message: message.mentions_me, by)
        self.timeline.focus()

    def action_first_unread(self) -> None:
        if not self.timeline.to_unread():
            self.asker.say("Nothing here was new when you came.")
        else:
            self.timeline.focus()

    @on(NewBelow.LateClicked)
    def action_step_late(self) -> None:
        missed = self.timeline.missed
        if missed is not None and missed.id not in self.timeline.sheet:
            self.jump_to(missed)
        elif not self.timeline.to_late():
            self.asker.say("Nothing loaded here arrived late.")
        else:
            self.timeline.focus()
