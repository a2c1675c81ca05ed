"""Bounds of an invite nearby: unit in the name, reason beside it."""

LABEL_BYTES = 3  # two words of 11 bits: a dozen people who invite at once rarely share a label
LABELS_MAX = 32  # shown to choose from; more is a conference, where the label is typed
FOUND_MAX = 64  # announcements with a label that are remembered; then the oldest are forgotten
ADDRESSES_MAX = 16  # dialled for one label: two devices that announce it, at all of theirs

NONCE_BYTES = 16  # 128 bits: no commitment is opened by trying
CODE_DIGITS = 6  # one chance in a million for somebody in between, who has one try
LINK_MAX_CHARS = 256  # of an invite; the longest has 156
MESSAGE_MAX_BYTES = 512  # an invite, and what says that it is one
MESSAGES_PER_LINK_MAX = 16  # a conversation has four from each side

OFFER_MS = 120_000  # a label is announced, or looked for: two people find each other on a screen
GREETING_MS = 5_000  # four small messages; then the place is somebody else's
COMPARE_MS = 60_000  # both read six digits to each other
HANDOVER_MS = 10_000  # the invite is written to a disk, sent, and taken
INVITE_MS = 10 * 60_000  # how long the invite lasts, which is used at once
