"""Pictures as colours of pixels, decoded in a process of its own (see worker.py).

One picture at a time; the process starts with the first one, is replaced after some hundreds, and
is killed and replaced when a picture takes too long, too much memory, or crashes it. A picture that
did so once is not sent again.
"""

import asyncio
import hashlib
import os
import sys
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chat.pictures import pipe
from chat.pictures.errors import DecoderFailed, Invalid, Refused
from chat.pictures.formats import is_picture, media_type, why_not_shown
from chat.pictures.limits import (
    FAILURES_REMEMBERED,
    PICTURE_MAX_BYTES,
    PREVIEW_EDGE_PIXELS,
    RESULT_MAX_BYTES,
    THUMBNAIL_MAX_PIXELS,
    WORKER_END_SECONDS,
    WORKER_REQUESTS_MAX,
    WORKER_START_SECONDS,
    WORKER_TIMEOUT_SECONDS,
)
from chat.pictures.pipe import Colour

BLACK: Colour = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture.

    Attributes:
        rgb: 3 bytes a pixel, rows from the top.
        original: width and height of the picture itself, upright.
    """

    width: int
    height: int
    rgb: bytes = field(repr=False)
    original: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Preview:
    """A small WebP that travels inside a message; `width`, `height` are the original's, upright."""

    data: bytes = field(repr=False)
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Animation:
    """Frames as (milliseconds to show, RGB bytes), all of one size."""

    width: int
    height: int
    frames: tuple[tuple[int, bytes], ...] = field(repr=False)


class PictureDecoder:
    """Decodes pictures one after the other. Close it with `aclose`."""

    def __init__(self, timeout: float = WORKER_TIMEOUT_SECONDS) -> None:
        """`timeout` in seconds for one picture."""
        self._timeout = timeout
        self._process: asyncio.subprocess.Process | None = None
        self._served = 0
        self._lock = asyncio.Lock()
        self._failures: OrderedDict[bytes, str] = OrderedDict()

    async def thumbnail(
        self, source: bytes | Path, width: int, height: int, background: Colour = BLACK
    ) -> Thumbnail:
        """The picture (its first frame), upright, scaled down to fit `width` x `height` pixels.

        Raises:
            Invalid: damaged. Refused: of a kind or size that is not shown. DecoderFailed.
        """
        assert 0 < width * height <= THUMBNAIL_MAX_PIXELS
        drawn = await self._ask("still", source, width, height, background)
        return Thumbnail(drawn.width, drawn.height, drawn.frames[0][1], drawn.original)

    async def preview(self, source: bytes | Path) -> Preview:
        """A WebP of at most 96 x 96 pixels and 4 KiB. Raises as `thumbnail`."""
        edge = PREVIEW_EDGE_PIXELS
        drawn = await self._ask("preview", source, edge, edge, BLACK)
        return Preview(drawn.frames[0][1], *drawn.original)

    async def animation(
        self, source: bytes | Path, width: int, height: int, background: Colour = BLACK
    ) -> Animation:
        """All frames, as `thumbnail`. Refused when they are too many or too large."""
        assert 0 < width * height <= THUMBNAIL_MAX_PIXELS
        drawn = await self._ask("frames", source, width, height, background)
        return Animation(drawn.width, drawn.height, tuple(drawn.frames))

    async def aclose(self) -> None:
        """End the process."""
        async with self._lock:
            await self._end()

    async def _ask(
        self, what: str, source: bytes | Path, width: int, height: int, background: Colour
    ) -> pipe.Drawn:
        data = source if isinstance(source, bytes) else await asyncio.to_thread(_read, source)
        if len(data) > PICTURE_MAX_BYTES:
            raise Refused(f"pictures of more than {PICTURE_MAX_BYTES >> 20} MiB are not shown")
        kind = media_type(data)
        if not is_picture(kind):
            raise Refused(why_not_shown(kind) or "this is no picture of a kind that is shown here")
        name = hashlib.sha256(data).digest() + what.encode()
        if name in self._failures:
            raise DecoderFailed(self._failures[name])
        draw = pipe.Draw(what, data, width, height, background)  # type: ignore[arg-type]
        try:
            async with self._lock:
                answer = await self._exchange(draw)
        except DecoderFailed as failure:
            self._failures[name] = str(failure)
            if len(self._failures) > FAILURES_REMEMBERED:
                self._failures.popitem(last=False)
            raise
        if isinstance(answer, pipe.Refusal):
            raise Invalid(answer.reason) if answer.damaged else Refused(answer.reason)
        return answer

    async def _exchange(self, draw: pipe.Draw) -> pipe.Answer:
        """One request and its answer; without an answer the process is ended."""
        gone = self._process is not None and self._process.returncode is not None
        if gone or self._served >= WORKER_REQUESTS_MAX:
            await self._end()
        limit = self._timeout + (WORKER_START_SECONDS if self._process is None else 0)
        answered = False
        try:
            async with asyncio.timeout(limit):
                body = await self._talk(pipe.frame(draw))
            answer = pipe.read_answer(body, draw)
            answered = True
        except TimeoutError:
            raise DecoderFailed("this picture took too long to decode") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise DecoderFailed("the picture decoder did not survive this picture") from None
        except OSError as error:
            raise DecoderFailed(f"the picture decoder cannot start: {error.strerror}") from None
        finally:
            if not answered:
                await self._end()
        self._served += 1
        return answer

    async def _talk(self, request: bytes) -> bytes:
        process = self._process
        if process is None:
            process = self._process = await _start()
            self._served = 0
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request)
        await process.stdin.drain()
        head = await process.stdout.readexactly(pipe.LENGTH_BYTES)
        length = int.from_bytes(head, "big")
        if length > RESULT_MAX_BYTES:
            raise DecoderFailed("the picture decoder gave an answer that makes no sense")
        return await process.stdout.readexactly(length)

    async def _end(self) -> None:
        process, self._process = self._process, None
        self._served = 0
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        with suppress(ProcessLookupError):
            process.kill()
        # Reading what is left and waiting leaves neither a zombie nor an open pipe behind. A child
        # that a hostile picture might have started could hold the pipe; hence the limit.
        with suppress(TimeoutError):
            async with asyncio.timeout(WORKER_END_SECONDS):
                await process.communicate()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(PICTURE_MAX_BYTES + 1)
    except OSError as error:
        raise Refused(f"{path.name} cannot be read: {error.strerror}") from None


async def _start() -> asyncio.subprocess.Process:
    """The process: our own interpreter and path, an otherwise empty environment."""
    environment = {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    for name in ("SYSTEMROOT", "LD_LIBRARY_PATH"):
        if name in os.environ:
            environment[name] = os.environ[name]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "chat.pictures.worker"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
