"""The process that holds the texts: little memory, little time, no files, no network of its own.

A Yjs update can end or freeze a process in ways that Python cannot catch, and the validator in
front of this is code like any other. So the texts live here, and what ends this process costs
the update that did it. Limits (where the system has them): address space, CPU seconds for each
request, no files written, few files open, no core dumps.
"""

import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

from chat.notes import pipe
from chat.notes.document import PROBE_CLIENT, Document
from chat.notes.limits import WORKER_FILES_MAX, WORKER_MEMORY_BYTES

try:
    import resource
except ImportError:  # Windows has no such limits; the time-out of the host remains
    resource = None  # type: ignore[assignment]


def main() -> None:
    """Answer requests from standard input on standard output until it ends."""
    requests = sys.stdin.buffer
    # Whatever a library prints must not get into the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit()
    documents: dict[bytes, Document] = {}
    while (body := _read(requests)) is not None:
        request = pipe.read_request(body)
        _limit_time(request.seconds)
        for answer in _answers(documents, request):
            answers.write(pipe.frame(answer))
            answers.flush()


def _answers(documents: dict[bytes, Document], request: pipe.Request) -> Iterator[pipe.Answer]:
    if isinstance(request, pipe.Build):
        yield from _build(documents, request)
    elif isinstance(request, pipe.Edit):
        document = documents[request.channel]
        update = document.edit(request.author, request.hunks)
        yield pipe.Built(*document.read(), update)
    elif isinstance(request, pipe.Mark):
        yield pipe.Place(documents[request.channel].mark(request.index))
    elif isinstance(request, pipe.Find):
        yield pipe.Found(documents[request.channel].find(request.client, request.clock))
    else:
        documents.pop(request.channel, None)
        yield pipe.Closed()


def _build(documents: dict[bytes, Document], request: pipe.Build) -> Iterator[pipe.Answer]:
    if request.base == 0:
        client = PROBE_CLIENT if request.careful else request.client
        documents[request.channel] = Document(client)
    document = documents[request.channel]
    assert document.count == request.base, "the host knows what the document has"
    for index, (author, update) in enumerate(request.steps):
        try:
            document.apply(author, update)
            if request.careful:
                document.exercise()
        except ValueError as error:
            del documents[request.channel]
            yield pipe.Refused(index, str(error)[:200])
            return
        if request.careful:
            yield pipe.Tried(index)
    yield pipe.Built(*document.read())


def _read(requests: BinaryIO) -> bytes | None:
    head = requests.read(pipe.LENGTH_BYTES)
    if len(head) < pipe.LENGTH_BYTES:
        return None
    return requests.read(int.from_bytes(head, "big"))


def _limit() -> None:
    if resource is None:
        return
    for kind, value in (
        (resource.RLIMIT_AS, WORKER_MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, WORKER_FILES_MAX),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _limit_time(seconds: int) -> None:
    """So many more CPU seconds from now on; then the system ends this process."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


if __name__ == "__main__":
    main()
