"""A filter over a map as over one long row, for windows without a stride that leave the map its size.

The rows of a small map are shorter than a vector, and there are many of them. But a tap reads at one distance from each
pixel, wherever the pixel is, if a map is taken as a row of H·W·N numbers: what lies beyond the map's edges is left out
under masks. These are the same for all maps of a size, so they are made once, as bits.
"""

import numpy as np
from numba.core import types
from numba.extending import intrinsic, overload

from ghostnp.kernels.runtime.rows import VECTOR, Vectors, clipped, data, loop

__all__ = ["AT_ONCE", "filter_map"]

AT_ONCE = 4  # vectors of sums in registers; a map has a multiple of so many, the last ones perhaps of nothing


def filter_map(w, shifts, masks, x, bias, y, limits):
    """y[p] = bias + Σ_t w[t] · x[p + shifts[t]], within the limits, for a map x and y as flat arrays.

    A row of `masks` is for a tap, and has an integer for each vector, whose bit n says whether number n of the vector
    reads what is in the map; it reads zero otherwise. The last row says which numbers of vectors are in y.
    """
    lanes = VECTOR // x.itemsize
    bits = (masks.reshape(w.size + 1, -1, 1) >> np.arange(lanes)) & 1
    reads = bits.reshape(w.size + 1, -1)[:, : y.size] == 1
    total = np.full(y.size, bias, x.dtype)
    for t in range(w.size):
        seen, inside = np.zeros(y.size, x.dtype), np.flatnonzero(reads[t])
        seen[inside] = x[inside + shifts[t]]
        total += w[t] * seen
    y[...] = np.clip(total, *limits)


@overload(filter_map)
def _compiled(w, shifts, masks, x, bias, y, limits):
    def call(w, shifts, masks, x, bias, y, limits):
        _filter_map(w, shifts, masks, x, bias, y, limits)

    return call


@intrinsic
def _filter_map(_, w, shifts, masks, x, bias, y, limits):
    return types.void(w, shifts, masks, x, x.dtype, y, limits), lambda *arguments: _Map(*arguments).build()


class _Map:
    """`filter_map` in LLVM's instructions: for each few vectors a loop over the taps."""

    def __init__(self, context, builder, signature, arguments):
        weights, _, masks, _, self.bias, _, limits = arguments
        self.w, self.shifts, self.masks, self.x, self.y = data(context, builder, signature, arguments, 0, 1, 2, 3, 5)
        self.context, self.builder, self.vectors = context, builder, Vectors(context, builder, signature.args[3])
        self.limits = list(self.vectors.limits(limits))
        self.taps = context.make_array(signature.args[0])(context, builder, weights).nitems
        self.index = self.taps.type
        numbers = context.make_array(signature.args[2])(context, builder, masks).nitems
        self.count = builder.sdiv(numbers, builder.add(self.taps, self.index(1)))

    def build(self):
        """Write the loops."""
        loop(self.builder, self.builder.sdiv(self.count, self.index(AT_ONCE)), [], self._filter)
        return self.context.get_dummy_value()

    def _filter(self, group, _):
        """AT_ONCE vectors of y, from the bias to what is stored."""
        builder, vectors = self.builder, self.vectors
        numbers = [builder.add(builder.mul(group, self.index(AT_ONCE)), self.index(v)) for v in range(AT_ONCE)]
        begins = [builder.mul(number, self.index(vectors.lanes)) for number in numbers]

        def add(t, totals):
            factor, shift = (builder.load(builder.gep(array, [t])) for array in (self.w, self.shifts))
            factor = vectors.everywhere(factor)
            for number, begin, total in zip(numbers, begins, totals, strict=True):
                place = vectors.at(self.x, builder.add(begin, shift))
                yield vectors.fused(factor, vectors.load(place, self._mask(t, number)), total)

        totals = loop(builder, self.taps, [vectors.everywhere(self.bias)] * AT_ONCE, add)
        for number, begin, total in zip(numbers, begins, totals, strict=True):
            place, mask = vectors.at(self.y, begin), self._mask(self.taps, number)
            vectors.store(clipped(builder, total, self.limits), place, mask)
        return []

    def _mask(self, row, number):
        """A number of the masks, as a mask."""
        place = self.builder.add(self.builder.mul(row, self.count), number)
        return self.vectors.mask_of(self.builder.load(self.builder.gep(self.masks, [place])))
