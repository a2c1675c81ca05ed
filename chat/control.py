"""The control socket: other processes of the same user speak to the node that holds a profile.

One JSON object a line, UTF-8, over a Unix socket in the profile's folder (mode 0600):

    -> {"id": 1, "command": {"do": "post", "channel": "general", "text": "hi"}}
    <- {"id": 1, "reply": {...}}             or {"id": 1, "error": {"code": "missing", "text": "…"}}
    -> {"id": 2, "subscribe": true}
    <- {"event": {"event": "message", ...}}  from then on

Commands of one connection run side by side; each answer carries its request's id. Bytes travel
as base64 text. A line that is no request ends that connection and nothing else.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from chat.commands import REPLIES, AnyCommand, Command
from chat.errors import BY_CODE, ChatError, Unavailable, UsageError
from chat.events import AnyEvent, Event
from chat.session import Session

LINE_MAX_BYTES = 4 * 1024 * 1024
"""A page of history with previews fits; nothing honest is longer."""
REQUESTS_MAX = 64
"""Commands of one connection under way at once; more wait their turn."""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """A line from a client."""

    id: int
    command: AnyCommand | None = None
    subscribe: bool = False


class Failure(msgspec.Struct):
    """Why a command did not work."""

    code: str
    text: str


class Answer(msgspec.Struct, omit_defaults=True):
    """A line from the node."""

    id: int | None = None
    reply: msgspec.Raw = msgspec.Raw()
    error: Failure | None = None
    event: msgspec.Raw = msgspec.Raw()


_requests = msgspec.json.Decoder(Request)
_answers = msgspec.json.Decoder(Answer)
_events = msgspec.json.Decoder(AnyEvent)
_encoder = msgspec.json.Encoder()


def decode_request(line: bytes) -> Request:
    """A request from a line.

    Raises:
        UsageError: the line is none.
    """
    try:
        return _requests.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UsageError(f"The control socket got a line that is no request: {error}") from None


class ControlServer:
    """Serves a session on a Unix socket until closed."""

    def __init__(self, session: Session, path: Path) -> None:
        self._session = session
        self._path = path
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. A socket left by a killed process is replaced: the profile's lock is ours."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._accept, path=str(self._path), limit=LINE_MAX_BYTES
        )
        self._path.chmod(0o600)

    async def aclose(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        client = _Client(self._session, writer)
        try:
            while line := await reader.readline():
                await client.request(decode_request(line))
        except (UsageError, ValueError) as error:
            client.answer(Answer(error=Failure(UsageError.code, str(error))))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(task)
            await client.aclose()


class _Client:
    """One connection: its requests under way and its subscription."""

    def __init__(self, session: Session, writer: asyncio.StreamWriter) -> None:
        self._session = session
        self._writer = writer
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(REQUESTS_MAX)

    async def request(self, request: Request) -> None:
        await self._free.acquire()
        work = self._stream() if request.subscribe else self._carry_out(request)
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        if request.subscribe:
            self.answer(Answer(id=request.id, reply=msgspec.Raw(b"null")))

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free.release()
        if not task.cancelled() and task.exception() is not None:
            self._writer.close()

    async def _carry_out(self, request: Request) -> None:
        if request.command is None:
            raise UsageError("The request has no command.")
        try:
            reply = await self._session.call(request.command)
        except ChatError as error:
            self.answer(Answer(id=request.id, error=Failure(error.code, str(error))))
        else:
            self.answer(Answer(id=request.id, reply=msgspec.Raw(_encoder.encode(reply))))

    async def _stream(self) -> None:
        async for event in self._session.events():
            self.answer(Answer(event=msgspec.Raw(_encoder.encode(event))))
            await self._writer.drain()

    def answer(self, answer: Answer) -> None:
        if not self._writer.is_closing():
            self._writer.write(_encoder.encode(answer) + b"\n")

    async def aclose(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


class RemoteEvents:
    """The events of a remote session, for one listener."""

    def __init__(self, queues: "list[asyncio.Queue[Event | None]]", ended: bool) -> None:
        self._queues = queues
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        if ended:
            self._queue.put_nowait(None)
        queues.append(self._queue)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        event = await self._queue.get()
        if event is None:
            await self.aclose()
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        """Listen no more."""
        if self._queue in self._queues:
            self._queues.remove(self._queue)


class RemoteSession:
    """A `Session` over the control socket of the process that holds the profile."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._next = 0
        self._waiting: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._queues: list[asyncio.Queue[Event | None]] = []
        self._subscribed = False
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, path: Path) -> "RemoteSession | None":
        """A session with the node behind `path`, or None when nobody listens there."""
        try:
            reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_MAX_BYTES)
        except (FileNotFoundError, ConnectionError):
            return None
        return cls(reader, writer)

    async def call(self, command: Command) -> Any:
        """Carry out a command over there. Raises what it raises there."""
        reply = await self._ask({"command": command})
        return msgspec.json.decode(reply, type=REPLIES[type(command)])

    def events(self) -> "RemoteEvents":
        """Events from now on, until the node stops."""
        if not self._subscribed and not self._task.done():
            self._subscribed = True
            self._write({"subscribe": True})
        return RemoteEvents(self._queues, self._task.done())

    async def aclose(self) -> None:
        """Hang up; the node goes on."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _ask(self, request: dict[str, Any]) -> msgspec.Raw:
        if self._task.done():
            raise Unavailable("The node that holds this profile has stopped.")
        answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._waiting[self._write(request)] = answer
        with contextlib.suppress(ConnectionError):  # `_read` notices, and tells who waits.
            await self._writer.drain()
        return await answer

    def _write(self, request: dict[str, Any]) -> int:
        """Send a request; gives its id."""
        self._next += 1
        self._writer.write(_encoder.encode({"id": self._next, **request}) + b"\n")
        return self._next

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(_answers.decode(line))
        except (ConnectionError, ValueError, msgspec.MsgspecError):
            pass
        finally:
            gone = Unavailable("The node that holds this profile has stopped.")
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(gone)
            for queue in self._queues:
                queue.put_nowait(None)

    def _take(self, answer: Answer) -> None:
        if answer.id is None:
            if bytes(answer.event):
                event = _events.decode(answer.event)
                for queue in self._queues:
                    queue.put_nowait(event)
            return
        waiting = self._waiting.pop(answer.id, None)
        if waiting is None or waiting.done():
            return
        if answer.error is not None:
            kind = BY_CODE.get(answer.error.code, ChatError)
            waiting.set_exception(kind(answer.error.text))
        else:
            waiting.set_result(msgspec.Raw(bytes(answer.reply)))
