"""Every bound of the replicated layer, unit in the name, reason beside it."""

DIGEST_BYTES = 32  # BLAKE2b-256: entry, roster op and workspace ids
ID_BYTES = 16  # channel, scope, member and message ids: 128 bits, never chosen by a stranger alone
INCARNATION_BYTES = (
    8  # random per opening of a device's logs; collisions matter within one device only
)
SIGNATURE_BYTES = 64  # Ed25519, RFC 8032
KEY_BYTES = 32  # Ed25519, X25519 and XChaCha20-Poly1305 keys
NONCE_BYTES = 24  # XChaCha20-Poly1305: random nonces never repeat at this size
TAG_BYTES = 16  # Poly1305

ENTRY_MAX_BYTES = 48 * 1024  # header, signature and ciphertext; three link frames
ROSTER_OP_MAX_BYTES = 48 * 1024  # the same, so one message kind carries either
PAYLOAD_MAX_BYTES = 46 * 1024  # plaintext after padding; leaves room for header, tag and signature
ROSTER_PARENTS_MAX = 8  # heads beyond this are merged by the next op
SEQ_MAX = 2**48 - 1  # fits every language's integer; 8,900 years at 1,000 entries a second
ANCHOR_EVERY = 64  # every 64th entry keeps its signature: a range of 64 costs one verification

MESSAGE_TEXT_MAX_CHARS = 8_000  # longer text is a file; the composer offers that
NICK_MAX_CHARS = 64  # profile names
CHANNEL_NAME_MAX_CHARS = 64
TOPIC_MAX_CHARS = 512
FILE_NAME_MAX_CHARS = 255  # what file systems take
MEDIA_TYPE_MAX_CHARS = 127  # RFC 6838 section 4.2
EMOJI_MAX_CHARS = 32  # a family emoji is 11 code points; custom :names: fit as well
FILES_PER_MESSAGE_MAX = 16
MENTIONS_MAX = 64
PREVIEW_MAX_BYTES = 16 * 1024  # a small picture inside the sealed entry
CAPTION_MAX_CHARS = 1_000  # caption and alternative text of a file

CLOCK_MERGE_MAX_MS = 60 * 60 * 1000  # a remote clock moves ours at most an hour ahead of now
CLOCK_BADGE_MS = 2 * 60 * 1000  # a message further ahead than this is badged

assert PAYLOAD_MAX_BYTES + TAG_BYTES + SIGNATURE_BYTES + 600 <= ENTRY_MAX_BYTES
