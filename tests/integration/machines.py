"""Machines that run the real program.

A `Machine` is one profile folder and a way to run `clowder` for it, always as a process of its
own from this checkout. `run` runs a command to its end, `node` and `relay` start one that stays.
All waiting is `eventually`: a condition, a deadline and a sentence about what was waited for.

    ana = machines.machine("ana")
    ana.run("new", "Cats", "--nick", "ana")
    node = ana.node()
    bo = machines.machine("bo")
    bo.run("join", ana.invite(), "--nick", "bo")

Every process is ended with its test, and the folder goes away. The folder has a short path of its
own because a Unix socket's name may have 107 bytes, and pytest's folders are deep.
"""

import asyncio
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

from chat import commands, model
from chat.control import RemoteSession
from chat.profile import Profile

ROOT = Path(__file__).parent.parent.parent
CLOWDER = (sys.executable, "-m", "chat")
COMMAND_SECONDS = 60.0
START_SECONDS = 20.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02

Record = dict[str, Any]
T = TypeVar("T")


def eventually(condition: Callable[[], T], seconds: float = 15.0, what: str = "") -> T:
    """The first true value of `condition`, asked again until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(
                f"waited {seconds:g} s for {what or 'a condition'}; last: {value!r}"
            )
        time.sleep(POLL_SECONDS)


class Ran(NamedTuple):
    """A command that ended. `records` are the lines of stdout as JSON, when they are JSON."""

    code: int
    records: list[Record]
    out: str
    err: str


class Program:
    """A process that stays, whose output is read as it comes.

    Attributes:
        records: the JSON lines of its stdout so far.
        errors: the lines of its stderr so far.
    """

    def __init__(self, command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self.started = time.monotonic()
        self.records: list[Record] = []
        self.moments: list[float] = []
        self.errors: list[str] = []
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, self._take)),
            threading.Thread(target=self._read, args=(self._process.stderr, self.errors.append)),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: IO[str], take: Callable[[str], None]) -> None:
        for line in stream:
            take(line.rstrip("\n"))

    def _take(self, line: str) -> None:
        self.moments.append(time.monotonic())
        self.records.append(json.loads(line))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_for(
        self, wanted: Callable[[Record], object], seconds: float = 15.0, what: str = ""
    ) -> Record:
        """The first line of output that `wanted` says yes to."""

        def look() -> Record | None:
            found = next((record for record in list(self.records) if wanted(record)), None)
            if found is None and not self.running:
                raise AssertionError(f"it ended with {self._process.returncode}: {self.errors}")
            return found

        found = eventually(look, seconds, what or "a line of output")
        assert found is not None
        return found

    def write(self, text: str) -> None:
        """Put text into its stdin, as somebody who types it."""
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def kill(self) -> None:
        """End it with no chance to say goodbye."""
        self._process.kill()
        self._ended()

    def stop(self) -> int:
        """Ask it to end, as a service manager does; gives the exit code."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        return self._ended()

    def wait(self, seconds: float = COMMAND_SECONDS) -> int:
        """Let it end by itself; gives the exit code."""
        self._process.wait(seconds)
        return self._ended()

    def _ended(self) -> int:
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
            raise AssertionError(f"it did not end when asked to: {self.errors}") from None
        finally:
            for reader in self._readers:
                reader.join(STOP_SECONDS)
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None and not stream.closed:
                    stream.close()
        return code


