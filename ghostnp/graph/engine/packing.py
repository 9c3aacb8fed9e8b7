"""Packing: blocks whose lives overlap get memory that does not."""

from typing import NamedTuple

LINE = 64  # bytes of a cache line, and of the widest vectors: where blocks begin


class Life(NamedTuple):
    """From the step that makes a value to the last one that reads it."""

    birth: int
    death: int

    def meets(self, other):
        """Whether some step is in both; a step's own inputs and results meet."""
        return self.birth <= other.death and other.birth <= self.death


def pack(blocks):
    """Arrange blocks in one stretch of memory: the largest first, each in the first gap in which it fits.

    Parameters
    ----------
    blocks : dict of object to (Life, int)
        When each is needed, and its size in bytes.

    Returns
    -------
    starts : dict of object to int
        The first byte of each.
    size : int
        Bytes in all.
    """
    starts: dict[object, int] = {}
    ends: dict[object, int] = {}
    for block, (life, size) in sorted(blocks.items(), key=lambda item: -item[1][1]):
        taken = sorted((starts[other], ends[other]) for other in starts if blocks[other][0].meets(life))
        start = 0
        for begin, end in taken:
            if start + size <= begin:
                break
            start = max(start, end)
        starts[block], ends[block] = start, -(-(start + size) // LINE) * LINE
    return starts, max(ends.values(), default=0)
