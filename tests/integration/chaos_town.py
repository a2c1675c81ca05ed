"""People who talk while the network and their machines fail, and the history of it.

Every machine is a real process. Each is linked to a few others, through a line of its own for each
link, so most of what is said travels over several. Beside each process sits an observer that hears
its events over the control socket, and a writer that posts, answers and takes back. All of them
note into one list, in this process: it is the history that `history.judge` reads.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from chat import commands, model
from chat.control import RemoteSession
from chat.errors import ChatError
from chat.events import MessageChanged, MessagesArrived
from chat.profile import Profile
from tests.chat.node_team import Desk
from tests.integration.chaos import Address, Line, Weather, secret_addresses
from tests.integration.history import (
    Asked,
    AskedBack,
    Judged,
    Posted,
    Record,
    Shown,
    TakenBack,
    Timeline,
    judge,
)
from tests.integration.machines import Machine, Machines

PROGRAM = (sys.executable, "-m", "tests.integration.chaos")
BEGINNING = "0" * 48
PAGE_MESSAGES = 200
LINKS_LAID = 3  # by each machine, to others; so each has six in the middle
LOOK_EVERY_SECONDS = 0.05
SETTLE_SECONDS = 90.0
TAKES_BACK, ANSWERS = 0.08, 0.4  # of what is written; the rest begins something new


class Lived(NamedTuple):
    """How a run went."""

    judged: Judged
    happened: dict[str, int]
    connections: int
    settle_seconds: float


def shown(machine: str, message: model.Message) -> Shown:
    """A message as a machine shows it."""
    text = "" if message.deleted else message.text
    answers = message.reply_to or ""
    return Shown(machine, message.id, message.order, text, answers, message.deleted)


class Citizen:
    """A machine, who sits at it, and who looks on."""

    def __init__(
        self, machine: Machine, dial: Sequence[Line], records: list[Record], seed: int
    ) -> None:
        self.name = machine.home.name
        self._machine = machine
        self._dial = tuple(part for line in dial for part in ("--dial", line.url))
        self._records = records
        self._chance = random.Random(seed)
        self._session: RemoteSession | None = None
        self._read: dict[str, None] = {}
        self._own: dict[str, None] = {}
        self._said = 0

    @property
    def address(self) -> Address | None:
        """Where its process listens; None before its first start."""
        at = urlsplit(self._machine.url)
        return None if at.hostname is None or at.port is None else (at.hostname, at.port)

    # What happens to it

    async def start(self) -> None:
        await asyncio.to_thread(self._machine.node, *self._dial)

    async def kill(self) -> None:
        """End it at once, and start it again."""
        await asyncio.to_thread(self._machine.programs[-1].kill)
        await self.start()

    def freeze(self) -> None:
        """Let it stand still."""
        os.kill(self._machine.programs[-1].pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self._machine.programs[-1].pid, signal.SIGCONT)

    # Looking on

    async def look_on(self) -> None:
        """Note what it shows, whenever it runs, until cancelled."""
        while True:
            session = await RemoteSession.connect(Profile(self._machine.home).control_path)
            if session is None:
                await asyncio.sleep(LOOK_EVERY_SECONDS)
                continue
            self._session = session
            try:
                await self._follow(session)
            except* (ChatError, OSError):
                pass  # It was killed; its next process is looked for.
            finally:
                self._session = None
                await session.aclose()

    async def _follow(self, session: RemoteSession) -> None:
        # Events are noted as they come; what they only announce is looked up beside that.
        places: asyncio.Queue[str] = asyncio.Queue()
        events = session.events()
        places.put_nowait(BEGINNING)
        async with asyncio.TaskGroup() as both:
            looking = both.create_task(self._look_up(session, places))
            async for event in events:
                if isinstance(event, MessageChanged):
                    self._note(event.message)
                elif isinstance(event, MessagesArrived):
                    places.put_nowait(event.after)
            looking.cancel()

    async def _look_up(self, session: RemoteSession, places: "asyncio.Queue[str]") -> None:
        while True:
            after = await places.get()
            while after:
                asked = commands.History("general", PAGE_MESSAGES, after=after)
                page: list[model.Message] = await session.call(asked)
                for message in page:
                    self._note(message)
                after = page[-1].order if len(page) == PAGE_MESSAGES else ""

    def _note(self, message: model.Message) -> None:
        self._records.append(shown(self.name, message))
        self._read[message.id] = None

    # Sitting at it

    async def write(self, seconds: float, pause_seconds: float) -> None:
        """Write now and then, one thing after the other."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            await asyncio.sleep(self._chance.uniform(0, 2 * pause_seconds))
            if self._session is not None:
                # What it did not acknowledge before it died may have happened or not.
                with suppress(ChatError, OSError):
                    await self._write_once(self._session)

    async def _write_once(self, session: RemoteSession) -> None:
        drawn = self._chance.random()
        if drawn < TAKES_BACK and self._own:
            message = self._chance.choice(list(self._own))
            del self._own[message]
            self._records.append(AskedBack(self.name, message))
            await session.call(commands.Delete(message))
            self._records.append(TakenBack(self.name, message))
            return
        answers = ""
        if drawn < TAKES_BACK + ANSWERS and self._read:
            answers = self._chance.choice(list(self._read)[-10:])
        self._said += 1
        text = f"{self.name} says {self._said}"
        self._records.append(Asked(self.name, text, answers))
        posted = await session.call(commands.Post("general", text, answers or None))
        self._records.append(Posted(self.name, text, posted.id, posted.order))
        self._own[posted.id] = None

    # In the end

    async def at_rest(self) -> tuple[int, int | None] | None:
        """How many entries it holds and lacks; None while it does not answer."""
        if self._session is None:
            return None
        with suppress(ChatError, OSError):
            status: model.Status = await self._session.call(commands.GetStatus())
            return status.entries, status.behind
        return None

    async def timeline(self) -> Timeline:
        """All that it shows."""
        assert self._session is not None, f"{self.name} does not answer"
        messages = await self._session.call(commands.History("general", 1_000_000))
        return [shown(self.name, message) for message in messages]


