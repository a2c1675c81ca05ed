"""`clowder passphrase`: what guards the key on disk. `clowder lock` and `unlock`: what is shown.

The first works on the profile's folder, whether or not a node runs: only the file `key` changes.
The second speaks to the node that runs.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import click

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.control import RemoteSession
from chat.errors import Locked, NotFound, UsageError
from chat.profile import Profile
from chat.profile_guard import KeyGuard
from chat.profile_key import Guard, no_workspace
from chat.profile_workspaces import workspaces_of
from chat.session import Session

_SAID: dict[Guard, str] = {
    "nothing": "Nothing guards this profile: who has its folder has your identity.",
    "passphrase": "This profile opens with a passphrase. Nobody can recover it.",
    "keyring": "The key of this profile is in the system's keyring, and only there.",
}
_OLD_COPIES = (
    "Copies and backups of the folder from before open as they did: the database's key is the same."
)
_SAYING_NO = "There is a passphrase already; `clowder passphrase change` changes it."
_NONE = "This profile has no passphrase; `clowder passphrase set` gives it one."

New = Callable[[Any], Any]
new_file: New = click.option(
    "--new-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take the new passphrase from the first line of this file.",
)


@click.group()
def passphrase() -> None:
    """Guard this profile with a passphrase."""


def _profile(invocation: Invocation) -> Profile:
    """A profile that exists. Raises NotFound."""
    profile = invocation.main
    if not profile.key_file.has_profile:
        raise no_workspace()
    return profile


def _tell(invocation: Invocation, profile: Profile, *, changed: bool) -> None:
    guard = profile.key_file.guard()
    if invocation.output.as_json:
        invocation.output.record("passphrase", {"guard": guard})
    else:
        invocation.output.line(_SAID[guard])
    if changed:
        invocation.output.note(_OLD_COPIES)


def _change(work: Callable[[Invocation, Profile, KeyGuard, Guard], None]) -> None:
    """Change the guard; a passphrase that was typed wrongly may be typed again."""

    async def main(invocation: Invocation) -> None:
        profile = _profile(invocation)
        guard = profile.key_file.guard()
        while True:
            try:
                work(invocation, profile, KeyGuard(profile.key_file), guard)
                break
            except Locked as error:
                if not invocation.passphrases.ask_again(error):
                    raise
        _tell(invocation, profile, changed=True)

    run(main)


@passphrase.command("set", cls=GlobalOptions)
@new_file
def set_(new_file: Path | None) -> None:
    """Give a profile a passphrase that has none."""

    def work(invocation: Invocation, _: Profile, key: KeyGuard, guard: Guard) -> None:
        if guard == "passphrase":
            raise UsageError(_SAYING_NO)
        new = invocation.passphrases.fresh(new_file)
        key.set_passphrase(new, None, secrets.token_bytes)

    _change(work)


@passphrase.command(cls=GlobalOptions)
@new_file
def change(new_file: Path | None) -> None:
    """Change the passphrase."""

    def work(invocation: Invocation, profile: Profile, key: KeyGuard, guard: Guard) -> None:
        if guard != "passphrase":
            raise UsageError(_NONE)
        current = _checked(invocation, profile)
        new = invocation.passphrases.fresh(new_file)
        key.set_passphrase(new, current, secrets.token_bytes)

    _change(work)


def _checked(invocation: Invocation, profile: Profile) -> str | None:
    """The passphrase of now, which opens: nobody thinks of a new one in vain. Raises Locked."""
    current = invocation.passphrases.of(profile)
    profile.key_file.read(current)
    return current


@passphrase.command(cls=GlobalOptions)
def remove() -> None:
    """Let the profile open without a passphrase, or without the keyring."""

    def work(invocation: Invocation, profile: Profile, key: KeyGuard, guard: Guard) -> None:
        if guard == "nothing":
            raise UsageError(_NONE)
        key.remove(invocation.passphrases.of(profile))

    _change(work)


@passphrase.command(cls=GlobalOptions)
def keyring() -> None:
    """Leave the key in the system's keyring in place of a passphrase."""

    def work(invocation: Invocation, profile: Profile, key: KeyGuard, guard: Guard) -> None:
        if guard == "keyring":
            raise UsageError("The key is in the system's keyring already.")
        key.use_keyring(invocation.passphrases.of(profile), secrets.token_bytes)

    _change(work)


@passphrase.command(cls=GlobalOptions)
def status() -> None:
    """Say what guards this profile."""

    async def work(invocation: Invocation) -> None:
        _tell(invocation, _profile(invocation), changed=False)

    run(work)


# The node that runs -----------------------------------------------------------------------------


@click.command(cls=GlobalOptions)
def lock() -> None:
    """Let the running workspace answer nothing until the passphrase is given again."""
    _ask(lambda _: _answer(commands.Lock()))


@click.command(cls=GlobalOptions)
def unlock() -> None:
    """Let the running workspace go on."""

    async def work(invocation: Invocation) -> commands.Command:
        given = invocation.passphrases.of(_profile(invocation))
        if given is None and _profile(invocation).key_file.guard() == "passphrase":
            raise Locked("Unlocking takes the passphrase; nobody was there to be asked.")
        return commands.Unlock(given or "")

    _ask(work)


async def _answer(command: commands.Command) -> commands.Command:
    return command


def _ask(make: Callable[[Invocation], Awaitable[commands.Command]]) -> None:
    async def work(invocation: Invocation) -> None:
        found = [
            await RemoteSession.connect(each.control_path)
            for each in workspaces_of(_profile(invocation))
        ]
        sessions = [session for session in found if session is not None]
        if not sessions:
            raise NotFound("Nothing runs here that could be locked or unlocked.")
        try:
            status = await _tell_all(invocation, sessions, make)
        finally:
            for session in sessions:
                await session.aclose()
        if invocation.output.as_json:
            invocation.output.record("lock", {"locked": status.locked})
        else:
            invocation.output.line("locked" if status.locked else "unlocked")

    run(work)


async def _tell_all(
    invocation: Invocation,
    sessions: Sequence[Session],
    make: Callable[[Invocation], Awaitable[commands.Command]],
) -> model.Status:
    """Lock or unlock every workspace that runs; gives how the last one is then."""
    while True:
        command = await make(invocation)
        try:
            told: list[model.Status] = [await session.call(command) for session in sessions]
            return told[-1]
        except Locked as error:
            if not invocation.passphrases.ask_again(error):
                raise


COMMANDS = (passphrase, lock, unlock)
