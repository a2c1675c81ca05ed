"""Noise handshakes over 25519, ChaChaPoly and BLAKE2b (The Noise Protocol Framework, revision 34).

Theory of operation. A handshake pattern is data: a table of tokens for each message. A
`HandshakeState` walks the table; `write_message` and `read_message` alternate between the sides,
each token mixing a public key, a Diffie-Hellman secret or a pre-shared key into one running hash
and one chaining key. After the last message `split` gives two `CipherState`s, one for each
direction.

Rules:
- Randomness is an argument: the only secret made here is the ephemeral one.
- A nonce moves on only after a message has opened. A forged frame therefore changes nothing,
  but a session gives the link up after the first (flynn/noise GHSA-g9mp-8g3h-3c5c shows why the
  order matters).
- Any failure while reading is a `RemoteFault`, and the state refuses everything after it.

The engine takes any pattern and any number of psk modifiers, so that it can be checked against
the published vectors of other implementations (tests/vectors/noise.json); links use `XX_PSK0`.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from transport.proto import crypto
from transport.proto.errors import LocalFault, Reason, RemoteFault
from transport.proto.limits import FRAME_MAX_BYTES, HASH_BYTES, KEY_BYTES, TAG_BYTES

_SUITE = "25519_ChaChaPoly_BLAKE2b"
_NONCE_END = 2**64 - 1
"""This nonce is reserved for REKEY (section 4.2); no message may use it."""


class Token(StrEnum):
    """Part of a handshake message; of two letters the first is the initiator's key."""

    E = "e"
    S = "s"
    EE = "ee"
    ES = "es"
    SE = "se"
    SS = "ss"
    PSK = "psk"


@dataclass(frozen=True, slots=True)
class HandshakePattern:
    """What each handshake message consists of (section 7).

    Attributes:
        name: pattern and modifiers, as in a protocol name: "XXpsk0".
        messages: tokens of each message, the initiator's first.
        initiator_known, responder_known: whether that side's static key is known beforehand.
    """

    name: str
    messages: tuple[tuple[Token, ...], ...]
    initiator_known: bool = False
    responder_known: bool = False

    @property
    def protocol_name(self) -> bytes:
        return f"Noise_{self.name}_{_SUITE}".encode("ascii")

    @property
    def uses_psk(self) -> bool:
        return any(Token.PSK in tokens for tokens in self.messages)


XX_PSK0 = HandshakePattern(
    "XXpsk0",
    (
        (Token.PSK, Token.E),
        (Token.E, Token.EE, Token.S, Token.ES),
        (Token.S, Token.SE),
    ),
)
"""Mutual authentication with both static keys hidden, behind a key that strangers lack."""


@dataclass(slots=True)
class CipherState:
    """One key and its counter (section 5.1). With no key, messages pass unchanged."""

    key: bytes | None = field(default=None, repr=False)
    nonce: int = 0

    def encrypt(self, associated: bytes, plaintext: bytes) -> bytes:
        """Seal the next message.

        Raises:
            LocalFault: 2^64 - 1 messages were sealed.
        """
        if self.key is None:
            return plaintext
        ciphertext = crypto.seal(self.key, self._nonce_bytes(), associated, plaintext)
        self.nonce += 1
        return ciphertext

    def decrypt(self, associated: bytes, ciphertext: bytes) -> bytes:
        """Open the next message; the counter stays where it is when that fails.

        Raises:
            RemoteFault: it does not open.
        """
        if self.key is None:
            return ciphertext
        plaintext = crypto.open_sealed(self.key, self._nonce_bytes(), associated, ciphertext)
        self.nonce += 1
        return plaintext

    def rekey(self) -> None:
        """Replace the key by one derived from it; the counter goes on (section 11.3)."""
        assert self.key is not None
        nonce = bytes(4) + struct.pack("<Q", _NONCE_END)
        self.key = crypto.seal(self.key, nonce, b"", bytes(KEY_BYTES))[:KEY_BYTES]

    def _nonce_bytes(self) -> bytes:
        if self.nonce >= _NONCE_END:
            raise LocalFault("this cipher has sealed all messages it may")
        return bytes(4) + struct.pack("<Q", self.nonce)


class SymmetricState:
    """Chaining key, running hash and the cipher of the moment (section 5.2)."""

    def __init__(self, protocol_name: bytes) -> None:
        if len(protocol_name) <= HASH_BYTES:
            self.hash = protocol_name.ljust(HASH_BYTES, b"\0")
        else:
            self.hash = crypto.blake2b(protocol_name)
        self._chaining_key = self.hash
        self.cipher = CipherState()

    def mix_hash(self, data: bytes) -> None:
        self.hash = crypto.blake2b(self.hash, data)

    def mix_key(self, input_key: bytes) -> None:
        self._chaining_key, key = crypto.hkdf(self._chaining_key, input_key, 2)
        self.cipher = CipherState(key[:KEY_BYTES])

    def mix_key_and_hash(self, input_key: bytes) -> None:
        self._chaining_key, mixed, key = crypto.hkdf(self._chaining_key, input_key, 3)
        self.mix_hash(mixed)
        self.cipher = CipherState(key[:KEY_BYTES])

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        ciphertext = self.cipher.encrypt(self.hash, plaintext)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext: bytes) -> bytes:
        plaintext = self.cipher.decrypt(self.hash, ciphertext)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[CipherState, CipherState]:
        first, second = crypto.hkdf(self._chaining_key, b"", 2)
        return CipherState(first[:KEY_BYTES]), CipherState(second[:KEY_BYTES])


