"""Rows of a map in vector registers, the last vector of a row under a mask.

Written as loops, the row of a small map is all remainder, computed number by number; and a sum over taps reads and
writes every number again for every few taps. Here the loop over taps is spelled out in LLVM's language, as in
`registers`: it carries one vector of sums for each of 4 rows, from the bias to the rectified result.
"""

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic, overload

__all__ = ["ROWS", "VECTOR", "copy_vector", "filter_rows"]

ROWS = 4
_FEATURES = get_host_cpu_features()
VECTOR = 64 if "+avx512f" in _FEATURES else 32 if "+avx" in _FEATURES else 16  # bytes
_LANE, _FLAGS = ir.IntType(32), ("contract",)


def copy_vector(source, i, target, j, count):
    """target[j : j + n] = source[i : i + n], where n is as many numbers as a vector has, but at most `count`."""
    count = min(count, VECTOR // source.itemsize)
    target[j : j + count] = source[i : i + count]


def filter_rows(w, offsets, x, p, x_step, bias, y, q, y_step, rows, count, relu):
    """y[q + r·y_step + j] = bias + Σ_t w[t] · x[p + r·x_step + offsets[t] + j], for r < rows ≤ 4 and j < n.

    Again n is as many numbers as a vector has, but at most `count`; x is read for a whole vector all the same. Where
    `relu`, y is rectified; NaN stays NaN. All arrays are flat.
    """
    count = min(count, VECTOR // x.itemsize)
    for r in range(rows):
        total = np.full(count, bias, x.dtype)
        for t in range(w.size):
            begin = p + r * x_step + offsets[t]
            total += w[t] * x[begin : begin + count]
        y[q + r * y_step : q + r * y_step + count] = np.where(relu & (total < 0), 0, total)


@overload(copy_vector)
def _compiled_copy(source, i, target, j, count):
    def call(source, i, target, j, count):
        _copy_vector(source, i, target, j, count)

    return call


@overload(filter_rows)
def _compiled_filter(w, offsets, x, p, x_step, bias, y, q, y_step, rows, count, relu):
    def call(w, offsets, x, p, x_step, bias, y, q, y_step, rows, count, relu):
        _filter_rows(w, offsets, x, p, x_step, bias, y, q, y_step, rows, count, relu)

    return call


@intrinsic
def _copy_vector(_, source, i, target, j, count):
    index = types.intp
    return types.void(source, index, target, index, index), _build_copy


@intrinsic
def _filter_rows(_, w, offsets, x, p, x_step, bias, y, q, y_step, rows, count, relu):
    index = types.intp
    signature = types.void(w, offsets, x, index, index, x.dtype, y, index, index, index, index, types.boolean)
    return signature, _build_filter


class _Vectors:
    """Vectors of an array's numbers, as the instructions that `builder` writes."""

    def __init__(self, context, builder, array):
        number = context.get_value_type(array.dtype)
        self._builder, self._align = builder, context.get_abi_sizeof(number)  # a vector may begin at any number
        self.lanes = VECTOR // self._align
        self.type = ir.VectorType(number, self.lanes)
        self._name = f"v{self.lanes}{'f32' if isinstance(number, ir.FloatType) else 'f64'}.p0"

    def everywhere(self, value):
        """The value in every lane."""
        undefined = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        first = self._builder.insert_element(undefined, value, _LANE(0))
        return self._builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_LANE, self.lanes), None))

    def at(self, pointer, begin):
        return self._builder.bitcast(self._builder.gep(pointer, [begin]), self.type.as_pointer())

    def load(self, place, mask=None):
        """The vector at a place; zero where a mask is off."""
        if mask is None:
            return self._builder.load(place, align=self._align)
        return self._masked("load", self.type, place, _LANE(self._align), mask, ir.Constant(self.type, None))

    def store(self, values, places, count):
        """Store as many lanes as a vector has, but at most `count`, of the vectors that ``values(mask)`` gives."""
        builder = self._builder
        with builder.if_else(builder.icmp_signed("<", count, count.type(self.lanes))) as (some_lanes, all_lanes):
            with some_lanes:
                numbers = ir.Constant(ir.VectorType(_LANE, self.lanes), [_LANE(i) for i in range(self.lanes)])
                mask = builder.icmp_signed("<", numbers, self.everywhere(builder.trunc(count, _LANE)))
                for value, place in zip(values(mask), places, strict=True):
                    self._masked("store", ir.VoidType(), value, place, _LANE(self._align), mask)
            with all_lanes:
                for value, place in zip(values(None), places, strict=True):
                    builder.store(value, place, align=self._align)

    def _masked(self, name, result, *arguments):
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = self._builder.module.declare_intrinsic(f"llvm.masked.{name}.{self._name}", fnty=kind)
        return self._builder.call(function, arguments)


def _data(context, builder, signature, arguments, *numbers):
    return [context.make_array(signature.args[i])(context, builder, arguments[i]).data for i in numbers]


def _build_copy(context, builder, signature, arguments):
    _, i, _, j, count = arguments
    source, target = _data(context, builder, signature, arguments, 0, 2)
    vectors = _Vectors(context, builder, signature.args[0])
    vectors.store(lambda mask: [vectors.load(vectors.at(source, i), mask)], [vectors.at(target, j)], count)
    return context.get_dummy_value()


def _build_filter(context, builder, signature, arguments):
    """Write `filter_rows` with LLVM's instructions: a loop over t, which carries one vector of sums for each row."""
    weights, _, _, p, x_step, bias, _, q, y_step, rows, count, relu = arguments
    taps = context.make_array(signature.args[0])(context, builder, weights).nitems
    w, offsets, x, y = _data(context, builder, signature, arguments, 0, 1, 2, 6)
    vectors, index = _Vectors(context, builder, signature.args[2]), p.type

    # Where there are fewer rows than 4, the last one is repeated.
    last = builder.sub(rows, index(1))
    numbers = [builder.select(builder.icmp_signed("<", index(r), last), index(r), last) for r in range(ROWS)]
    begins = [builder.gep(x, [builder.add(p, builder.mul(r, x_step))]) for r in numbers]
    start = vectors.everywhere(bias)

    entry, head = builder.block, builder.append_basic_block("head")
    body, end = builder.append_basic_block("body"), builder.append_basic_block("end")
    builder.branch(head)

    builder.position_at_end(head)
    t, totals = builder.phi(index), [builder.phi(vectors.type) for _ in range(ROWS)]
    builder.cbranch(builder.icmp_signed("<", t, taps), body, end)

    builder.position_at_end(body)
    factor = vectors.everywhere(builder.load(builder.gep(w, [t])))
    offset, following = builder.load(builder.gep(offsets, [t])), [builder.add(t, index(1))]
    for begin, total in zip(begins, totals, strict=True):
        product = builder.fmul(factor, vectors.load(vectors.at(begin, offset)), _FLAGS)
        following.append(builder.fadd(total, product, _FLAGS))
    builder.branch(head)

    for value, before, after in zip([t, *totals], [index(0)] + [start] * ROWS, following, strict=True):
        value.add_incoming(before, entry)
        value.add_incoming(after, body)

    builder.position_at_end(end)
    zero, rectified = ir.Constant(vectors.type, None), vectors.everywhere(relu)
    negative = [builder.and_(builder.fcmp_ordered("<", total, zero), rectified) for total in totals]
    results = [builder.select(where, zero, total) for where, total in zip(negative, totals, strict=True)]
    places = [vectors.at(y, builder.add(q, builder.mul(r, y_step))) for r in numbers]
    vectors.store(lambda _: results, places, count)
    return context.get_dummy_value()
