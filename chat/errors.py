"""What the application tells a person when something does not work.

    ChatError                 code  exit
    ├── UsageError            usage   2   what was asked makes no sense
    ├── NotFound              missing 3   no such channel, message, file, workspace
    ├── NoPeer                peer    4   nobody who could help is linked
    ├── TrustError            trust   5   refused: signature, level, invite, removed
    │   └── Locked            locked  5   the passphrase is missing, or wrong
    ├── ProfileInUse          in_use  1   another process holds the profile
    ├── StoreError            store   1   disk full, read-only, damaged
    └── Unavailable           busy    1   a part of this machine does not answer
        └── Stopping          stopping 1  it is ending, and has not begun what was asked

Each text is a sentence for the user that says what to do next. `code` crosses the control socket.
"""


class ChatError(Exception):
    """Root; `code` names the class on the control socket, `exit_code` ends the command line."""

    code = "error"
    exit_code = 1


class UsageError(ChatError):
    """The request itself makes no sense."""

    code = "usage"
    exit_code = 2


class NotFound(ChatError):
    """What was named does not exist here."""

    code = "missing"
    exit_code = 3


class NoPeer(ChatError):
    """Nobody who could help is linked, or nobody answered in time."""

    code = "peer"
    exit_code = 4


class TrustError(ChatError):
    """Refused by the rules of the workspace."""

    code = "trust"
    exit_code = 5


class Locked(TrustError):
    """The profile is locked, and the passphrase is missing or wrong."""

    code = "locked"


class ProfileInUse(ChatError):
    """Another process holds this profile."""

    code = "in_use"


class StoreError(ChatError):
    """The disk refuses: full, read-only or damaged."""

    code = "store"


class Unavailable(ChatError):
    """A part of this machine does not answer."""

    code = "busy"


class Stopping(Unavailable):
    """The process that was asked is ending. It surely did not begin: ask the next one."""

    code = "stopping"


BY_CODE: dict[str, type[ChatError]] = {
    kind.code: kind
    for kind in (
        ChatError,
        UsageError,
        NotFound,
        NoPeer,
        TrustError,
        Locked,
        ProfileInUse,
        StoreError,
        Unavailable,
        Stopping,
    )
}
