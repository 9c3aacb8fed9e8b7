"""Strips of a map, as wide as a vector and as high as the map, under the filters that networks have: 3x3 and 5x5.

A strip is filtered from top to bottom. Each row of x is loaded once for each of its shifts, and serves all rows of y
that it has a part in: their sums are under way at the same time, one register each, and the uppermost is finished by
the last row of taps. All weights stay in registers. So 9 products cost 3 loads and a store, and hardly anything else,
which `rows` cannot say of a filter whose size it does not know.
"""

from functools import partial

from numba.core import types
from numba.extending import intrinsic, overload

from ghostnp.kernels.runtime.rows import VECTOR, RowTaps, Vectors, clipped, data, filter_rows, loop, row_of

__all__ = ["DEALT", "SIZES", "STEPS", "filter_strip"]

# Filters are so high and wide, rows of y so many rows of x apart, and pixels that are dealt out of so many numbers.
SIZES, STEPS, DEALT = (3, 5), (1, 2), (1, 2, 4, 8)


def filter_strip(w, taps, dealt, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits):
    """What `filter_rows` does, but for any number of rows, and square filters of `SIZES`, with steps of `STEPS`.

    Where `dealt` is not 0, it is how many numbers make a pixel, and every other pixel is left out: pixel j of y reads
    where pixel 2·j read. The step is 2 then, and the shift is a pixel.
    """
    lanes = VECTOR // x.itemsize
    for r in range(rows):
        for j in range(min(count, lanes)):
            at = begin + (j + j // dealt * dealt if dealt else j)
            filter_rows(w, taps, x, zeros, row + r * taps.step, at, bias, y, q + r * y_step + j, 0, 1, 1, limits)


@overload(filter_strip)
def _compiled(w, taps, dealt, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits):
    def call(w, taps, dealt, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits):
        _filter_strip(w, taps, dealt, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits)

    return call


@intrinsic
def _filter_strip(_, w, taps, dealt, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits):
    i = types.intp
    signature = types.void(w, taps, i, x, zeros, i, i, x.dtype, y, i, i, i, i, limits)
    return signature, lambda *arguments: _Strip(*arguments).build()


class _Strip:
    """`filter_strip` in LLVM's instructions: a loop over rows of y for each size, step and way to load."""

    def __init__(self, context, builder, signature, arguments):
        _, taps, self.dealt, _, _, self.row, self.begin, bias, _, q, self.y_step, self.rows, self.count, limits = (
            arguments
        )
        self.w, self.x, self.zeros, y = data(context, builder, signature, arguments, 0, 3, 4, 8)
        self.taps = RowTaps(*(builder.extract_value(taps, i) for i in range(len(RowTaps._fields))))
        self.builder, self.index, self.y = builder, q.type, builder.gep(y, [q])
        self.vectors = Vectors(context, builder, signature.args[3])
        self.bias, self.limits = self.vectors.everywhere(bias), list(self.vectors.limits(limits))

    def build(self):
        """Write them all, and the choice."""
        builder, taps = self.builder, self.taps
        for size in SIZES:
            with builder.if_then(builder.icmp_signed("==", taps.columns, self.index(size))):
                for step, dealt in ((1, 0), (2, 0), *((2, batch) for batch in DEALT if batch <= self.vectors.lanes)):
                    is_step = builder.icmp_signed("==", taps.step, self.index(step))
                    is_dealt = builder.icmp_signed("==", self.dealt, self.index(dealt))
                    with builder.if_then(builder.and_(is_step, is_dealt)):
                        self._filter_either_way(size, step, dealt)

    def _filter_either_way(self, size, step, dealt):
        """Write the loop with masks; where the processor has none, and makes do with branches, also one without."""
        loads = partial(self._every_other, dealt) if dealt else self._neighbours
        if VECTOR > 16:
            self._filter(size, step, loads(size, masked=True))
            return
        builder = self.builder
        end = builder.add(self._number(size - 1), self.index((2 if dealt else 1) * self.vectors.lanes))
        fits = builder.icmp_signed("<=", end, self.taps.length)
        inside = builder.and_(builder.icmp_signed(">=", self.begin, self.index(0)), fits)
        with builder.if_else(inside) as (in_the_map, over_its_ends):
            with in_the_map:
                self._filter(size, step, loads(size, masked=False))
            with over_its_ends:
                self._filter(size, step, loads(size, masked=True))

    def _filter(self, size, step, load):
        """Write the loop. `load` gives what the taps of one row read in a row of x."""
        builder, index = self.builder, self.index
        numbers = [builder.load(builder.gep(self.w, [index(t)])) for t in range(size * size)]
        w = [self.vectors.everywhere(number) for number in numbers]
        below = (size - 1) // step  # rows of y whose sums are under way when one is finished

        def finish_row(i, sums):
            """Add what the row of y reads last, which the rows below it read as well."""
            r, sums = builder.sub(i, index(below)), [*sums, self.bias]
            for u in range(size - step, size):
                line = builder.add(self.row, builder.add(builder.mul(r, index(step)), index(u)))
                pixels = load(row_of(builder, self.x, self.zeros, line, self.taps))
                for v, numbers in enumerate(pixels):
                    for m in range(u // step + 1):
                        sums[m] = self.vectors.fused(w[(u - m * step) * size + v], numbers, sums[m])
            with builder.if_then(builder.icmp_signed(">=", r, index(0))):
                y = clipped(builder, sums[0], self.limits)
                place = self.vectors.at(self.y, builder.mul(r, self.y_step))
                self.vectors.store_first(lambda _: [y], [place], self.count)
            return sums[1:]

        # The first turns finish no row: they begin those whose first taps read above the rows that finish row 0.
        loop(builder, builder.add(self.rows, index(below)), [self.bias] * below, finish_row)

    def _neighbours(self, size, masked):
        """How a tap reads a vector of neighbouring numbers."""
        at = [self._number(v) for v in range(size)]
        masks = [self._mask(begin, masked) for begin in at]
        return lambda row: [self._load(row, *where) for where in zip(at, masks, strict=True)]

    def _every_other(self, batch, size, masked):
        """How a tap reads every other pixel of two vectors; the tap beside it reads the rest of them."""
        lanes = self.vectors.lanes
        halves = [self.index(half * lanes) for half in range(2)]
        at = [[self.builder.add(self._number(v), half) for half in halves] for v in range(0, size, 2)]
        masks = [[self._mask(begin, masked) for begin in pair] for pair in at]

        def load(row):
            loaded = []
            for places, pair in zip(at, masks, strict=True):
                both = [self._load(row, begin, mask) for begin, mask in zip(places, pair, strict=True)]
                loaded += self.vectors.every_other(*both, batch)
            return loaded[:size]

        return load

    def _number(self, v):
        return self.builder.add(self.begin, self.builder.mul(self.index(v), self.taps.shift))

    def _mask(self, begin, masked):
        return self.vectors.within(begin, self.taps.length) if masked else None

    def _load(self, row, begin, mask):
        return self.vectors.load(self.vectors.at(row, begin), mask)
