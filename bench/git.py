"""What git needs for the same texts: each message is a commit's, served by `git daemon`.

Git hashes and chains as Clowder does. It signs and seals nothing, indexes no words, and packs
better: all of it comes from one place, in one order, once.
"""

import contextlib
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.report import words

WAIT_SECONDS = 10.0


class Fetched(NamedTuple):
    """Seconds of a command, and bytes of the pack that came."""

    seconds: float
    size: int


def here() -> bool:
    """Whether git and its daemon are installed."""
    return shutil.which("git") is not None and _daemon().exists()


def _daemon() -> Path:
    found = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip()) / "git-daemon"


class Repositories:
    """A folder with a repository that is served, and its clones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        self._count = 0
        self._git("init", "--quiet", "--bare", "--initial-branch=main", "origin")

    def _git(self, *arguments: str, stdin: bytes = b"") -> None:
        subprocess.run(
            ["git", *arguments],
            cwd=self._folder,
            env=self._environment,
            input=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )

    def write(self, messages: int) -> None:
        """Add so many commits, each with a message's text and no file."""
        lot = random.Random(self._count)
        lines: list[str] = []
        for number in range(messages):
            text = words(lot)
            at = 1_790_000_000 + self._count + number
            lines.append(f"commit refs/heads/main\ncommitter ana <ana@cats> {at} +0000\n")
            lines.append(f"data {len(text)}\n{text}\n")
            if not number and self._count:
                lines.append("from refs/heads/main^0\n")
        self._count += messages
        stream = "".join(lines).encode()
        self._git("-C", "origin", "fast-import", "--quiet", stdin=stream)

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """Serve them on loopback; gives the origin's URL."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(_daemon()), "--reuseaddr", "--listen=127.0.0.1", f"--port={port}"]
        command += ["--export-all", f"--base-path={self._folder}", str(self._folder)]
        daemon = subprocess.Popen(command, env=self._environment, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield f"git://127.0.0.1:{port}/origin"
        finally:
            daemon.terminate()
            daemon.wait()

    def clone(self, url: str) -> Fetched:
        """Take everything, in a clone named by what there is."""
        return self._timed(f"clone{self._count}", "clone", "--quiet", "--bare", url)

    def fetch(self, clone: str, url: str) -> Fetched:
        """Take what a clone lacks."""
        return self._timed(clone, "-C", clone, "fetch", "--quiet", url, "main:main", last=False)

    def _timed(self, clone: str, *arguments: str, last: bool = True) -> Fetched:
        before = self._packed(clone)
        began = time.monotonic()
        self._git(*arguments, *((clone,) if last else ()))
        return Fetched(time.monotonic() - began, self._packed(clone) - before)

    def _packed(self, clone: str) -> int:
        packs = (self._folder / clone / "objects" / "pack").glob("*.pack")
        return sum(pack.stat().st_size for pack in packs)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextlib.contextmanager
def repositories() -> Iterator[Repositories]:
    """An empty origin in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="clw") as folder:
        yield Repositories(Path(folder))
