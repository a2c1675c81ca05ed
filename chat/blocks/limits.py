"""Every bound of the block layer, unit in the name, reason beside it."""

KIB = 1024
MIB = 1024 * KIB

CID_BYTES = 36  # 0x01, codec, 0x12, 0x20 and a SHA-256
CHUNK_MIN_BYTES = 64 * KIB  # below this the swarm's messages outweigh the gain (notes: 1.17x bound)
CHUNK_MAX_BYTES = 1 * MIB  # IPFS nodes refuse blocks over 2 MiB; a chunk is lost whole on a cut
CHUNKS_FLAT_MAX = 128  # enough to spread over 20 peers, and the manifest stays under 6 KiB
SUB_LINKS_MAX = 1024  # links a sub-manifest: 42 KB, smaller than one chunk
SUBS_MAX = 64  # sub-manifests a root: the HAVE bitmap of a file fits one 16 KiB link frame
FILE_MAX_BYTES = SUBS_MAX * SUB_LINKS_MAX * CHUNK_MAX_BYTES  # 64 GiB
PIECES_MAX = SUBS_MAX * SUB_LINKS_MAX + SUBS_MAX  # bits in the largest HAVE bitmap
TAG_BYTES = 16  # Poly1305, at the end of every sealed chunk
BLOCK_MAX_BYTES = CHUNK_MAX_BYTES + TAG_BYTES  # the largest block there is
MANIFEST_MAX_BYTES = 64 * KIB  # 1,024 links of 41 bytes and the rest of the node, with room

CBOR_DEPTH_MAX = 8  # manifests need 2; a bound keeps hostile nesting off the Python stack
CBOR_ITEMS_MAX = 16 * 1024  # values in one node; a manifest has at most 1,028

MESSAGE_MAX_BYTES = BLOCK_MAX_BYTES + 256  # a block and its envelope
BITMAP_MAX_BYTES = (PIECES_MAX + 7) // 8
HAVE_PIECES_MAX = 4096  # piece numbers in one HAVE-MORE; more are split
RETRY_MAX_MS = 60_000  # a refusal never silences a holder for longer than this

HAVE_BATCH_SECONDS = 0.005  # finished pieces gather this long before they are announced
OUTSTANDING_MAX = 8  # requests on their way to all holders together
OUTSTANDING_PER_HOLDER = 2  # one being sent, one queued behind it
STORING_MAX = 16  # blocks received and not yet on disk; a slow disk slows the requests
WINDOW_PIECES = 1024  # rarest-first looks at this many missing pieces, so a pick costs the same
END_GAME_PIECES = 4  # so many pieces before the end, a slow one is asked for twice
END_GAME_PATIENCE_SECONDS = 0.25  # a healthy answer on a LAN takes a tenth of this
REQUEST_BASE_SECONDS = 5.0  # an answer later than this plus the transfer at the floor rate is lost
REQUEST_FLOOR_BYTES_PER_SECOND = 32 * KIB  # 256 kbit/s, a poor mobile uplink
STRIKE_SECONDS = 5.0  # a holder that let a request time out rests this long, doubled each time
STRIKE_MAX_SECONDS = 120.0
MISSING_SECONDS = 30.0  # a holder that says it lacks an announced piece is not asked again before

UPLOADS_QUEUED_MAX = 2  # chunks waiting for the uplink; more become BUSY (notes: 2.1x against 1.2x)
UPLOADS_PREFETCH_MAX = 1  # of these, for peers that only prefetch
UPLOADS_OPEN_MAX = 16  # with those that stalled on a slow link and no longer count
UPLOAD_STALL_SECONDS = 1.0  # longer in the queue than this: the far end is slow, not our uplink
UPLOAD_FORGET_SECONDS = 60.0  # an upload nobody reported as sent stops being counted
UPLINK_GUESS_BYTES_PER_SECOND = 4 * MIB  # before anything was measured
ONCE_MIN_SECONDS = 0.25  # the origin gives a chunk to a second peer after this at the earliest
ONCE_MAX_SECONDS = 15.0  # and after this at the latest
ONCE_SPREADS = 3  # in between: so many times the file's time on the uplink
ONCE_MARKS_MAX = 65_536  # remembered first servings

TREES_MAX = 256  # files whose layout is kept in memory although nothing is wanted of them
SUBSCRIPTIONS_PER_PEER_MAX = 1024  # roots a peer may be told about
OFFERS_MAX = 256  # own roots repeated to a relay that appears later

assert CHUNK_MAX_BYTES // CHUNK_MIN_BYTES == 2**4
assert BITMAP_MAX_BYTES < 16 * KIB
assert SUB_LINKS_MAX * 41 + 64 <= MANIFEST_MAX_BYTES
