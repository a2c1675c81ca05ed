"""Other systems that carry one file to many: a web server, and a BitTorrent client.

Each runs in network namespaces of its own, shaped as those of Clowder. aria2 finds its peers by a
tracker on a host of its own, so the tracker's bytes are not counted; its announcements name
everybody from the start, which is as well as a tracker can do.
"""

import hashlib
import http.server
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

from tests.integration.lan import Host, Lan, Switch
from tests.integration.machines import ROOT, eventually

PORT = 8080
BT_PORT = 6881
PIECE_BYTES = 64 * 1024
SECONDS = 120.0


class Outcome(NamedTuple):
    """What left the origin's card, in copies of the file, and when the last receiver had it."""

    copies: float
    seconds: float


class Field:
    """An origin, receivers and one more host; processes on them end with the `stack`."""

    def __init__(self, stack: ExitStack, folder: Path, receivers: int, mbit: int) -> None:
        self.stack = stack
        self.folder = folder
        self.lan = Lan()
        stack.callback(self.lan.close)
        self.switch: Switch = self.lan.switch("10.1.0")
        self.origin, self.origin_address = self._host("origin", mbit)
        self.extra, self.extra_address = self._host("extra", mbit)
        self.receivers = [self._host(f"r{number}", mbit) for number in range(receivers)]
        self.file = folder / "origin" / "shared.bin"
        self.file.parent.mkdir()

    def _host(self, name: str, mbit: int) -> tuple[Host, str]:
        host = self.lan.host(name)
        address = self.lan.plug(host, self.switch)
        self.lan.limit_upload(host, self.switch, mbit)
        return host, address

    def start(self, host: Host, *command: str) -> "subprocess.Popen[bytes]":
        """A process on a host."""
        process = subprocess.Popen(
            (*host.prefix, *command),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def listening(self, host: Host, address: str, port: int) -> None:
        """Wait until a host answers at a port."""
        probe = f"import socket; socket.create_connection(({address!r}, {port}), 1)"

        def answers() -> bool:
            command = (*host.prefix, sys.executable, "-c", probe)
            return subprocess.run(command, check=False, capture_output=True).returncode == 0

        eventually(answers, what=f"an answer at {address}:{port}")

    def got(self, number: int) -> Path:
        """Where a receiver writes the file."""
        return self.folder / f"r{number}" / "shared.bin"


class System(Protocol):
    """A way to bring the file to the receivers."""

    name: str

    def missing(self) -> str:
        """Why it cannot be measured here, or nothing."""

    def serve(self, field: Field) -> None:
        """Get the origin ready."""

    def fetch(self, field: Field) -> Sequence[Callable[[], bool]]:
        """Start every receiver; what says of each whether it has ended."""


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    return process.poll() is not None


def _lacks(*programs: str) -> str:
    absent = [each for each in programs if shutil.which(each) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


class Web:
    """nginx serves, curl fetches."""

    name = "nginx and curl"

    def missing(self) -> str:
        return _lacks("nginx", "curl")

    def serve(self, field: Field) -> None:
        settings = field.folder / "nginx.conf"
        settings.write_text(
            f"daemon off; pid {field.folder}/nginx.pid; error_log /dev/null;\n"
            "user root; worker_processes 1; events { worker_connections 256; }\n"
            "http { access_log off; sendfile on; tcp_nopush on;\n"
            f"  server {{ listen {PORT}; root {field.file.parent}; }} }}\n"
        )
        nginx = field.start(field.origin, "nginx", "-c", str(settings))
        # It ends its own worker when it is asked to, not when it is killed.
        field.stack.callback(nginx.wait)
        field.stack.callback(nginx.terminate)
        field.listening(field.extra, field.origin_address, PORT)

    def fetch(self, field: Field) -> Sequence[Callable[[], bool]]:
        url = f"http://{field.origin_address}:{PORT}/shared.bin"
        started = [
            field.start(host, "curl", "-s", "-o", str(field.got(number)), url)
            for number, (host, _) in enumerate(field.receivers)
        ]
        return [partial(_ended, process) for process in started]


class Torrent:
    """aria2 everywhere, with a tracker that knows everybody."""

    name = "aria2 (BitTorrent)"

    def missing(self) -> str:
        return _lacks("aria2c")

    def serve(self, field: Field) -> None:
        peers = [field.origin_address, *(address for _, address in field.receivers)]
        field.start(field.extra, sys.executable, "-m", "bench.swarm_others", *peers)
        field.listening(field.origin, field.extra_address, PORT)
        torrent = field.folder / "shared.torrent"
        torrent.write_bytes(torrent_of(field.file, f"http://{field.extra_address}:{PORT}/announce"))
        self._aria2(field, field.origin, field.file.parent, "--check-integrity=true")
        field.listening(field.extra, field.origin_address, BT_PORT)

    def fetch(self, field: Field) -> Sequence[Callable[[], bool]]:
        hook = field.folder / "done.sh"
        hook.write_text('#!/bin/sh\n: > "$(dirname "$3")/done"\n')
        hook.chmod(0o755)
        folders = [field.got(number).parent for number in range(len(field.receivers))]
        for (host, _), folder in zip(field.receivers, folders, strict=True):
            self._aria2(field, host, folder, f"--on-bt-download-complete={hook}")
        return [(folder / "done").exists for folder in folders]

    @staticmethod
    def _aria2(field: Field, host: Host, folder: Path, *options: str) -> None:
        field.start(
            host,
            *("aria2c", "--quiet", f"--dir={folder}", f"--listen-port={BT_PORT}"),
            *("--seed-ratio=0", "--enable-dht=false", "--bt-enable-lpd=false"),
            *("--file-allocation=none", "--no-conf", *options),
            str(field.folder / "shared.torrent"),
        )


SYSTEMS: Sequence[System] = (Web(), Torrent())


def bencoded(value: object) -> bytes:
    """BEP 3: integers, byte strings, lists, and dictionaries with sorted keys."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, dict):
        items = (bencoded(key) + bencoded(value[key]) for key in sorted(value))
        return b"d" + b"".join(items) + b"e"
    raise TypeError(f"nothing that is written here is a {type(value).__name__}")


def torrent_of(file: Path, tracker: str) -> bytes:
    """A torrent of one file."""
    data = file.read_bytes()
    pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)]
    hashes = b"".join(hashlib.sha1(piece, usedforsecurity=False).digest() for piece in pieces)
    info = {
        b"name": file.name.encode(),
        b"length": len(data),
        b"piece length": PIECE_BYTES,
        b"pieces": hashes,
    }
    return bencoded({b"announce": tracker.encode(), b"info": info})


def track(peers: Sequence[str]) -> None:
    """Be a tracker that names these addresses to everybody who announces itself."""
    compact = b"".join(
        bytes(map(int, peer.split("."))) + BT_PORT.to_bytes(2, "big") for peer in peers
    )

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            counts = {b"complete": 1, b"incomplete": len(peers) - 1}
            if "info_hash" not in parse_qs(urlsplit(self.path).query, errors="replace"):
                self.send_error(400)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(bencoded({b"interval": 60, b"peers": compact, **counts}))

        def log_message(self, format: str, *arguments: object) -> None:
            return

    http.server.ThreadingHTTPServer(("", PORT), Answer).serve_forever()


def run(system: System, receivers: int, mbit: int, size: int) -> Outcome:
    """Let every receiver fetch at once. Raises AssertionError when one ends with wrong bytes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clw")))
        folder.chmod(0o755)
        field = Field(stack, folder, receivers, mbit)
        data = random.Random(size).randbytes(size)
        field.file.write_bytes(data)
        for number in range(receivers):
            field.got(number).parent.mkdir()
        system.serve(field)
        before = field.lan.sent_bytes(field.origin, field.switch)
        began = time.monotonic()
        waiting = list(system.fetch(field))
        while waiting:
            waiting = [ended for ended in waiting if not ended()]
            seconds = time.monotonic() - began
            assert seconds < SECONDS, f"{len(waiting)} receivers did not get the file"
            time.sleep(0.005)
        sent = field.lan.sent_bytes(field.origin, field.switch) - before
        for number in range(receivers):
            assert field.got(number).read_bytes() == data, "a receiver got other bytes"
    return Outcome(sent / size, seconds)


if __name__ == "__main__":
    track(sys.argv[1:])