async def _profiles(machines: Sequence[Machine]) -> None:
    """Make one workspace of them. Its nodes run in this process, which is quicker."""
    desks = [Desk(machine.home.name, machine.home) for machine in machines]
    founder, *others = desks
    with secret_addresses():
        try:
            await founder.start()
            await founder.create()
            for desk in others:
                await desk.start()
            await asyncio.gather(*(desk.join(founder) for desk in others))
        finally:
            for desk in desks:
                await desk.stop()


async def _settled(citizens: Sequence[Citizen], seconds: float) -> bool:
    """Wait until all hold the same and lack nothing; False when they do not get there."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        found = {await citizen.at_rest() for citizen in citizens}
        if len(found) == 1 and all(each is not None and each[1] == 0 for each in found):
            return True
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return False


@asynccontextmanager
async def _town(
    machines: Machines, size: int, seed: int, records: list[Record]
) -> AsyncIterator[tuple[list[Citizen], list[Line]]]:
    """Machines that run and are linked, with somebody looking on at each."""
    chance = random.Random(seed)
    made = [machines.machine(f"m{number}", program=PROGRAM) for number in range(size)]
    await _profiles(made)
    citizens: list[Citizen] = []
    lines: list[Line] = []
    watching: list[asyncio.Task[None]] = []
    try:
        for machine in made:
            others = chance.sample(citizens, min(LINKS_LAID, len(citizens)))
            laid = [await Line.open(lambda to=other: to.address) for other in others]
            lines += laid
            citizens.append(Citizen(machine, laid, records, chance.randrange(2**32)))
        # The first one is dialled by others only, who try until it is there.
        gate = asyncio.Semaphore(2)
        await asyncio.gather(*(_start(citizen, gate) for citizen in citizens))
        watching = [asyncio.create_task(citizen.look_on()) for citizen in citizens]
        assert await _settled(citizens, SETTLE_SECONDS), "they do not come together at all"
        yield citizens, lines
    finally:
        for task in watching:
            task.cancel()
        ended = await asyncio.gather(*watching, return_exceptions=True)
        for line in lines:
            await line.close()
    for result in ended:
        assert isinstance(result, asyncio.CancelledError), result


async def _start(citizen: Citizen, gate: asyncio.Semaphore) -> None:
    async with gate:
        await citizen.start()


async def live(
    machines: Machines,
    *,
    size: int,
    seed: int,
    seconds: float,
    trouble_every: float,
    longest: float,
) -> Lived:
    """Let so many machines live through weather for a while, come to rest, and judge it.

    With troubles that are short at the `longest`, what stands half open is cut in the end: nobody
    wants to wait for the silence to be noticed.
    """
    records: list[Record] = []
    async with _town(machines, size, seed, records) as (citizens, lines):
        weather = Weather(
            seed, citizens, lines, pause_seconds=trouble_every, longest_seconds=longest
        )
        pause = max(0.1, size * trouble_every / 4)
        async with asyncio.TaskGroup() as doing:
            doing.create_task(weather.blow(seconds))
            for citizen in citizens:
                doing.create_task(citizen.write(seconds, pause))
        if longest < 1:
            for line in lines:
                line.cut()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await _settled(citizens, SETTLE_SECONDS)
        settled = loop.time() - began
        ends = {citizen.name: await citizen.timeline() for citizen in citizens}
        judged = judge(records, ends)
    return Lived(judged, weather.happened, sum(line.carried for line in lines), settled)
