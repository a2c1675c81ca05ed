"""Completion of what is typed in a shell: click's own, and names of channels and workspaces.

The shell runs `clowder` with the words so far in its environment, and shows what that prints. Names
come from the node that runs, or from the profile alone; the network is not asked, and whatever goes
wrong is no completion.

Others name channels, and a shell puts a completed name into the command line as it is. So a name is
offered only if it is one plain word for every shell.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chat import commands, model
from chat.cli.context import OWN_WORKSPACE, GlobalOptions, Invocation
from chat.errors import ChatError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Name = TypeVar("Name")
SHELLS = ("bash", "zsh", "fish")
SECONDS = 3.0
"""Who has pressed a key waits for no longer."""
_VARIABLE = "_CLOWDER_COMPLETE"
_PLAIN = re.compile(r"\w[\w.~-]*")


class ChannelName(click.types.StringParamType):
    """A channel of the profile, by its name."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that go on like what is typed."""
        return _offered([channel.name for channel in known_channels(ctx)], incomplete)


class WorkspaceName(click.types.StringParamType):
    """A workspace of the profile, by its name."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that go on like what is typed."""
        from chat.cli.workspaces import names_of

        return _offered(_asked(ctx, names_of), incomplete)


def _offered(names: list[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(name)
        for name in names
        if name.startswith(incomplete) and _PLAIN.fullmatch(name)
    ]


def known_channels(ctx: click.Context) -> list[model.Channel]:
    """The channels of the workspace that the words so far name; none if it cannot be asked."""
    return _asked(ctx, _channels)


def _asked(ctx: click.Context, ask: Callable[[Invocation], Awaitable[list[Name]]]) -> list[Name]:
    shared: dict[str, Any] = {}
    for level in (ctx.parent, ctx):
        for name in ("home", "workspace"):
            given = None if level is None else level.params.get(name)
            if given:
                shared[name] = given
    try:
        invocation = Invocation(shared)
        invocation.passphrases.stop_asking()
        return asyncio.run(asyncio.wait_for(ask(invocation), SECONDS))
    except (ChatError, OSError, TimeoutError):
        return []


async def _channels(invocation: Invocation) -> list[model.Channel]:
    session = await invocation.open_session(network=False, create=False, listening=False)
    async with aclosing(session):
        found: list[model.Channel] = await session.call(commands.ListChannels())
    return found


def complete_names(command: click.Command, path: str = "") -> None:
    """Let every parameter below that is a channel be completed, or a workspace."""
    if isinstance(command, click.Group):
        for param in command.params:
            if param.name == "workspace":
                param.type = WorkspaceName()
        for name, below in command.commands.items():
            complete_names(below, f"{path} {name}".strip())
        return
    for param in command.params:
        # What is said of a channel names it first; only a new one has no name yet.
        of_channel = path.startswith("channel ") and path != "channel new" and param.name == "name"
        if param.name == "channel" or param.metavar == "CHANNEL" or of_channel:
            param.type = ChannelName()
        elif param.name == "workspace" and path not in OWN_WORKSPACE:
            param.type = WorkspaceName()


@click.command(cls=GlobalOptions)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands, options and channels."""
    from click.shell_completion import get_completion_class

    group = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(group, {}, "clowder", _VARIABLE).source())


COMMANDS = (completion,)
