"""Two devices on a LAN of two network namespaces and a virtual cable."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ANNOUNCER = Path(__file__).parent / "announcer.py"
ROOT = Path(__file__).parent.parent.parent

pytestmark = [
    pytest.mark.lan,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None,
        reason="network namespaces need Linux, root and iproute2",
    ),
]


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True, capture_output=True)


@pytest.fixture
def lan() -> Iterator[tuple[str, str]]:
    """Two namespaces, 10.77.0.1 and fd77::1 in one, .2 and ::2 in the other."""
    spaces = tuple(f"clw{os.getpid()}{side}" for side in "ab")
    with ExitStack() as stack:
        for space in spaces:
            try:
                ip(f"netns add {space}")
            except subprocess.CalledProcessError:
                pytest.skip("network namespaces cannot be made here")
            stack.callback(ip, f"netns del {space}")
        ip(f"link add {spaces[0]} type veth peer name {spaces[1]}")
        for number, space in enumerate(spaces, start=1):
            ip(f"link set {space} netns {space}")
            ip(f"-n {space} addr add 10.77.0.{number}/24 dev {space}")
            ip(f"-n {space} addr add fd77::{number}/64 dev {space} nodad")
            ip(f"-n {space} link set {space} up")
            ip(f"-n {space} link set lo up")
        yield spaces[0], spaces[1]


def announcer(space: str, port: int, interfaces: str, addresses: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *("ip", "netns", "exec", space),
            *(sys.executable, str(ANNOUNCER), str(port), interfaces, addresses),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(
    ("interfaces", "addresses"),
    [
        ("10.77.0.{}", "10.77.0.{}"),
        ("fd77::{}", "fd77::{}"),
        ("10.77.0.{},fd77::{}", "10.77.0.{},fd77::{}"),
        ("all", "10.77.0.{},fd77::{}"),
    ],
)
def test_two_devices_on_a_lan_find_each_other(
    lan: tuple[str, str], interfaces: str, addresses: str
) -> None:
    devices = []
    expected = []
    for number, space in enumerate(lan, start=1):
        mine = addresses.replace("{}", str(number))
        devices.append(announcer(space, 4000 + number, interfaces.replace("{}", str(number)), mine))
        hosts = [f"[{a}]" if ":" in a else a for a in mine.split(",")]
        expected.append([f"ws://{host}:{4000 + number}/" for host in hosts])
    try:
        for device, urls in zip(devices, reversed(expected), strict=True):
            assert device.stdout is not None
            assert json.loads(device.stdout.readline()) == urls
    finally:
        for device in devices:
            _, errors = device.communicate("", timeout=10)
            assert errors == ""
            assert device.returncode == 0
