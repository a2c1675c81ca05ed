"""What is installed: the four packages with their data files, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_holds_the_four_packages_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("clowder_chat-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    folders = {name.split("/")[0] for name in names}
    assert {f for f in folders if not f.endswith(".dist-info")} == {
        "chat",
        "crdt",
        "transport",
        "tui",
    }
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in ("chat", "crdt", "transport", "tui")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix in (".py", ".tcss", ".txt", ".typed")
    }
    expected |= {f"{package}/py.typed" for package in ("chat", "crdt", "transport", "tui")}
    assert expected <= names
