"""Bounds of what passes at the doors of channels: unit in the name, reason beside it."""

DOORS_MAX = 250  # channels with a link that are answered; each dial is compared with all of them
HINTS_MAX = 3  # addresses in a link: home, office, and a relay
LINK_MAX_CHARS = 1_024  # the longest has 502; line breaks of a mail may come in between

PART_MAX_BYTES = 48 * 1024  # of a file in one message: three frames, which other links wait for
WINDOW_PARTS = 8  # on the way to a guest: 384 KiB fill 10 Mbit/s at 300 ms
MESSAGE_MAX_BYTES = PART_MAX_BYTES + 64  # a part and what says that it is one
NEWEST_MAX = 4_096  # entries that a guest may ask for by number, 0 all: found in 0.1 s

GUESTS_MAX = 8  # at once, so that 3 MiB wait for all of them
GUESTS_PER_ADDRESS_MAX = 2  # at once from one address, or one IPv6 network of 64 bits
ASK_COST_BYTES = 256 * 1024  # what beginning an answer counts for: 0.1 s of work, 4 times a second
BYTES_PER_SECOND = 1024 * 1024  # to all guests together; members come first on every uplink
BURST_BYTES = 8 * 1024 * 1024  # before that: a channel of a few thousand messages goes at once
BYTES_PER_ADDRESS_MAX = 256 * 1024 * 1024  # in ADDRESS_MS: a channel of 500,000 messages, once
ADDRESS_MS = 60 * 60 * 1000
ADDRESSES_MAX = 1_024  # remembered; with more of them in an hour the total is the bound
IDLE_MS = 20_000  # a guest that asks for nothing makes way
VISIT_MS = 30 * 60_000  # for all of it, however slowly somebody takes it

RECEIVED_MAX_BYTES = 1024 * 1024 * 1024  # that a guest takes from one host: more than any channel
SILENT_MS = 10_000  # a host that says nothing for so long is given up for the next one
SPOOL_MEMORY_BYTES = 8 * 1024 * 1024  # of what came; what is larger goes to a temporary file
ANSWER_SECONDS = 10.0  # for somebody to be found who knows a link
NEWEST_FACTOR = 4  # entries asked for a message wanted: reactions and edits are entries, too
NEWEST_MORE = 64
