"""The group `clowder`; without a subcommand it opens the terminal workspace."""

import gc
import os
import sys
from typing import Any

import click
from msgspec.structs import replace

from chat.cli import (
    backing,
    channels,
    completion,
    devices,
    doctor,
    exporting,
    files,
    importing,
    members,
    notes,
    passphrases,
    presence,
    serve,
    talk,
    team,
    verifying,
    web,
    workspaces,
)
from chat.cli.context import Invocation, add_global_options, prepare_streams, run, take_global
from chat.cli.output import silence
from chat.cli.workspaces import everywhere

_HELP = {"help_option_names": ["-h", "--help"]}


class Clowder(click.Group):
    """The group; takes the global options itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        add_global_options(self)

    def invoke(self, ctx: click.Context) -> Any:
        take_global(ctx)
        return super().invoke(ctx)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print it and end; only who asks waits for looking it up."""
    if wanted and not ctx.resilient_parsing:
        from chat.cli.version import version

        click.echo(f"clowder, version {version()}")
        ctx.exit()


@click.group(cls=Clowder, invoke_without_command=True, context_settings=_HELP)
@click.option("--plain", is_flag=True, help="Line mode, for screen readers and simple terminals.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with letters and signs of ASCII.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
@click.pass_context
def clowder(ctx: click.Context, plain: bool, ascii_only: bool) -> None:
    """Team chat with no server. Without a command: the terminal workspace."""
    if ctx.invoked_subcommand is None:
        run(lambda invocation: _face(invocation, plain, ascii_only))


async def _face(invocation: Invocation, plain: bool, ascii_only: bool) -> int:
    async with everywhere(invocation, create=True) as served:
        session = served.sessions[0]
        invocation.passphrases.stop_asking()  # The terminal belongs to the face now.
        # Whoever names a driver draws elsewhere than here, as `clowder web` does.
        drawn = "TEXTUAL_DRIVER" in os.environ or (sys.stdin.isatty() and sys.stderr.isatty())
        if plain or not drawn:
            from tui.plain import run_plain

            return await run_plain(session, sys.stdin, sys.stdout, served)
        gc.disable()  # Nothing of what is imported and opened goes; the face goes on from here.
        from tui.app import run_async

        settings = invocation.settings
        if ascii_only:
            settings = replace(settings, ui=replace(settings.ui, ascii=True))
        config_path = invocation.config_path
        return await run_async(session, settings, config_path=config_path, workspaces=served)


for command in (
    *team.COMMANDS,
    *workspaces.COMMANDS,
    *members.COMMANDS,
    *presence.COMMANDS,
    *devices.COMMANDS,
    *verifying.COMMANDS,
    *channels.COMMANDS,
    *notes.COMMANDS,
    *talk.COMMANDS,
    *files.COMMANDS,
    *exporting.COMMANDS,
    *importing.COMMANDS,
    *serve.COMMANDS,
    *web.COMMANDS,
    *passphrases.COMMANDS,
    *backing.COMMANDS,
    *completion.COMMANDS,
    *doctor.COMMANDS,
):
    clowder.add_command(command)
completion.complete_names(clowder)


def main() -> int:
    """Entry point; gives the exit code."""
    prepare_streams()
    try:
        code = clowder.main(prog_name="clowder", standalone_mode=False)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OSError as error:
        # Help and version are printed by click itself, which leaves this to us.
        silence()
        sys.stderr.write(f"clowder: stdout cannot be written: {error.strerror or error}.\n")
        return 1
    return code if isinstance(code, int) else 0
