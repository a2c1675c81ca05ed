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
ACCEPT_LOGS_MAX = 360  # logs in one accept: 37 KiB, beside 512 scopes; several accepts add up
DEVICES_EVER_MAX = 128  # of one member, removed ones too; a flood of keys ends here
INVITE_REST_MAX_BYTES = 1024  # keys, workspace id and a few address hints
SCOPE_CHANGE_MAX = 512  # members in one change of a scope: 9 KiB
SEALED_DEVICES_MAX = 1_280  # devices named in one rekey: 44 KiB; larger scopes add shares
WRAPS_MAX = 16  # earlier epochs a rekey hands on; the chain goes on from there
WRAPPED_KEY_BYTES = 24 + 32 + 16  # nonce, key, tag
SHARED_KEY_MAX_BYTES = 256  # a sealed box of a key, its scope and salt
SEQ_MAX = 2**48 - 1  # fits every language's integer; 8,900 years at 1,000 entries a second
ANCHOR_EVERY = 64  # every 64th entry keeps its signature: a range of 64 costs one verification

MESSAGE_TEXT_MAX_CHARS = 8_000  # longer text is a file; the composer offers that
NICK_MAX_CHARS = 64  # profile names
CHANNEL_NAME_MAX_CHARS = 64
TOPIC_MAX_CHARS = 512
HIDE_REASON_MAX_CHARS = 256  # a sentence; it stands in one line in place of the message
FILE_NAME_MAX_CHARS = 255  # what file systems take
MEDIA_TYPE_MAX_CHARS = 127  # RFC 6838 section 4.2
EMOJI_MAX_CHARS = 32  # a family emoji is 11 code points; custom :names: fit as well
FILES_PER_MESSAGE_MAX = 16
MENTIONS_MAX = 64
ERASED_PLACES_MAX = 512  # entries of one message: 28 KiB; who edits more often says it in parts
KEEP_MIN_DAYS = 1  # a rule that is shorter would forget what somebody has not read since yesterday
KEEP_MAX_DAYS = 36_500  # a century is for ever
KEEP_NOTICE_MS = 24 * 3600 * 1000  # from a channel's rule to obeying it: a slip can be taken back
KEEP_SLACK_MS = (
    60 * 60 * 1000
)  # a peer whose clock is so much ahead forgets sooner, and is believed
PREVIEW_MAX_BYTES = 16 * 1024  # a small picture inside the sealed entry
CAPTION_MAX_CHARS = 1_000  # caption and alternative text of a file

CLOCK_MERGE_MAX_MS = 60 * 60 * 1000  # a remote clock moves ours at most an hour ahead of now
CLOCK_BADGE_MS = 2 * 60 * 1000  # a message further ahead than this is badged
CLOCK_RETURN_MS = CLOCK_MERGE_MAX_MS + CLOCK_BADGE_MS  # our own last reading is given up beyond
# this; it is more than what is followed, so a wall clock that is set back a little costs no order

