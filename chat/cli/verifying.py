"""`clowder verify` and `clowder read`: are these their keys, did they write that?

What is said of a file needs no profile and no network: it is judged by itself. A channel's link
needs somebody who has the channel, and is judged the same way.
"""

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from string import hexdigits
from typing import TYPE_CHECKING

import click
import msgspec

from chat import commands, model
from chat.cli.context import COUNT, GlobalOptions, Invocation, run
from chat.cli.output import Output, clock, message_fields, message_line, moment
from chat.errors import NotFound, TrustError, UsageError

if TYPE_CHECKING:
    from chat.proofs.checking import Checker, Proof

LINK_MESSAGES = 50
"""As many as `history` shows."""
SUFFIX = ".clowder"
"""How the name of a signed export ends, when `verify` is to know it by its name."""
WORKSPACE_DIGITS_MIN = 16
"""Fewer digits of a workspace's id are soon found again by whoever founds many."""


@click.command(cls=GlobalOptions)
@click.argument("what", metavar="[MEMBER|FILE]", required=False, default="")
@click.option("--confirm", is_flag=True, help="You compared the words: mark the member.")
@click.option("--code", default="", help="What their machine shows; when it fits, it confirms.")
@click.option("--qr", is_flag=True, help="Show the code as a QR code as well.")
@click.option("--workspace", default="", metavar="ID", help="A file has to be of this workspace.")
def verify(what: str, confirm: bool, code: str, qr: bool, workspace: str) -> None:
    """Show words of your keys, or of another member's, to compare; or check a signed export."""

    async def work(invocation: Invocation) -> None:
        if is_file(what):
            if confirm or code or qr:
                raise UsageError("--confirm, --code and --qr are about members, not about files.")
            with _checked(what, workspace) as (_, proof):
                _show_proof(invocation.output, proof)
                _demand(proof)
            return
        if workspace:
            raise UsageError("--workspace is about files; write ./NAME when it is one.")
        async with invocation.session() as session:
            found: model.Verification = await session.call(commands.Verify(what, confirm, code))
        if invocation.output.as_json:
            invocation.output.record("verification", msgspec.to_builtins(found))
        else:
            _show(invocation.output, found)
        if qr:
            import segno

            shown = segno.make(found.code.upper(), error="l", micro=False)
            shown.terminal(sys.stderr, compact=True, border=2)

    run(work)


def is_file(what: str) -> bool:
    """Whether a file is meant: by a path, or by its ending. A member goes by `@` in doubt."""
    return not what.startswith("@") and (os.sep in what or what.endswith(SUFFIX))


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


# Files ------------------------------------------------------------------------------------------


@click.command(cls=GlobalOptions)
@click.argument("what", metavar="FILE|LINK")
@click.option("-n", "--number", type=COUNT, help="The newest of a channel.  [of a link: 50]")
@click.option("--channel", default="", help="Only this channel of a file.")
@click.option("--workspace", default="", metavar="ID", help="It has to be of this workspace.")
def read(what: str, number: int | None, channel: str, workspace: str) -> None:
    """Read a signed export, or a channel by its link, as somebody who is not in the workspace."""

    async def work(invocation: Invocation) -> None:
        from chat.guests.channel_link import is_channel_link

        output = invocation.output
        if is_channel_link(what):
            if channel:
                raise UsageError("A link is of one channel; --channel goes with a file.")
            await _read_link(invocation, what, number or LINK_MESSAGES, _expected(workspace))
            return
        with _checked(what, workspace) as (checker, proof):
            wanted = channel.removeprefix("#")
            chosen = [c for c in proof.channels if wanted in ("", c.name, c.id)]
            if wanted and not chosen:
                raise NotFound(f"There is no channel {channel} in the file.")
            for each in chosen:
                _show_messages(output, checker.messages(bytes.fromhex(each.id)), number)
                if each.sealed:
                    output.note(f"#{each.name}: {each.sealed} entries are sealed, without a key.")
            _demand(proof)

    run(work)


