"""What stands in a profile and on its socket, what worker processes answer, what is not kept.

Files that came back from elsewhere, other programs of the user, processes that hostile input may
have taken over; and the messages of a link that the application reads itself.
"""

import tempfile
from pathlib import Path

import msgspec

from chat import (
    commands,
    config,
    config_change,
    control_lines,
    hooks,
    lobby,
    people,
    private,
    profile_backup,
    profile_vault,
    setting,
    verification,
)
from chat.engine import ephemeral
from chat.errors import StoreError, UsageError
from chat.notes import pipe as notes_pipe
from chat.notes.errors import WorkerDied
from chat.pictures import pipe as pictures_pipe
from chat.pictures.errors import DecoderFailed
from crdt.errors import Invalid
from tests.fuzz.contract import Broken, Target, every, vectors

_EPHEMERAL = vectors("ephemeral")
_PROFILE = vectors("profile")
_PEOPLE = vectors("people")
_PRIVATE = vectors("private")
_VERIFICATION = vectors("verification")
_DRAW = pictures_pipe.Draw("still", b"", 2, 2, (0, 0, 0))
_LENGTH = 4
_ODD = 'a"\\\x7fb'
_CONFIG = b"""\
[network]
listen = "0.0.0.0:7311" # where
dial = ["ws://relay.example:7311"]
mdns = true
[ui]
theme = 'clowder'
undo_seconds = 0
[keys]
quick_switch = "ctrl+k"
[hooks]
message = ["notify-send", "Clowder"]
mention = "say 'a b'"
"""


