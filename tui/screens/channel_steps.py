"""Keys that go from channel to channel."""

from textual.screen import Screen

from chat.model import Channel, Message
from tui.asking import Asker
from tui.reading import Reading
from tui.screens.switcher import Switcher, by_need
from tui.world import World


class ChannelSteps(Screen[None]):
    """The part of the workspace that knows the order of channels."""

    world: World
    reading: Reading
    asker: Asker

    def open_channel(self, channel: Channel, at: Message | None = None) -> None:
        """Show a channel."""
        raise NotImplementedError

    def jump_to(self, message: Message) -> None:
        """Show a message where it stands."""
        raise NotImplementedError

    def go(self, channel_id: str | None) -> None:
        """Open a channel by its id, unless it is open."""
        channel = self.world.channels.get(channel_id or "")
        if channel is not None and not self.reading.is_open(channel.id):
            self.open_channel(channel)

    def let_go(self, channel_id: str) -> None:
        """This member is not in a channel any more; when it is open, another one is opened."""
        open_now = self.reading.channel
        if open_now is not None and open_now.id == channel_id and self.world.listed:
            self.open_channel(self.world.listed[0])
            self.asker.say(f"You are not in #{open_now.name} any more.")

    def action_quick_switch(self) -> None:
        current = self.reading.channel.id if self.reading.channel is not None else ""
        self.app.push_screen(Switcher(by_need(self.world.listed, current)), self.go)

    def action_next_unread(self) -> None:
        current = self.reading.channel.id if self.reading.channel is not None else ""
        found = self.world.next_unread(current)
        if found is not None:
            self.go(found.id)
        else:
            self.asker.say("Everything is read.")

    def action_step_channel(self, by: int) -> None:
        if self.reading.channel is not None:
            found = self.world.step(self.reading.channel.id, by)
            self.go(found.id if found is not None else None)

    def action_nth_channel(self, number: int) -> None:
        listed = self.world.listed
        if number <= len(listed):
            self.go(listed[number - 1].id)
