"""Every bound of the doctor: unit in the name, reason beside it."""

SETTLE_SECONDS = 4.0  # discovery takes up to three; a dial that leads nowhere takes two
SETTLE_POLL_SECONDS = 0.1
KNOCK_SECONDS = 2.0  # as a dial, so that both say the same
ANSWER_SECONDS = 2.0  # for the first answer of who accepted a connection
ANSWER_MAX_BYTES = 4 * 1024  # of its head; ours has 200
KNOCKS_MAX = 32  # addresses tried; whoever announces hundreds does not get hundreds of connections
LISTEN_SECONDS = 2.0  # answers by multicast come within a second (RFC 6762, section 6)
HEARD_MAX = 64  # hosts counted by multicast; one is enough
MULTICAST_SOCKETS_MAX = 16  # interfaces asked on; a machine with many containers has more
CLOCK_SKEW_SECONDS = 5 * 60.0  # messages say so of themselves from here on, and invites run out
SHOWN_MAX = 3  # names in one sentence; the rest is a number
