"""The process that holds the texts: little memory, little time, no files, no network of its own.

A Yjs update can end or freeze a process in ways that Python cannot catch, and the validator in
front of this is code like any other. So the texts live here, and what ends this process costs
the update that did it. Its limits are those of `chat.limited`.
"""

from collections.abc import Iterator

from chat.limited import limit_process, limit_time, read_framed, take_over_streams
from chat.notes import pipe
from chat.notes.document import PROBE_CLIENT, Document
from chat.notes.limits import WORKER_FILES_MAX, WORKER_MEMORY_BYTES


def main() -> None:
    """Answer requests from standard input on standard output until it ends."""
    requests, answers = take_over_streams()
    limit_process(WORKER_MEMORY_BYTES, WORKER_FILES_MAX)
    documents: dict[bytes, Document] = {}
    while (body := read_framed(requests)) is not None:
        request = pipe.read_request(body)
        limit_time(request.seconds)
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


if __name__ == "__main__":
    main()
