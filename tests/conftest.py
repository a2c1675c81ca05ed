"""What holds for every test.

- Nothing here reaches the machine's network or the person's own files: what a test starts hears
  and speaks on 127.0.0.1 alone, and its home is a folder that goes away. Tests that build a
  network of their own (`tests/integration/lan.py`) drop the first restriction inside it.
- Property tests are seeded where a run must be the same twice (`CI=true`), and search anew on a
  developer's machine.
- A test that leaves a process behind fails, and the process is ended. A process is a test's when
  it descends from this one, or when it carries this run's mark in its environment (which also
  finds children whose parents were killed). Linux only: elsewhere the check does nothing.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

MARK = "CLOWDER_TEST_RUN"
LEAVING_SECONDS = 3.0  # a worker whose parent was killed notices when its pipe closes
STAYING = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")

settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background of a shell; what tests start must hear Ctrl+C all the same.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    home = tempfile.TemporaryDirectory(prefix="clowder-home-")
    config.add_cleanup(home.cleanup)
    for name in [name for name in os.environ if name.startswith(("CLOWDER_", "XDG_"))]:
        del os.environ[name]
    os.environ.update(
        {
            MARK: f"{os.getpid()}-{Path(home.name).name}",
            "HOME": home.name,
            "XDG_CONFIG_HOME": f"{home.name}/config",
            "XDG_DATA_HOME": f"{home.name}/data",
            "XDG_STATE_HOME": f"{home.name}/state",
            "XDG_CACHE_HOME": f"{home.name}/cache",
            "CLOWDER_HOME": f"{home.name}/clowder",
            "CLOWDER_INTERFACE": "127.0.0.1",
        }
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what waits for processes, shared out among the workers.

    Each worker is given one stretch of the list and takes from the ends of others' when it is
    through; so what takes long comes first everywhere, and the short tests level the end.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    waiting = [item for item in items if item.get_closest_marker("processes")]
    others = [item for item in items if not item.get_closest_marker("processes")]
    shares = range(workers)
    items[:] = [
        item
        for share in shares
        for item in (
            *waiting[share::workers],
            *others[len(others) * share // workers : len(others) * (share + 1) // workers],
        )
    ]


@pytest.fixture(autouse=True)
def no_process_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a process behind."""
    # Only these tests start processes whose parents they kill.
    orphans = any(
        request.node.get_closest_marker(name) for name in ("processes", "lan", "terminal")
    )
    before = _ours(orphans)
    yield
    deadline = time.monotonic() + LEAVING_SECONDS
    while left := {pid: line for pid, line in _ours(orphans).items() if pid not in before}:
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            pytest.fail("processes stayed behind: " + "; ".join(left.values()))
        time.sleep(0.02)


def _ours(orphans: bool) -> dict[int, str]:
    """Command lines by process id, of the processes that this run started."""
    if sys.platform != "linux":
        return {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            state, parent = _state(folder)
            if state not in ("", "Z"):
                parents[int(folder.name)] = parent
    mark = f"{MARK}={os.environ[MARK]}".encode()
    found = {
        pid
        for pid in parents
        if _descends(pid, parents) or (orphans and mark in _read(pid, "environ").split(b"\0"))
    }
    lines = {pid: _read(pid, "cmdline").replace(b"\0", b" ").decode() for pid in found}
    lines.pop(os.getpid(), None)
    return {pid: line for pid, line in lines.items() if not any(word in line for word in STAYING)}


def _state(folder: Path) -> tuple[str, int]:
    """State letter and parent of a process, empty when it is gone."""
    try:
        # The name stands in brackets and may itself hold brackets and spaces.
        fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return "", 0
    return fields[0].decode(), int(fields[1])


def _descends(pid: int, parents: dict[int, int]) -> bool:
    own = os.getpid()
    while pid in parents:
        pid = parents[pid]
        if pid == own:
            return True
    return False


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
