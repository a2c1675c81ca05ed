"""What the worker processes have in common: limits on memory, time and files, and framed requests.

Pictures and notes from elsewhere are read by native code that can end or freeze a process in ways
Python cannot catch. So each is read in a process of its own, which limits itself before it looks at
anything: address space, CPU seconds for each request, no files written, few files open, no core
dumps. Windows has no such limits; there the time-out of who asks remains.
"""

import os
import sys
from typing import BinaryIO

try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

LENGTH_BYTES = 4
"""Of the length before each request and answer, big-endian."""


def take_over_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input for requests and standard output for answers, which nothing else gets into:
    what a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sys.stdin.buffer, answers


def read_framed(requests: BinaryIO) -> bytes | None:
    """The next request, None at the end."""
    head = requests.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    return requests.read(int.from_bytes(head, "big"))


def limit_process(memory_bytes: int, files: int) -> None:
    """From now on: this much address space, so many open files, none written, no core dumps."""
    if resource is None:
        return
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def limit_time(seconds: int) -> None:
    """So many more CPU seconds from now on; then the system ends this process."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