async def _read_link(invocation: Invocation, text: str, number: int, workspace: str) -> None:
    """The newest messages of a channel, from somebody who has it.

    When there are fewer among the newest entries than are wanted, all of it is asked for.
    """
    from chat.guests.channel_link import parse
    from chat.guests.limits import NEWEST_FACTOR, NEWEST_MAX, NEWEST_MORE
    from chat.guests.reading import read_channel

    link, output = parse(text), invocation.output
    if not link.workspace.hex().startswith(workspace):
        raise TrustError(f"That link is of another workspace: {link.workspace.hex()}.")
    some = number * NEWEST_FACTOR + NEWEST_MORE
    for newest in (some if some <= NEWEST_MAX else 0, 0):
        with await read_channel(link, invocation.settings.network, newest) as checker:
            # Where all was asked for, a log that begins later was forgotten, and nothing cut it.
            since = checker.complete_since(link.channel) if newest else 0
            found = deque(checker.messages(link.channel, since), maxlen=number)
            if len(found) < number and newest and since:
                continue
            proof = checker.proof()
            _show_messages(output, found, number)
            for each in proof.channels:
                if each.sealed and each.id == link.channel.hex():
                    output.note(f"{each.sealed} entries are sealed with keys not in the link.")
            _demand(proof)
            return


def _show_messages(output: Output, messages: Iterable[model.Message], number: int | None) -> None:
    """Messages, oldest first; with a number only the last ones."""
    for message in messages if number is None else deque(messages, maxlen=number):
        if output.as_json:
            output.record("message", message_fields(message))
        else:
            # A file is read once: what somebody hid stands beside who did.
            output.line(message_line(message, opened=True))


@contextmanager
def _checked(file: str, workspace: str) -> "Iterator[tuple[Checker, Proof]]":
    """A file that was judged, and what came of it."""
    from secrets import token_bytes

    from chat.proofs.checking import check
    from crdt.errors import Invalid

    expected = _expected(workspace)
    try:
        with Path(file).open("rb") as stream:
            checker = check(stream, token_bytes)
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror or error}.") from None
    except Invalid as error:
        raise TrustError(f"{file} does not verify: {error}.") from None
    with checker:
        proof = checker.proof()
        if not proof.workspace.startswith(expected):
            raise TrustError(f"{file} is of another workspace: {proof.workspace}.")
        yield checker, proof


def _expected(workspace: str) -> str:
    """The beginning that a workspace's id has to have. Raises UsageError."""
    expected = workspace.lower()
    if expected and (len(expected) < WORKSPACE_DIGITS_MIN or set(expected) - set(hexdigits)):
        raise UsageError(f"A workspace's id is hex digits; give at least {WORKSPACE_DIGITS_MIN}.")
    return expected


def _demand(proof: "Proof") -> None:
    """Raises TrustError: something does not verify."""
    if proof.faults:
        more = len(proof.faults) - 1
        rest = f" And {more} more." if more else ""
        raise TrustError(f"{proof.faults[0]}{rest}")


def _show_proof(output: Output, proof: "Proof") -> None:
    if output.as_json:
        fields = {**msgspec.to_builtins(proof), "exported": moment(proof.exported)}
        output.record("proof", fields)
        return
    output.line(f"workspace {proof.workspace}, exported {clock(proof.exported)}")
    for channel in proof.channels:
        sealed = f", {channel.sealed} sealed" if channel.sealed else ""
        aside = f", {channel.aside} that say nothing" if channel.aside else ""
        output.line(
            f"#{channel.name}  {channel.mode}  {channel.entries} entries, {channel.messages} "
            f"messages to read{sealed}{aside}"
        )
    for author in proof.authors:
        void = f", {author.void} void" if author.void else ""
        words = author.words or author.state
        output.line(f"{author.nick}  {author.member[:8]}  {author.entries} entries{void}  {words}")
    for fault in proof.faults:
        output.note(f"✗ {fault}")
    if not proof.faults:
        output.note(
            "✓ Chains, signatures and rights verify. That the workspace and the eight words of "
            "each author are those that you mean, compare with somebody you trust."
        )


COMMANDS = (verify, read)
