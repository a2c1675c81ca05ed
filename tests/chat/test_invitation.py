"""An invite is read as it was made, from a link, a code or words; all else is a sentence."""

import json
from base64 import b32encode
from pathlib import Path
from typing import Any

import pytest
import segno
from hypothesis import example, given
from hypothesis import strategies as st

from chat import words12
from chat.errors import UsageError
from chat.invitation import SCHEME, InviteText, parse
from crdt.keys import digest

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "invites.json").read_text("utf-8")
)
SECRETS = st.binary(min_size=16, max_size=16)
WORKSPACES = st.binary(min_size=8, max_size=8)
PORTS = st.integers(1, 65535)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]{2,8}){0,3}", fullmatch=True)
ADDRESSES = st.one_of(
    st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(lambda address: f"[{address}]"), NAMES
)
HINTS = st.builds("{}://{}:{}/".format, st.sampled_from(("ws", "wss")), ADDRESSES, PORTS)
INVITE = InviteText(bytes(range(16)), b"catsroom", "ws://192.168.1.20:4000/")
LONGEST = InviteText(bytes(16), bytes(8), f"wss://{'relay.' * 9}invite:65535/")


@given(SECRETS, WORKSPACES, st.just("") | HINTS, st.booleans())
def test_a_link_says_what_was_put_in(
    secret: bytes, workspace: bytes, hint: str, upper: bool
) -> None:
    invite = InviteText(secret, workspace, hint)
    assert parse(f"  {invite.code if upper else invite.link}\n") == invite


@given(SECRETS)
def test_words_are_the_secret(secret: bytes) -> None:
    invite = InviteText(secret, bytes(8))
    assert parse(invite.words) == InviteText(secret)
    assert parse("\n".join(f"{n}. {w[:4].upper()}" for n, w in enumerate(invite.words.split(), 1)))


def test_words_are_those_of_the_standard() -> None:
    for vector in VECTORS["words"]:
        assert words12.encode(bytes.fromhex(vector["secret"])) == vector["words"]
        assert words12.decode(vector["words"]) == bytes.fromhex(vector["secret"])


def test_links_are_as_documented() -> None:
    for vector in VECTORS["links"]:
        said = InviteText(
            bytes.fromhex(vector["secret"]), bytes.fromhex(vector["workspace"]), vector["hint"]
        )
        assert said.link == vector["link"]
        assert parse(vector["link"]) == said


@given(st.data())
def test_no_changed_character_goes_unnoticed(data: st.DataObject) -> None:
    link = INVITE.link
    place = data.draw(st.integers(0, len(link) - 1))
    char = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567189=+é"))
    changed = link[:place] + char + link[place + 1 :]
    if changed != link:
        with pytest.raises(UsageError):
            parse(changed)
    if place:
        with pytest.raises(UsageError):
            parse(link[:place])
        with pytest.raises(UsageError):
            parse(link + link[len(SCHEME) :][:place])


@given(st.text(max_size=200) | st.text(max_size=200).map(SCHEME.__add__))
@example("ſlowder:")
@example("12 " * 40)
@example("clowder:" + "a" * 5000)
@example("zoo " * 1000)
def test_anything_else_is_a_sentence(text: str) -> None:
    said = ""
    try:
        parse(text)
    except UsageError as error:
        said = str(error)
    assert said.endswith((".", "?", "!")) or not said
    assert said.isprintable()


@given(SECRETS, WORKSPACES, st.binary(max_size=80))
def test_any_hint_under_a_right_checksum_is_a_url_or_a_sentence(
    secret: bytes, workspace: bytes, hint: bytes
) -> None:
    payload = b"\x01" + secret + workspace + hint
    whole = payload + digest(b"x1.link", payload)[:4]
    try:
        found = parse(SCHEME + b32encode(whole).decode().rstrip("="))
    except UsageError:
        return
    assert not found.hint or found.hint.startswith(("ws://", "wss://"))


def test_a_hint_without_a_short_form_is_left_out() -> None:
    for hint in ("ws://[fe80::1%25eth0]:4000/", "ws://cats.example/a/path", "ws://" + "x" * 61):
        assert parse(InviteText(bytes(16), bytes(8), hint).link).hint == ""


def test_a_slip_of_the_hand_is_named() -> None:
    words = INVITE.words.split()
    words[2] = "kittne"
    with pytest.raises(UsageError, match=r"Word 3, “kittne”.*did you mean “kitten”"):
        parse(" ".join(words))
    with pytest.raises(UsageError, match=r"has 12 words"):
        parse(" ".join(words[:11]))
    with pytest.raises(UsageError, match="newer Clowder"):
        parse(VECTORS["newer_link"])


@pytest.mark.parametrize(
    ("invite", "modules"),
    [
        (InviteText(bytes(16), bytes(8)), 29),
        (INVITE, 29),
        (InviteText(bytes(16), bytes(8), "ws://[2001:db8::1]:4000/"), 33),
        (InviteText(bytes(16), bytes(8), "wss://cats.example.org:443/"), 33),
        (LONGEST, 41),
    ],
    ids=["no hint", "IPv4", "IPv6", "name", "the longest"],
)
def test_a_code_fits_a_small_terminal(invite: InviteText, modules: int) -> None:
    """Two modules a row and a quiet zone of two: 24 rows have room for 44 modules."""
    assert parse(invite.code) == invite, "nothing was left out"
    code = segno.make(invite.code, error="l", micro=False, boost_error=False)
    assert code.mode == "alphanumeric"
    assert code.symbol_size(border=0) == (modules, modules)
    assert (modules + 4 + 1) // 2 <= 23


def test_a_secret_is_not_in_a_repr() -> None:
    assert repr(INVITE.secret) not in repr(INVITE)
