"""Files in a running node: which come by themselves, what a restart must not forget, what is told.

`chat.files` knows roots and devices; here they meet messages and members. A picture that a message
names is wanted until it is here, also after a restart; larger files wait until somebody asks.
"""

import random
from collections.abc import Callable, Iterable

from chat import events, model
from chat.blocks.cid import format_cid
from chat.blocks.errors import StoreFailure
from chat.blocks.store_files import BlockStore
from chat.effects import Effect, MessageTouched
from chat.errors import StoreError
from chat.files import Files, TransferState
from chat.files.flows import Flow
from chat.files.limits import COPIES_WANTED, SWARM_FILES_MAX
from chat.files.needs import Needs
from chat.node.team import Team, now
from chat.profile import Profile
from chat.store.states import clean_file
from chat.workspace import Now, Workspace
from crdt.ops import FileInfo

MIB = 1024 * 1024


COPIES_SETTING = "copies"
"""How many machines shall hold each file, in the state of the workspace's directory."""
COPIES_MAX = 16


def copies_wanted(workspace: Workspace) -> int:
    """How many copies of each file the workspace wants; what cannot be one counts as not said."""
    said = workspace.store.register(workspace.directory, f"set/{COPIES_SETTING}")
    count = int(said) if said.isascii() and said.isdigit() else COPIES_WANTED
    return count if 1 <= count <= COPIES_MAX else COPIES_WANTED


