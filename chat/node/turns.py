"""Group commit: everything that happens in one turn of the event loop shares one commit.

Whatever changes the store runs through `run`, which gives the work's effects to be carried out
once they are durable: persist, then tell. A synced commit takes as long for one message as for
a hundred, so under load each commit carries more and the rate grows with the load.

When the store fails, everything of the turn is taken back, whoever waits is told, and the owner
rebuilds what it had in memory. The same happens when work ends in an error that nobody foresaw: no
half of it is ever committed.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from chat.effects import Effect
from chat.errors import ChatError, StoreError, Unavailable
from chat.store import Store
from crdt.errors import CrdtError

PATIENCE_SECONDS = 0.05
"""How long bulk waits for more before it is committed; the link's window makes up for it."""


class Turns:
    """One store's turns.

    Args:
        store: what is committed.
        carry_out: is given the effects of a turn after its commit.
        failed: is told when a turn was taken back.
    """

    def __init__(
        self,
        store: Store,
        carry_out: Callable[[Sequence[Effect]], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._store = store
        self._carry_out = carry_out
        self._failed = failed
        self._effects: list[Effect] = []
        self._waiting: asyncio.Future[None] | None = None
        self._end: asyncio.Handle | None = None
        self._patient = False
        self._closed = False

    def run(self, work: Callable[[], Sequence[Effect]], *, patient: bool = False) -> None:
        """Do work on the store now; its effects follow with this turn's commit.

        `patient` work waits a moment for more of its kind, unless other work ends the turn.

        Raises:
            StoreError: the store failed; the whole turn is taken back.
            Unavailable: there are no more turns.
            ChatError, CrdtError: the work says no, before it has changed anything.
        """
        if self._closed:
            raise Unavailable("This Clowder is stopping; nothing was changed.")
        try:
            self._effects.extend(work())
        except StoreError as error:
            self._take_back(error)
            raise
        except (ChatError, CrdtError):
            raise
        except BaseException:
            self._take_back(StoreError("Something went wrong inside; the change was taken back."))
            raise
        loop = asyncio.get_running_loop()
        if not patient and (self._end is None or self._patient):
            self._cancel_end()
            self._end = loop.call_soon(self._end_turn)
        elif self._end is None:
            self._patient = True
            self._end = loop.call_later(PATIENCE_SECONDS, self._end_turn)

    def _cancel_end(self) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end, self._patient = None, False

    async def durable(self) -> None:
        """Wait until everything done so far is on disk.

        Raises:
            StoreError: it is not, and was taken back.
        """
        if self._end is None:
            return
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._waiting)

    def flush(self) -> None:
        """End the turn now.

        Raises:
            StoreError: it was taken back.
        """
        if self._end is not None:
            self._commit()

    def close(self) -> None:
        """End the turn under way; there are no more. Raises StoreError, as `flush`."""
        self._closed = True
        self.flush()

    def _end_turn(self) -> None:
        with suppress(StoreError):  # Whoever waits has been told.
            self.flush()

    def _commit(self) -> None:
        try:
            self._store.commit()
        except StoreError as error:
            self._take_back(error)
            raise
        self._cancel_end()
        told, self._effects = self._effects, []
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_result(None)
        self._carry_out(told)

    def _take_back(self, error: StoreError) -> None:
        with suppress(StoreError):  # Until it can be undone the store refuses every write.
            self._store.rollback()
        self._cancel_end()
        self._effects.clear()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_exception(error)
            waiting.exception()  # Nobody may be waiting; that is no error.
        self._failed(error)