class HandshakeState:
    """One side of one handshake (section 5.3).

    Attributes:
        remote_static: the other side's static public key, once known.
        finished: every message was written or read; `split` may be called.

    Args:
        entropy: draws the ephemeral secret, 32 bytes, when it is first needed.
        static_secret: own X25519 secret, unless the pattern has none for this side.
        remote_static: the other's public key, if the pattern says it is known.
        psks: one 32-byte key for each psk token, in order.
    """

    def __init__(
        self,
        pattern: HandshakePattern,
        *,
        initiator: bool,
        prologue: bytes,
        entropy: crypto.Entropy,
        static_secret: bytes | None = None,
        remote_static: bytes | None = None,
        psks: Sequence[bytes] = (),
    ) -> None:
        self._pattern = pattern
        self._initiator = initiator
        self._entropy = entropy
        self._static = static_secret
        self._ephemeral: bytes | None = None
        self._remote_ephemeral: bytes | None = None
        self._psks = list(psks)
        self._next = 0
        self._failed = False
        self.remote_static = remote_static
        self._symmetric = SymmetricState(pattern.protocol_name)
        self._symmetric.mix_hash(prologue)
        if pattern.initiator_known:
            self._symmetric.mix_hash(self._known_static(initiator))
        if pattern.responder_known:
            self._symmetric.mix_hash(self._known_static(not initiator))

    @property
    def finished(self) -> bool:
        return self._next == len(self._pattern.messages)

    @property
    def handshake_hash(self) -> bytes:
        """64 bytes that name this handshake, equal on both sides (section 11.2)."""
        return self._symmetric.hash

    def write_message(self, payload: bytes) -> bytes:
        """The next handshake message with `payload` in it, sealed as far as the pattern can.

        Raises:
            LocalFault: it is not this side's turn.
            RemoteFault: the other side's public key gives no secret.
        """
        tokens = self._turn(writing=True)
        parts = [self._write_token(token) for token in tokens]
        parts.append(self._symmetric.encrypt_and_hash(payload))
        self._next += 1
        return b"".join(parts)

    def read_message(self, message: bytes) -> bytes:
        """The payload of the next handshake message.

        Raises:
            LocalFault: it is not the other side's turn.
            RemoteFault: too long or too short, or it does not open; the handshake is over.
        """
        tokens = self._turn(writing=False)
        self._failed = True  # until every token and the payload have been read
        if len(message) > FRAME_MAX_BYTES:
            raise RemoteFault(Reason.OVERSIZED, "a handshake message is too long")
        for token in tokens:
            message = self._read_token(token, message)
        payload = self._symmetric.decrypt_and_hash(message)
        self._failed = False
        self._next += 1
        return payload

    def split(self) -> tuple[CipherState, CipherState]:
        """Ciphers for sending and for receiving, in this order.

        Raises:
            LocalFault: the handshake is not finished.
        """
        if not self.finished:
            raise LocalFault("the handshake is not finished")
        from_initiator, from_responder = self._symmetric.split()
        if self._initiator:
            return from_initiator, from_responder
        return from_responder, from_initiator

    def _turn(self, *, writing: bool) -> tuple[Token, ...]:
        ours = (self._next % 2 == 0) == self._initiator
        if self._failed or self.finished or ours != writing:
            raise LocalFault("the handshake has no such message now")
        return self._pattern.messages[self._next]

    def _write_token(self, token: Token) -> bytes:
        if token is Token.E:
            self._ephemeral = self._entropy(KEY_BYTES)
            public = crypto.public_key(self._ephemeral)
            self._mix_ephemeral(public)
            return public
        if token is Token.S:
            assert self._static is not None
            return self._symmetric.encrypt_and_hash(crypto.public_key(self._static))
        self._mix_secret(token)
        return b""

    def _read_token(self, token: Token, message: bytes) -> bytes:
        """Take what the token stands for off the message; the rest of the message."""
        if token is Token.E:
            public, rest = _take(message, KEY_BYTES)
            self._remote_ephemeral = public
            self._mix_ephemeral(public)
            return rest
        if token is Token.S:
            sealed = KEY_BYTES if self._symmetric.cipher.key is None else KEY_BYTES + TAG_BYTES
            public, rest = _take(message, sealed)
            self.remote_static = self._symmetric.decrypt_and_hash(public)
            return rest
        self._mix_secret(token)
        return message

    def _mix_ephemeral(self, public: bytes) -> None:
        self._symmetric.mix_hash(public)
        if self._pattern.uses_psk:  # section 9.2: randomises the key that the psk alone would give
            self._symmetric.mix_key(public)

    def _mix_secret(self, token: Token) -> None:
        """Mix what both sides can compute: a pre-shared key or a Diffie-Hellman secret."""
        if token is Token.PSK:
            self._symmetric.mix_key_and_hash(self._psks.pop(0))
            return
        initiators, responders = token.value[0], token.value[1]
        own, theirs = (initiators, responders) if self._initiator else (responders, initiators)
        secret = self._ephemeral if own == "e" else self._static
        public = self._remote_ephemeral if theirs == "e" else self.remote_static
        assert secret is not None
        assert public is not None
        self._symmetric.mix_key(crypto.diffie_hellman(secret, public))

    def _known_static(self, own: bool) -> bytes:
        if own:
            assert self._static is not None
            return crypto.public_key(self._static)
        assert self.remote_static is not None
        return self.remote_static


def _take(message: bytes, length: int) -> tuple[bytes, bytes]:
    if len(message) < length:
        raise RemoteFault(Reason.FORMAT, "a handshake message is too short")
    return message[:length], message[length:]
