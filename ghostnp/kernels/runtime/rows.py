"""Rows of a map in vector registers, the last vector of a row under a mask.

Written as loops, the row of a small map is all remainder, computed number by number; and a sum over taps reads and
writes every number again for every few taps. Here the loop over taps is spelled out in LLVM's language, as in
`registers`: it carries one vector of sums for each of 4 rows, from the bias to the rectified result.
"""

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic, overload

__all__ = [
    "FEATURES",
    "ROWS",
    "VECTOR",
    "Vectors",
    "copy_vector",
    "data",
    "double_vector",
    "fetch",
    "filter_rows",
    "loop",
    "rectified",
    "spread",
]

ROWS = 4
# What code is compiled for: this processor, unless Numba's own setting names another.
FEATURES = get_host_cpu_features() if numba.config.CPU_FEATURES is None else numba.config.CPU_FEATURES
VECTOR = 64 if "+avx512f" in FEATURES else 32 if "+avx" in FEATURES else 16  # bytes
_LANE, _FLAGS = ir.IntType(32), ("contract",)


def copy_vector(source, i, target, j, count):
    """target[j : j + n] = source[i : i + n], where n is as many numbers as a vector has, but at most `count`."""
    count = min(count, VECTOR // source.itemsize)
    target[j : j + count] = source[i : i + count]


def double_vector(source, i, target, j, count):
    """target[j + p] = source[i + p // 2], for as many p as a vector has numbers, but at most `count`."""
    count = min(count, VECTOR // source.itemsize)
    target[j : j + count] = np.repeat(source[i : i + (count + 1) // 2], 2)[:count]


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


@overload(double_vector)
def _compiled_double(source, i, target, j, count):
    def call(source, i, target, j, count):
        _double_vector(source, i, target, j, count)

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
def _double_vector(_, source, i, target, j, count):
    index = types.intp
    return types.void(source, index, target, index, index), _build_double


@intrinsic
def _filter_rows(_, w, offsets, x, p, x_step, bias, y, q, y_step, rows, count, relu):
    index = types.intp
    signature = types.void(w, offsets, x, index, index, x.dtype, y, index, index, index, index, types.boolean)
    return signature, _build_filter


class Vectors:
    """Vectors of an array's numbers, as the instructions that `builder` writes."""

    def __init__(self, context, builder, array):
        number = context.get_value_type(array.dtype)
        self._builder, self.align = builder, context.get_abi_sizeof(number)  # a vector may begin at any number
        self.lanes = VECTOR // self.align
        self.type = ir.VectorType(number, self.lanes)
        self._name = f"v{self.lanes}{'f32' if isinstance(number, ir.FloatType) else 'f64'}.p0"

    def everywhere(self, value):
        """The value in every lane."""
        return spread(self._builder, value, self.lanes)

    def at(self, pointer, begin):
        """The place of a vector, so many numbers behind the pointer."""
        return self._builder.bitcast(self._builder.gep(pointer, [begin]), self.type.as_pointer())

    def first(self, count):
        """The mask that is on for so many lanes, fewer than a vector has."""
        numbers = ir.Constant(ir.VectorType(_LANE, self.lanes), [_LANE(i) for i in range(self.lanes)])
        return self._builder.icmp_signed("<", numbers, self.everywhere(self._builder.trunc(count, _LANE)))

    def load(self, place, mask=None):
        """The vector at a place; zero where a mask is off."""
        if mask is None:
            return self._builder.load(place, align=self.align)
        return self._masked("load", self.type, place, _LANE(self.align), mask, ir.Constant(self.type, None))

    def store(self, value, place, mask=None):
        """Store a vector, but nothing where a mask is off."""
        if mask is None:
            self._builder.store(value, place, align=self.align)
        else:
            self._masked("store", ir.VoidType(), value, place, _LANE(self.align), mask)

    def store_first(self, values, places, count):
        """Store as many lanes as a vector has, but at most `count`, of the vectors that ``values(mask)`` gives."""
        builder = self._builder
        with builder.if_else(builder.icmp_signed("<", count, count.type(self.lanes))) as (some_lanes, all_lanes):
            with some_lanes:
                mask = self.first(count)
                for value, place in zip(values(mask), places, strict=True):
                    self.store(value, place, mask)
            with all_lanes:
                for value, place in zip(values(None), places, strict=True):
                    self.store(value, place)

    def _masked(self, name, result, *arguments):
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = self._builder.module.declare_intrinsic(f"llvm.masked.{name}.{self._name}", fnty=kind)
        return self._builder.call(function, arguments)


def spread(builder, value, lanes):
    """The value in every lane of a vector."""
    undefined = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, value, _LANE(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_LANE, lanes), None))


def loop(builder, count, starts, following):
    """What becomes of the values `starts` if they are replaced by ``following(i, values)`` for each i below `count`."""
    entry, head = builder.block, builder.append_basic_block("head")
    body, end = builder.append_basic_block("body"), builder.append_basic_block("end")
    builder.branch(head)

    builder.position_at_end(head)
    i, values = builder.phi(count.type), [builder.phi(start.type) for start in starts]
    builder.cbranch(builder.icmp_signed("<", i, count), body, end)

    builder.position_at_end(body)
    after = [builder.add(i, count.type(1)), *following(i, values)]
    builder.branch(head)
    for value, first, then in zip([i, *values], [count.type(0), *starts], after, strict=True):
        value.add_incoming(first, entry)
        value.add_incoming(then, body)

    builder.position_at_end(end)
    return values


def fetch(builder, pointer):
    """Ask for a line of memory that is read soon. Nothing else happens, wherever the pointer points."""
    address = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [address.type, _LANE, _LANE, _LANE])
    function = builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
    builder.call(function, [address, _LANE(0), _LANE(3), _LANE(1)])  # to be read; for all caches; data


def rectified(builder, total, relu):
    """The vector; where `relu`, without negative numbers; NaN stays NaN."""
    zero = ir.Constant(total.type, None)
    negative = builder.and_(builder.fcmp_ordered("<", total, zero), spread(builder, relu, total.type.count))
    return builder.select(negative, zero, total)


def data(context, builder, signature, arguments, *numbers):
    """Where the numbers of these arguments are, all of them arrays."""
    return [context.make_array(signature.args[i])(context, builder, arguments[i]).data for i in numbers]


def _build_copy(context, builder, signature, arguments):
    _, i, _, j, count = arguments
    source, target = data(context, builder, signature, arguments, 0, 2)
    vectors = Vectors(context, builder, signature.args[0])
    vectors.store_first(lambda mask: [vectors.load(vectors.at(source, i), mask)], [vectors.at(target, j)], count)
    return context.get_dummy_value()


def _build_double(context, builder, signature, arguments):
    _, i, _, j, count = arguments
    source, target = data(context, builder, signature, arguments, 0, 2)
    vectors = Vectors(context, builder, signature.args[0])
    twice = ir.Constant(ir.VectorType(_LANE, vectors.lanes), [_LANE(lane // 2) for lane in range(vectors.lanes)])
    # No more is read than is copied: half a vector, or half of `count`.
    half = builder.ashr(builder.add(count, count.type(1)), count.type(1))
    few = builder.icmp_signed("<", half, count.type(vectors.lanes // 2))
    mask = vectors.first(builder.select(few, half, count.type(vectors.lanes // 2)))
    read = vectors.load(vectors.at(source, i), mask)
    doubled = builder.shuffle_vector(read, ir.Constant(read.type, ir.Undefined), twice)
    vectors.store_first(lambda _: [doubled], [vectors.at(target, j)], count)
    return context.get_dummy_value()


def _build_filter(context, builder, signature, arguments):
    """Write `filter_rows` with LLVM's instructions: a loop over t, which carries one vector of sums for each row."""
    weights, _, _, p, x_step, bias, _, q, y_step, rows, count, relu = arguments
    taps = context.make_array(signature.args[0])(context, builder, weights).nitems
    w, offsets, x, y = data(context, builder, signature, arguments, 0, 1, 2, 6)
    vectors, index = Vectors(context, builder, signature.args[2]), p.type

    # Where there are fewer rows than 4, the last one is repeated.
    last = builder.sub(rows, index(1))
    numbers = [builder.select(builder.icmp_signed("<", index(r), last), index(r), last) for r in range(ROWS)]
    begins = [builder.gep(x, [builder.add(p, builder.mul(r, x_step))]) for r in numbers]

    def add(t, totals):
        factor, offset = vectors.everywhere(builder.load(builder.gep(w, [t]))), builder.load(builder.gep(offsets, [t]))
        for begin, total in zip(begins, totals, strict=True):
            product = builder.fmul(factor, vectors.load(vectors.at(begin, offset)), _FLAGS)
            yield builder.fadd(total, product, _FLAGS)

    totals = loop(builder, taps, [vectors.everywhere(bias)] * ROWS, add)
    results = [rectified(builder, total, relu) for total in totals]
    places = [vectors.at(y, builder.add(q, builder.mul(r, y_step))) for r in numbers]
    vectors.store_first(lambda _: results, places, count)
    return context.get_dummy_value()
