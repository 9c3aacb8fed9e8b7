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


class Stretch(NamedTuple):
    """`size` bytes of a block, from its byte `at` on, and when they are needed."""

    life: Life
    at: int
    size: int


def pack(blocks):
    """Arrange blocks in one stretch of memory: the largest first, each in the first place where it fits.

    Parameters
    ----------
    blocks : dict of object to list of Stretch
        What is needed of each. Two blocks may overlap where their stretches are not needed at one time: a concat's
        second half may be given away, though its first is still read.

    Returns
    -------
    starts : dict of object to int
        The first byte of each.
    size : int
        Bytes in all.
    """
    sizes = {block: max(at + size for _, at, size in stretches) for block, stretches in blocks.items()}
    order = sorted(blocks, key=lambda block: -sizes[block])
    # The stretches that have their place, as arrays, since a training step has thousands.
    births, deaths, begins, ends = np.zeros((4, sum(map(len, blocks.values()))), np.int64)
    placed, starts = 0, {}
    for block in order:
        lows, highs = [], []  # start is not to be between a low and its high
        for life, at, size in blocks[block]:
            meeting = (births[:placed] <= life.death) & (life.birth <= deaths[:placed])
            lows.append(begins[:placed][meeting] - at - size)
            highs.append(_whole_lines(ends[:placed][meeting] - at))
        starts[block] = _first_free(np.concatenate(lows), np.concatenate(highs))
        for life, at, size in blocks[block]:
            births[placed], deaths[placed] = life
            begins[placed], ends[placed] = starts[block] + at, starts[block] + at + size
            placed += 1
    return starts, max((int(_whole_lines(starts[block] + sizes[block])) for block in blocks), default=0)


def _first_free(lows, highs):
    """The smallest number from 0 on that is not between any low and its high."""
    order = np.argsort(lows)
    lows, highs = np.append(lows[order], np.iinfo(np.int64).max), np.maximum.accumulate(np.append(0, highs[order]))
    return int(highs[np.argmax(highs <= lows)])


def _whole_lines(size):
    return -(-size // LINE) * LINE


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
    sizes = [_whole_lines(array.nbytes) for array in arrays]
    size = sum(sizes)
    boundary = PAGE if size >= PAGE else LINE
    memory = np.empty(size + boundary, np.uint8)
    begin, copies = -memory.ctypes.data % boundary, []
    for array, room in zip(arrays, sizes, strict=True):
        copies.append(memory[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape))
        copies[-1][...] = array
        begin += room
    return copies
