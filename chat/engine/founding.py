"""Founding: the first op of a workspace, and what a workspace begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat.engine.people import GENERAL
from chat.errors import UsageError
from chat.workspace import Identity, Now, directory_channel
from crdt import limits
from crdt.keys import DeviceKeys, Entropy
from crdt.ops import Profile
from crdt.roster_ops import MODE_PRIVATE, Genesis, Op, founding, member_id, net_commitment
from crdt.text import clean_line, clean_name, look

if TYPE_CHECKING:
    from chat.effects import Effect
    from chat.engine.machine import Engine


def clean_nick(given: str) -> str:
    """How a member wants to be called.

    Raises:
        UsageError: nothing is left of it, it is too long, or it has several lines.
    """
    if len(given.strip().splitlines()) > 1:
        raise UsageError("A nick is one line.")
    nick = clean_name(given, limits.NICK_MAX_CHARS + 1)
    if not look(nick):
        raise UsageError("A nick has at least one letter; say --nick YOU.")
    if len(nick) > limits.NICK_MAX_CHARS:
        raise UsageError(f"A nick has at most {limits.NICK_MAX_CHARS} letters.")
    return nick


def clean_title(given: str) -> str:
    """A workspace's name.

    Raises:
        UsageError: nothing is left of it, or it is too long.
    """
    title = clean_line(given, limits.CHANNEL_NAME_MAX_CHARS + 1)
    if not title:
        raise UsageError("A workspace needs a name, like “Cats & Co”.")
    if len(title) > limits.CHANNEL_NAME_MAX_CHARS:
        raise UsageError(f"A name has at most {limits.CHANNEL_NAME_MAX_CHARS} letters.")
    return title


def found(incarnation: bytes, now: Now, entropy: Entropy) -> tuple[Identity, Op]:
    """A new workspace: who its founder's device is, and its first op."""
    keys = DeviceKeys.generate(entropy)
    public = keys.public
    salt, net_key = entropy(limits.ID_BYTES), entropy(limits.KEY_BYTES)
    genesis = founding(
        public,
        Genesis(public.link, public.box, salt, net_commitment(net_key, salt)),
        incarnation=incarnation,
        time=now.wall,
        sign_seed=keys.sign_seed,
    )
    identity = Identity(
        workspace=genesis.id,
        member=member_id(public.sign, salt),
        sign_seed=keys.sign_seed,
        link_secret=keys.link_secret,
        box_secret=keys.box_secret,
        net_key=net_key,
    )
    return identity, genesis


def furnish(engine: Engine, name: str, nick: str, now: Now) -> list[Effect]:
    """Give a new workspace its name, its first channel, and its founder a name.

    Raises:
        StoreError: nothing of it stands then, once the caller has rolled back.
    """
    directory = directory_channel(engine.workspace.id)
    done: list[Effect] = []
    for title, own_id in ((name, directory), (GENERAL, b"")):
        news, _ = engine.people.channel(title, MODE_PRIVATE, (), now, own_id=own_id)
        done += engine.publish(news, now)
    return done + engine.write(directory, Profile(nick), now)
