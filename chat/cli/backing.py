"""`clowder backup` and `clowder restore`.

The process that holds the profile copies the database, everything else is copied by the command
itself. Progress goes to a terminal only.
"""

import asyncio
import secrets
import sys
import time
from contextlib import aclosing, suppress
from pathlib import Path

import click
import msgspec

from chat import commands
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.output import Output, size
from chat.errors import Locked
from chat.profile import Profile
from chat.profile_backup import Backup, new_backup, read_manifest, restore
from chat.profile_key import KeyFile, no_workspace

LOOK_SECONDS = 0.5
"""Between two words about progress."""
_NOTHING_GUARDS = (
    "This profile has no passphrase, and neither has the backup: who has it has your identity."
)


class Meter:
    """Says on a terminal how far it is."""

    def __init__(self, output: Output, what: str) -> None:
        self._what = what
        self._last = 0.0
        self._shown = sys.stderr.isatty() and not output.as_json

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._shown and now - self._last >= LOOK_SECONDS:
            self._last = now
            share = done / total if total else 1.0
            with suppress(OSError):
                sys.stderr.write(f"\r{self._what}: {size(done)} of {size(total)} ({share:.0%})  ")
                sys.stderr.flush()

    def end(self) -> None:
        if self._shown and self._last:
            with suppress(OSError):
                sys.stderr.write("\n")


@click.command(cls=GlobalOptions)
@click.argument("path", type=click.Path(path_type=Path))
def backup(path: Path) -> None:
    """Copy this profile, with all its workspaces, into a new folder, also while it is in use."""
    target = path.absolute()

    async def work(invocation: Invocation) -> None:
        profile = invocation.main
        if not profile.key_file.has_profile:
            raise no_workspace()
        guard = profile.key_file.guard()
        own = None
        if guard == "keyring":
            invocation.output.note("The keyring stays here: the backup gets a passphrase.")
            own = invocation.passphrases.fresh(None)
        with new_backup(profile, target) as made:
            # The key first: a keyring that is locked says so at once.
            made.write_keys(own, secrets.token_bytes)
            for workspace in made.workspaces:
                await _copy_database(invocation, workspace, made)
            meter = Meter(invocation.output, "files")
            files, count = await asyncio.to_thread(made.copy_files, meter)
            meter.end()
            manifest = made.finish(int(time.time() * 1000), files, count)
        if guard == "nothing":
            invocation.output.note(_NOTHING_GUARDS)
        _tell(invocation, "backup", target, msgspec.structs.asdict(manifest))

    run(work)


async def _copy_database(invocation: Invocation, workspace: Profile, made: Backup) -> None:
    meter = Meter(invocation.output, "database")
    target = made.database_of(workspace)
    opening = invocation.opening(network=False, listening=False)
    async with aclosing(await opening.lasting(workspace)) as session:
        copying = asyncio.ensure_future(session.call(commands.CopyStore(str(target))))
        while not (await asyncio.wait({copying}, timeout=LOOK_SECONDS))[0]:
            with suppress(OSError):
                total = workspace.database_path.stat().st_size
                meter(min(target.stat().st_size, total), total)
        await copying
    meter.end()


@click.command("restore", cls=GlobalOptions)
@click.argument("path", type=click.Path(path_type=Path))
def restore_(path: Path) -> None:
    """Make a profile from a backup, in the folder that --home names."""
    source = path.absolute()

    async def work(invocation: Invocation) -> None:
        read_manifest(source)
        while True:
            given = None
            key_file = KeyFile(source / "clowder.db")
            if key_file.guard() == "passphrase":
                given = invocation.passphrases.current(f"Passphrase of {source}: ")
            try:
                key_file.read(given)
                break
            except Locked as error:
                if not invocation.passphrases.ask_again(error):
                    raise
        meter = Meter(invocation.output, "files")
        home = invocation.home.absolute()
        manifest = await asyncio.to_thread(restore, source, home, given, secrets.token_bytes, meter)
        meter.end()
        _tell(invocation, "restore", home, msgspec.structs.asdict(manifest))
        invocation.output.note(
            "It begins new logs, so nothing of it can contradict what was written since. Two "
            "copies that run at the same time are one device with one name."
        )

    run(work)


def _tell(invocation: Invocation, kind: str, path: Path, told: dict[str, int]) -> None:
    output = invocation.output
    if output.as_json:
        fields = {name: told[name] for name in ("made_ms", "database", "files", "bytes")}
        output.record(kind, {"path": str(path), **fields})
    else:
        output.line(str(path))


COMMANDS = (backup, restore_)
