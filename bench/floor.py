"""The floors: what bare websockets and bare SQLite need, with nothing of Clowder in between.

- Delivery: a sender, a broadcast server and a receiver, three processes on loopback, one message
  every 20 ms, one way. The clock is the machine's monotonic one, which its processes share.
- Bulk: one process sends rows over a websocket, another inserts them into SQLite (WAL,
  synchronous=NORMAL, one transaction for each batch).
"""

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve

from bench.report import quantile

EVERY_SECONDS = 0.02
MESSAGES = 300
PADDING = "x" * 80
BATCH_ROWS = 512


class Latency(NamedTuple):
    """One-way times in milliseconds."""

    p50: float
    p99: float


def _port(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


async def _serve_broadcast() -> None:
    connected: set[ServerConnection] = set()

    async def relay(connection: ServerConnection) -> None:
        connected.add(connection)
        async for message in connection:
            broadcast(connected - {connection}, message)
        connected.discard(connection)

    async with serve(relay, "127.0.0.1", 0, compression=None) as server:
        print(_port(server), flush=True)
        await server.serve_forever()


async def _receive(url: str, count: int) -> None:
    async with connect(url, compression=None) as connection:
        print("ready", flush=True)
        times = []
        for _ in range(count):
            sent = json.loads(await connection.recv())["sent"]
            times.append((time.monotonic_ns() - sent) / 1e6)
    print(json.dumps(times), flush=True)


async def _send(url: str, count: int) -> None:
    async with connect(url, compression=None) as connection:
        for number in range(count):
            await asyncio.sleep(EVERY_SECONDS)
            message = {"sent": time.monotonic_ns(), "text": f"message {number} {PADDING}"}
            await connection.send(json.dumps(message))


def synced_write(count: int = 100) -> float:
    """Milliseconds that this disk takes for a synced write of 4 KiB at the end of a file, median.

    Each side of a delivery waits for one, and a machine's disk may take ten times as long an hour
    later; a bare websocket waits for none.
    """
    times = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(count):
            time.sleep(EVERY_SECONDS)
            began = time.perf_counter()
            os.write(file.fileno(), bytes(4096))
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return quantile(times, 0.5)


def start(*arguments: str) -> "subprocess.Popen[str]":
    """One role of a measurement as a process of its own."""
    command = [sys.executable, "-m", "bench.floor", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def delivery(count: int = MESSAGES) -> Latency:
    """The floor of one message's way."""
    with contextlib.ExitStack() as stack:
        server = start("broadcast")
        stack.callback(server.wait)
        stack.callback(server.kill)
        url = f"ws://127.0.0.1:{_line(server)}"
        receiver = stack.enter_context(start("receive", url, str(count)))
        assert _line(receiver) == "ready"
        stack.enter_context(start("send", url, str(count)))
        times = json.loads(_line(receiver))
    return Latency(quantile(times, 0.5), quantile(times, 0.99))


async def _serve_rows(rows: int, row_bytes: int) -> None:
    made = [os.urandom(row_bytes) for _ in range(BATCH_ROWS)]

    async def send(connection: ServerConnection) -> None:
        left = rows
        while left:
            batch = made[: min(left, BATCH_ROWS)]
            await connection.send(b"".join(batch))
            left -= len(batch)

    async with serve(send, "127.0.0.1", 0, compression=None) as server:
        print(_port(server), flush=True)
        await server.serve_forever()


async def _take_rows(url: str, rows: int, row_bytes: int, path: str) -> float:
    store = sqlite3.connect(path)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=NORMAL")
    store.execute("CREATE TABLE rows (arrival INTEGER PRIMARY KEY, data BLOB NOT NULL)")
    started = time.perf_counter()
    taken = 0
    async with connect(url, compression=None, max_size=None) as connection:
        while taken < rows:
            data = await connection.recv(decode=False)
            batch = [(data[at : at + row_bytes],) for at in range(0, len(data), row_bytes)]
            with store:
                store.executemany("INSERT INTO rows (data) VALUES (?)", batch)
            taken += len(batch)
    seconds = time.perf_counter() - started
    store.close()
    return seconds


def bulk(rows: int, total_bytes: int) -> float:
    """Seconds to send so many bytes in so many rows and insert them."""
    row_bytes = max(1, total_bytes // rows)
    with tempfile.TemporaryDirectory(prefix="clw") as folder, contextlib.ExitStack() as stack:
        server = start("rows", str(rows), str(row_bytes))
        stack.callback(server.wait)
        stack.callback(server.kill)
        url = f"ws://127.0.0.1:{_line(server)}"
        taking = _take_rows(url, rows, row_bytes, str(Path(folder) / "floor.db"))
        return asyncio.run(taking)


def main(role: str, *arguments: str) -> None:
    """Play one role; called by the functions above."""
    if role == "broadcast":
        asyncio.run(_serve_broadcast())
    elif role == "receive":
        asyncio.run(_receive(arguments[0], int(arguments[1])))
    elif role == "send":
        asyncio.run(_send(arguments[0], int(arguments[1])))
    elif role == "rows":
        asyncio.run(_serve_rows(int(arguments[0]), int(arguments[1])))
    else:
        raise SystemExit(f"no role {role}")


if __name__ == "__main__":
    main(*sys.argv[1:])
