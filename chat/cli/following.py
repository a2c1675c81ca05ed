"""`clowder tail -f`: messages as they come and change, whoever holds the profile.

What was shown is remembered, so that nothing is shown twice the same. After a gap, when another
process told the events, everything from the first message of the window on is read again; what
differs from what was shown is what the gap held. A device that is not in yet waits until it is.

A channel is followed by its id. Its name on this machine may change at any time, when one of the
same name turns up, and may then belong to the other.
"""

from chat import commands, events, model
from chat.cli.lasting import HolderChanged
from chat.cli.output import Output
from chat.control_lines import PAGE_MESSAGES
from chat.hub import before
from chat.session import Session

_NOT_IN = "You are not in yet. Messages are shown as soon as a member has let you in."


async def follow(session: Session, output: Output, channel: str, number: int) -> None:
    """Print the newest `number`, then every message as it comes or changes, none twice.

    Returns when the node of the session was asked to stop.
    """
    following = Following(session, output, channel, number)
    while True:
        try:
            await following.run()
            return
        except HolderChanged:
            output.note("The process that held this profile ended; following goes on.")


class Following:
    """The messages of one channel, or of all, and what was shown of them.

    `run` may be called again after a `HolderChanged`; it goes on where it was.
    """

    def __init__(self, session: Session, output: Output, channel: str, number: int) -> None:
        self._session = session
        self._output = output
        self._channel = channel
        self._id = ""
        """Of the one channel that is followed, once it is known; empty for all channels."""
        self._number = number
        self._shown: dict[str, model.Message] = {}
        self._window: str | None = None
        """The place before the first message shown; None before the beginning."""
        self._told_to_wait = False

    async def run(self) -> None:
        """Show everything until the events end.

        Raises:
            HolderChanged: another process tells them now.
            ChatError: it cannot be read.
        """
        stream = self._session.events()
        if await self._is_pending():
            async for event in stream:
                if isinstance(event, events.StatusChanged) and not await self._is_pending():
                    break
            else:
                return
        if self._channel and not self._id:
            self._id = await self._find()
        if self._window is None:
            await self._begin()
        else:
            await self._catch_up(self._id, self._window)
        async for event in stream:
            if isinstance(event, events.MessageChanged):
                self._show([event.message])
            elif isinstance(event, events.MessagesArrived):
                names = await self._names()
                told = names.get(event.channel)
                # Whose name this was a moment ago cannot be told any more: it may be ours.
                if told is None or self._id in ("", told):
                    await self._catch_up(told or self._id, event.after)

    async def _is_pending(self) -> bool:
        status: model.Status = await self._session.call(commands.GetStatus())
        pending = status.phase == "pending"
        if pending and not self._told_to_wait:
            self._told_to_wait = True
            self._output.note(_NOT_IN)
        return pending

    async def _find(self) -> str:
        """The id of the channel that was given by name or id; as given when there is none."""
        wanted = self._channel.removeprefix("#")
        names = await self._names()
        return names.get(wanted, wanted)

    async def _names(self) -> dict[str, str]:
        """Channels' ids by what they are called now."""
        known: list[model.Channel] = await self._session.call(commands.ListChannels())
        return {each.name: each.id for each in known}

    async def _begin(self) -> None:
        first: list[model.Message] = await self._session.call(
            commands.History(self._id, self._number)
        )
        self._output.messages(first)
        self._shown = {message.id: message for message in first}
        self._window = before(int(first[0].order[:16], 16) if first else 0)

    def _show(self, found: list[model.Message]) -> None:
        for message in found:
            if self._id not in ("", message.channel_id):
                continue
            if self._shown.get(message.id) != message:
                self._shown[message.id] = message
                self._output.message(message)

    async def _catch_up(self, channel: str, after: str) -> None:
        """Show everything behind a place."""
        while page := await self._session.call(
            commands.History(channel, PAGE_MESSAGES, after=after)
        ):
            self._show(page)
            after = page[-1].order
