"""Background work of a widget.

Workers get a function, never a coroutine: one that is cancelled before it starts would leave a
coroutine that nobody awaited.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec, cast

from textual.dom import DOMNode

from tui.in_order import OrderlyApp

Arguments = ParamSpec("Arguments")


def start(
    node: DOMNode,
    group: str,
    work: Callable[Arguments, Coroutine[Any, Any, None]],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> None:
    """Run `work` beside the others of its group, until done or until `node` is removed."""
    node.run_worker(cast(Any, partial(work, *args, **kwargs)), group=group)


def bring(
    node: DOMNode,
    group: str,
    work: Callable[Arguments, Coroutine[Any, Any, None]],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> None:
    """Run `work`, which opens a dialog: what is typed meanwhile is for that."""
    app = node.app
    came = app.dialog_comes() if isinstance(app, OrderlyApp) else None

    async def brought() -> None:
        try:
            await work(*args, **kwargs)
        finally:
            if came is not None:
                came()

    start(node, group, brought)


def restart(
    node: DOMNode,
    group: str,
    work: Callable[Arguments, Coroutine[Any, Any, None]],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> None:
    """Run `work` and cancel what is left of its group."""
    run = cast(Any, partial(work, *args, **kwargs))
    node.run_worker(run, group=group, exclusive=True)
