"""Which update ended the worker: tried again one by one, in a process of its own.

A document may be harmed long before it ends its process: some updates show only at the next edit.
So after each update the text is read, edited at both ends, and read again, and the first update
after which that fails is the one. The process and its document are thrown away.
"""

from collections.abc import Sequence

from chat.notes import pipe
from chat.notes.errors import WorkerDied
from chat.notes.limits import CAREFUL_FACTOR, REQUEST_SECONDS, STEPS_PER_SECOND
from chat.notes.process import Worker

Steps = Sequence[tuple[int, bytes]]


def seconds_for(steps: int) -> int:
    """CPU time for a request that applies so many updates."""
    return REQUEST_SECONDS + steps // STEPS_PER_SECOND


async def find(steps: Steps) -> int | None:
    """The index of the update that ends a worker, or None if none does (any more)."""
    tried = -1

    def reached(index: int) -> None:
        nonlocal tried
        tried = index

    seconds = CAREFUL_FACTOR * seconds_for(len(steps))
    worker = Worker()
    try:
        answer = await worker.ask(pipe.Build(b"", 0, 0, list(steps), True, seconds), reached)
    except WorkerDied:
        return tried + 1 if tried + 1 < len(steps) else None
    finally:
        await worker.aclose()
    return answer.index if isinstance(answer, pipe.Refused) else None
