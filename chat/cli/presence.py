"""`clowder away` and `back`: what the others see of whether somebody sits here.

It is told from member to member by the process that links with them, and kept nowhere.
"""

import click
import msgspec

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.team import member_line
from chat.errors import NoPeer


@click.command(cls=GlobalOptions)
@click.argument("text", required=False, default="")
def away(text: str) -> None:
    """Let the others see that you are away, and why, until you write something."""
    _say(commands.SetAway(True, text))


@click.command(cls=GlobalOptions)
def back() -> None:
    """You are not away any more."""
    _say(commands.SetAway(False))


def _say(command: commands.SetAway) -> None:
    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            me: model.Member = await session.call(command)
        if me.away != command.away:
            raise NoPeer(
                "Nothing of this profile is running that could tell the others, so they see you as "
                "offline. Say it while `clowder` or `clowder node` runs."
            )
        if invocation.output.as_json:
            invocation.output.record("member", msgspec.to_builtins(me))
        else:
            invocation.output.line(member_line(me))

    run(work)


COMMANDS = (away, back)
