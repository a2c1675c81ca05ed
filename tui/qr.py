"""A QR code in half blocks: two modules a row, dark on light whatever the theme. Pure.

In upper case an invite's link uses only what a code packs best, and makes at most 23 rows, so it
fits 80x24 together with its frame.
"""

import segno

QUIET_MODULES = 2
"""The standard asks for four; readers manage with two, and the rows are precious."""
_BLOCKS = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}


def lines(text: str) -> list[str]:
    """The rows of the code of a link, at the lowest error correction, in block characters."""
    code = segno.make(text.upper(), error="l", micro=False, boost_error=False)
    matrix = [[bool(module) for module in row] for row in code.matrix_iter(border=QUIET_MODULES)]
    if len(matrix) % 2:
        matrix.append([False] * len(matrix[0]))
    return [
        "".join(_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(matrix[::2], matrix[1::2], strict=True)
    ]
