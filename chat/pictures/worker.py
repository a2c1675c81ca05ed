"""The process that decodes pictures: little memory, little time, no files, no network of its own.

Pictures from elsewhere are decoded by large C libraries. Here a bug in one of them costs this
process, which the decoder starts anew, and nothing else. Its limits are those of `chat.limited`,
and a low priority so that typing stays smooth.
"""

import os

from chat.limited import limit_process, limit_time, read_framed, take_over_streams
from chat.pictures import drawing, pipe
from chat.pictures.limits import WORKER_CPU_SECONDS, WORKER_FILES_MAX, WORKER_MEMORY_BYTES


def main() -> None:
    """Answer requests from standard input on standard output until it ends."""
    requests, answers = take_over_streams()
    drawing.prepare()
    if hasattr(os, "nice"):
        os.nice(10)
    limit_process(WORKER_MEMORY_BYTES, WORKER_FILES_MAX)
    while (body := read_framed(requests)) is not None:
        limit_time(WORKER_CPU_SECONDS)
        answers.write(pipe.frame(drawing.draw(pipe.read_draw(body))))
        answers.flush()


if __name__ == "__main__":
    main()
