"""The control socket: other processes of the same user speak to the node that holds a profile.

One JSON object a line, UTF-8, over a Unix socket in the profile's folder (mode 0600):

    <- {"hello": {"network": true, "v": 1}}
    -> {"id": 1, "command": {"do": "post", "channel": "general", "text": "hi"}}
    <- {"id": 1, "reply": {...}}             or {"id": 1, "error": {"code": "missing", "text": "…"}}
    -> {"id": 2, "subscribe": true}
    <- {"event": {"event": "message", ...}}  from then on
    <- {"closing": 2}

A command must never be carried out twice, and a command line that comes while the holder ends must
not fail. So a client asks nothing before the hello: who hangs up without one took nothing. A node
that ends says which request of this connection it took last. Those above were never looked at, and
the next holder can be asked (`Stopping`); those up to it have a moment to be answered. Only what a
killed node was asked stays unknown, and fails.

Commands of one connection run side by side; each answer carries its request's id. Bytes travel
as base64 text. A command that is not known here is refused by its id; a line that is no request
ends that connection and nothing else; so does a client that reads nothing, since its answers wait
for it. An event that a client does not know is of a newer node, and passed over. A history comes
in pages (`PAGE_MESSAGES`), which `RemoteSession` puts together. docs/control.md tells all of it.
"""

import asyncio
import contextlib
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from chat.asker import asking
from chat.commands import REPLIES, Command, History
from chat.control_lines import (
    LINE_MAX_BYTES,
    PAGE_MESSAGES,
    REPLY_MAX_BYTES,
    VERSION,
    Answer,
    Failure,
    Hello,
    Request,
    Unknown,
    decode_answer,
    decode_event,
    decode_request,
)
from chat.errors import BY_CODE, ChatError, Stopping, StoreError, Unavailable, UsageError
from chat.hub import Hub, Listener
from chat.model import Message

REQUESTS_MAX = 64
"""Commands of one connection under way at once; more wait their turn."""
LAST_ANSWERS_SECONDS = 1.0
"""What was taken before the node ends may take this long; waiting for a peer may not."""
HELLO_SECONDS = 5.0
"""A process that holds a profile and says nothing for so long hangs."""
GOODBYE_SECONDS = 1.0
"""A client that does not read its last answers is not waited for any longer."""
_STOPPED = "The node that holds this profile has stopped."
_OTHER_VERSION = "The node that holds this profile is of another version; start it anew."


class Served(Protocol):
    """What is served: a `Session` whose listeners are let go of when a client leaves."""

    async def call(self, command: Command) -> Any:
        """Carry out a command. Raises ChatError."""

    def events(self) -> Listener:
        """Events from now on."""


_encoder = msgspec.json.Encoder()


class ControlServer:
    """Serves a session on a Unix socket until closed; `network` says if it links with peers."""

    def __init__(self, session: Served, path: Path, *, network: bool = True) -> None:
        self._session = session
        self._path = path
        self._hello = Hello(network)
        self._closing = False
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], _Client] = {}

    async def start(self) -> None:
        """Listen. A socket left by a killed process is replaced: the profile's lock is ours.

        Raises:
            StoreError: the profile's folder does not take a socket.
        """
        try:
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(
                self._accept, path=str(self._path), limit=LINE_MAX_BYTES
            )
            self._path.chmod(0o600)
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be made: {error.strerror or error}. Other commands reach "
                "this profile through it; see that its folder is yours and on a local disk."
            ) from None

    async def aclose(self) -> None:
        """Stop listening, answer what was taken, and end every connection."""
        self._closing = True
        if self._server is not None:
            # A connection that was just accepted finds no server when that closes right now.
            for listener in self._server.sockets:
                asyncio.get_running_loop().remove_reader(listener.fileno())
            await asyncio.sleep(0)
            self._server.close()
        for task, client in self._clients.items():
            if not client.leaving:
                task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        if self._server is not None:
            self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closing:  # Nobody waits for this connection; without a hello it took nothing.
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None
        client = self._clients[task] = _Client(self._session, writer)
        gone = asking()
        try:
            client.answer(Answer(hello=self._hello))
            while line := await reader.readline():
                try:
                    await client.request(decode_request(line))
                except Unknown as unknown:
                    client.refuse(unknown)
        except (UsageError, ValueError) as error:
            client.answer(Answer(error=Failure(UsageError.code, str(error))))
        except ConnectionError:
            pass
        except asyncio.CancelledError:
            await client.finish()
        finally:
            client.leaving = True
            await client.aclose()
            gone.set_result(None)
            del self._clients[task]


