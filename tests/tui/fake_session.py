"""A workspace in memory that answers every command of the face, for tests and screenshots.

It keeps the contract of chat.commands and chat.events: replies have the documented types, events
carry whole values, failures are ChatErrors with a sentence. What it leaves out is everything
behind that border: no network, no disk, no cryptography.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import AsyncIterator, Callable
from typing import Any

from msgspec.structs import replace

from chat import commands, model
from chat import events as happenings
from chat.errors import ChatError, Locked, NotFound, TrustError, UsageError
from chat.model import Author, Channel, FileView, Member, Message, Notes, Status, Transfer
from chat.model_people import PETNAME_MARK
from tui.notes import delta as deltas

START_MS = 1_795_510_800_000


ANSWERED_WHILE_LOCKED = (commands.GetStatus, commands.Lock, commands.Unlock, commands.Shutdown)


class FakeSession:
    """`Session` over plain dictionaries. `asked` holds every command, in order."""

    def __init__(self, now: int = START_MS) -> None:
        self.now = now
        self.asked: list[commands.Command] = []
        self.status = Status("none")
        self.members: dict[str, Member] = {}
        self.former: dict[str, Member] = {}
        self.invites: list[model.InviteState] = []
        self.channels: dict[str, Channel] = {}
        self.timelines: dict[str, list[Message]] = {}
        self.orders: dict[str, list[str]] = {}
        self.notes: dict[str, Notes] = {}
        self.versions: dict[tuple[str, int], str] = {}
        self.pasts: dict[str, model.NotesPast] = {}
        self.states: dict[str, str] = {}
        self.devices: dict[str, model.Device] = {}
        self.transfers: dict[str, Transfer] = {}
        self.swarms: list[model.Swarm] = []
        self.peers: list[model.Peer] = []
        self.private = model.Private()
        self.sightings: tuple[model.Sighting, ...] = ()
        self.bodies: dict[str, bytes] = {}
        self.nearby = model.Nearby()
        self.failures: dict[type[commands.Command], ChatError] = {}
        self.closed = False
        self.passphrase = ""
        self.missed: set[str] = set()
        """Late arrivals that are not read yet."""
        self.unsent: set[str] = set()
        """Messages that have not left this machine."""
        self.admit_at_once = True
        self._numbers = 0
        self._listeners: list[asyncio.Queue[happenings.Event | None]] = []

    # The session.

    async def call(self, command: commands.Command) -> Any:
        self.asked.append(command)
        if type(command) in self.failures:
            raise self.failures[type(command)]
        if self.status.locked and not isinstance(command, ANSWERED_WHILE_LOCKED):
            raise Locked("This workspace is locked.")
        await asyncio.sleep(0)
        handler: Callable[[Any], Any] = getattr(self, f"_{type(command).__name__.lower()}")
        return handler(command)

    def events(self) -> AsyncIterator[happenings.Event]:
        queue: asyncio.Queue[happenings.Event | None] = asyncio.Queue()
        self._listeners.append(queue)
        return self._heard(queue)

    async def _heard(self, queue: asyncio.Queue[Any]) -> AsyncIterator[happenings.Event]:
        while (event := await queue.get()) is not None:
            yield event

    async def aclose(self) -> None:
        self.closed = True

    def emit(self, event: happenings.Event | None) -> None:
        for queue in self._listeners:
            queue.put_nowait(event)

    # The world around.

    @property
    def me(self) -> Member:
        return next(member for member in self.members.values() if member.me)

    def author(self, nick: str) -> Author:
        member = next(m for m in self.members.values() if m.nick == nick)
        return Author(member.member, member.nick)

    def add_member(self, nick: str, level: int = 100, **more: Any) -> Member:
        role = "founder" if level == 0 else "admin" if level < 100 else "member"
        member = Member(f"{len(self.members) + 1:02x}" * 32, nick, level, role, **more)
        self.members[member.member] = member
        return member

    def add_private(self, name: str, *nicks: str) -> Channel:
        """A channel of some, this member first."""
        authors = tuple(self.author(nick) for nick in (self.me.nick, *nicks))
        return self.add_channel(name, limited=True, readers=len(authors), members=authors)

    def add_channel(self, name: str, **more: Any) -> Channel:
        channel = Channel(f"{len(self.channels) + 1:032x}", name, **more)
        self.channels[name] = channel
        self.timelines[name] = []
        self.orders[name] = []
        return channel

    def make(self, channel: str, author: Author, text: str, **more: Any) -> Message:
        """A message, not yet in its channel. `at` defaults to now, which advances by 40 s."""
        self._numbers += 1
        if "at" not in more:
            self.now += 40_000
        at = more.pop("at", self.now)
        message_id = f"{self._numbers * 0x9E3779B97F4A7C15 % (1 << 128):032x}"
        return Message(
            id=message_id,
            channel=channel,
            author=author,
            at=at,
            text=text,
            order=f"{at:016x}{message_id}",
            mine=bool(self.members) and author.member == self.me.member,
            **more,
        )

    def put(self, message: Message) -> Message:
        """Take a message into its channel, without telling."""
        at = bisect_left(self.orders[message.channel], message.order)
        timeline = self.timelines[message.channel]
        if at < len(timeline) and timeline[at].id == message.id:
            timeline[at] = message
            return message
        insort(self.orders[message.channel], message.order)
        timeline.insert(at, message)
        if message.reply_to:
            parent = self.find(message.reply_to)
            self.put(replace(parent, replies=parent.replies + 1))
        return message

    def history(self, channel: str, messages: list[Message]) -> None:
        """Fill a channel with messages that are already in order."""
        self.timelines[channel] = messages
        self.orders[channel] = [message.order for message in messages]

    def say(self, channel: str, nick: str, text: str, **more: Any) -> Message:
        """Somebody writes, and the face hears of it."""
        message = self.put(self.make(channel, self.author(nick), text, **more))
        self.emit(happenings.MessageChanged(message, True))
        if not message.mine:
            known = self.channels[channel]
            self.change_channel(
                channel,
                unread=known.unread + 1,
                mentions=known.mentions + message.mentions_me,
                last_at=message.at,
            )
        return message

    def change(self, message: Message, **changes: Any) -> Message:
        changed = self.put(replace(self.find(message.id), **changes))
        self.emit(happenings.MessageChanged(changed, False))
        return changed

    def change_channel(self, name: str, **changes: Any) -> Channel:
        self.channels[name] = replace(self.channels[name], **changes)
        self.emit(happenings.ChannelChanged(self.channels[name]))
        return self.channels[name]

    def change_status(self, **changes: Any) -> Status:
        self.status = replace(self.status, **changes)
        self.emit(happenings.StatusChanged(self.status))
        return self.status

    def change_nearby(self, **changes: Any) -> model.Nearby:
        self.nearby = replace(self.nearby, **changes)
        self.emit(happenings.NearbyChanged(self.nearby))
        return self.nearby

    def find(self, given: str) -> Message:
        for timeline in self.timelines.values():
            for message in timeline:
                if message.id.startswith(given):
                    return message
        raise NotFound(f"There is no message {given} here.")

    def _name(self, given: str) -> str:
        for channel in self.channels.values():
            if given in (channel.name, channel.id):
                return channel.name
        raise NotFound(f"There is no channel {given} here.")

    # What is asked.

    def _getstatus(self, _: commands.GetStatus) -> Status:
        return self.status

    def _create(self, command: commands.Create) -> Status:
        self.add_member(command.nick, 0, me=True, online=True)
        self.add_channel("general")
        return self.change_status(
            phase="live", workspace="ab" * 32, name=command.name, nick=command.nick
        )

    def _join(self, command: commands.Join) -> Status:
        if "bad" in command.invite:
            raise TrustError("This invite has expired. Ask for a new one.")
        if not self.admit_at_once:
            return self.change_status(phase="pending", name="cats", nick=command.nick)
        self.add_member("ana", 0, online=True)
        self.add_member(command.nick, me=True, online=True)
        self.add_channel("general")
        return self.change_status(phase="live", name="cats", nick=command.nick)

    def _offernearby(self, _: commands.OfferNearby) -> model.Nearby:
        return self.change_nearby(role="inviter", state="open", label="ocean-tiger")

    def _looknearby(self, _: commands.LookNearby) -> model.Nearby:
        return self.change_nearby(role="newcomer", state="open")

    def _picknearby(self, command: commands.PickNearby) -> model.Nearby:
        return self.change_nearby(state="code", label=command.label, labels=(), code="048153")

    def _comparenearby(self, command: commands.CompareNearby) -> model.Nearby:
        if command.same:
            return self.change_nearby(state="waiting")
        return self.change_nearby(state="over", why="differs", reason="The codes differ.", code="")

    def _endnearby(self, _: commands.EndNearby) -> model.Nearby:
        return self.change_nearby(state="over", why="left", reason="Given up here.")

    def _makeinvite(self, command: commands.MakeInvite) -> model.InviteView:
        made = model.InviteView(
            link="clowder:j/" + "A7xQ2mPz9KfR4tWc" * 4,
            words="amber basil cedar dune ember fjord grove harbor iris jade kelp lagoon",
            id="cd" * 16,
            level=100,
            expires=self.now + command.expires_ms,
            relay=command.relay,
        )
        author = Author(self.me.member, self.me.nick)
        self.invites.insert(
            0, model.InviteState(made.id, author, made.level, made.expires, "open", made.relay)
        )
        return made

    def _listchannels(self, _: commands.ListChannels) -> list[Channel]:
        return sorted(self.channels.values(), key=lambda c: (c.name != "general", c.name))

    def _listmembers(self, command: commands.ListMembers) -> list[Member]:
        former = self.former.values() if command.former else ()
        return [*self.members.values(), *former]

    def _listpeers(self, _: commands.ListPeers) -> list[model.Peer]:
        return list(self.status.links)

    def _createchannel(self, command: commands.CreateChannel) -> Channel:
        if command.name in self.channels:
            raise UsageError(f"There is a channel {command.name} already.")
        channel = self.add_channel(command.name, mode=command.mode)
        self.emit(happenings.ChannelChanged(channel))
        return channel

    def _settopic(self, command: commands.SetTopic) -> Channel:
        return self.change_channel(self._name(command.channel), topic=command.topic)

    def _setkeep(self, command: commands.SetKeep) -> Channel:
        return self.change_channel(self._name(command.channel), keep_days=command.days)

    def _sethistory(self, command: commands.SetHistory) -> Channel:
        return self.change_channel(self._name(command.channel), history=command.open)

    def _post(self, command: commands.Post) -> Message:
        author = Author(self.me.member, self.me.nick)
        channel = self._name(command.channel)
        message = self.make(
            channel, author, command.text, reply_to=command.reply_to, reached=(0, self._others)
        )
        self.put(message)
        self.emit(happenings.MessageChanged(message, True))
        return message

    @property
    def _others(self) -> int:
        return len([m for m in self.members.values() if not m.me and m.role != "relay"])

    def _put(self, command: commands.Put) -> Message:
        name = command.path.rpartition("/")[2]
        if not name:
            raise NotFound(f"There is no file {command.path}.")
        file = FileView("bafkput" + name, name, 1234, "application/octet-stream", have=1.0)
        author = Author(self.me.member, self.me.nick)
        message = self.make(
            self._name(command.channel),
            author,
            command.text,
            files=(file,),
            reply_to=command.reply_to,
            reached=(0, self._others),
        )
        self.put(message)
        self.emit(happenings.MessageChanged(message, True))
        return message

    def _edit(self, command: commands.Edit) -> Message:
        return self.change(self.find(command.message), text=command.text, edited=True)

    def _delete(self, command: commands.Delete) -> Message:
        return self.change(self.find(command.message), text="", deleted=True, files=())

    def _react(self, command: commands.React) -> Message:
        message = self.find(command.message)
        me = Author(self.me.member, self.me.nick)
        reactions = dict(message.reactions)
        others = tuple(a for a in reactions.get(command.emoji, ()) if a.member != me.member)
        reactions[command.emoji] = (*others, me) if command.on else others
        return self.change(message, reactions={e: a for e, a in reactions.items() if a})

    def _pin(self, command: commands.Pin) -> Message:
        return self.change(self.find(command.message), pinned=command.on)

    def _hide(self, command: commands.Hide) -> Message:
        hidden = model.Hidden(Author(self.me.member, self.me.nick), command.reason)
        return self.change(self.find(command.message), hidden=hidden if command.on else None)

    def _history(self, command: commands.History) -> list[Message]:
        if command.channel:
            name = self._name(command.channel)
            timeline, orders = self.timelines[name], self.orders[name]
        else:
            timeline = sorted((m for t in self.timelines.values() for m in t), key=_order)
            orders = [message.order for message in timeline]
        if command.thread:
            root = self.find(command.thread)
            timeline = [m for m in timeline if root.id in (m.id, m.reply_to)]
            orders = [message.order for message in timeline]
        if command.pinned:
            timeline = [message for message in timeline if message.pinned]
            orders = [message.order for message in timeline]
        if command.after:
            start = bisect_right(orders, self._order_of(command.after))
            return timeline[start : start + command.limit]
        end = bisect_left(orders, self._order_of(command.before)) if command.before else None
        return timeline[:end][-command.limit :]

    def _order_of(self, given: str) -> str:
        return given if len(given) > 32 else self.find(given).order

    def _getmessage(self, command: commands.GetMessage) -> Message:
        return self.find(command.message)

    def _search(self, command: commands.Search) -> list[model.SearchHit]:
        asked = words = command.query.lower().split()
        if not words:
            raise UsageError("Give a word to search for.")
        if "has:wings" in words:
            raise UsageError("There is no has:wings; there is has:picture.")
        hits = []
        marks = {
            "is:missed": "late",
            "is:mention": "mentions_me",
            "is:late": "late",
            "is:pinned": "pinned",
        }
        wanted = {marks[word] for word in words if word in marks}
        words = [word for word in words if ":" not in word]
        for name, timeline in self.timelines.items():
            if command.channel and self._name(command.channel) != name:
                continue
            for message in timeline:
                fits = not wanted or any(getattr(message, mark) for mark in wanted)
                fits = fits and not ("is:missed" in asked and message.id not in self.missed)
                if fits and all(word in message.text.lower() for word in words):
                    hits.append(model.SearchHit(message, _marked(message.text, words)))
        hits.sort(key=lambda hit: hit.message.order, reverse=True)
        return hits[: command.limit]

    def _getdelivery(self, command: commands.GetDelivery) -> model.Delivery:
        message = self.find(command.message)
        others = [m for m in self.members.values() if m.member != message.author.member]
        others.sort(key=lambda member: (member.role == "relay", member.nick))
        holders = tuple(
            model.Holder(
                m.member,
                m.nick,
                at < message.reached[0] or m.role == "relay",
                m.online,
                m.role == "relay",
            )
            for at, m in enumerate(others)
        )
        return model.Delivery(message.id, holders)

    def _lookaround(self, _: commands.LookAround) -> model.Surroundings:
        return model.Surroundings(peers=self.status.links, sightings=self.sightings)

    # What is this member's alone.

    def _getprivate(self, _: commands.GetPrivate) -> model.Private:
        return self.private

    def _change_private(self, **changes: Any) -> model.Private:
        self.private = replace(self.private, **changes)
        self.emit(happenings.PrivateChanged(self.private))
        return self.private

    def _keepdraft(self, command: commands.KeepDraft) -> None:
        channel = self.channels[self._name(command.channel)].id
        drafts = {each: draft for each, draft in self.private.drafts.items() if each != channel}
        if command.text or command.reply_to:
            drafts[channel] = model.Draft(command.text, command.reply_to)
        self._change_private(drafts=drafts)

    def _setalerts(self, command: commands.SetAlerts) -> model.Private:
        channel = self.channels[self._name(command.channel)].id
        return self._change_private(alerts={**self.private.alerts, channel: command.level})

    def _bookmark(self, command: commands.Bookmark) -> model.Private:
        message = self.find(command.message).id
        kept = [each for each in self.private.bookmarks if each != message]
        return self._change_private(bookmarks=(*kept, message) if command.on else tuple(kept))

    def _listbookmarks(self, _: commands.ListBookmarks) -> list[Message]:
        return [self.find(each) for each in reversed(self.private.bookmarks)]

    def _ignore(self, command: commands.Ignore) -> Member:
        return self._take_member(replace(self._member(command.member), ignored=command.on))

    def _namemember(self, command: commands.NameMember) -> Member:
        shown = f"{command.name}{PETNAME_MARK}" if command.name else ""
        member = self._member(command.member)
        for other in list(self.members.values()):
            if other.nick == command.name and other is not member:
                self._take_member(replace(other, shown=f"{other.nick}~{other.member[:4]}"))
        return self._take_member(replace(member, petname=command.name, shown=shown))

    def _setquiet(self, command: commands.SetQuiet) -> model.Private:
        return self._change_private(quiet_until=command.until_ms)

    def _markread(self, command: commands.MarkRead) -> Channel:
        self.missed.clear()
        return self.change_channel(self._name(command.channel), unread=0, mentions=0)

    def _getnotes(self, command: commands.GetNotes) -> Notes:
        name = self._name(command.channel)
        notes = self.notes.setdefault(name, Notes(name, ""))
        self.versions[name, notes.version] = notes.text
        return notes

    def _setnotes(self, command: commands.SetNotes) -> Notes:
        return self.write_notes(self._name(command.channel), command.text)

    def _splicenotes(self, command: commands.SpliceNotes) -> Notes:
        name = self._name(command.channel)
        was = self.versions[name, command.version]
        change = deltas.identity(len(was))
        for index, deleted, inserted in command.splices:
            length = len(deltas.apply(change, was))
            change = deltas.compose(change, deltas.splice(length, index, deleted, inserted))
        change, _ = deltas.transform(change, deltas.diff(was, self.notes[name].text))
        return self.write_notes(name, deltas.apply(change, self.notes[name].text))

    def write_notes(self, name: str, text: str, **more: Any) -> Notes:
        old = self.notes.get(name, Notes(name, ""))
        self.notes[name] = replace(old, text=text, version=old.version + 1, **more)
        self.versions[name, old.version + 1] = text
        self.emit(happenings.NotesChanged(self.notes[name]))
        return self.notes[name]

    def _getnotespast(self, command: commands.GetNotesPast) -> model.NotesPast:
        name = self._name(command.channel)
        return self.pasts.get(name, model.NotesPast(name))

    def _getnotesat(self, command: commands.GetNotesAt) -> Notes:
        return Notes(self._name(command.channel), self.states[command.version])

    def _restorenotes(self, command: commands.RestoreNotes) -> Notes:
        return self.write_notes(self._name(command.channel), self.states[command.version])

    def _movecursor(self, _: commands.MoveCursor) -> None:
        return None

    def _get(self, command: commands.Get) -> Transfer:
        message = next(
            (m for t in self.timelines.values() for m in t
             if command.file == m.id or any(f.id == command.file for f in m.files)),
            None,
        )  # fmt: skip
        if message is None:
            raise NotFound(f"There is no file {command.file} here.")
        file = message.files[0]
        if command.path:
            with open(command.path, "wb") as target:  # noqa: PTH123
                target.write(self.bodies.get(file.id, file.preview))
        if file.have >= 1:
            return Transfer(file.id, file.name, file.size, file.size, "done")
        transfer = Transfer(
            file.id, file.name, file.size, file.size, "done",
            (("ana", file.size * 61 // 100), ("bo", file.size * 39 // 100)), 0.4, 3,
        )  # fmt: skip
        self.transfers[file.id] = transfer
        self.emit(happenings.TransferChanged(transfer))
        return transfer

    def _listfiles(self, command: commands.ListFiles) -> list[model.SharedFile]:
        name = self._name(command.channel) if command.channel else ""
        found: dict[str, model.SharedFile] = {}
        for timeline in self.timelines.values():
            for message in reversed(timeline):
                if name and message.channel != name:
                    continue
                for file in message.files:
                    found.setdefault(
                        file.id,
                        model.SharedFile(
                            file.id, file.name, file.size, file.type, message.channel, message.id,
                            int(file.have * 10), 10, False, ("ana", "bo"), 3,
                        ),
                    )  # fmt: skip
        return list(found.values())[: command.limit]

    def _listswarms(self, _: commands.ListSwarms) -> list[model.Swarm]:
        return self.swarms

    def _listtransfers(self, _: commands.ListTransfers) -> list[Transfer]:
        return list(self.transfers.values())

    def _waitreached(self, command: commands.WaitReached) -> Message:
        return self.find(command.message)

    def _setprofile(self, command: commands.SetProfile) -> Member:
        me = self.me
        changed = replace(me, nick=command.nick or me.nick, colour=command.colour or me.colour)
        self.members[me.member] = changed
        self.emit(happenings.MembersChanged(tuple(self.members.values())))
        return changed

    # Who is in.

    def _member(self, given: str) -> Member:
        for member in (*self.members.values(), *self.former.values()):
            if given == member.nick or (len(given) >= 4 and member.member.startswith(given)):
                return member
        raise NotFound(f"There is no member {given}.")

    def _take_member(self, member: Member) -> Member:
        inside, outside = self.members, self.former
        if member.state != "in":
            inside, outside = outside, inside
        outside.pop(member.member, None)
        inside[member.member] = member
        self.emit(happenings.MembersChanged(tuple(self.members.values())))
        return member

    def _promote(self, command: commands.Promote) -> Member:
        member = self._member(command.member)
        if self.me.level >= command.level or self.me.level >= member.level:
            raise TrustError(f"Only who is senior to {member.nick} can promote them.")
        level = command.level
        role = "admin" if level < 100 else "member" if level < 200 else "reader"
        return self._take_member(replace(member, level=level, role=role, state="in", by=None))

    def _removemember(self, command: commands.RemoveMember) -> Member:
        member = self._member(command.member)
        if self.me.level >= member.level:
            raise TrustError(f"Only who is senior to {member.nick} can remove them.")
        by = Author(self.me.member, self.me.nick)
        gone = replace(member, state="removed", role="former", by=by, online=False, voided=2)
        return self._take_member(gone)

    def _accept(self, command: commands.Accept) -> model.Accepted:
        member = self._member(command.what)
        self._take_member(replace(member, voided=0))
        return model.Accepted(Author(member.member, member.nick), member.voided)

    def _listdevices(self, command: commands.ListDevices) -> list[model.Device]:
        member = self._member(command.member) if command.member else self.me
        if member.me and self.devices:
            return list(self.devices.values())
        return [
            model.Device(f"{at + 1:02x}" * 32, linked=member.online and not at, this=member.me)
            for at in range(member.devices)
        ]

    def _adddevice(self, command: commands.AddDevice) -> model.InviteView:
        made = self._makeinvite(commands.MakeInvite(expires_ms=command.expires_ms))
        return replace(made, link=made.link.replace("clowder:j", "clowder:d"), level=0)

    def _makepaper(self, _: commands.MakePaper) -> model.InviteView:
        return replace(self._adddevice(commands.AddDevice()), expires=0)

    def _removedevice(self, command: commands.RemoveDevice) -> model.Device:
        return self.devices.pop(self._device(command.device))

    def _namedevice(self, command: commands.NameDevice) -> model.Device:
        device = self._device(command.device)
        named = self.devices[device] = replace(self.devices[device], name=command.name)
        return named

    def _device(self, given: str) -> str:
        found = [device for device in self.devices if device.startswith(given)]
        if len(found) != 1:
            raise NotFound(f"There is no device {given} here.")
        return found[0]

    def device_comes(self, device: model.Device) -> None:
        """One more device of this member is in."""
        self.devices[device.device] = device
        self._take_member(replace(self.me, devices=len(self.devices)))

    def _verify(self, command: commands.Verify) -> model.Verification:
        member = self._member(command.member) if command.member else self.me
        if command.confirm:
            member = self._take_member(replace(member, verified="yes"))
        words = "amber basil cedar delta ember fable grove harbor"
        return model.Verification(
            member.member, member.nick, words, "code", words, member.devices, member.verified
        )

    def _addtochannel(self, command: commands.AddToChannel) -> Channel:
        name, member = self._name(command.channel), self._member(command.member)
        channel = self.channels[name]
        added = Author(member.member, member.nick)
        return self.change_channel(name, members=(*channel.members, added))

    def _linkchannel(self, command: commands.LinkChannel) -> model.ChannelLink:
        channel = self.channels[self._name(command.channel)]
        return model.ChannelLink(channel.name, channel.mode, f"clowder-channel:{channel.name}")

    def _kickfromchannel(self, command: commands.KickFromChannel) -> Channel:
        name, member = self._name(command.channel), self._member(command.member)
        left = tuple(a for a in self.channels[name].members if a.member != member.member)
        if left == self.channels[name].members:
            raise NotFound(f"{member.nick} is not in that channel.")
        return self.change_channel(name, members=left)

    def _leavechannel(self, command: commands.LeaveChannel) -> None:
        self._name(command.channel)

    def _listinvites(self, _: commands.ListInvites) -> list[model.InviteState]:
        return self.invites

    def _revokeinvite(self, command: commands.RevokeInvite) -> model.InviteState:
        at = [invite.id for invite in self.invites].index(command.invite)
        self.invites[at] = replace(self.invites[at], state="revoked")
        return self.invites[at]

    def _setaway(self, command: commands.SetAway) -> Member:
        return self._take_member(
            replace(self.me, away=command.away, away_text=command.text if command.away else "")
        )

    def _takeback(self, command: commands.TakeBack) -> Message:
        message = self.find(command.message)
        if message.id not in self.unsent:
            raise UsageError("That may have left this machine already.")
        return self.change(message, deleted=True, text="")

    def _lock(self, _: commands.Lock) -> Status:
        if not self.passphrase:
            raise UsageError("This profile has no passphrase to unlock it with.")
        return self.change_status(locked=True)

    def _unlock(self, command: commands.Unlock) -> Status:
        if command.passphrase != self.passphrase:
            raise Locked("That is not the passphrase.")
        return self.change_status(locked=False)

    def _dial(self, _: commands.Dial) -> None:
        return None

    def _typing(self, _: commands.Typing) -> None:
        return None

    def _shutdown(self, _: commands.Shutdown) -> None:
        return None


def _order(message: Message) -> str:
    return message.order


def _marked(text: str, words: list[str]) -> str:
    for word in words:
        at = text.lower().find(word)
        if at >= 0:
            text = f"{text[:at]}\x02{text[at : at + len(word)]}\x03{text[at + len(word) :]}"
    return text