class Machine:
    """One profile, and the processes that use it.

    `url` is where its node or relay listens, "" before the first start; later starts listen at the
    same port, as a service would.

    Args:
        home: the profile's folder; need not exist.
        prefix: what comes before the command, such as `ip netns exec NAME`.
        environment: on top of this process's own; None takes a variable away.
        options: global options of every command, such as `--no-mdns`.
        program: what runs; a changed one for a machine that does not play fair.
    """

    def __init__(
        self,
        home: Path,
        *,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str | None] | None = None,
        options: Sequence[str] = (),
        program: Sequence[str] = CLOWDER,
    ) -> None:
        self.home = home
        self.program = tuple(program)
        self.prefix = tuple(prefix)
        self.options = tuple(options)
        self.programs: list[Program] = []
        self.url = ""
        changed = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
        self.environment = {name: value for name, value in changed.items() if value is not None}

    def command(self, *arguments: str) -> tuple[str, ...]:
        """The whole command line for these arguments."""
        return (*self.prefix, *self.program, "--home", str(self.home), *self.options, *arguments)

    def run(
        self,
        *arguments: str,
        exits: int | None = 0,
        stdin: str | None = None,
        json_lines: bool = True,
        seconds: float = COMMAND_SECONDS,
    ) -> Ran:
        """Run a command to its end; `exits` is the code it must end with, None for any."""
        ended = self.execute(
            self.command(*arguments, *(("--json",) if json_lines else ())), stdin or "", seconds
        )
        if exits is not None and ended.code != exits:
            raise AssertionError(
                f"clowder {' '.join(arguments)} ended with {ended.code}, not {exits}\n"
                f"stdout: {ended.out[-2000:]}\nstderr: {ended.err[-4000:]}"
            )
        records = [json.loads(line) for line in ended.out.splitlines()] if json_lines else []
        return ended._replace(records=records)

    def execute(
        self, command: Sequence[str], stdin: str = "", seconds: float = COMMAND_SECONDS
    ) -> Ran:
        """Run any command line in this machine's environment."""
        ended = subprocess.run(
            command,
            cwd=self.home.parent,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Ran(ended.returncode, [], ended.stdout, ended.stderr)

    def start(self, *arguments: str) -> Program:
        """Start a command that stays; its output must be JSON lines."""
        program = Program(self.command(*arguments, "--json"), self.home.parent, self.environment)
        self.programs.append(program)
        return program

    def node(self, *arguments: str) -> Program:
        """Start a member without a screen and wait until it listens."""
        return self._listening("node", *arguments)

    def relay(self, ticket: str = "", *arguments: str) -> Program:
        """Start a relay (the ticket is needed once) and wait until it listens."""
        joining = ("--ticket", ticket) if ticket else ()
        return self._listening("relay", *joining, *arguments)

    def _listening(self, *arguments: str) -> Program:
        again = ("--listen", self.url.removeprefix("ws://").rstrip("/")) if self.url else ()
        program = self.start(*arguments, *again)
        first = program.wait_for(lambda line: True, START_SECONDS, "the first line of output")
        assert first["v"] == 1
        assert first["kind"] == "listening"
        self.url = str(first["url"])
        return program

    # What tests ask for again and again ---------------------------------------------------------

    def new(self, name: str, nick: str) -> str:
        """Found a workspace; gives its id."""
        return self.run("new", name, "--nick", nick, json_lines=False).out.strip()

    def invite(self, *arguments: str) -> str:
        """A fresh invite link."""
        return self.run("invite", *arguments, json_lines=False).out.strip()

    def join(self, invite: str, nick: str, *arguments: str) -> str:
        """Join; gives the state, "joined" or "pending"."""
        return str(self.run("join", invite, "--nick", nick, *arguments).records[-1]["state"])

    def send(self, channel: str, text: str, *arguments: str) -> str:
        """Post; gives the message's id."""
        return self.run("send", channel, text, *arguments, json_lines=False).out.strip()

    def history(self, channel: str = "general", number: int = 10_000) -> list[Record]:
        """The newest messages, oldest first."""
        return self.run("history", channel, "-n", str(number)).records

    def ask(self, command: commands.Command) -> Any:
        """Ask the node that runs here, without the half second that a new process takes."""

        async def once() -> Any:
            session = await RemoteSession.connect(Profile(self.home).control_path)
            assert session is not None, f"no node runs for {self.home.name}"
            try:
                return await session.call(command)
            finally:
                await session.aclose()

        return asyncio.run(once())

    def status(self) -> model.Status:
        """The state that the running node reports."""
        status: model.Status = self.ask(commands.GetStatus())
        return status

    def links(self) -> list[model.Peer]:
        """The links of the running node that are up."""
        return [peer for peer in self.ask(commands.ListPeers()) if peer.state == "linked"]

    def linked(self, count: int) -> bool:
        """Whether at least this many links are up."""
        return len(self.links()) >= count

    def texts(self, channel: str = "general", number: int = 10_000) -> list[str]:
        """The texts of the newest messages, oldest first."""
        if any(program.running for program in self.programs):
            shown: list[model.Message] = self.ask(commands.History(channel, number))
            return [message.text for message in shown]
        return [message["text"] for message in self.history(channel, number)]


class Machines:
    """All machines of one test.

    Unless told otherwise their processes listen on a free port of 127.0.0.1 and find each other by
    `--dial` alone, so that tests running side by side do not meet.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="clw"))
        self._machines: list[Machine] = []

    def machine(
        self,
        name: str,
        *,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str | None] | None = None,
        options: Sequence[str] = ("--no-mdns",),
        program: Sequence[str] = CLOWDER,
    ) -> Machine:
        """A machine with a new, empty profile."""
        changed = {"CLOWDER_LISTEN": "127.0.0.1:0", **(environment or {})}
        machine = Machine(
            self._folder / name,
            prefix=prefix,
            environment=changed,
            options=options,
            program=program,
        )
        self._machines.append(machine)
        return machine

    def like(self, name: str, prepare: Callable[[Machine], None]) -> Machine:
        """A machine with a copy of the profile that `prepare` makes, once in this process."""
        machine = self.machine(name)
        shutil.copytree(_prepared(name, prepare), machine.home)
        return machine

    def team(self, *nicks: str, relay: bool = False) -> list[Machine]:
        """Members of one workspace, all their nodes running and linked to each other.

        The first founded it. With `relay`, one more machine at the end of the list is a relay.
        """
        formed = _formed(nicks, relay)
        team = [self.machine(name) for name in (*nicks, "relay")[: len(nicks) + relay]]
        for machine in team:
            shutil.copytree(formed / machine.home.name, machine.home)
        founder, others, relays = team[0], team[1 : len(nicks)], team[len(nicks) :]
        founder.node()
        for each in relays:
            each.relay("", "--dial", founder.url)
        for place, machine in enumerate(others, start=1):
            earlier = [*team[:place], *relays]
            machine.node(*(part for other in earlier for part in ("--dial", other.url)))
        for machine in team:
            eventually(partial(machine.linked, len(team) - 1), what="all links")
        return team

    @property
    def folder(self) -> Path:
        """A folder for the files of this test."""
        return self._folder

    def close(self) -> None:
        """End every process and remove the folder."""
        for machine in self._machines:
            for program in machine.programs:
                program.kill()
        shutil.rmtree(self._folder, onerror=_gone_already)


@cache
def _prepared(name: str, prepare: Callable[[Machine], None]) -> Path:
    """The profile that a function made, with none of its processes running."""
    machines = Machines()
    atexit.register(machines.close)
    machine = machines.machine(name)
    prepare(machine)
    for program in machine.programs:
        assert program.stop() == 0
    return machine.home


@cache
def _formed(nicks: tuple[str, ...], relay: bool) -> Path:
    """A folder of the profiles of a new team, by name; none of their nodes runs.

    Made once in this process and copied by every test that begins with such a team: how a team
    comes together has tests of its own, and takes seconds.
    """
    machines = Machines()
    atexit.register(machines.close)
    founder = machines.machine(nicks[0])
    founder.new("Cats", nicks[0])
    node = founder.node()
    for nick in nicks[1:]:
        assert machines.machine(nick).join(founder.invite(), nick) == "joined"
    if relay:
        program = machines.machine("relay").relay(founder.invite("--relay"), "--dial", founder.url)
        eventually(partial(founder.linked, 1), what="the relay")
        assert program.stop() == 0
    assert node.stop() == 0
    return machines.folder


def founder(machine: Machine) -> None:
    """Found the workspace of most stories."""
    machine.new("Cats", machine.home.name)


def _gone_already(_: object, path: str, error: Any) -> None:
    """A process that ends takes its socket away itself, perhaps just now."""
    if not issubclass(error[0], FileNotFoundError):
        raise error[1]


def same_history(machines: Iterable[Machine], channel: str = "general") -> list[Record] | None:
    """The history that all machines show, or None while they differ.

    How far a message reached and where its clock stood is each machine's own view.
    """

    def shared(record: Record) -> Record:
        return {
            name: value
            for name, value in record.items()
            if name not in ("reached", "ahead_ms", "files")
        }

    histories = [[shared(record) for record in m.history(channel)] for m in machines]
    first = histories[0]
    return first if all(history == first for history in histories[1:]) else None
