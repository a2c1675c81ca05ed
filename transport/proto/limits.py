"""Every bound of a link: unit in the name, reason beside it.

The values up to "Local choices" are part of the wire format (docs/protocol/link.md): both sides
must agree on them. The others may differ from device to device.
"""

# Keys and hashes
KEY_BYTES = 32  # X25519 and ChaCha20-Poly1305 keys, link keys, contexts, device ids
TAG_BYTES = 16  # Poly1305
HASH_BYTES = 64  # BLAKE2b

# Preamble
LINK_VERSION = 1
NONCE_BYTES = 16  # random per dial: hints of one workspace never look alike
HINT_BYTES = 16  # 128 bits: no two secrets answer to one hint
DISCOVERY_TAG_BYTES = 8  # a false match costs one failed dial
DISCOVERY_LABEL_BYTES = 3  # what tells one screen in a room from another
PREAMBLE_BYTES = 1 + NONCE_BYTES + HINT_BYTES

# Handshake
HANDSHAKE_PAYLOAD_MAX_BYTES = 4 * 1024  # versions, device keys and a few roster heads: under 1 KiB
HANDSHAKE_MESSAGE_MAX_BYTES = 8 * 1024  # the largest is message 2: 80 + 4,096 + 16 bytes

# Frames
FRAME_MAX_BYTES = 16 * 1024  # with tag: 13 ms at 10 Mbit/s, which a live message may have to wait
FRAME_PLAINTEXT_MAX_BYTES = FRAME_MAX_BYTES - TAG_BYTES
REKEY_EVERY_FRAMES = 2**20  # in each direction; far below what one ChaCha20-Poly1305 key may seal
PRIORITIES = 6  # live, page on screen, newest, backfill, blocks, prefetch
FIRST_BULK_PRIORITY = 2  # from here on bytes need credit
CLOSE_TEXT_MAX_BYTES = 200  # a sentence
EXTENSION_MAX_BYTES = 1024  # an extension record this build passes over

# Messages, by the class of their kind: its low two bits, so that kinds to come are bounded too
CONTROL_MESSAGE_MAX_BYTES = 64 * 1024  # class 0 and 3: a signed entry or claim is at most 48 KiB
SYNC_MESSAGE_MAX_BYTES = 1024 * 1024 + 4 * 1024  # class 1: 1 MiB of entries and their header
BLOCK_MESSAGE_MAX_BYTES = 1024 * 1024 + 64 * 1024  # class 2: a 1 MiB block and its header

# Credit
INITIAL_CREDIT_BYTES = 64 * 1024  # what each side may send in bulk before any grant
CREDIT_MAX_BYTES = 2**32 - 1  # what a peer may have granted us and we not used

# Local choices
WINDOW_MIN_BYTES = 48 * 1024  # measured: p95 42 ms for live behind bulk at 10 Mbit/s; 64: 54 ms
WINDOW_MAX_BYTES = 4 * 1024 * 1024  # fills 100 Mbit/s at 160 ms, twice over
BULK_FRAGMENT_MIN_BYTES = 4 * 1024  # less credit than this is not worth a frame of its own
LARGE_REST_BYTES = 8 * 1024  # of a frame: not left empty for a message that has to be cut
CREDIT_STEP_DIVISOR = 4  # credit is returned in quarters of the window: four grants a round trip
STORE_DELAY_MAX_SECONDS = 0.1  # how much of a slow disk the window makes up for: two patient turns
RATE_DECAY = 7 / 8  # of the measured rate each round in which less came
PONGS_WAITING_MAX = 64  # answers queued for a peer that pings and does not read
UNREAD_MAX_BYTES = 4 * 1024 * 1024  # received, not read by the application: reading pauses
UNREAD_MESSAGE_BYTES = 128  # what each of them takes beside its payload
SEND_QUEUE_MAX_BYTES = 16 * 1024 * 1024  # waiting on one link; a peer this slow is better redialled
IDLE_BEFORE_PING_SECONDS = 5.0  # a dead peer is noticed within 7.5 s
PONG_WITHIN_SECONDS = 2.5  # any frame counts as an answer
MEASURE_RTT_EVERY_SECONDS = 30.0  # on a busy link, so that the window knows the round trip
DRAIN_BUDGET_BYTES = 32 * 1024  # handed to the socket at once: what a live message waits behind
DRAINS_PER_TURN = 4  # while the socket has sent all of it at once: a fast line, where this is 1 ms
NOT_SENT_LOW_WATER_BYTES = 16 * 1024  # TCP_NOTSENT_LOWAT: the kernel's unsent queue, likewise
DIAL_TIMEOUT_SECONDS = 2.0  # a TCP connection on any usable path
HANDSHAKE_TIMEOUT_SECONDS = 5.0  # from the first byte to the established link
CLOSE_LINGER_SECONDS = 1.0  # so that the reason of a close arrives before the reset
HALF_OPEN_PER_ADDRESS_MAX = 32  # unauthenticated connections from one address
HALF_OPEN_MAX = 256  # and in all: 256 x 20 KB
LINKS_MAX = 512  # accepted and established; a process may have 1,024 descriptors

