"""The innermost block of every matrix product, held in vector registers.

A compiler keeps one sum in a register while a loop runs, but not 8 rows of them: written as loops, each product would
be added to memory. Here the loop is spelled out in the compiler's own language, LLVM's. It carries up to 3 vectors of
sums for each of 8 rows, from the bias to the clipped result: 3 vectors of x and 8 numbers of w are loaded for 24
vectors of products, and nothing is stored on the way. (With 16 registers there are 4 rows.) Where pixels are fewer than
a vector has, they are read and written under a mask, so that nothing beyond a row is touched.

w is read once or twice, and mostly lies beyond the second-level cache. Its rows are too short for the processor to see
a pattern in eight of them at once, so the loop asks for the next 8 rows while it multiplies by these.
"""

import numpy as np
from llvmlite.binding import get_process_triple
from numba.core import types
from numba.extending import intrinsic, overload

from ghostnp.kernels.runtime.rows import FEATURES, VECTOR, Vectors, clipped, data, fetch, loop

__all__ = ["ROWS", "VECTOR", "VECTORS", "multiply_rows"]

# 8 rows of sums, 3 vectors of x and a number of w take 28 of 32 registers. 4 rows take all of 16, and where a product
# and a sum are two instructions, the product needs one as well.
_HAS_32_REGISTERS = "+avx512f" in FEATURES or not get_process_triple().startswith(("x86", "i386", "i686"))
ROWS, VECTORS = (8, 3) if _HAS_32_REGISTERS else (4, 3) if "+fma" in FEATURES else (4, 2)
_FLAGS = ("contract",)  # a product and a sum in one instruction