class _Client:
    """One connection: its requests under way and its subscription.

    Attributes:
        leaving: its lines are not read any more.
    """

    def __init__(self, session: Served, writer: asyncio.StreamWriter) -> None:
        self._session = session
        self._writer = writer
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(REQUESTS_MAX)
        self._stream: asyncio.Task[None] | None = None
        self.leaving = False
        self._taken = 0
        """The id of the request taken last."""

    async def request(self, request: Request) -> None:
        """Begin what a line asks for; waits while too much is under way."""
        if request.subscribe:
            self._taken = request.id
            # It listens before the next line is read, so what that asks for leaves no gap.
            if self._stream is None:
                self._stream = asyncio.create_task(self._tell(self._session.events()))
            self.answer(Answer(id=request.id, reply=msgspec.Raw(b"null")))
            return
        await self._free.acquire()
        self._taken = request.id
        task = asyncio.create_task(self._carry_out(request))
        self._tasks.add(task)
        task.add_done_callback(partial(self._finished, request))

    def refuse(self, unknown: Unknown) -> None:
        """Answer a request that is not known here."""
        self._taken = unknown.number
        self.answer(Answer(id=unknown.number, error=Failure(unknown.code, str(unknown))))

    def _finished(self, request: Request, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free.release()
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # A mistake of ours. It must not leave somebody waiting, nor pass unseen.
            context = {"message": f"{request.command!r} failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            text = f"Something went wrong inside ({type(error).__name__}); please report it."
            self.answer(Answer(id=request.id, error=Failure(Unavailable.code, text)))

    async def _carry_out(self, request: Request) -> None:
        self.answer(await self._answer_to(request))
        with contextlib.suppress(ConnectionError):  # Whoever reads the lines notices, too.
            await self._writer.drain()

    async def _answer_to(self, request: Request) -> Answer:
        try:
            if request.command is None:
                raise UsageError("The request has no command.")
            if isinstance(request.command, History) and request.command.limit > PAGE_MESSAGES:
                raise UsageError(
                    f"One answer holds {PAGE_MESSAGES} messages; ask for the others with `before` "
                    "the first of them, or `after` the last."
                )
            reply = _encoder.encode(await self._session.call(request.command))
            if len(reply) > REPLY_MAX_BYTES:
                raise UsageError("That is more than one answer holds; ask for less at once.")
        except ChatError as error:
            return Answer(id=request.id, error=Failure(error.code, str(error)))
        return Answer(id=request.id, reply=msgspec.Raw(reply))

    async def _tell(self, stream: Listener) -> None:
        try:
            async for event in stream:
                self.answer(Answer(event=msgspec.Raw(_encoder.encode(event))))
                await self._writer.drain()
        except ConnectionError:
            pass
        finally:
            await stream.aclose()

    def answer(self, answer: Answer) -> None:
        if not self._writer.is_closing():
            self._writer.write(_encoder.encode(answer) + b"\n")

    async def finish(self) -> None:
        """Take no more; let what was taken end, for a moment."""
        self.answer(Answer(closing=self._taken))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_ANSWERS_SECONDS)

    async def aclose(self) -> None:
        tasks = [*self._tasks, *([] if self._stream is None else [self._stream])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._writer.close()
        try:
            await asyncio.wait_for(self._writer.wait_closed(), GOODBYE_SECONDS)
        except OSError:  # It left, or its time is up.
            self._writer.transport.abort()


class RemoteSession:
    """A `Session` over the control socket of the process that holds the profile.

    Attributes:
        network: whether that process links with peers.
        ended: whether it takes no more commands.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: Hello
    ) -> None:
        self.network = hello.network
        self.ended = False
        self._reader = reader
        self._writer = writer
        self._next = 0
        self._waiting: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._hub = Hub()
        self._subscribed = False
        self._why: ChatError = Unavailable(_STOPPED)
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, path: Path) -> "RemoteSession | None":
        """A session with the node behind `path`, or None when nobody answers there.

        Raises:
            Unavailable: the node speaks a later version of these lines.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(str(path), limit=REPLY_MAX_BYTES)
        except OSError:  # Whoever opens the profile next tells what is wrong with its folder.
            return None
        hello = None
        with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
            async with asyncio.timeout(HELLO_SECONDS):
                hello = decode_answer(await reader.readline()).hello
        if hello is None or hello.v > VERSION:
            writer.close()
        if hello is None:
            return None
        if hello.v > VERSION:
            raise Unavailable(_OTHER_VERSION)
        return cls(reader, writer, hello)

    async def call(self, command: Command) -> Any:
        """Carry out a command over there. Raises what it raises there.

        Raises:
            Stopping: the node is ending and did not begin.
            Unavailable: the node has stopped meanwhile, or speaks another version.
            UsageError: the command is longer than a line, or holds what is no text.
        """
        if isinstance(command, History) and command.limit > PAGE_MESSAGES:
            return await self._history(command)
        reply = await self._ask({"command": command})
        try:
            return msgspec.json.decode(reply, type=REPLIES[type(command)])
        except msgspec.MsgspecError:
            raise Unavailable(_OTHER_VERSION) from None

    async def _history(self, command: History) -> list[Message]:
        """A long history, page by page: from its end, or with `after` from its beginning."""
        pages: list[list[Message]] = []
        left = command.limit
        while left > 0:
            asked = min(left, PAGE_MESSAGES)
            page: list[Message] = await self.call(msgspec.structs.replace(command, limit=asked))
            pages.append(page)
            left = left - len(page) if len(page) == asked else 0
            if page and command.after:
                command = msgspec.structs.replace(command, after=page[-1].order)
            elif page:
                command = msgspec.structs.replace(command, before=page[0].order)
        return [message for page in (pages if command.after else pages[::-1]) for message in page]

    def events(self) -> Listener:
        """Events from now on, until the node stops."""
        if not self._subscribed and not self.ended:
            self._subscribed = True
            self._write({"subscribe": True})
        return self._hub.listen()

    async def aclose(self) -> None:
        """Hang up; the node goes on."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _ask(self, request: dict[str, Any]) -> msgspec.Raw:
        if self.ended:
            raise Stopping(_STOPPED)
        answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._waiting[self._write(request)] = answer
        with contextlib.suppress(ConnectionError):  # `_read` notices, and tells who waits.
            await self._writer.drain()
        return await answer

    def _write(self, request: dict[str, Any]) -> int:
        """Send a request; gives its id. Raises UsageError when it cannot be sent."""
        try:
            line = _encoder.encode({"id": self._next + 1, **request}) + b"\n"
        except UnicodeEncodeError:
            raise UsageError("That holds what is no text in UTF-8.") from None
        if len(line) > LINE_MAX_BYTES:
            raise UsageError("That is more than one command holds; share it with `clowder put`.")
        self._next += 1
        self._writer.write(line)
        return self._next

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(decode_answer(line))
        except (ConnectionError, ValueError, msgspec.MsgspecError):
            pass
        finally:
            self._end(0, self._why)
            self._hub.close()

    def _end(self, after: int, why: ChatError) -> None:
        """No request is taken any more, and those above `after` will not be answered."""
        self.ended = True
        for number, waiting in self._waiting.items():
            if number > after and not waiting.done():
                waiting.set_exception(why)

    def _take(self, answer: Answer) -> None:
        if answer.closing is not None:
            self._end(answer.closing, Stopping(_STOPPED))
            return
        if answer.id is None:
            if answer.error is not None:  # It could not read a line, and will hang up.
                self._why = BY_CODE.get(answer.error.code, ChatError)(answer.error.text)
            elif bytes(answer.event):
                event = decode_event(answer.event)
                if event is not None:
                    self._hub.emit(event)
            return
        waiting = self._waiting.pop(answer.id, None)
        if waiting is None or waiting.done():
            return
        if answer.error is not None:
            kind = BY_CODE.get(answer.error.code, ChatError)
            waiting.set_exception(kind(answer.error.text))
        else:
            waiting.set_result(msgspec.Raw(bytes(answer.reply)))