class Sharing:
    """The files of one node.

    Args:
        profile: whose blocks.
        relay: keep what peers offer, without knowing what it is.
        fetch_up_to_mb: larger pictures do not come by themselves.
        keep_up_to_mb: beyond that, what others hold as well is dropped.
        send, unsent: as `chat.files.Files` wants them.

    Raises:
        StoreError: the disk refuses.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        relay: bool,
        fetch_up_to_mb: int,
        keep_up_to_mb: int,
        send: Callable[[bytes, int, bytes], None],
        unsent: Callable[[bytes, int], int],
    ) -> None:
        try:
            blocks = BlockStore(profile.home)
        except StoreFailure as failure:
            text = str(failure)
            raise StoreError(f"{text[:1].upper()}{text[1:]}.") from None
        self.files = Files(
            blocks,
            send=send,
            unsent=unsent,
            on_transfer=self._transfer_changed,
            on_complete=self._file_complete,
            lot=random.SystemRandom().random,
            now_ms=lambda: float(now().mono),
            relay=relay,
            auto_bytes=fetch_up_to_mb * MIB,
            quota_bytes=keep_up_to_mb * MIB,
            needs=Needs(self._named, self._told_of, self._copies),
        )
        self._team: Team | None = None
        self._moved: dict[bytes, TransferState] = {}

    def _named(self) -> set[bytes] | None:
        return None if self._team is None else self._team.workspace.store.roots()

    def _told_of(self, root: bytes) -> FileInfo | None:
        carried = None if self._team is None else self._team.workspace.store.file_of_root(root)
        return None if carried is None else carried.info

    def _copies(self) -> int:
        return COPIES_WANTED if self._team is None else copies_wanted(self._team.workspace)

    def begin(self, team: Team, *, fetching: bool) -> None:
        """Messages and members are there: go on fetching what was wanted before."""
        self._team = team
        for root in team.workspace.store.wants() if fetching else ():
            carried = team.workspace.store.file_of_root(root)
            if carried is not None:
                self.files.want(carried.info, prefetch=True)

    def named(self, files: tuple[FileInfo, ...]) -> None:
        """A message that came in carries these: fetch pictures that are small enough."""
        team = self._team
        if team is None:
            return
        wanted = [info.root for info in files if self.files.announced(info)]

        def remember(_: Now) -> tuple[Effect, ...]:
            for root in wanted:
                team.workspace.store.add_want(root)
            return ()

        if wanted:
            team.attempt(remember)

    # What is told -------------------------------------------------------------------------------

    def transfer_events(self) -> list[events.Event]:
        """Transfers that moved since they were told last."""
        moved, self._moved = self._moved, {}
        views = (self.transfer(state) for state in moved.values())
        return [events.TransferChanged(view) for view in views if view is not None]

    def transfers(self) -> list[model.Transfer]:
        """All transfers, those not done first."""
        views = (self.transfer(state) for state in self.files.transfers())
        return [view for view in views if view is not None]

    def transfer(self, state: TransferState) -> model.Transfer | None:
        """A transfer as it is shown; None when no message here carries the file any more."""
        team = self._team
        carried = None if team is None else team.workspace.store.file_of_root(state.root)
        return None if carried is None else self.view(state, carried.info)

    def view(self, state: TransferState, info: FileInfo) -> model.Transfer:
        """A transfer of a file that some message carries."""
        given: dict[str, int] = {}
        for device, count in state.sources:
            nick = self._nick_of(device)
            if nick is not None:
                given[nick] = given.get(nick, 0) + count
        return model.Transfer(
            id=format_cid(state.root),
            name=clean_file(info).name,
            done=state.done,
            total=state.total or info.size,
            state=state.state,
            sources=tuple(given.items()),
            seconds=state.seconds,
            holders=state.holders,
        )

    def swarms(self, now_ms: float) -> list[model.Swarm]:
        """Files that pass between this machine and others, those that moved last first."""
        found: list[model.Swarm] = []
        for root, flows in self.files.flows.by_file().items():
            carried = None if self._team is None else self._team.workspace.store.file_of_root(root)
            if carried is None or len(found) >= SWARM_FILES_MAX:
                continue
            info = carried.info
            peers = self._swarm_peers(flows, self.files.blocks(info)[1], now_ms)
            if peers:
                name, here = clean_file(info).name, self.files.have(info)
                found.append(model.Swarm(format_cid(root), name, info.size, here, peers))
        return found

    def _swarm_peers(
        self, flows: dict[bytes, Flow], blocks: int, now_ms: float
    ) -> tuple[model.SwarmPeer, ...]:
        """Devices of one nick as one; those that nothing passed with and hold nothing left out."""
        pieces = max(blocks - 1, 1)
        found: dict[str, model.SwarmPeer] = {}
        for device, flow in flows.items():
            nick = self._nick_of(device)
            if nick is None or not (flow.moved or flow.holds):
                continue
            quiet = int(max(now_ms - flow.moved, 0)) if flow.moved else None
            share = min(flow.pieces / pieces, 1.0) if flow.holds else 0.0
            before = found.get(nick, model.SwarmPeer(nick))
            times = [each for each in (before.quiet_ms, quiet) if each is not None]
            found[nick] = model.SwarmPeer(
                nick,
                before.received + flow.received,
                before.sent + flow.sent,
                max(before.share, share),
                min(times, default=None),
            )
        return tuple(found[nick] for nick in sorted(found))

    def nicks_of(self, devices: Iterable[bytes]) -> tuple[str, ...]:
        """Whose devices these are, each once."""
        nicks = dict.fromkeys(map(self._nick_of, devices))
        return tuple(nick for nick in nicks if nick is not None)

    def _nick_of(self, device: bytes) -> str | None:
        assert self._team is not None
        if self._team.engine.is_relay(device):
            return "relay"
        member = self._team.workspace.member_of(device)
        return None if member is None else self._team.workspace.shown(member)

    def _transfer_changed(self, state: TransferState) -> None:
        if self._team is not None:
            self._moved[state.root] = state
            self._team.newsroom.change("transfers")

    def _file_complete(self, root: bytes) -> None:
        team = self._team
        if team is None:
            return

        def note(_: Now) -> tuple[Effect, ...]:
            store = team.workspace.store
            store.drop_want(root)
            carried = store.file_of_root(root)
            if carried is None:
                return ()
            return (MessageTouched(carried.channel, carried.message, False),)

        team.attempt(note)
