"""Who asks: what was begun for another process ends when that process is gone.

A command is a value, and says nothing of who gave it. Most need not know; what goes on after its
answer, and shows something to one person, must end when that person's process is killed. So the
control socket says in the context of each connection when that is over, and tasks made there
inherit it. What this process asks itself has no such end: it ends with the process.
"""

import asyncio
from contextvars import ContextVar

_gone: ContextVar["asyncio.Future[None] | None"] = ContextVar("asker_gone", default=None)


def asking() -> "asyncio.Future[None]":
    """From now on this task, and those that it makes, ask for one connection.

    Gives what is to be set when that connection is over.
    """
    gone = asyncio.get_running_loop().create_future()
    _gone.set(gone)
    return gone


def asker_gone() -> "asyncio.Future[None] | None":
    """Done when whoever asked for this is gone; None when that was this process."""
    return _gone.get()