def multiply_rows(w, m, m_step, k_step, rows, bias, b, x, p, pitch, depth, y, q, y_pitch, count, limits, onto):
    """y[r, q:q+n] = bias[b + r] + Σ_k w[r, k] · x[k, p:p+n], for ROWS rows r; returns n.

    That is `count`, or fewer if they fill whole vectors. All arrays are flat: w[r, k] is w[m + r·m_step + k·k_step],
    x[k, p] is x[p + k·pitch], and y[r, q] is y[q + r·y_pitch]. One of the steps of w is 1. Where there are fewer
    `rows`, no others are read or written. Where it goes `onto` y, what y holds is added. What is beyond the `limits`
    becomes the limit; NaN stays NaN.
    """
    n = min(count, VECTORS * VECTOR // x.itemsize)
    for r in range(rows):
        total = np.full(n, bias[b + r], x.dtype)
        for k in range(depth):
            total += w[m + r * m_step + k * k_step] * x[p + k * pitch : p + k * pitch + n]
        if onto:
            total += y[q + r * y_pitch : q + r * y_pitch + n]
        y[q + r * y_pitch : q + r * y_pitch + n] = np.clip(total, *limits)
    return n


@overload(multiply_rows)
def _compiled(w, m, m_step, k_step, rows, bias, b, x, p, pitch, depth, y, q, y_pitch, count, limits, onto):
    def call(w, m, m_step, k_step, rows, bias, b, x, p, pitch, depth, y, q, y_pitch, count, limits, onto):
        return _multiply_rows(
            w, m, m_step, k_step, rows, bias, b, x, p, pitch, depth, y, q, y_pitch, count, limits, onto
        )

    return call


@intrinsic
def _multiply_rows(_, w, m, m_step, k_step, rows, bias, b, x, p, pitch, depth, y, q, y_pitch, count, limits, onto):
    i = types.intp
    signature = i(w, i, i, i, i, bias, i, x, i, i, i, y, i, i, i, limits, types.boolean)
    return signature, lambda *arguments: _Block(*arguments).build()


class _Block:
    """`multiply_rows` in LLVM's instructions: a loop over k for each number of vectors."""

    def __init__(self, context, builder, signature, arguments):
        _, m, self.m_step, self.k_step, rows, _, b, _, p, self.pitch, self.depth, _, q, y_pitch, *others = arguments
        self.count, limits, self.onto = others
        w, bias, x, y = data(context, builder, signature, arguments, 0, 5, 7, 11)
        self.builder, self.index = builder, p.type
        self.vectors = Vectors(context, builder, signature.args[7])
        self.limits = list(self.vectors.limits(limits))
        self.w, self.bias, self.x = builder.gep(w, [m]), builder.gep(bias, [b]), builder.gep(x, [p])
        # Where there are fewer rows, the last one is repeated.
        last = builder.sub(rows, self.index(1))
        numbers = [self.index(r) for r in range(ROWS)]
        self.rows = [builder.select(builder.icmp_signed("<", r, last), r, last) for r in numbers]
        self.places = [builder.gep(y, [builder.add(q, builder.mul(r, y_pitch))]) for r in self.rows]

    def build(self):
        """Write the loops twice, for numbers of a row of w side by side and for those of a column; pixels in each.

        So one of the steps is a constant, for which a compiler finds simple addresses. In the first case the next rows
        lie behind these, one after the other; in the second a few of them in each row that is read anyway.
        """
        builder, end, done = self.builder, self.builder.append_basic_block("done"), []
        one = self.index(1)
        with builder.if_else(builder.icmp_signed("==", self.k_step, one)) as (in_rows, in_columns):
            with in_rows:
                done += self._loops(end, self.m_step, one, self.index(ROWS))
            with in_columns:
                done += self._loops(end, one, self.k_step, self.k_step)
        builder.unreachable()

        builder.position_at_end(end)
        result = builder.phi(self.index)
        for size, block in done:
            result.add_incoming(size, block)
        return result

    def _loops(self, end, *steps):
        """Write a loop for 3 vectors, one for 2, for 1, and for a part of one; pixels in each, and where it ends."""
        builder = self.builder
        for n in range(VECTORS, 0, -1):
            size = self.index(n * self.vectors.lanes)
            with builder.if_then(builder.icmp_signed(">=", self.count, size)):
                self._whole_vectors(n, steps)
                yield size, builder.block
                builder.branch(end)
        self._part_of_a_vector(steps)
        yield self.count, builder.block
        builder.branch(end)

    def _whole_vectors(self, count, steps):
        def places(pointer):
            return [self.vectors.at(pointer, self.index(v * self.vectors.lanes)) for v in range(count)]

        for pointer, sums in self._sums(count, lambda row: map(self.vectors.load, places(row)), *steps):
            for place, total in zip(places(pointer), sums, strict=True):
                self.vectors.store(total, place)

    def _part_of_a_vector(self, steps):
        mask, zero = self.vectors.first(self.count), self.index(0)

        def load(row):
            return [self.vectors.load(self.vectors.at(row, zero), mask)]

        for pointer, (total,) in self._sums(1, load, *steps):
            self.vectors.store(total, self.vectors.at(pointer, zero), mask)

    def _biases(self, count):
        for r in self.rows:
            yield from [self.vectors.everywhere(self.builder.load(self.builder.gep(self.bias, [r])))] * count

    def _onto(self, sums, load):
        """The sums and, where they go onto y, what y holds: added last, so that long sums can be made of short ones."""
        builder, before = self.builder, self.builder.block
        with builder.if_then(self.onto):
            held = [numbers for place in self.places for numbers in load(place)]
            added = [builder.fadd(numbers, total) for numbers, total in zip(held, sums, strict=True)]
            after = builder.block
        for plain, total in zip(sums, added, strict=True):
            result = builder.phi(plain.type)
            result.add_incoming(plain, before)
            result.add_incoming(total, after)
            yield result

    def _sums(self, count, load, m_step, k_step, fetch_step):
        """For each row its place in y, and the sums of its products with the `count` vectors that `load` finds in x."""
        builder, everywhere = self.builder, self.vectors.everywhere
        starts = [builder.gep(self.w, [builder.mul(r, m_step)]) for r in self.rows]
        ahead = builder.gep(self.w, [builder.mul(self.index(ROWS), m_step)])

        def add(k, sums):
            sums, offset = iter(sums), builder.mul(k, k_step)
            fetch(builder, builder.gep(ahead, [builder.mul(k, fetch_step)]))
            xs = list(load(builder.gep(self.x, [builder.mul(k, self.pitch)])))
            for start in starts:
                factor = everywhere(builder.load(builder.gep(start, [offset])))
                for pixels in xs:
                    yield builder.fadd(next(sums), builder.fmul(factor, pixels, _FLAGS), _FLAGS)

        sums = loop(builder, self.depth, list(self._biases(count)), add)
        sums = [clipped(builder, total, self.limits) for total in list(self._onto(sums, load))]
        return [(place, sums[r * count : (r + 1) * count]) for r, place in enumerate(self.places)]
