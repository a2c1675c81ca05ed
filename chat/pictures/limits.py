"""Every bound of the picture code, unit in the name, reason beside it."""

MIB = 1024 * 1024

PICTURE_MAX_BYTES = 64 * MIB  # read into memory whole; the largest camera JPEGs are half of that
PIXELS_MAX = 40_000_000  # 8000 x 5000; as RGBA 160 MB, three copies of which the process may hold
FRAMES_MAX = 256  # of an animation; more are sampled evenly
FRAME_PIXELS_MAX = 200_000_000  # frames times pixels that one animation may cost: seconds of CPU
ANIMATION_MAX_BYTES = 24 * MIB  # RGB bytes of all frames together that cross the pipe
THUMBNAIL_MAX_PIXELS = 4_000_000  # of the result: a 2000-column terminal with half blocks

PREVIEW_EDGE_PIXELS = 96  # 96 x 96: 96 columns of half blocks, more than a timeline shows
PREVIEW_BYTES = 4 * 1024  # what a preview is made to fit

WORKER_MEMORY_BYTES = 1536 * MIB  # address space: interpreter, three copies of 40 MP, codec threads
WORKER_CPU_SECONDS = 10  # for one picture; a 40 MP AVIF needs two
WORKER_TIMEOUT_SECONDS = 15.0  # wall clock for one picture, on a machine that is busy
WORKER_START_SECONDS = 20.0  # Python and Pillow from a cold disk
WORKER_END_SECONDS = 5.0  # until a killed process has gone
WORKER_FILES_MAX = 32  # open files: the pipes and what Python imports
WORKER_REQUESTS_MAX = 500  # then a new process: what leaks in a codec stays small
FAILURES_REMEMBERED = 256  # pictures that killed the process and are not tried again
RESULT_MAX_BYTES = 32 * MIB  # one answer through the pipe

EXIF_MAX_ENTRIES = 1_000  # of the first directory, searched for the orientation
SEGMENTS_MAX = 200_000  # segments, chunks or sub-blocks walked in one file
EXTENTS_MAX = 4_096  # parts of all items of an ISO media file; a large grid has 200 tiles
BOX_DEPTH_MAX = 8  # nesting of ISO media boxes that is followed
FILE_NAME_MAX_BYTES = 255  # what file systems take
EXTENSION_MAX_CHARS = 16  # of a name that is cut, kept at its end
