"""Hooks: a command of the user for each event, named in the profile's config.toml.

    [hooks]
    message = ["notify-send", "Clowder"]     # a message of somebody else is new here
    mention = "~/bin/ring --loud"            # ... and mentions me
    direct = "~/bin/answer"                  # ... and is in a private channel of two

Theory of operation. The node that holds the profile listens to its own events and starts the
command with the event on stdin, one line of JSON as the control socket tells it. A command is a
list of arguments (text is cut into them as a shell would, once, when the settings are read) and
no shell runs. What others wrote reaches it on stdin and nowhere else: not as an argument, not in
the environment.

No more than `RUNNING_MAX` run at once. While they do, events wait in the hub, which loses none and
makes one `bulk` of many; that, like a sync of a long past, goes to `message` alone, as one event. A
command that takes too long is killed with all that it started. What it prints is thrown away, since
the terminal belongs to the workspace; how it fails is told once.
"""

import asyncio
import os
import shlex
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from chat import config
from chat.errors import UsageError
from chat.events import Event, MessageChanged, MessagesArrived, Warned
from chat.hub import Hub, Listener

RUNNING_MAX = 4
"""Commands at once; more would be felt by whoever works at this machine."""
SECONDS_MAX = 30.0
"""A hook announces or answers something; what works for longer puts itself into the background."""
LAST_SECONDS = 2.0
"""What runs when the node ends may take this long to come to its own end."""
ARGUMENTS_MAX = 64
"""Of a command; more is a slip of quotes."""

_encoder = msgspec.json.Encoder()


class Command(NamedTuple):
    """A hook by its name, and the arguments it is started with."""

    name: str
    arguments: tuple[str, ...]


def parse(name: str, given: str | tuple[str, ...]) -> Command | None:
    """A command from the settings; None for an empty one.

    Raises:
        UsageError: it is no command; names the hook.
    """
    try:
        arguments = tuple(shlex.split(given)) if isinstance(given, str) else given
    except ValueError as error:
        raise UsageError(f"The hook “{name}” in config.toml is no command: {error}.") from None
    if not arguments:
        return None
    if len(arguments) > ARGUMENTS_MAX or any("\0" in part for part in arguments):
        raise UsageError(f"The hook “{name}” in config.toml is no command that can be run.")
    program = arguments[0]
    if program.startswith("~"):
        program = os.path.expanduser(program)  # noqa: PTH111 (a name without a slash stays one)
    if not program:
        raise UsageError(f"The hook “{name}” in config.toml has no program to run.")
    return Command(name, (program, *arguments[1:]))


def commands_of(given: config.Hooks) -> dict[str, Command]:
    """The commands of the settings by the names of their hooks. Raises UsageError."""
    fields = msgspec.structs.asdict(given).items()
    commands = (parse(name, value) for name, value in fields)
    return {command.name: command for command in commands if command is not None}


def names_of(event: Event, is_direct: Callable[[str], bool]) -> Iterator[str]:
    """The hooks that an event is for; `is_direct` tells it of a channel, by its id."""
    if isinstance(event, MessagesArrived):
        yield "message"
    elif isinstance(event, MessageChanged) and event.new:
        message = event.message
        if message.mine or message.deleted or message.ignored:
            return
        yield "message"
        if message.mentions_me:
            yield "mention"
        if is_direct(message.channel_id):
            yield "direct"


class Hooks:
    """Runs the commands of one profile, from `start` to `aclose`.

    Args:
        commands: by the name of the hook.
        home: the profile's folder, told to the commands so that they can speak through it.
        hub: whose events are listened to, and where it is told how a command fails.
        is_direct: whether a channel, by its id, is a private one of two.
        seconds: how long a command may take.
        workspace: the id of the workspace, told like the folder.
    """

    def __init__(
        self,
        commands: Mapping[str, Command],
        home: Path,
        hub: Hub,
        is_direct: Callable[[str], bool],
        seconds: float = SECONDS_MAX,
        *,
        workspace: Callable[[], str] = str,
    ) -> None:
        self._workspace = workspace
        self._commands = commands
        self._home = home
        self._hub = hub
        self._is_direct = is_direct
        self._seconds = seconds
        self._free = asyncio.Semaphore(RUNNING_MAX)
        self._running: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Task[None] | None = None
        self._told: set[str] = set()

    def start(self) -> None:
        """Listen from now on."""
        if self._commands:
            self._listening = asyncio.create_task(self._listen(self._hub.listen()))

    async def aclose(self) -> None:
        """Begin nothing more; what runs has a moment to end, and is killed then."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running, timeout=LAST_SECONDS)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _listen(self, stream: Listener) -> None:
        try:
            async for event in stream:
                for name in names_of(event, self._is_direct):
                    if name in self._commands:
                        await self._free.acquire()
                        task = asyncio.create_task(self._run(self._commands[name], event))
                        self._running.add(task)
                        task.add_done_callback(self._ended)
        finally:
            await stream.aclose()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._free.release()

    async def _run(self, command: Command, event: Event) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *command.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={
                    **os.environ,
                    "CLOWDER_HOME": str(self._home),
                    "CLOWDER_WORKSPACE": self._workspace(),
                    "CLOWDER_HOOK": command.name,
                },
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._warn(f"The hook “{command.name}” cannot be run: {reason}.")
            return
        try:
            async with asyncio.timeout(self._seconds):
                await process.communicate(_encoder.encode(event) + b"\n")
        except TimeoutError:
            self._warn(f"The hook “{command.name}” took over {self._seconds:g} s and was ended.")
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        code = process.returncode or 0
        if code > 0:  # Below it is a signal's number, and ours was told already.
            self._warn(f"The hook “{command.name}” ended with {code}.")

    def _warn(self, text: str) -> None:
        """Tell the user, once: a hook that fails fails at every event."""
        if text not in self._told:
            self._told.add(text)
            self._hub.emit(Warned(text))