# Reconnecting
BACKOFF_FIRST_MIN_SECONDS = 0.1
BACKOFF_FIRST_MAX_SECONDS = 0.3
BACKOFF_RECENT_MAX_SECONDS = 1.5  # a peer that was here lately: back within two seconds
BACKOFF_MAX_SECONDS = 30.0  # a peer that may be gone for the day
SEEN_RECENTLY_SECONDS = 10 * 60.0

# Overlay: which of the devices that are online are linked directly
OVERLAY_MESH_MAX = 32  # all with all up to here: below 500 links in the whole team
OVERLAY_CHOICES = 4  # each chooses so many beyond it: connected when three in ten vanish at once
OVERLAY_CHOICES_LARGE = 6  # with 4, half of 200 devices vanishing cuts some off; with 6 it does not
OVERLAY_LARGE_FROM = 200
OVERLAY_BRIDGES = 2  # devices that keep a link to one relay; one may crash

# Discovery
DISCOVERY_TAGS_MAX = 8  # 64 bytes of TXT; nobody is in more teams on one machine
DISCOVERY_ADDRESSES_MAX = 8  # of one announcement; a laptop has two or three
DISCOVERY_TXT_MAX_BYTES = 512  # of one announcement; ours is under 100
DISCOVERY_FOUND_MAX = 512  # announcements remembered; then the oldest are forgotten
DISCOVERY_LOOKUPS_MAX = 32  # announcements being resolved at the same moment
DISCOVERY_LOOKUP_SECONDS = 3  # an announcement usually carries all it needs
DISCOVERY_ROTATE_SECONDS = 60 * 60.0  # after this a listener cannot tell it is still us
ADDRESSES_POLL_SECONDS = 1.0
SLEEP_GAP_SECONDS = 5.0  # a tick this late means the machine slept

assert BLOCK_MESSAGE_MAX_BYTES < 2**24, "a message's length travels in three bytes"
assert FRAME_MAX_BYTES < 2**16, "a record's length travels in two bytes"
assert HANDSHAKE_PAYLOAD_MAX_BYTES + 96 <= HANDSHAKE_MESSAGE_MAX_BYTES <= FRAME_MAX_BYTES

assert BULK_FRAGMENT_MIN_BYTES + WINDOW_MIN_BYTES // CREDIT_STEP_DIVISOR < WINDOW_MIN_BYTES


def message_max_bytes(kind: int) -> int:
    """The longest payload a message of this kind (0..255) may have."""
    return _BY_CLASS[kind & 3]


_BY_CLASS = (
    CONTROL_MESSAGE_MAX_BYTES,
    SYNC_MESSAGE_MAX_BYTES,
    BLOCK_MESSAGE_MAX_BYTES,
    CONTROL_MESSAGE_MAX_BYTES,
)
