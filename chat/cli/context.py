"""How a command gets its options and its session.

The global options are accepted before and after the subcommand, the later one wins. A command
speaks to the node that holds the workspace, when one runs; else it opens the workspace itself. Two
commands at the same time wait for each other: see `lasting`. Of several workspaces it is the one
that `--workspace` names, else the profile's first.
"""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from chat.cli.opening import Opening
from chat.cli.output import Output, silence
from chat.cli.unlocking import Passphrases
from chat.config import Relay, Settings, environment, load
from chat.errors import ChatError
from chat.profile import Profile, default_home
from chat.profile_workspaces import workspaces_of
from chat.session import Session

YIELDING_SECONDS = 2.0
"""A node that is started anew takes up its profile before a command that stays does."""
WAIT_MAX_SECONDS = 30 * 86_400
"""Who waits longer than a month is not a command."""
COUNT_MAX = 10_000_000
"""Messages; the node gives no more at once."""

OWN_WORKSPACE = ("verify", "read")
"""Commands to which `--workspace` is what a file has to be of."""
_GLOBAL_NAMES = (
    "workspace",
    "home",
    "as_json",
    "listen",
    "interface",
    "dial",
    "no_mdns",
    "passphrase_fd",
)

INTERRUPTED = 130
"""Exit code after Ctrl+C, as shells have it."""


def global_options() -> list[click.Option]:
    """Fresh copies of the options every command takes."""
    return [
        click.Option(["--home"], type=click.Path(file_okay=False), help="Folder of the profile."),
        click.Option(
            ["--workspace"], metavar="NAME", help="Which one, by name or id, if there are several."
        ),
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
        add_global_options(self)

    def invoke(self, ctx: click.Context) -> Any:
        take_global(ctx)
        return super().invoke(ctx)


def add_global_options(command: click.Command) -> None:
    """Let a command take them; what it calls by one of their names itself stays its own."""
    own = {param.name for param in command.params}
    command.params.extend(each for each in global_options() if each.name not in own)


def take_global(ctx: click.Context) -> None:
    """Move the global options of one level into the shared `ctx.obj`."""
    shared: dict[str, Any] = ctx.ensure_object(dict)
    refuse_what_is_no_text(ctx)
    names = _GLOBAL_NAMES if ctx.command.name not in OWN_WORKSPACE else _GLOBAL_NAMES[1:]
    for name in names:
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
        self.keep_days: int | None = None
        """What this run is told to keep, in place of what the settings say."""

    @property
    def home(self) -> Path:
        given = self._shared.get("home")
        return Path(given).expanduser() if given else default_home()

    @cached_property
    def main(self) -> Profile:
        """The profile, which is its first workspace."""
        return Profile(self.home)

    @property
    def wanted(self) -> str:
        """The workspace that is asked for, by name or id; "" is the first."""
        return str(self._shared.get("workspace") or environment().get("CLOWDER_WORKSPACE") or "")

    async def profile(self) -> Profile:
        """The workspace that is asked for.

        Raises:
            NotFound: there is none of that name. UsageError: there are several.
        """
        if not self.wanted:
            return self.main
        from chat.cli.workspaces import choose

        return await choose(self, self.wanted)

    @property
    def config_path(self) -> Path:
        """Where the settings of this profile stand."""
        return self.main.config_path

    @property
    def settings(self) -> Settings:
        overrides = {
            "listen": self._shared.get("listen"),
            "interface": self._shared.get("interface"),
            "dial": self._shared.get("dial"),
            "mdns": False if self._shared.get("no_mdns") else None,
        }
        settings = load(self.config_path, overrides, environment())
        if self.keep_days is None:
            return settings
        return msgspec.structs.replace(settings, relay=Relay(self.keep_days))

    def opening(self, *, network: bool, listening: bool, yielding: float = 0.0) -> Opening:
        """What opens workspaces of this profile; the arguments are those of `session`."""
        return Opening(
            self.main,
            lambda: self.settings,
            self.passphrases,
            network=network,
            listening=listening,
            yielding=yielding,
        )

    @asynccontextmanager
    async def session(
        self,
        *,
        network: bool = False,
        create: bool = False,
        listening: bool = False,
        yielding: float = 0.0,
        anew: bool = False,
    ) -> AsyncIterator[Session]:
        """The session of one workspace: the running node's, or an own one.

        Args:
            network: it has to meet peers; a node that works alone will not do.
            create: make the profile if there is none.
            listening: an own node accepts links, because it stays.
            yielding: for how many seconds after the end of another's node a third process may
                take up the profile before this one does.
            anew: for a workspace that is not there yet, whichever is asked for otherwise.
        """
        profile = self.main if anew else await self.profile()
        opening = self.opening(network=network, listening=listening, yielding=yielding)
        try:
            session: Session = await opening.lasting(profile, create=create)
            if profile.is_main and not (anew or self.wanted):
                session = await self._in_force(opening, profile, session)
            try:
                yield session
            finally:
                await session.aclose()
        finally:
            await opening.aclose()

    async def open_session(
        self, *, network: bool, create: bool, listening: bool, yielding: float = 0.0
    ) -> Session:
        """As `session`, but it ends with its holder, and who calls closes it."""
        opening = self.opening(network=network, listening=listening, yielding=yielding)
        profile = await self.profile()
        session = await opening.session(profile, create=create)
        return session if self.wanted else await self._in_force(opening, profile, session)

    @staticmethod
    async def _in_force(opening: Opening, profile: Profile, session: Session) -> Session:
        """The same, or the session of the workspace that was joined after leaving this one."""
        if len(workspaces_of(opening.main)) < 2:
            return session
        from chat.cli.workspaces import in_force

        return (await in_force(opening, profile, session))[1]


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