def _config(data: bytes) -> config.Settings:
    """A config.toml that is read, and then changed in two places."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_bytes(data)
        found = config.load(path, {}, {})
        hooks.commands_of(found.hooks)
        text = config_change.changed(data.decode(), "network", "mdns", False)
        text = config_change.changed(text, "ui", "theme", _ODD)
        path.write_bytes(text.encode())
        try:
            after = config.load(path, {}, {})
        except UsageError as error:
            raise Broken(f"{data!r} was changed to {text!r}: {error}") from error
    assert not after.network.mdns
    assert after.ui.theme == _ODD
    assert after.keys == found.keys
    return found


def _ephemeral(data: bytes) -> ephemeral.AnyPayload:
    message = ephemeral.decode(data)
    if isinstance(message, ephemeral.Signed):
        ephemeral.passed_anew(message)
    return message


def _signed(data: bytes) -> ephemeral.Signed:
    """What a device says, and that it said it."""
    message = ephemeral.decode(data)
    if not isinstance(message, ephemeral.Signed):
        raise Invalid("not signed")
    ephemeral.verify(bytes.fromhex(_EPHEMERAL["signed"]["workspace"]), message)
    ephemeral.decode_said(message.said)
    return message


def _event(data: bytes) -> object:
    return control_lines.decode_event(data)


def _sample(*values: msgspec.Struct) -> tuple[bytes, ...]:
    return tuple(map(msgspec.json.encode, values))


def _body(framed: bytes) -> bytes:
    return framed[_LENGTH:]


TARGETS = {
    "ephemeral message": Target(
        (ephemeral.decode,),
        _ephemeral,
        Invalid,
        every((_EPHEMERAL["messages"], _EPHEMERAL["signed"], _EPHEMERAL["refused"]), "bytes"),
        again=ephemeral.encode,
        shape="msgpack",
    ),
    "signed ephemeral message": Target(
        (ephemeral.decode, ephemeral.decode_said),
        _signed,
        Invalid,
        every(_EPHEMERAL["signed"]["messages"], "bytes"),
    ),
    "what a device says": Target(
        (ephemeral.decode_said,),
        ephemeral.decode_said,
        Invalid,
        every((_EPHEMERAL["signed"], _EPHEMERAL["refused_said"]), "said"),
        again=ephemeral.encode,
        shape="msgpack",
    ),
    "lobby message": Target(
        (lobby.decode,),
        lobby.decode,
        Invalid,
        every(vectors("invites")["lobby"], "bytes"),
        again=lobby.encode,
        shape="msgpack",
    ),
    "request on the socket": Target(
        (control_lines.decode_request,),
        control_lines.decode_request,
        UsageError,
        (
            *_sample(
                control_lines.Request(1, commands.Post("general", "hello", "abcd")),
                control_lines.Request(2, subscribe=True),
                control_lines.Request(3, commands.PostLines("general", ("a", "b"))),
            ),
            b'{"id":4,"command":{"type":"later"}}',
        ),
        again=msgspec.json.encode,
        shape="json",
    ),
    "answer on the socket": Target(
        (control_lines.decode_answer,),
        control_lines.decode_answer,
        ValueError,
        _sample(
            control_lines.Answer(1, reply=msgspec.Raw(b'{"a":[1,2]}')),
            control_lines.Answer(2, error=control_lines.Failure("usage", "no")),
            control_lines.Answer(hello=control_lines.Hello(True)),
            control_lines.Answer(event=msgspec.Raw(b'{"type":"x"}'), closing=3),
        ),
        shape="json",
    ),
    "event on the socket": Target(
        (control_lines.decode_event,),
        _event,
        (),
        (b'{"type":"bulk","channel_id":"00","count":1}', b'{"type":"later"}'),
        shape="json",
    ),
    "config file": Target(
        (config.parse_url, config.parse_endpoint, hooks.parse), _config, UsageError, (_CONFIG, b"")
    ),
    "key file": Target(
        (profile_vault.decode,),
        profile_vault.decode,
        Invalid,
        (
            bytes.fromhex(_PROFILE["key_file"]),
            *(
                bytes.fromhex(_PROFILE[f"{name}_key_file"]["file"])
                for name in ("passphrase", "keyring", "derived")
            ),
        ),
        again=profile_vault.encode,
        canonical=True,
    ),
    "manifest of a backup": Target(
        (profile_backup.decode_manifest,),
        profile_backup.decode_manifest,
        Invalid,
        (_PROFILE["backup"]["file"].encode(),),
        again=profile_backup.encode_manifest,
        shape="json",
    ),
    "what a member keeps": Target(
        (private.decode, setting.decode),
        private.decode,
        StoreError,
        every((_PRIVATE["settings"], _PRIVATE["refused"]), "bytes"),
        again=private.encode,
    ),
    "what a member decided about others": Target(
        (people.decode, setting.decode),
        people.decode,
        StoreError,
        every((_PEOPLE["settings"], _PEOPLE["refused"]), "bytes"),
        again=people.encode,
    ),
    "whom a member verified": Target(
        (verification.decode,),
        verification.decode,
        StoreError,
        (
            bytes.fromhex(_VERIFICATION["setting"]),
            *map(bytes.fromhex, _VERIFICATION["refused_settings"]),
        ),
        again=verification.encode,
    ),
    "answer of the notes process": Target(
        (notes_pipe.read_answer,),
        notes_pipe.read_answer,
        WorkerDied,
        tuple(
            _body(notes_pipe.frame(answer))
            for answer in (
                notes_pipe.Refused(1, "no"),
                notes_pipe.Tried(2),
                notes_pipe.Place((5, 9)),
                notes_pipe.Place(None),
                notes_pipe.Found(3),
                notes_pipe.Closed(),
            )
        ),
        again=lambda answer: _body(notes_pipe.frame(answer)),
        shape="msgpack",
    ),
    "answer of the picture process": Target(
        (pictures_pipe.read_answer,),
        lambda data: pictures_pipe.read_answer(data, _DRAW),
        DecoderFailed,
        tuple(
            _body(pictures_pipe.frame(answer))
            for answer in (
                pictures_pipe.Drawn(1, 2, (10, 20), [(0, bytes(6))]),
                pictures_pipe.Refusal(True, "damaged"),
            )
        ),
        again=lambda answer: _body(pictures_pipe.frame(answer)),
        shape="msgpack",
    ),
}
"""Names of targets, as `make fuzz TARGET=...` takes them."""
