"""`clowder doctor`: why two machines do not meet."""

import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click
import msgspec

from chat.cli.context import GlobalOptions, Invocation, run
from chat.errors import NoPeer, NotFound, Unavailable
from chat.session import Session

if TYPE_CHECKING:
    from chat.doctor.findings import Finding

_MARKS = {"ok": "ok", "finding": "finding", "unknown": "-"}


@click.command(cls=GlobalOptions)
def doctor() -> None:
    """Find out why two machines do not meet."""

    async def work(invocation: Invocation) -> int:
        # Looking loads the network, and that only who asks for it should wait for.
        from chat.doctor.diagnosis import diagnose
        from chat.doctor.gathering import gather

        network = invocation.settings.network
        async with AsyncExitStack() as stack:
            session, refused = await _session(invocation, stack)
            seen = await gather(session, network, secrets.token_bytes, refused)
        for finding in diagnose(seen):
            if invocation.output.as_json:
                invocation.output.record("check", msgspec.to_builtins(finding))
            else:
                invocation.output.line(finding_line(finding))
        return 0 if seen.is_met else NoPeer.exit_code

    run(work)


async def _session(invocation: Invocation, stack: AsyncExitStack) -> tuple[Session | None, str]:
    """A node that links, none where there is no profile, and why it cannot listen if so."""
    try:
        opening = invocation.session(network=True, listening=True)
        return await stack.enter_async_context(opening), ""
    except NotFound:
        return None, ""
    except Unavailable as error:
        return await stack.enter_async_context(invocation.session(network=True)), str(error)


def finding_line(finding: "Finding") -> str:
    """What a check says, for people."""
    mark = f"{_MARKS[finding.verdict]:8}{finding.check:11}"
    if finding.verdict != "finding":
        return f"{mark}{finding.seen}"
    return f"{mark}{finding.finding}: {finding.seen} → {finding.next}"


COMMANDS = (doctor,)
