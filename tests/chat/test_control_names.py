"""`clowder tail -f CHANNEL` follows a channel, and not its name, which may become another's."""

import asyncio

from chat import commands, events, model
from chat.cli.following import follow
from chat.cli.output import Output
from chat.hub import Hub, Listener
from tests.chat.node_team import nodes


class Printed(Output):
    """Keeps what would be printed."""

    def __init__(self) -> None:
        super().__init__(as_json=False)
        self.texts: list[str] = []

    def message(self, message: model.Message) -> None:
        self.texts.append(message.text)

    def messages(self, messages: list[model.Message]) -> None:
        self.texts += [message.text for message in messages]


def test_a_channel_that_loses_its_name_to_a_seniors_is_followed_on() -> None:
    async def main() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await make("bo")
            await bo.join(ana)
            await ana.stop()
            mine: model.Channel = await bo.call(commands.CreateChannel("cats"))
            await bo.post("bo before", "cats")
            printed = Printed()
            following = asyncio.create_task(follow(bo.node, printed, "#cats", 5))
            await bo.until(lambda: printed.texts == ["bo before"])
            # Ana made a channel of the same name meanwhile; she is senior, so hers keeps it.
            await ana.start(network=False)
            await ana.call(commands.CreateChannel("cats"))
            await ana.post("ana before", "cats")
            await ana.stop()
            await ana.start(bo.url)
            await bo.until(lambda: "ana before" in bo.texts("cats"))
            await ana.post("ana after", "cats")
            await ana.post("to bo", mine.id)
            await bo.post("bo after", mine.id)
            await bo.until(lambda: {"to bo", "bo after"} <= set(printed.texts))
            await bo.until(lambda: "ana after" in bo.texts("cats"))
            assert not [text for text in printed.texts if text.startswith("ana")]
            await bo.stop()
            async with asyncio.timeout(20):
                await following

    asyncio.run(main())


class Renaming:
    """A session in which #cats becomes another channel between an event and its reading."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.names = {"cats": "a" * 32}
        self.asked: list[commands.History] = []
        self.begun = asyncio.Event()

    async def call(self, command: commands.Command) -> object:
        if isinstance(command, commands.GetStatus):
            return model.Status("live")
        if isinstance(command, commands.ListChannels):
            return [model.Channel(known, name) for name, known in self.names.items()]
        assert isinstance(command, commands.History)
        self.asked.append(command)
        self.begun.set()
        return []

    def events(self) -> Listener:
        return self.hub.listen()

    async def aclose(self) -> None:
        self.hub.close()


def test_many_at_once_are_read_from_the_channel_that_is_followed() -> None:
    async def main(channel: str) -> list[str]:
        session = Renaming()
        following = asyncio.create_task(follow(session, Printed(), channel, 5))
        await session.begun.wait()
        session.names = {"cats": "b" * 32, "cats~aaaa": "a" * 32}
        for name in ("cats~aaaa", "cats", "cats~cccc"):
            session.hub.emit(events.MessagesArrived(name, 60, "0" * 48))
        await session.aclose()
        async with asyncio.timeout(20):
            await following
        return [command.channel for command in session.asked]

    ours, theirs = "a" * 32, "b" * 32
    assert asyncio.run(main("cats")) == [ours, ours, ours]
    assert asyncio.run(main(ours)) == [ours, ours, ours]
    assert asyncio.run(main("")) == ["", ours, theirs, ""]
