"""How a command gets its options and its session.

The global options are accepted before and after the subcommand, the later one wins. A command
speaks to the node that holds the profile, when one runs; else it opens the profile itself.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from chat.cli.output import Output
from chat.config import Settings, environment, load
from chat.errors import ChatError, ProfileInUse
from chat.profile import Profile, default_home
from chat.session import Session

HOLDER_PATIENCE_SECONDS = 5.0
"""How long a profile may be held by a process that does not answer before that is an error."""
HOLDER_POLL_SECONDS = 0.02

INTERRUPTED = 130
"""Exit code after Ctrl+C, as shells have it."""


def global_options() -> list[click.Option]:
    """Fresh copies of the options every command takes."""
    return [
        click.Option(["--home"], type=click.Path(file_okay=False), help="Folder of the profile."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object a line."),
        click.Option(["--listen"], metavar="HOST:PORT", help="Where to accept links."),
        click.Option(["--interface"], metavar="ADDR", help="Discover and listen only there."),
        click.Option(["--dial"], metavar="URL", multiple=True, help="Keep a link to this peer."),
        click.Option(["--no-mdns"], is_flag=True, help="Do not discover peers on the LAN."),
    ]


class GlobalOptions(click.Command):
    """A command that takes the global options too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(global_options())

    def invoke(self, ctx: click.Context) -> Any:
        take_global(ctx)
        return super().invoke(ctx)


def take_global(ctx: click.Context) -> None:
    """Move the global options of one level into the shared `ctx.obj`."""
    shared: dict[str, Any] = ctx.ensure_object(dict)
    for name in ("home", "as_json", "listen", "interface", "dial", "no_mdns"):
        value = ctx.params.pop(name, None)
        if value:
            shared[name] = value


class Invocation:
    """The global options of this run, resolved."""

    def __init__(self, shared: dict[str, Any]) -> None:
        self._shared = shared
        self.output = Output(bool(shared.get("as_json")))

    @property
    def home(self) -> Path:
        given = self._shared.get("home")
        return Path(given).expanduser() if given else default_home()

    @property
    def settings(self) -> Settings:
        overrides = {
            "listen": self._shared.get("listen"),
            "interface": self._shared.get("interface"),
            "dial": self._shared.get("dial"),
            "mdns": False if self._shared.get("no_mdns") else None,
        }
        return load(Profile(self.home).config_path, overrides, environment())

    @asynccontextmanager
    async def session(
        self, *, network: bool = False, create: bool = False
    ) -> AsyncIterator[Session]:
        """The session of this profile: the running node's, or an own one."""
        session = await self.open_session(network=network, create=create)
        try:
            yield session
        finally:
            await session.aclose()

    async def open_session(self, *, network: bool, create: bool) -> Session:
        """As `session`, but who calls closes it."""
        from chat.control import RemoteSession

        profile = Profile(self.home)
        deadline = time.monotonic() + HOLDER_PATIENCE_SECONDS
        while True:
            session: Session | None = await RemoteSession.connect(profile.control_path)
            if session is not None:
                return session
            from chat.node import Node

            try:
                return await Node.open(profile, self.settings, network=network, create=create)
            except ProfileInUse:
                # Its holder is about to listen, or to end: another command that is in a hurry too.
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(HOLDER_POLL_SECONDS)


def run(work: Callable[[Invocation], Awaitable[int | None]]) -> NoReturn:
    """Run a command's coroutine and end the process with its exit code."""
    ctx = click.get_current_context()
    invocation = Invocation(ctx.ensure_object(dict))

    async def main() -> int:
        return (await work(invocation)) or 0

    try:
        code = asyncio.run(main())
    except ChatError as error:
        sys.stderr.write(f"clowder: {error}\n")
        code = error.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left, as `clowder history | head` does.
        sys.stderr.close()
        code = 0
    ctx.exit(code)
    raise AssertionError("click's exit does not return")
