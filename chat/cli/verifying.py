"""`clowder verify`: are these the keys that they say they are?"""

import sys

import click
import msgspec

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.output import Output


@click.command(cls=GlobalOptions)
@click.argument("member", required=False, default="")
@click.option("--confirm", is_flag=True, help="You compared the words: mark the member.")
@click.option("--code", default="", help="What their machine shows; when it fits, it confirms.")
@click.option("--qr", is_flag=True, help="Show the code as a QR code as well.")
def verify(member: str, confirm: bool, code: str, qr: bool) -> None:
    """Show words of your keys, or of another member's, to compare by voice."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            found: model.Verification = await session.call(commands.Verify(member, confirm, code))
        if invocation.output.as_json:
            invocation.output.record("verification", msgspec.to_builtins(found))
        else:
            _show(invocation.output, found)
        if qr:
            import segno

            shown = segno.make(found.code.upper(), error="l", micro=False)
            shown.terminal(sys.stderr, compact=True, border=2)

    run(work)


def _show(output: Output, found: model.Verification) -> None:
    whose = "your keys" if found.me else f"the keys of {found.nick}"
    output.line(f"{whose}:  {found.words}")
    output.line(f"the workspace:  {found.workspace_words}")
    output.line(found.code)
    if found.me:
        output.note("Whoever verifies you sees the same eight words on their machine.")
    elif found.verified == "changed":
        output.note(
            f"‼ {found.nick} has keys that were not there when you verified them. Ask why, compare "
            "the words again, and then give --confirm."
        )
    elif found.verified == "yes":
        output.note(f"✓ {found.nick} is verified on this device.")
    else:
        output.note(
            f"Compare the eight words with what `clowder verify` says at {found.nick}, over a "
            "channel in which you know each other; then give --confirm."
        )


COMMANDS = (verify,)
