"""What the file `key` says: the database's key, or how to come by it. Bytes to values and back.

    1  Plain   || key 32                                      the key as it is
    2  Sealed  || memory_kib u32 || passes u32 || salt 16     under a passphrase (Argon2id)
               || nonce 24 || sealed 48
    3  Ringed  || name 16 || check 16                         in the system's keyring, by this name
    4  Derived || salt 16 || check 16                         from the key of the profile, see below

Derived is of a workspace beside the first one of a profile: its key follows from the first one's,
so that one passphrase guards them all. Numbers are big-endian. `sealed` is XChaCha20-Poly1305 of
the key, under a key derived from the stretched passphrase, with everything before it as associated
data: a swapped salt or another cost is a passphrase that does not open. `check` follows from the
key, so a keyring that gives another one is found out. The parameters stand in the file and are
bounded when read, because a file that came back from elsewhere must not take all memory, or a day.
docs/protocol/profile.md is the page.
"""

import struct
import unicodedata
from dataclasses import dataclass, field
from typing import NamedTuple

from crdt.errors import Invalid, TooNew
from crdt.keys import Entropy, digest, equal, kdf, open_sealed, seal, stretch
from crdt.limits import KEY_BYTES, NONCE_BYTES, TAG_BYTES

PLAIN, SEALED, RINGED, DERIVED = 1, 2, 3, 4
"""Versions of the file."""
FILE_MAX_BYTES = 4096
"""No version has more; a file that has is none."""
SALT_BYTES = 16
NAME_BYTES = 16
CHECK_BYTES = 16
MEMORY_MIN_KIB = 8  # the least that Argon2 has
MEMORY_MAX_KIB = 1024 * 1024  # a gigabyte: what any machine that runs this can spare for a moment
WORK_MAX_KIB = 4 * 1024 * 1024  # memory by passes: half a minute on a slow machine
PASSPHRASE_MAX_BYTES = 1024
"""A longer text is a wrong file."""

_HEAD = struct.Struct(">BII16s24s")
_LABEL = b"x1.vault"
_CHECK = b"x1.vault.check"
_BESIDE = b"x1.vault.beside"


class Cost(NamedTuple):
    """What one try of a passphrase takes: memory in KiB, and passes over it."""

    memory_kib: int
    passes: int


COST = Cost(64 * 1024, 3)
"""The second choice of RFC 9106 (4), as far as one lane has it: 0.2 s on the machine of 2020, which
each command that opens the profile itself waits for, and 64 MiB for whoever guesses."""


@dataclass(frozen=True, slots=True)
class Plain:
    """The key itself."""

    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """The key under a passphrase."""

    cost: Cost
    salt: bytes
    nonce: bytes
    sealed: bytes

    @property
    def head(self) -> bytes:
        """Everything before `sealed`."""
        return _HEAD.pack(SEALED, *self.cost, self.salt, self.nonce)

    def stretched(self, passphrase: str) -> bytes:
        """The key that this passphrase makes; slow. Raises Invalid: the memory is not there."""
        return kdf(stretch(prepared(passphrase), self.salt, *self.cost), _LABEL)

    def open(self, stretched: bytes) -> bytes:
        """The database's key. Raises Invalid: it was another passphrase, or the file changed."""
        return open_sealed(stretched, self.nonce, self.sealed, self.head)


@dataclass(frozen=True, slots=True)
class Ringed:
    """The name of the key in the system's keyring."""

    name: bytes
    check: bytes

    def is_of(self, key: bytes) -> bool:
        """Whether this is the key that was put there."""
        return len(key) == KEY_BYTES and equal(self.check, _check(key))


@dataclass(frozen=True, slots=True)
class Derived:
    """What the key follows from, beside the key of the profile."""

    salt: bytes
    check: bytes

    def key_from(self, main: bytes) -> bytes:
        """The database's key. Raises Invalid: that is the key of another profile."""
        key = kdf(main, _BESIDE, self.salt)
        if not equal(self.check, _check(key)):
            raise Invalid("not the key that this one follows from")
        return key


Vault = Plain | Sealed | Ringed | Derived


def prepared(passphrase: str) -> bytes:
    """The bytes that are stretched: one text is one passphrase, whatever keyboard wrote it."""
    return unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogateescape")


def sealed_with(passphrase: str, key: bytes, entropy: Entropy, cost: Cost = COST) -> Sealed:
    """Put a key under a passphrase. Raises Invalid: the memory is not there."""
    empty = Sealed(cost, entropy(SALT_BYTES), entropy(NONCE_BYTES), b"")
    box = seal(empty.stretched(passphrase), empty.nonce, key, empty.head)
    return Sealed(cost, empty.salt, empty.nonce, box)


def ringed(key: bytes, entropy: Entropy) -> Ringed:
    """A new name for a key in the keyring."""
    return Ringed(entropy(NAME_BYTES), _check(key))


def derived(main: bytes, entropy: Entropy) -> Derived:
    """A new key that follows from the profile's."""
    salt = entropy(SALT_BYTES)
    return Derived(salt, _check(kdf(main, _BESIDE, salt)))


def encode(vault: Vault) -> bytes:
    """The file."""
    match vault:
        case Plain(key):
            return bytes((PLAIN,)) + key
        case Sealed():
            return vault.head + vault.sealed
        case Ringed(name, check):
            return bytes((RINGED,)) + name + check
        case Derived(salt, check):
            return bytes((DERIVED,)) + salt + check


def decode(data: bytes) -> Vault:
    """What a file says.

    Raises:
        TooNew: a later version wrote it.
        Invalid: it is none of these, or its parameters are beyond the bounds.
    """
    if not data:
        raise Invalid("a key file is not empty")
    version, rest = data[0], data[1:]
    if version > DERIVED:
        raise TooNew("a later version of the key file")
    if version == PLAIN and len(rest) == KEY_BYTES:
        return Plain(rest)
    if version == RINGED and len(rest) == NAME_BYTES + CHECK_BYTES:
        return Ringed(rest[:NAME_BYTES], rest[NAME_BYTES:])
    if version == DERIVED and len(rest) == SALT_BYTES + CHECK_BYTES:
        return Derived(rest[:SALT_BYTES], rest[SALT_BYTES:])
    if version != SEALED or len(data) != _HEAD.size + KEY_BYTES + TAG_BYTES:
        raise Invalid("not the size of a key file")
    _, memory_kib, passes, salt, nonce = _HEAD.unpack_from(data)
    if not (MEMORY_MIN_KIB <= memory_kib <= MEMORY_MAX_KIB and passes >= 1):
        raise Invalid("the memory or passes of a key file are out of bounds")
    if memory_kib * passes > WORK_MAX_KIB:
        raise Invalid("a key file asks for too much work")
    return Sealed(Cost(memory_kib, passes), salt, nonce, data[_HEAD.size :])


def _check(key: bytes) -> bytes:
    return digest(_CHECK, key)[:CHECK_BYTES]
