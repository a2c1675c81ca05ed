"""Bounds on what an import reads; a bomb costs no more than these."""

ARCHIVE_MAX_BYTES = 2 * 1024 * 1024 * 1024  # text of ten years of a large team, compressed
ENTRIES_MAX = 500_000  # a file a day and channel; a directory of more takes too much memory
FILE_MAX_BYTES = 64 * 1024 * 1024  # unpacked: one channel's day, or everybody of a large company
TOTAL_MAX_BYTES = 32 * 1024 * 1024 * 1024  # unpacked, of one run
PEOPLE_MAX = 200_000
CHANNELS_MAX = 50_000
NAME_MAX_CHARS = 80  # Slack's own bound of names
PART_CHARS = 7_800  # of one post's text, so that its head fits into a message, too
PARTS_MAX = 20  # Slack cuts messages at 40,000 characters, which is 6
FILES_MAX = 20  # named in one message
