"""A channel that this member is not in any more is not shown any more."""

from chat.events import ChannelGone
from tests.tui.face import open_face, story
from tests.tui.lively import lively


@story
async def test_an_open_channel_that_is_gone_gives_way_to_another() -> None:
    async with open_face(lively(), size=(120, 40)) as face:
        gone = face.workspace.world.channel("cats")
        assert gone is not None
        face.workspace.open_channel(gone)
        await face.shows("Message #cats")
        face.world.emit(ChannelGone(gone.id))
        await face.shows("Message #general", "You are not in #cats any more.")
        assert face.workspace.world.channel("cats") is None


@story
async def test_another_channel_that_is_gone_leaves_the_list_alone() -> None:
    async with open_face(lively(), size=(120, 40)) as face:
        gone = face.workspace.world.channel("cats")
        assert gone is not None
        await face.shows("Message #general", "# cats")
        face.world.emit(ChannelGone(gone.id))
        await face.until(lambda: face.workspace.world.channel("cats") is None)
        await face.shows("Message #general")
