"""Where a command takes a passphrase from, never the command line itself, which others can see.

In this order: the file descriptor of `--passphrase-fd`, the file named by CLOWDER_PASSPHRASE_FILE,
the terminal. Of a file or descriptor the first line counts. What was given is kept for this run,
which may have to open the profile again when another process lets go of it; but it is not asked for
while the face has the terminal. A terminal has three tries.
"""

import getpass
import os
import signal
import stat
import sys
from pathlib import Path

from chat.cli.output import Output
from chat.config import environment
from chat.errors import ChatError, Locked, UsageError
from chat.profile import Profile
from chat.profile_files import OTHERS
from chat.profile_vault import PASSPHRASE_MAX_BYTES

VARIABLE = "CLOWDER_PASSPHRASE_FILE"
TRIES = 3
_NOBODY = (
    "There is no terminal to ask for a passphrase. Name a file that holds it in "
    "CLOWDER_PASSPHRASE_FILE, or give --passphrase-fd N."
)


class Passphrases:
    """The passphrase of this run's profile.

    Args:
        descriptor: of `--passphrase-fd`, None without it.
    """

    def __init__(self, output: Output, descriptor: int | None) -> None:
        self._output = output
        self._descriptor = descriptor
        self._known: str | None = None
        self._typed = 0
        self._asks = True

    def stop_asking(self) -> None:
        """The terminal is not ours from now on."""
        self._asks = False

    def of(self, profile: Profile) -> str | None:
        """What opens this profile; None when it takes no passphrase, or nobody can be asked.

        Raises:
            UsageError: the file that is named cannot be read. StoreError: the key is damaged.
        """
        key_file = profile.key_file
        if not key_file.has_profile or key_file.guard() != "passphrase":
            return None
        return self.current(f"Passphrase of {profile.home}: ")

    def current(self, prompt: str) -> str | None:
        """The passphrase as it is now; None when nobody can be asked."""
        if self._known is None:
            self._known = self._given()
        if self._known is None and self._asks and has_terminal():
            self._typed += 1
            self._known = typed(prompt)
        return self._known

    def ask_again(self, error: Locked) -> bool:
        """Whether it was typed, and may be typed once more; tells why."""
        if not self._typed or not self._asks or self._typed >= TRIES:
            return False
        self._known = None
        self._output.note(str(error))
        return True

    def fresh(self, path: Path | None) -> str:
        """A new passphrase: from a file, or typed twice, or given as that of a profile without one.

        Raises:
            UsageError: it cannot be read, or was typed in two ways.
        """
        if path is not None:
            return first_line(path, self._output)
        if self._known is None:
            given = self._given()
            if given is not None:
                return given
        if not self._asks or not has_terminal():
            raise UsageError(f"{_NOBODY} A new one that replaces it comes from --new-file PATH.")
        first = typed("New passphrase: ")
        if typed("The same again: ") != first:
            raise UsageError("These were two different texts. Nothing was changed.")
        return first

    def _given(self) -> str | None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    return _line(file.readline(PASSPHRASE_MAX_BYTES + 2), "The descriptor")
            except (OSError, ValueError) as error:
                raise UsageError(f"--passphrase-fd cannot be read: {error}.") from None
        named = environment().get(VARIABLE)
        return first_line(Path(named).expanduser(), self._output) if named else None


def has_terminal() -> bool:
    """Whether somebody sits there and sees what is asked."""
    if not sys.stderr.isatty():
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def typed(prompt: str) -> str:
    """What is typed, unseen. Raises ChatError: the terminal went away."""
    # The loop would note a Ctrl+C and go on reading.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return getpass.getpass(prompt)
    except (EOFError, OSError):
        raise ChatError("No passphrase was typed; nothing was changed.") from None
    finally:
        signal.signal(signal.SIGINT, before)


def first_line(path: Path, output: Output) -> str:
    """The passphrase in a file. Raises UsageError: it cannot be read, or says nothing."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            line = file.readline(PASSPHRASE_MAX_BYTES + 2)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from None
    if stat.S_ISREG(mode) and mode & OTHERS:
        output.note(f"warning: {path} can be read by others; `chmod 600` closes it.")
    return _line(line, str(path))


def _line(data: bytes, where: str) -> str:
    line = data.removesuffix(b"\n").removesuffix(b"\r")
    if not line or len(line) > PASSPHRASE_MAX_BYTES:
        raise UsageError(f"{where} has no passphrase in its first line.")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise UsageError(f"The first line of {where} is not text in UTF-8.") from None
