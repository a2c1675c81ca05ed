"""What a workspace answers about pictures and files."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from chat import commands, model
from chat.blocks.cid import format_cid, parse_cid
from chat.blocks.errors import Invalid as NoCid
from chat.errors import NotFound, UsageError
from chat.files.folders import Folders, info_of, is_folder
from chat.files.limits import CENSUS_SECONDS
from chat.files.pipes import writing
from chat.node.sharing import COPIES_MAX, COPIES_SETTING, Sharing, copies_wanted
from chat.node.team import Team, now
from chat.store.files import CarriedFile
from crdt.ops import FileInfo, Setting

OPEN_SECONDS = 10.0
"""How long a folder's listing is waited for before its files can be kept."""
FILES_LISTED_MAX = 100_000
"""More than anybody looks through; a larger number is a slip."""

Say = Callable[[Any], Awaitable[model.Message]]


class Filing:
    """Answers commands about files. `say` writes an operation and gives the message it made."""

    def __init__(self, team: Team, sharing: Sharing, say: Say) -> None:
        self._team = team
        self._sharing = sharing
        self._files = sharing.files
        self._folders = Folders(sharing.files)
        self._say = say
        self.by_command: dict[type[commands.Command], Callable[[Any], Awaitable[Any]]] = {
            commands.Put: self._put,
            commands.Get: self._get,
            commands.StreamFile: self._stream,
            commands.ListTransfers: self._transfers,
            commands.ListSwarms: self._swarms,
            commands.ListFiles: self._list,
            commands.KeepFile: self._keep,
            commands.WantCopies: self._copies,
        }

    async def _put(self, command: commands.Put) -> model.Message:
        # Until it is posted no message names it, so nothing may go meanwhile.
        with self._files.room.paused():
            info = await self._prepare(command)
            talking = self._team.talking
            said = talking.post(command.channel, command.text, command.reply_to, (info,))
            return await self._say(said)

    async def _prepare(self, command: commands.Put) -> FileInfo:
        workspace = self._team.workspace
        channel = workspace.find_channel(command.channel)
        secret = workspace.epochs.convergence_secret(workspace.sending_epoch(channel))
        if await self._files.on_disk(lambda _: Path(command.path).is_dir()):
            return await self._folders.prepare(
                command.path, secret=secret, keep_metadata=command.keep_metadata, alt=command.alt
            )
        prepared = await self._files.prepare(
            command.path,
            secret=secret,
            keep_metadata=command.keep_metadata,
            alt=command.alt,
            known=lambda sha256: self._posted_before(channel, sha256),
        )
        return prepared.info

    def _posted_before(self, channel: bytes, sha256: bytes) -> FileInfo | None:
        """The same plaintext as it was posted before in a channel of the same scope.

        Rather where all blocks are here; else the one that came in first.
        """
        workspace = self._team.workspace
        scope = workspace.scope_of(channel)
        found = [
            carried.info
            for carried in workspace.store.files_by_plaintext(sha256)
            if workspace.scope_of(carried.channel) == scope
        ]
        return max(found, key=lambda info: self._files.have(info) == 1.0, default=None)

    async def _get(self, command: commands.Get) -> model.Transfer:
        info = self._find(command.file).info
        way = self._folders if is_folder(info) else self._files
        state = await way.get(info, command.path, command.timeout)
        return self._sharing.view(state, info)

    async def _stream(self, command: commands.StreamFile) -> model.Transfer:
        info = self._find(command.file).info
        if is_folder(info):
            raise UsageError("This is a folder; give -o a path for it.")
        async with writing(command.pipe) as write:
            state = await self._files.stream(info, write, command.timeout)
        return self._sharing.view(state, info)

    def _find(self, given: str) -> CarriedFile:
        """A file by its id or its link, or by the id of the message that carries it."""
        given = given.removeprefix(commands.FILE_LINK)
        store = self._team.workspace.store
        try:
            found = store.file_of_root(parse_cid(given))
        except NoCid:
            row = store.message(self._team.views.find_message(given))
            if row is None or not row.files:
                raise NotFound(f"The message {given} carries no file.") from None
            return CarriedFile(row.files[0], row.channel, row.mid)
        if found is None:
            raise NotFound(f"There is no file {given} here; `clowder pictures` shows their ids.")
        return found

    async def _transfers(self, _: commands.ListTransfers) -> list[model.Transfer]:
        return self._sharing.transfers()

    async def _swarms(self, _: commands.ListSwarms) -> list[model.Swarm]:
        return self._sharing.swarms(now().mono)

    # What is here, and who else has it

    async def _list(self, command: commands.ListFiles) -> list[model.SharedFile]:
        workspace = self._team.workspace
        channel = workspace.find_channel(command.channel) if command.channel else None
        limit = max(0, min(command.limit, FILES_LISTED_MAX))
        found = workspace.store.newest_files(channel, limit)
        await self._files.room.census([each.info.root for each in found], CENSUS_SECONDS)
        return [await self._view(each) for each in found]

    async def _keep(self, command: commands.KeepFile) -> model.SharedFile:
        found = self._find(command.file)
        info = found.info
        inside = await self._folders.inside(info)
        if command.on and is_folder(info) and not inside:
            inside = await self._folders.open(info, OPEN_SECONDS)
        for each in (info, *map(info_of, inside)):
            await self._files.room.keep(each.root, command.on)
            if command.on:
                self._files.want(each)
        if command.on and self._files.have(info) < 1.0:
            self._team.run(lambda _: self._remember(info.root))
            await self._team.turns.durable()
        return await self._view(found)

    def _remember(self, root: bytes) -> tuple[()]:
        """It is fetched after a restart too, and by a command that links."""
        self._team.workspace.store.add_want(root)
        return ()

    async def _copies(self, command: commands.WantCopies) -> int:
        team = self._team
        if not 0 <= command.count <= COPIES_MAX:
            raise UsageError(f"A file can have 1 to {COPIES_MAX} copies.")
        if command.count:
            setting = Setting(COPIES_SETTING, str(command.count))
            team.write(team.workspace.directory, setting)
            await team.turns.durable()
        return copies_wanted(team.workspace)

    async def _view(self, carried: CarriedFile) -> model.SharedFile:
        info, workspace = carried.info, self._team.workspace
        inside = await self._folders.inside(info)
        every = (info, *map(info_of, inside))
        here, blocks = map(sum, zip(*map(self._files.blocks, every), strict=True))
        if inside:
            await self._files.room.census([each.root for each in every], CENSUS_SECONDS)
        holding = [self._files.room.holders(each.root) for each in every]
        holders = [device for device in holding[0] if all(device in some for some in holding)]
        return model.SharedFile(
            id=format_cid(info.root),
            name=info.name,
            size=sum(file.ref.size for file in inside) if inside else info.size,
            type=info.type,
            channel=workspace.channel_name(carried.channel),
            message=carried.message.hex(),
            here=here,
            blocks=blocks,
            kept=self._files.room.kept(info.root),
            holders=self._sharing.nicks_of(holders),
            copies=len(holders) + (here == blocks),
        )
