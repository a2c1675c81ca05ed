"""What people type, paste and scan: links, words, codes, addresses, searches, lines, markup."""

from dataclasses import replace
from datetime import UTC
from pathlib import Path

from chat import config, hooks, invitation, search_filter, verification, words12
from chat.cli import team
from chat.engine import founding
from chat.errors import UsageError
from tests.fuzz.contract import Target, typed, untyped, vectors, with_check
from tui.errors import InputError
from tui.inert import inert_lines
from tui.input import actions, pasting, slash
from tui.text import markup

_INVITES = vectors("invites")
_LINKS = tuple(case["link"].encode() for case in _INVITES["links"])
_WORDS = tuple(case["words"].encode() for case in _INVITES["words"])
_VERIFICATION = vectors("verification")
_CODES = tuple(case["code"].encode() for case in _VERIFICATION["members"])
_NOW_MS = 1_790_000_000_000


def _invite(data: bytes) -> invitation.InviteText:
    return _kept(invitation.parse(typed(data)))


def _kept(invite: invitation.InviteText) -> invitation.InviteText:
    """What a link keeps of an invite: an address that has no short form is left out."""
    return invite if invitation.pack_hint(invite.hint) else replace(invite, hint="")


def _hint(data: bytes) -> str:
    url = invitation.read_hint(data)
    return url if invitation.pack_hint(url) else ""


def _invite_again(invite: invitation.InviteText) -> bytes:
    return (invite.link if invite.workspace else invite.words).encode()


def _invite_payload(data: bytes) -> invitation.InviteText:
    scheme, check_bytes = invitation.SCHEME, invitation.CHECK_BYTES
    found = invitation.parse(with_check(scheme, b"x1.link", check_bytes, data))
    assert invitation.parse(found.link) == _kept(found)
    return found


def _code_payload(data: bytes) -> verification.Code:
    scheme, check_bytes = verification.SCHEME, verification.CODE_CHECK_BYTES
    return verification.parse_code(with_check(scheme, b"x1.code", check_bytes, data))


def _secret_words(data: bytes) -> bytes:
    return words12.decode(typed(data))


def _listen(data: bytes) -> config.Endpoint:
    found = config.parse_endpoint(typed(data))
    assert 0 <= found.port < 65536
    return found


def _search(data: bytes) -> search_filter.Filter:
    found = search_filter.parse(typed(data), _NOW_MS, UTC)
    assert 0 <= found.since_ms
    return found


def _hook(data: bytes) -> hooks.Command | None:
    found = hooks.parse("message", typed(data))
    assert found is None or found.arguments[0]
    return found


def _pasted(data: bytes) -> list[Path]:
    """A dropped path, of files that are all there: none is ever opened by reading it."""
    given = typed(data)
    found = pasting.dropped_paths(given, lambda path: True)
    assert all(path.is_absolute() for path in found)
    pasting.is_long(given)
    assert "\r" not in pasting.normal_lines(given)
    return found


def _slash(data: bytes) -> slash.Said | slash.Asked:
    return slash.parse(typed(data))


def _shown(data: bytes) -> list[markup.Line]:
    """Markup of a message as it is shown: no letter of a plain text is lost, no line is."""
    given = inert_lines(data.decode("utf-8", "replace"))
    lines = markup.parse(given)
    assert lines
    if markup.is_plain(given):
        shown = "\n".join("".join(run.text for run in line.runs) for line in lines)
        assert shown == given, f"{given!r} is shown as {shown!r}"
    for line in lines:
        assert all("\n" not in run.text for run in line.runs)
    return lines


def _names(data: bytes) -> tuple[str, str]:
    given = typed(data)
    return founding.clean_nick(given), founding.clean_title(given)


TARGETS = {
    "invite": Target(
        (invitation.parse, words12.decode),
        _invite,
        UsageError,
        (*_LINKS, *_WORDS, _INVITES["newer_link"].encode()),
        again=_invite_again,
    ),
    "payload of an invite": Target(
        (invitation.parse, invitation.read_hint),
        _invite_payload,
        UsageError,
        tuple(
            bytes((1,)) + bytes(24) + invitation.pack_hint(url)
            for url in ("ws://10.0.0.1:1/", "ws://[2001:db8::1]:99/", "wss://a.example:443/", "")
        ),
    ),
    "hint of an invite": Target(
        (invitation.read_hint,),
        _hint,
        UsageError,
        tuple(
            map(
                invitation.pack_hint,
                ("ws://10.0.0.1:1/", "ws://[2001:db8::1]:99/", "ws://a.b:4000/", "wss://a:443/"),
            )
        ),
        again=invitation.pack_hint,
    ),
    "words": Target((words12.decode,), _secret_words, UsageError, _WORDS),
    "code": Target(
        (verification.parse_code,),
        lambda data: verification.parse_code(typed(data)),
        UsageError,
        _CODES,
        again=lambda code: code.text.encode(),
    ),
    "payload of a code": Target(
        (verification.parse_code,), _code_payload, UsageError, (bytes((1,)) + bytes(48),)
    ),
    "address to listen on": Target(
        (config.parse_endpoint,), _listen, UsageError, (b"0.0.0.0:7311", b"[::1]:0", b":1")
    ),
    "address of a peer": Target(
        (config.parse_url,),
        lambda data: config.parse_url(typed(data)),
        UsageError,
        (b"ws://relay.example:7311", b"10.0.0.1:99", b"wss://[::1]:443/a"),
        again=untyped,
    ),
    "duration": Target(
        (team.parse_duration,),
        lambda data: team.parse_duration(typed(data)),
        UsageError,
        (b"90m", b"12h", b"7d"),
    ),
    "search": Target(
        (search_filter.parse,),
        _search,
        UsageError,
        (
            b"cat from:ana in:#cats has:file is:mine",
            b'before:2026-01-02 after:today on:yesterday from:"a b"',
            b"after:3d before:2w on:monday on:2025 on:2025-02",
        ),
    ),
    "hook": Target((hooks.parse,), _hook, UsageError, (b"notify-send 'a b' \"c\"", b"~/bin/x y")),
    "pasted text": Target(
        (),
        _pasted,
        (),
        (b"/tmp/a\\ b.png", b"file:///tmp/a%20b.png '/tmp/c d'", b"~/cat.jpg", b"file://[x"),
    ),
    "line of the composer": Target(
        (slash.parse, actions.split_path),
        lambda data: (_slash(data), actions.split_path(typed(data))),
        InputError,
        (b"/search cats from:ana", b"//literally", b"/put '/tmp/a b.png' hello", b"/nik x"),
    ),
    "markup of a message": Target(
        (markup.parse,),
        _shown,
        (),
        (
            b"**bold** *it* _it_ ~~no~~ `code` @ana",
            b"```python\nprint('x')\n```\n> said",
            b"[label](https://a.example/x) https://b.example/.",
            b"plain text\nof two lines",
        ),
    ),
    "nick and title": Target(
        (founding.clean_nick, founding.clean_title),
        _names,
        UsageError,
        (b"Ana", "Kätzchen & Co".encode(), b"\xe2\x80\x8b\xf0\x9f\x90\x88"),
    ),
}
"""Names of targets, as `make fuzz TARGET=...` takes them."""
