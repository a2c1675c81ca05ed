"""Settings of a profile: command-line options over environment over config.toml over defaults.

[network]
listen = "0.0.0.0:7311"        # where to accept links; port 0 takes a free one
interface = "192.168.1.20"     # discovery and listening only on this address
dial = ["ws://relay.example:7311"]
mdns = true
[pictures]
fetch_up_to_mb = 16            # larger pictures wait for `clowder get`
keep_up_to_mb = 10240          # of files; beyond that, what others hold as well goes
[relay]
keep_days = 0                  # a relay forgets what is older; 0 keeps everything
[ui]
theme = "clowder"
bell = true                    # ring while the terminal is not in front
notify = "off"                 # desktop notifications: auto, osc9, osc777, osc99
title = true                   # unread messages in the terminal's title
ascii = false                  # draw with letters and signs of ASCII only
motion = true                  # let things move and blink
previews = true                # pictures among the messages
away_after = 10                # minutes without a key, then others see that nobody is here; 0 never
lock_after = 0                 # minutes without a key, then the passphrase is asked for; 0 never
undo_seconds = 0               # how long a message waits here to be taken back, before it is sent
[keys]
quick_switch = "ctrl+k"
[hooks]
message = ["notify-send", "Clowder"]
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from chat.errors import UsageError
from crdt.limits import KEEP_MAX_DAYS

FETCH_UP_TO_MB = 16
"""Pictures larger than this are fetched when asked for; smaller ones come by themselves."""
KEEP_UP_TO_MB = 10 * 1024
"""Files and pictures on this machine; beyond that, what others hold as well is dropped."""
IDLE_MAX_MINUTES = 24 * 60
"""Who is idle for a day is away in any case."""
UNDO_MAX_SECONDS = 60
"""A message that waits for longer was not meant to be sent."""
FETCH_MAX_MB = 1024 * 1024
"""A terabyte is "all of them"."""


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [network] table."""

    listen: str = ""
    interface: str = ""
    dial: tuple[str, ...] = ()
    mdns: bool = True


class Pictures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [pictures] table."""

    fetch_up_to_mb: Annotated[int, msgspec.Meta(ge=0, le=FETCH_MAX_MB)] = FETCH_UP_TO_MB
    keep_up_to_mb: Annotated[int, msgspec.Meta(ge=0, le=FETCH_MAX_MB)] = KEEP_UP_TO_MB


class Relay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [relay] table."""

    keep_days: Annotated[int, msgspec.Meta(ge=0, le=KEEP_MAX_DAYS)] = 0


class Ui(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [ui] table."""

    theme: str = "clowder"
    mouse: bool = True
    bell: bool = True
    notify: Literal["off", "auto", "osc9", "osc777", "osc99"] = "off"
    title: bool = True
    ascii: bool = False
    motion: bool = True
    previews: bool = True
    away_after: Annotated[int, msgspec.Meta(ge=0, le=IDLE_MAX_MINUTES)] = 10
    lock_after: Annotated[int, msgspec.Meta(ge=0, le=IDLE_MAX_MINUTES)] = 0
    undo_seconds: Annotated[int, msgspec.Meta(ge=0, le=UNDO_MAX_SECONDS)] = 0


class Hooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [hooks] table: commands as `chat.hooks` reads them."""

    message: str | tuple[str, ...] = ()
    mention: str | tuple[str, ...] = ()
    direct: str | tuple[str, ...] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything config.toml may say."""

    network: Network = Network()
    pictures: Pictures = Pictures()
    relay: Relay = Relay()
    ui: Ui = Ui()
    keys: dict[str, str] = {}
    hooks: Hooks = Hooks()


class Endpoint(NamedTuple):
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int


def parse_endpoint(given: str) -> Endpoint:
    """`host:port`, `[::1]:port` or `:port`.

    Raises:
        UsageError: it is none of these.
    """
    try:
        parts = urlsplit(f"//{given}")
        port = parts.port
    except ValueError:
        port = None
        parts = urlsplit("")
    plain = not (parts.path or parts.query or parts.fragment or parts.username is not None)
    if port is None or not plain or "?" in given or "#" in given:
        raise UsageError(
            f"“{given}” is no address to listen on; write HOST:PORT, like 0.0.0.0:7311."
        )
    return Endpoint(parts.hostname or "", port)


def parse_url(given: str) -> str:
    """A `ws://` or `wss://` address of a peer; a bare host:port gets `ws://`.

    Raises:
        UsageError: it is no such address.
    """
    url = given if "://" in given else f"ws://{given}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(f"“{given}” is no address of a peer; write ws://HOST:PORT.") from None
    if parts.scheme not in ("ws", "wss") or not parts.hostname or port is None:
        raise UsageError(f"“{given}” is no address of a peer; write ws://HOST:PORT.")
    return url


def on_a_free_port(network: Network) -> Network:
    """The same addresses, and any port: only one of those who listen there can have a given one."""
    if not network.listen:
        return network
    host = parse_endpoint(network.listen).host
    shown = f"[{host}]" if ":" in host else host
    return msgspec.structs.replace(network, listen=f"{shown}:0")


def load(path: Path, overrides: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Settings from a file (which may be missing), the environment and command-line options.

    `overrides` holds what the command line gave of listen, interface, dial and mdns.

    Raises:
        UsageError: the file or a value is wrong; names the file and the place.
    """
    settings = _read(path)
    network = settings.network
    listen = overrides.get("listen") or environment.get("CLOWDER_LISTEN") or network.listen
    interface = (
        overrides.get("interface") or environment.get("CLOWDER_INTERFACE") or network.interface
    )
    dial = (
        tuple(overrides.get("dial") or ())
        or tuple(environment.get("CLOWDER_DIAL", "").split())
        or network.dial
    )
    mdns = network.mdns
    if overrides.get("mdns") is False or environment.get("CLOWDER_NO_MDNS", "") not in ("", "0"):
        mdns = False
    if listen:
        parse_endpoint(listen)
    network = Network(listen, interface, tuple(parse_url(url) for url in dial), mdns)
    return msgspec.structs.replace(settings, network=network)


def _read(path: Path) -> Settings:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from None
    try:
        return msgspec.convert(tomllib.loads(text), Settings)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        # Beside its own error, tomllib lets some of int() and of deep nesting through.
        raise UsageError(f"{path} is not right: {error}. Mend it or move it away.") from None


def environment() -> Mapping[str, str]:
    """This process's environment."""
    return os.environ
