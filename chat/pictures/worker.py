"""The process that decodes pictures: little memory, little time, no files, no network of its own.

Pictures from elsewhere are decoded by large C libraries. Here a bug in one of them costs this
process, which the decoder starts anew, and nothing else. Limits (where the system has them):
address space, CPU seconds for each picture, no files written, few files open, no core dumps, and
a low priority so that typing stays smooth.
"""

import os
import sys
from typing import BinaryIO

from chat.pictures import drawing, pipe
from chat.pictures.limits import WORKER_CPU_SECONDS, WORKER_FILES_MAX, WORKER_MEMORY_BYTES

try:
    import resource
except ImportError:  # Windows has no such limits; the time-out of the decoder remains
    resource = None  # type: ignore[assignment]


def main() -> None:
    """Answer requests from standard input on standard output until it ends."""
    requests = sys.stdin.buffer
    # Whatever a library prints must not get into the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    drawing.prepare()
    _limit()
    while (body := _read(requests)) is not None:
        _limit_time()
        answers.write(pipe.frame(drawing.draw(pipe.read_draw(body))))
        answers.flush()


def _read(requests: BinaryIO) -> bytes | None:
    head = requests.read(pipe.LENGTH_BYTES)
    if len(head) < pipe.LENGTH_BYTES:
        return None
    return requests.read(int.from_bytes(head, "big"))


def _limit() -> None:
    if hasattr(os, "nice"):
        os.nice(10)
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


def _limit_time() -> None:
    """So many more CPU seconds from now on; then the system ends this process."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + WORKER_CPU_SECONDS + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


if __name__ == "__main__":
    main()
