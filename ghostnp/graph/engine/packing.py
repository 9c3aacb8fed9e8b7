"""Packing: blocks whose lives overlap get memory that does not; and weights get one stretch of memory."""

from typing import NamedTuple

import numpy as np

LINE = 64  # bytes of a cache line, and of the widest vectors: where blocks begin
PAGE = 1 << 21  # bytes of a large page


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
    order = sorted(blocks, key=lambda block: -blocks[block][1])
    # Of those that have their place: as arrays, since a training step has thousands.
    births, deaths, begins, ends = np.zeros((4, len(order)), np.int64)
    for placed, block in enumerate(order):
        life, size = blocks[block]
        meeting = np.flatnonzero((births[:placed] <= life.death) & (life.birth <= deaths[:placed]))
        meeting = meeting[np.argsort(begins[meeting])]
        start = 0
        for begin, end in zip(begins[meeting].tolist(), ends[meeting].tolist(), strict=True):
            if start + size <= begin:
                break
            start = max(start, end)
        births[placed], deaths[placed] = life
        begins[placed], ends[placed] = start, -(-(start + size) // LINE) * LINE
    return dict(zip(order, begins.tolist(), strict=True)), max(ends.tolist(), default=0)


def together(arrays):
    """Copies of arrays, one behind the other in one stretch of memory.

    An inference reads each weight once, and a network has thousands of memory's usual pages of them. To find out where
    a page is takes as long as to read it. What is allocated as one stretch may get large pages instead: NumPy asks for
    these.

    Parameters
    ----------
    arrays : iterable of ndarray
        Of any dtypes.

    Returns
    -------
    list of ndarray
        Contiguous.
    """
    arrays = list(arrays)
    sizes = [-(-array.nbytes // LINE) * LINE for array in arrays]
    size = sum(sizes)
    boundary = PAGE if size >= PAGE else LINE
    memory = np.empty(size + boundary, np.uint8)
    begin, copies = -memory.ctypes.data % boundary, []
    for array, room in zip(arrays, sizes, strict=True):
        copies.append(memory[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape))
        copies[-1][...] = array
        begin += room
    return copies
