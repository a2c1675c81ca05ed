"""How a command gets its options and its session.

The global options are accepted before and after the subcommand, the later one wins. A command
speaks to the node that holds the profile, when one runs; else it opens the profile itself. Two
commands at the same time wait for each other: see `lasting`.
"""

import asyncio
import io
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from chat.cli.output import Output, silence
from chat.cli.unlocking import Passphrases
from chat.config import Settings, environment, load
from chat.errors import ChatError, Locked, ProfileInUse
from chat.profile import Profile, default_home
from chat.session import Session

HOLDER_PATIENCE_SECONDS = 20.0
"""How long a profile may be held by a process that is of no use to us; commands are over sooner."""
HOLDER_POLL_SECONDS = 0.02
YIELDING_SECONDS = 2.0
"""A node that is started anew takes up its profile before a command that stays does."""
WAIT_MAX_SECONDS = 30 * 86_400
"""Who waits longer than a month is not a command."""
COUNT_MAX = 10_000_000
"""Messages; the node gives no more at once."""

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
        click.Option(
            ["--passphrase-fd"],
            type=click.IntRange(min=0),
            metavar="N",
            help="Read the profile's passphrase from this file descriptor.",
        ),
    ]


class Seconds(click.ParamType[float]):
    """A length of time that can be waited for."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            seconds = float(value)
        except ValueError:
            self.fail(f"“{value}” is no number of seconds.", param, ctx)
        if not 0 <= seconds <= WAIT_MAX_SECONDS:  # Not a number is not between them either.
            self.fail(f"“{value}” is not between 0 and {WAIT_MAX_SECONDS} seconds.", param, ctx)
        return seconds


COUNT = click.IntRange(min=1, max=COUNT_MAX)
"""How many messages are wanted."""


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
    refuse_what_is_no_text(ctx)
    for name in (
        "home",
        "as_json",
        "listen",
        "interface",
        "dial",
        "no_mdns",
        "passphrase_fd",
    ):
        value = ctx.params.pop(name, None)
        if value or (name == "passphrase_fd" and value is not None):
            shared[name] = value


def refuse_what_is_no_text(ctx: click.Context) -> None:
    """Bytes of an argument that are not UTF-8 reach us as lone surrogates, which nothing takes.

    Raises:
        click.UsageError: there are some.
    """
    for given in ctx.params.values():
        for value in given if isinstance(given, tuple) else (given,):
            if isinstance(value, str) and not is_text(value):
                shown = value.encode(errors="replace").decode()
                raise click.UsageError(f"“{shown}” is not text in UTF-8.", ctx)


def is_text(given: str) -> bool:
    """Whether it can be written down."""
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return True


def prepare_streams() -> None:
    """Make the three streams what the commands expect, however this process was started.

    One that was closed would leave its number to the next file that is opened. Stdin is empty
    then, and stdout refuses, as a full disk does. What is no text becomes U+FFFD.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            flags = os.O_RDONLY if name == "stdout" else os.O_RDWR
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and name != "stderr":
            stream.reconfigure(errors="replace")


class Invocation:
    """The global options of this run, resolved."""

    def __init__(self, shared: dict[str, Any]) -> None:
        self._shared = shared
        self.output = Output(bool(shared.get("as_json")))
        self.passphrases = Passphrases(self.output, shared.get("passphrase_fd"))

    @property
    def home(self) -> Path:
        given = self._shared.get("home")
        return Path(given).expanduser() if given else default_home()

    @property
    def config_path(self) -> Path:
        """Where the settings of this profile stand."""
        return Profile(self.home).config_path

    @property
    def settings(self) -> Settings:
        overrides = {
            "listen": self._shared.get("listen"),
            "interface": self._shared.get("interface"),
            "dial": self._shared.get("dial"),
            "mdns": False if self._shared.get("no_mdns") else None,
        }
        return load(self.config_path, overrides, environment())

    @asynccontextmanager
    async def session(
        self,
        *,
        network: bool = False,
        create: bool = False,
        listening: bool = False,
        yielding: float = 0.0,
    ) -> AsyncIterator[Session]:
        """The session of this profile: the running node's, or an own one.

        Args:
            network: it has to meet peers; a node that works alone will not do.
            create: make the profile if there is none.
            listening: an own node accepts links, because it stays.
            yielding: for how many seconds after the end of another's node a third process may
                take up the profile before this one does.
        """
        from chat.cli.lasting import LastingSession

        async def next_holder() -> Session:
            return await self.open_session(
                network=network, create=create, listening=listening, yielding=yielding
            )

        first = await self.open_session(network=network, create=create, listening=listening)
        session = LastingSession(first, next_holder)
        try:
            yield session
        finally:
            await session.aclose()

    async def open_session(
        self, *, network: bool, create: bool, listening: bool, yielding: float = 0.0
    ) -> Session:
        """As `session`, but it ends with its holder, and who calls closes it."""
        from chat.control import RemoteSession

        profile = Profile(self.home)
        begun = time.monotonic()
        alone = False
        while True:
            session = await RemoteSession.connect(profile.control_path)
            if session is not None:
                if session.network or not network:
                    return session
                alone = True
                await session.aclose()
            if time.monotonic() - begun >= yielding:
                from chat.node import Node

                try:
                    return await Node.open(
                        profile,
                        self.settings,
                        network=network,
                        create=create,
                        listening=listening,
                        passphrase=self.passphrases.of(profile),
                    )
                except Locked as error:
                    if not self.passphrases.ask_again(error):
                        raise
                except ProfileInUse:
                    # Its holder is about to listen, or to end: a command that is in a hurry too.
                    if time.monotonic() - begun > HOLDER_PATIENCE_SECONDS:
                        if not alone:
                            raise
                        raise ProfileInUse(
                            f"Another command that works without the network holds {self.home}; "
                            "this one needs peers. Try again when that one is done."
                        ) from None
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
        silence()
        code = 0
    ctx.exit(code)
    raise AssertionError("click's exit does not return")
