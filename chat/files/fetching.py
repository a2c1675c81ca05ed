"""What this node is after: wishes of people, and of a relay what peers offer and want.

`Fetching` gives wishes to the exchange, hears what becomes of them, and keeps the transfers that
people look at. It waits for nothing; whoever waits for a file waits for its `Transfer`.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from chat.blocks import messages
from chat.blocks.exchange import ports
from chat.blocks.sealing import FileRef
from chat.files.limits import RELAY_WANTS_MAX, TURNED_AWAY_MAX
from chat.files.quota import Quota
from chat.files.sentences import sentence
from chat.files.shelf import Shelf
from chat.files.shell import News
from chat.files.transfers import Transfer, Transfers, TransferState

_NO_ROOM = "This machine keeps no more files of others: its quota is used up."
_GIVEN_UP = "It was given up."


class Fetching:
    """Wanted files. `quota` makes this a relay, which wants what its peers offer and want."""

    def __init__(
        self,
        shelf: Shelf,
        give: Callable[[ports.Input], None],
        *,
        on_transfer: Callable[[TransferState], None],
        on_complete: Callable[[bytes], None],
        now_ms: Callable[[], float],
        quota: Quota | None,
        make_room: Callable[[int], None],
    ) -> None:
        """`make_room`: asked for so many bytes when something does not fit."""
        self._shelf = shelf
        self._give = give
        self._on_transfer = on_transfer
        self._on_complete = on_complete
        self._now_ms = now_ms
        self._quota = quota
        self._transfers = Transfers()
        self._linked: set[bytes] = set()
        self._refusals: set[str] = set()
        self._make_room = make_room
        self._turned_away: OrderedDict[bytes, ports.RootHeard] = OrderedDict()
        """What a relay had no room for when it heard of it last."""

    # Wishes

    def want(self, ref: FileRef, prefetch: bool, in_order: bool = False) -> Transfer | None:
        """The transfer of a file, begun if need be; None when the file is whole here.

        `in_order`: it is read from its beginning while it comes.
        """
        if self._shelf.complete(ref.root):
            return None
        transfer = self._transfers.active(ref.root)
        if transfer is None:
            want = ports.Want(ref.root, ref.size, prefetch=prefetch, in_order=in_order)
            return self._begin(want)
        transfer.also_named(ref.size)
        if in_order or (transfer.prefetch and not prefetch):
            transfer.prefetch = transfer.prefetch and prefetch
            self._give(
                ports.Want(ref.root, transfer.size, prefetch=transfer.prefetch, in_order=in_order)
            )
        return transfer

    def want_root(self, root: bytes, limit: int) -> None:
        """Keep a file of at most `limit` bytes whose message cannot be read here."""
        if self._transfers.active(root) is None:
            self._begin(ports.Want(root, limit=limit, prefetch=True))

    def _begin(self, want: ports.Want) -> Transfer:
        transfer = self._transfers.begin(want.root, want.size, want.prefetch)
        self._tell(transfer)
        self._give(want)
        return transfer

    def stop(self, root: bytes, reason: str = _GIVEN_UP) -> None:
        """Fetch a file no more."""
        transfer = self._transfers.active(root)
        if transfer is not None:
            self._give(ports.Stop(root))
            self._end(transfer, "failed", reason)
            self._tell(transfer)

    def release(self) -> None:
        """Wake everybody who waits for a transfer."""
        for transfer in self._transfers.actives():
            transfer.release()

    def states(self) -> list[TransferState]:
        """Files on their way, then the last that ended."""
        return self._transfers.states(self._now_ms())

    def disk_refused(self, reason: str) -> bool:
        """Whether a transfer's reason is what our own disk said."""
        return reason in self._refusals

    # Peers

    def peer_up(self, device: bytes) -> None:
        """A device is linked."""
        self._linked.add(device)

    def said(self, device: bytes, message: messages.Message) -> None:
        """A device said something; of interest is whether it has a file."""
        if not isinstance(message, messages.Have | messages.HaveNot) or (
            device not in self._linked
        ):
            return
        transfer = self._transfers.active(message.root)
        if transfer is None:
            return
        has = isinstance(message, messages.Have)
        news = transfer.held_by(device, self._now_ms()) if has else transfer.not_held_by(device)
        if news:
            self._tell(transfer)

    def peer_down(self, device: bytes) -> None:
        """A device is no longer linked."""
        self._linked.discard(device)
        for transfer in self._transfers.actives():
            if transfer.unlinked(device):
                if self._quota is not None and not transfer.holders:
                    self._quota.settle(transfer.root)
                self._tell(transfer)

    # What the exchange tells

    def heard(self, news: News) -> None:
        """An effect of the exchange that is no work."""
        if isinstance(news, ports.RootHeard):
            self._root_heard(news)
            return
        if isinstance(news, ports.Progress) and news.total:
            self._shelf.note(news.root, news.done / news.total)
        transfer = self._transfers.active(news.root)
        if transfer is None:
            return
        if isinstance(news, ports.Progress):
            self._progressed(transfer, news)
        elif isinstance(news, ports.SourceDropped):
            transfer.drop(news.peer, news.reason)
        elif isinstance(news, ports.Failed):
            self._failed(transfer, news.reason)
        else:
            self._end(transfer, "done", "")
            self._on_complete(news.root)
        self._tell(transfer)

    def stored(self, size: int, failure: str | None) -> None:
        """A block of `size` bytes was written, or the disk refused it."""
        if failure is not None:
            self._refusals.add(sentence(failure))
        elif self._quota is not None:
            self._quota.stored(size)

    def dropped(self, size: int) -> None:
        """Blocks of `size` bytes were dropped."""
        if self._quota is not None:
            self._quota.removed(size)

    def room_made(self) -> None:
        """Something was dropped: what had no room may have some now."""
        turned_away, self._turned_away = self._turned_away, OrderedDict()
        for root, news in turned_away.items():
            if not self._shelf.complete(root):
                self._root_heard(news)

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way here from somebody who has it."""
        return not any(each.holders for each in self._transfers.actives())

    def wanted(self, root: bytes) -> bool:
        """Whether a file is on its way here."""
        return self._transfers.active(root) is not None

    def _progressed(self, transfer: Transfer, news: ports.Progress) -> None:
        transfer.moved(news.done, news.total, news.sources)
        if self._quota is not None and news.total:
            self._quota.expect(news.root, news.total - news.done)
            if self._quota.room < 0 and news.done < news.total:
                self._give(ports.Stop(news.root))
                self._end(transfer, "failed", _NO_ROOM)

    def _failed(self, transfer: Transfer, reason: str) -> None:
        size = transfer.next_size()
        if size is None:
            self._end(transfer, "failed", sentence(reason))
        else:
            self._give(ports.Want(transfer.root, size, prefetch=transfer.prefetch))

    def _end(self, transfer: Transfer, how: Literal["done", "failed"], reason: str) -> None:
        if self._quota is not None:
            self._quota.settle(transfer.root)
        transfer.end(how, reason, self._now_ms())
        self._transfers.ended(transfer.root)

    def _root_heard(self, news: ports.RootHeard) -> None:
        """A relay keeps what peers offer or want, as long as there is room."""
        quota = self._quota
        if quota is None or self._transfers.active(news.root) is not None:
            return
        if quota.room <= 0 or (news.size is not None and news.size > quota.room):
            self._turn_away(news)
            return
        actives = self._transfers.actives()
        if len(actives) >= RELAY_WANTS_MAX:
            idle = next((each for each in actives if not each.holders), None)
            if idle is None:
                return
            self.stop(idle.root, _NO_ROOM)
        self.want_root(news.root, quota.room)

    def _turn_away(self, news: ports.RootHeard) -> None:
        self._turned_away[news.root] = news
        if len(self._turned_away) > TURNED_AWAY_MAX:
            self._turned_away.popitem(last=False)
        self._make_room(news.size or 0)

    def _tell(self, transfer: Transfer) -> None:
        self._on_transfer(transfer.state(self._now_ms()))
