"""Opening a link: three messages, after which both sides know whom they talk to.

    initiator                                        responder
       version | nonce | hint | Noise 1 (psk, e)  ->    finds the secret the hint belongs to
                                                  <-    Noise 2 (e, ee, s, es), its payload
       Noise 3 (s, se), its payload               ->
    established                                      established

Receive, then drain: after making a machine and after each `receive`, send every item of
`data_to_send()` as one WebSocket message. Once `result` is there, what arrives next belongs to a
`Session`. A fault ends the machine. The payloads (at most 4 KiB) are opaque here; the responder's
is sealed to nobody in particular, since whoever holds the link key may ask for it, so it should
say no more than whoever may dial may know. The initiator's is read by the responder alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from transport.proto import crypto
from transport.proto.errors import HandshakeRefused, LocalFault, Reason, RemoteFault
from transport.proto.hints import LinkSecret, link_psk
from transport.proto.limits import (
    HANDSHAKE_MESSAGE_MAX_BYTES,
    HANDSHAKE_PAYLOAD_MAX_BYTES,
    NONCE_BYTES,
)
from transport.proto.noise import XX_PSK0, CipherState, HandshakeState
from transport.proto.preamble import Preamble, split_preamble


@dataclass(frozen=True, slots=True)
class Established:
    """What a finished handshake leaves.

    Attributes:
        remote_static: X25519 public key of the device at the other end, 32 bytes; proven.
        remote_payload: what that device said of itself.
        handshake_hash: 64 bytes that name this link on both sides.
        send, receive: the ciphers of the two directions.
        secret: what the link was opened with.
        initiator: whether this side dialled.
    """

    remote_static: bytes
    remote_payload: bytes
    handshake_hash: bytes
    send: CipherState = field(repr=False)
    receive: CipherState = field(repr=False)
    secret: LinkSecret
    initiator: bool


class Initiator:
    """The side that dials.

    Args:
        secret: what to open the link with.
        static_secret: own X25519 secret, 32 bytes.
        payload: what the other side is told once it has proven itself.
    """

    def __init__(
        self,
        secret: LinkSecret,
        static_secret: bytes,
        entropy: crypto.Entropy,
        payload: bytes,
    ) -> None:
        self.result: Established | None = None
        self._secret = secret
        self._own_public = crypto.public_key(static_secret)
        self._payload = _checked(payload)
        self._failed = False
        preamble = Preamble.for_secret(secret, entropy(NONCE_BYTES))
        self._noise = HandshakeState(
            XX_PSK0,
            initiator=True,
            prologue=preamble.prologue(secret.context),
            entropy=entropy,
            static_secret=static_secret,
            psks=[link_psk(secret.key)],
        )
        self._outgoing = [preamble.encode() + self._noise.write_message(b"")]

    def data_to_send(self) -> list[bytes]:
        """Messages to send now, each as one WebSocket message."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def receive(self, data: bytes) -> None:
        """Take the responder's answer.

        Raises:
            RemoteFault: it is not a proper answer; the handshake is over.
            LocalFault: nothing is awaited.
        """
        if self._failed or self.result is not None:
            raise LocalFault("this handshake is over")
        self._failed = True
        remote_payload = _read(self._noise, data)
        _refuse_self(self._noise, self._own_public)
        self._outgoing.append(self._noise.write_message(self._payload))
        self.result = _established(self._noise, remote_payload, self._secret, initiator=True)
        self._failed = False


class Responder:
    """The side that answers.

    Args:
        lookup: finds the secret a nonce and hint belong to; None refuses the link.
        static_secret: own X25519 secret, 32 bytes.
        payload: what to tell a device that dialled with the secret found.
    """

    def __init__(
        self,
        lookup: Callable[[bytes, bytes], LinkSecret | None],
        static_secret: bytes,
        entropy: crypto.Entropy,
        payload: Callable[[LinkSecret], bytes],
    ) -> None:
        self.result: Established | None = None
        self._lookup = lookup
        self._static = static_secret
        self._entropy = entropy
        self._payload = payload
        self._noise: HandshakeState | None = None
        self._secret: LinkSecret | None = None
        self._failed = False
        self._outgoing: list[bytes] = []

    def data_to_send(self) -> list[bytes]:
        """Messages to send now, each as one WebSocket message."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def receive(self, data: bytes) -> None:
        """Take the initiator's next message.

        Raises:
            HandshakeRefused: another version, a hint nobody here knows, or our own device.
            RemoteFault: it is not a proper message; the handshake is over.
            LocalFault: nothing is awaited.
        """
        if self._failed or self.result is not None:
            raise LocalFault("this handshake is over")
        self._failed = True
        if self._noise is None:
            self._answer(data)
        else:
            assert self._secret is not None
            remote_payload = _read(self._noise, data)
            _refuse_self(self._noise, crypto.public_key(self._static))
            self.result = _established(self._noise, remote_payload, self._secret, initiator=False)
        self._failed = False

    def _answer(self, data: bytes) -> None:
        preamble, message = split_preamble(data)
        secret = self._lookup(preamble.nonce, preamble.hint)
        if secret is None:
            raise HandshakeRefused(Reason.NO_MATCH, "no workspace here answers to that hint")
        noise = HandshakeState(
            XX_PSK0,
            initiator=False,
            prologue=preamble.prologue(secret.context),
            entropy=self._entropy,
            static_secret=self._static,
            psks=[link_psk(secret.key)],
        )
        _read(noise, message)
        self._outgoing.append(noise.write_message(_checked(self._payload(secret))))
        self._noise, self._secret = noise, secret


def _read(noise: HandshakeState, message: bytes) -> bytes:
    if len(message) > HANDSHAKE_MESSAGE_MAX_BYTES:
        raise RemoteFault(Reason.OVERSIZED, "a handshake message is too long")
    payload = noise.read_message(message)
    if len(payload) > HANDSHAKE_PAYLOAD_MAX_BYTES:
        raise RemoteFault(Reason.OVERSIZED, "a handshake payload is too long")
    return payload


def _checked(payload: bytes) -> bytes:
    if len(payload) > HANDSHAKE_PAYLOAD_MAX_BYTES:
        raise LocalFault("our handshake payload is too long")
    return payload


def _refuse_self(noise: HandshakeState, own_public: bytes) -> None:
    """A device that finds its own announcement, or is sent its own messages back, hangs up."""
    if noise.remote_static == own_public:
        raise HandshakeRefused(Reason.SELF, "the device at that address is this one")


def _established(
    noise: HandshakeState, remote_payload: bytes, secret: LinkSecret, *, initiator: bool
) -> Established:
    assert noise.remote_static is not None
    send, receive = noise.split()
    return Established(
        remote_static=noise.remote_static,
        remote_payload=remote_payload,
        handshake_hash=noise.handshake_hash,
        send=send,
        receive=receive,
        secret=secret,
        initiator=initiator,
    )
