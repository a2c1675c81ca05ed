"""Dialogs over the workspace: what is found, listed, or told of one thing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chat import commands
from chat.errors import ChatError
from chat.model import (
    Delivery,
    FileView,
    InviteView,
    Message,
    Nearby,
    SearchHit,
    SharedFile,
    Surroundings,
    Swarm,
)
from tui import workers
from tui.attention import ACTIVITY
from tui.input import actions
from tui.limits import CONTEXT_MESSAGES, GALLERY_PICTURES, SEARCH_HITS
from tui.managing import Managing
from tui.own_devices import OwnDevices
from tui.pictures import Gallery
from tui.screens.delivery import DeliveryScreen
from tui.screens.gallery import Doors, GalleryScreen
from tui.screens.help import HelpScreen
from tui.screens.invite import InviteScreen
from tui.screens.nearby import NearbyScreen
from tui.screens.network import NetworkScreen
from tui.screens.search import (
    ActivityScreen,
    BookmarksScreen,
    MessagePicker,
    PinsScreen,
    SearchScreen,
)
from tui.screens.swarm import SwarmScreen

if TYPE_CHECKING:
    from tui.screens.workspace import WorkspaceScreen


class Showing:
    """Opens dialogs for the workspace screen."""

    def __init__(
        self,
        screen: "WorkspaceScreen",
        managing: Managing,
        look: Callable[[FileView, Message], None],
        save: Callable[[FileView, Message], None],
    ) -> None:
        """`look` and `save` do what they say with a picture of a message."""
        self._screen = screen
        self._look = look
        self._save = save
        self._asker = screen.asker
        self._managing = managing
        self.devices = OwnDevices(screen)

    def panel(self, panel: actions.Panel) -> None:
        """Show a part of the workspace."""
        screen = self._screen
        match panel:
            case "notes":
                screen.action_notes()
            case "members":
                self._managing.members()
            case "channel":
                self._managing.channel()
            case "settings":
                self._managing.settings()
            case "nearby":
                self._meet()
            case "invites":
                self._managing.invites(self._make_invite)
            case "devices":
                self.devices.show()
            case "device_code":
                self.devices.add()
            case "network":
                screen.app.push_screen(NetworkScreen(screen.world.status, self._look_around))
            case "help":
                screen.app.push_screen(HelpScreen(screen.deciding.config.keys))
            case "swarm":
                screen.app.push_screen(SwarmScreen(self._swarms))
            case "pictures":
                self._pictures()
            case "pins":
                workers.bring(screen, "work", self._pins)
            case "bookmarks":
                workers.bring(screen, "work", self._bookmarks)
            case "activity":
                workers.bring(screen, "work", self._activity)
            case _:
                self._make_invite(panel == "relay")

    def _make_invite(self, relay: bool) -> None:
        self._asker.bring(commands.MakeInvite(relay=relay), self._show_invite)

    def _show_invite(self, invite: InviteView) -> None:
        self._screen.app.push_screen(
            InviteScreen(
                invite,
                self._screen.world.status.name,
                code=not self._screen.deciding.config.ascii,
            ),
            lambda nearby: self._invite_nearby(invite, nearby),
        )

    def _invite_nearby(self, invite: InviteView, nearby: str | None) -> None:
        """Go on with somebody in the room, perhaps in place of an invite that nobody has seen."""
        if nearby is None:
            return
        if nearby == "instead":
            self._asker.send(commands.RevokeInvite(invite.id))
        self._meet()

    def _meet(self) -> None:
        """Show a label to somebody in the room."""

        def ended(view: Nearby | None) -> None:
            if view is not None:
                self._asker.say("They have the invite, and come in now.")

        self._screen.app.push_screen(NearbyScreen(self._asker.session, invites=True), ended)

    async def _look_around(self) -> Surroundings | None:
        found = await self._asker.look(commands.LookAround())
        return found if isinstance(found, Surroundings) else None

    async def _swarms(self) -> list[Swarm] | None:
        found: list[Swarm] | None = await self._asker.look(commands.ListSwarms())
        return found

    def _pictures(self) -> None:
        screen, channel = self._screen, self._screen.channel_name

        async def find() -> list[Message] | None:
            wanted = commands.Search("has:picture", channel, limit=GALLERY_PICTURES)
            hits: list[SearchHit] | None = await self._asker.ask(wanted)
            return None if hits is None else [hit.message for hit in hits]

        async def hold() -> list[SharedFile] | None:
            wanted = commands.ListFiles(channel, GALLERY_PICTURES)
            held: list[SharedFile] | None = await self._asker.look(wanted)
            return held

        def chosen(message: Message | None) -> None:
            if message is not None:
                screen.jump_to(message)

        drawn = screen.deciding.config.pictures and screen.decoder is not None
        doors = Doors(find, hold, self._look, self._save)
        gallery = GalleryScreen(channel, Gallery(screen.decoder), doors, drawn=drawn)
        screen.app.push_screen(gallery, chosen)

    # Messages found.

    def search(self, query: str = "") -> None:
        """Ctrl+F."""

        async def find(words: str) -> list[SearchHit]:
            hits: list[SearchHit] = await self._asker.session.call(
                commands.Search(words, limit=SEARCH_HITS)
            )
            return hits

        self._pick(SearchScreen(find, query, self._around))

    async def _pins(self) -> None:
        try:
            messages = await self._screen.reading.pages.pinned()
        except ChatError as error:
            self._asker.complain(error)
            return
        self._pick(PinsScreen(messages[::-1], self._around))

    async def _bookmarks(self) -> None:
        messages: list[Message] | None = await self._asker.ask(commands.ListBookmarks())
        if messages is not None:
            self._pick(BookmarksScreen(messages, self._around))

    async def _activity(self) -> None:
        wanted = commands.Search(ACTIVITY, limit=SEARCH_HITS)
        hits: list[SearchHit] | None = await self._asker.ask(wanted)
        if hits is not None:
            self._pick(ActivityScreen([hit.message for hit in hits], self._around))

    async def _around(self, message: Message) -> list[Message]:
        """A message between those before and after it."""
        count, channel = CONTEXT_MESSAGES, message.channel
        before: Any = await self._asker.look(commands.History(channel, count, before=message.order))
        after: Any = await self._asker.look(commands.History(channel, count, after=message.order))
        return [*(before or ()), message, *(after or ())]

    def _pick(self, screen: MessagePicker) -> None:
        self._screen.app.push_screen(screen, self._jump(screen))

    def _jump(self, screen: MessagePicker) -> Callable[[str | None], None]:
        def chosen(message_id: str | None) -> None:
            message = screen.found.get(message_id or "")
            if message is not None:
                self._screen.jump_to(message)

        return chosen

    # Of one message.

    def delivery(self, message: Message) -> None:
        """Who has a message."""

        def shown(delivery: Delivery) -> None:
            self._screen.app.push_screen(DeliveryScreen(message, delivery))

        self._asker.bring(commands.GetDelivery(message.id), shown)