# Replication: one message, one answer, one link.
SYNC_MESSAGE_MAX_BYTES = 256 * 1024  # what a decoder accepts; transport cuts it into frames
HELLO_MAX_BYTES = 256  # a reconnect with nothing new costs no more than this on each side
RUN_TARGET_BYTES = 48 * 1024  # a bulk message is a few frames, so live entries get in between
PUSH_MAX_BYTES = 32 * 1024  # what may be sent unasked; more is announced and pulled
TOUCHED_MAX_LOGS = 2_000  # beyond this, comparing channels is shorter than listing logs
LISTED_AT_ONCE_LOGS = 128  # up to here listing all logs (6 KiB) saves the round of fingerprints
WANTED_MAX_LOGS = 250_000  # of one link: 1,000 channels with 200 authors, and some
ROWS_PER_MESSAGE_MAX = 1_024  # heads or fingerprints: about 40 KiB a message
RANGE_ENTRIES = 256  # of one log; a multiple of ANCHOR_EVERY, so that ranges end at anchors
REQUEST_ENTRIES = 512  # of all logs in one request; about 150 KiB of typical messages
REQUEST_RANGES_MAX = 64
REQUESTS_IN_FLIGHT = 6  # with REQUEST_ENTRIES: 0.9 MB on the way, 9 MB/s at 100 ms round trip
ANSWER_MAX_BYTES = 224 * 1024  # one request is never answered with more; the asker asks again
ANSWER_READ_ENTRIES = 64  # how many entries are read from the store at once while answering
PAGE_ENTRIES = 50  # about three screens of messages
PAGE_MAX_ENTRIES = 500  # what one page request may ask for
CHANNELS_PER_REQUEST = 64  # whose heads are asked for in one message
REQUEST_TIMEOUT_MS = 5_000  # without any answer a link's requests go to other links
WAITING_MAX_BYTES = 1024 * 1024  # runs held until roster ops or earlier entries arrive, all links
UNKNOWN_PEER_MAX_BYTES = 1024 * 1024  # roster ops taken from a device no roster names yet
WASTE_MAX_BYTES = 8 * 1024 * 1024  # unasked bytes of no use on one link before it is closed
SHORT_LOGS_MAX = 20_000  # logs a peer asked for in vain and is told of later; 3 MB a link
CLAIM_MAX_BYTES = 4 * 1024  # an invite claim: keys, signatures, a sealed nick
SEALED_NICK_MAX_BYTES = 512  # 64 characters of up to 4 bytes, nonce and tag, and room for padding
ROSTER_WAITING_MAX_BYTES = 4 * 1024 * 1024  # ops whose parents are missing; the oldest go first
ROSTER_VIEWS_KEPT = 256  # past rosters that were resolved by themselves; each is a second's work
ROSTER_HEADS_SENT_MAX = 256  # concurrent ops beyond this are merged by the next op
SEALS_PER_REQUEST = 16  # epochs whose seals are asked for in one message
SEALS_AHEAD_MAX_BYTES = 64 * 1024  # of one link, held until their ops come: two pushes
SEALS_AHEAD_MAX = 64  # blocks held so; small ones cost more than their bytes
TOLD_MAX_DEVICES = 64  # named in a push as having been sent the same; 256 bytes
RECEIPT_GOSSIP_DEVICES = 64  # in larger workspaces receipts go to authors and relays only
RECEIPT_ROWS_MAX = 256  # logs in one signed receipt: 10 KiB
RECEIPT_DELAY_MS = 100  # one signature for a burst of entries
RECEIPTS_KEPT_PER_DEVICE = 16  # for passing on; older ones are covered by newer ones
RECEIPTS_UNLISTED_MAX = 2  # as short as a list of them and the answer to it
RECEIPTS_LISTED_MAX = 2_048  # names in one message: 16 KiB, a frame
RECEIPTS_HEARD_MAX = 16_384  # names of receipts that came; forgotten ones are asked for again
RECEIPTS_PER_LINK_MAX = 8_192  # names taken from one link: of 512 devices all that are kept
BUDGET_DAY_BYTES = 64 * 1024 * 1024  # of one device's entries: 200,000 messages of 256 bytes
BUDGET_DAY_ENTRIES = 250_000  # tiny ones cost 500 bytes each in the database
BUDGET_ENTRY_BYTES = 64  # about what a link carries of an entry beside its ciphertext
BUDGET_FIRST_DAY = 20_454  # 2026-01-01: nothing was written earlier, and older dates give no more
FORK_PROOF_MAX_BYTES = 64 * 1024  # two branches of 64 headers, each with 8 roster heads: 55 KiB
FORKS_PER_DEVICE_MAX = 4_096  # proven logs of one device: a stolen key's, of which an honest device
# has none; whoever forks more is removed, and a removal ends the writing of all its logs at once
FORK_POINTS_MAX = 64  # proven places listed in one message: 5 KiB
FORKS_MESSAGE_BYTES = 128 * 1024  # of proofs in one message, but always one
FORK_POINTS_PER_LINK_MAX = 65_536  # that a peer may list: more is no workspace; 12 MB
BEHIND_MAX_ENTRIES = 10**9  # missing here: no workspace has more, and no field overflows
CHECK_EVERY_MS = 1_000  # at most one repeated hello a second on a link
COMPARE_EVERY_MS = 5_000  # at most one comparison of all channels in this time on a link
MARK_EVERY_MS = 2_000  # how late a peer is told what it likely has: from us, or from others
ANTI_ENTROPY_MS = 10 * 60 * 1000  # a random neighbour is greeted again this often

# Notes: one Yjs update of one author, and what a replica tells of its own place.
NOTE_UPDATE_MAX_BYTES = 32 * 1024  # with the vector beside it an entry still holds it
NOTE_ITEMS_MAX = 1_024  # of one update: a batch of typing has a handful, a rewritten page hundreds
NOTE_DELETES_MAX = 4_096  # ranges of one update: a selection over much mixed writing
NOTE_CLOCK_MAX = 2**31 - 1  # UTF-16 units of one log; below the width at which clocks wrap
NOTE_CLIENT_BITS = 53  # what every Yjs implementation keeps exactly
NOTE_RECENT_CLIENTS = 64  # of the vector, beyond those an update refers to: 1 KiB of an entry

assert PAYLOAD_MAX_BYTES + TAG_BYTES + SIGNATURE_BYTES + 600 <= ENTRY_MAX_BYTES
assert RANGE_ENTRIES % ANCHOR_EVERY == 0
