"""Rows of a map in vector registers, the last vector of a row under a mask.

Written as loops, the row of a small map is all remainder, computed number by number; and a sum over taps reads and
writes every number again for every few taps. Here the loop over taps is spelled out in LLVM's language, as in
`registers`: it carries one vector of sums for each of 4 rows, from the bias to the clipped result. A row of x serves
several of them. It is read where it lies, and what a tap reads beyond its end is a zero that the mask puts in.
"""

from functools import partial
from typing import NamedTuple

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
    "RowTaps",
    "Vectors",
    "clipped",
    "copy_every_other",
    "copy_vector",
    "data",
    "double_vector",
    "fetch",
    "filter_rows",
    "loop",
    "row_of",
    "scale_row",
    "spread",
    "sum_periods",
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


def copy_every_other(source, i, target, j, count):
    """target[j : j + n] = source[i : i + 2 * n : 2], for n as in `copy_vector`."""
    count = min(count, VECTOR // source.itemsize)
    target[j : j + count] = source[i : i + 2 * count : 2]


def sum_periods(x, period, totals):
    """totals[n] = x[n] + x[n + period] + ..., for a period that divides the numbers of a vector, which totals has."""
    totals[:period] = [x[n::period].sum() for n in range(period)]


def scale_row(x, factors, y):
    """y[p] = x[p] · factors[p % n], for n = 1 factor or as many as a vector has numbers; y may be x."""
    y[:] = x * np.resize(factors, x.size)


class RowTaps(NamedTuple):
    """How the taps of a filter read the rows of a map.

    Parameters
    ----------
    lines, length : int
        How many rows the map has, and how many numbers a row.
    columns : int
        How many taps stand side by side.
    step, dilation : int
        In rows of the map: from one row of y to the next, and from one row of taps to the next.
    shift : int
        In numbers: from one tap to the next beside it.
    """

    lines: int
    length: int
    columns: int
    step: int
    dilation: int
    shift: int


def filter_rows(w, taps, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits):
    """y[q + r·y_step + j] = bias + Σ_uv w[u, v] · x̄[row + r·step + u·dilation, begin + v·shift + j], for r < rows ≤ 4.

    That is for each j < n, where n again is as many numbers as a vector has, but at most `count`. All arrays are flat;
    x̄ is x with zeros around, a row of which is handed over. `taps` is a `RowTaps`. What is beyond the `limits` becomes
    the limit; NaN stays NaN.
    """
    count = min(count, VECTOR // x.itemsize)
    for r in range(rows):
        total = np.full(count, bias, x.dtype)
        for t, factor in enumerate(w):
            line = row + r * taps.step + t // taps.columns * taps.dilation
            p = begin + t % taps.columns * taps.shift + np.arange(count)
            inside = (p >= 0) & (p < taps.length) & (0 <= line < taps.lines)
            pixels = np.zeros(count, x.dtype)
            pixels[inside] = x[line * taps.length + p[inside]]
            total += factor * pixels
        y[q + r * y_step : q + r * y_step + count] = np.clip(total, *limits)


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


@overload(copy_every_other)
def _compiled_copy_every_other(source, i, target, j, count):
    def call(source, i, target, j, count):
        _copy_every_other(source, i, target, j, count)

    return call


@overload(sum_periods)
def _compiled_sum(x, period, totals):
    def call(x, period, totals):
        _sum_periods(x, period, totals)

    return call


@overload(scale_row)
def _compiled_scale(x, factors, y):
    def call(x, factors, y):
        _scale_row(x, factors, y)

    return call


@overload(filter_rows)
def _compiled_filter(w, taps, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits):
    def call(w, taps, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits):
        _filter_rows(w, taps, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits)

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
def _copy_every_other(_, source, i, target, j, count):
    index = types.intp
    return types.void(source, index, target, index, index), _build_copy_every_other


@intrinsic
def _sum_periods(_, x, period, totals):
    return types.void(x, types.intp, totals), _build_sum


@intrinsic
def _scale_row(_, x, factors, y):
    return types.void(x, factors, y), _build_scale


@intrinsic
def _filter_rows(_, w, taps, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits):
    i = types.intp
    signature = types.void(w, taps, x, zeros, i, i, x.dtype, y, i, i, i, i, limits)
    return signature, lambda *arguments: _Filter(*arguments).build()


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

    def limits(self, pair):
        """The two numbers of a tuple of float64, each in every lane."""
        for i in range(2):
            limit = self._builder.extract_value(pair, i)
            narrow = limit.type != self.type.element
            yield self.everywhere(self._builder.fptrunc(limit, self.type.element) if narrow else limit)

    def at(self, pointer, begin):
        """The place of a vector, so many numbers behind the pointer."""
        return self._builder.bitcast(self._builder.gep(pointer, [begin]), self.type.as_pointer())

    def first(self, count):
        """The mask that is on for so many lanes, fewer than a vector has."""
        return self._builder.icmp_signed("<", self._numbers(), self.everywhere(self._builder.trunc(count, _LANE)))

    def mask_of(self, bits):
        """The mask whose lanes are the lowest bits of an integer."""
        lanes = ir.IntType(self.lanes)
        bits = self._builder.trunc(bits, lanes) if bits.type != lanes else bits
        return self._builder.bitcast(bits, ir.VectorType(ir.IntType(1), self.lanes))

    def within(self, begin, length):
        """The mask that is on for lanes whose place, the first at `begin`, is from 0 to length - 1."""
        begin, length = (self.everywhere(self._builder.trunc(number, _LANE)) for number in (begin, length))
        # As an unsigned number, what is negative is too large.
        return self._builder.icmp_unsigned("<", self._builder.add(begin, self._numbers()), length)

    def _numbers(self):
        return ir.Constant(ir.VectorType(_LANE, self.lanes), [_LANE(i) for i in range(self.lanes)])

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

    def fused(self, a, b, total):
        """total + a · b, in one instruction where there is one."""
        return self._builder.fadd(total, self._builder.fmul(a, b, _FLAGS), _FLAGS)

    def every_other(self, first, second, batch=1):
        """Every other pixel of two vectors, of so many numbers each; and the others."""
        pixels = [i // batch * 2 * batch + i % batch for i in range(self.lanes)]
        places = [[_LANE(i + part) for i in pixels] for part in (0, batch)]
        masks = [ir.Constant(ir.VectorType(_LANE, self.lanes), numbers) for numbers in places]
        return [self._builder.shuffle_vector(first, second, mask) for mask in masks]

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
    last = builder.block  # another than `body`, if there is a loop inside
    builder.branch(head)
    for value, first, then in zip([i, *values], [count.type(0), *starts], after, strict=True):
        value.add_incoming(first, entry)
        value.add_incoming(then, last)

    builder.position_at_end(end)
    return values


def fetch(builder, pointer):
    """Ask for a line of memory that is read soon. Nothing else happens, wherever the pointer points."""
    address = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [address.type, _LANE, _LANE, _LANE])
    function = builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
    builder.call(function, [address, _LANE(0), _LANE(3), _LANE(1)])  # to be read; for all caches; data


def clipped(builder, total, limits):
    """The vector, but the limits in place of what is beyond them; NaN stays NaN."""
    for beyond, limit in zip("<>", limits, strict=True):
        total = builder.select(builder.fcmp_ordered(beyond, total, limit), limit, total)
    return total


def row_of(builder, x, zeros, line, taps):
    """Where a row of a map begins, or the row of zeros where there is none."""
    inside = builder.icmp_unsigned("<", line, taps.lines)
    return builder.select(inside, builder.gep(x, [builder.mul(line, taps.length)]), zeros)


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


def _build_copy_every_other(context, builder, signature, arguments):
    _, i, _, j, count = arguments
    source, target = data(context, builder, signature, arguments, 0, 2)
    vectors = Vectors(context, builder, signature.args[0])
    lanes = count.type(vectors.lanes)
    # The last number that is wanted is the last to be read.
    left = builder.sub(builder.mul(count, count.type(2)), count.type(1))

    def values(mask):
        masks = [None, None] if mask is None else [vectors.first(left), vectors.first(builder.sub(left, lanes))]
        halves = [vectors.at(source, begin) for begin in (i, builder.add(i, lanes))]
        return [vectors.every_other(*map(vectors.load, halves, masks))[0]]

    vectors.store_first(values, [vectors.at(target, j)], count)
    return context.get_dummy_value()


_AT_ONCE = 4  # vectors of sums, so that none waits for the addition before


def _build_sum(context, builder, signature, arguments):
    """Whole vectors to four sums, the rest to one, and then that folded until it is one period."""
    count = context.make_array(signature.args[0])(context, builder, arguments[0]).nitems
    x, target = data(context, builder, signature, arguments, 0, 2)
    vectors, index = Vectors(context, builder, signature.args[0]), count.type
    step = index(_AT_ONCE * vectors.lanes)

    def add_whole(k, totals):
        for v, total in enumerate(totals):
            begin = builder.add(builder.mul(k, step), index(v * vectors.lanes))
            yield builder.fadd(total, vectors.load(vectors.at(x, begin)))

    def add_rest(k, totals):
        begin = builder.add(done, builder.mul(k, index(vectors.lanes)))
        mask = vectors.first(builder.sub(count, begin))
        yield builder.fadd(totals[0], vectors.load(vectors.at(x, begin), mask))

    rounds = builder.sdiv(count, step)
    done = builder.mul(rounds, step)
    first, *others = loop(builder, rounds, [ir.Constant(vectors.type, None)] * _AT_ONCE, add_whole)
    for total in others:
        first = builder.fadd(first, total)
    rest = builder.sdiv(builder.add(builder.sub(count, done), index(vectors.lanes - 1)), index(vectors.lanes))
    (total,) = loop(builder, rest, [first], add_rest)
    half = vectors.lanes // 2
    while half:
        places = [_LANE((lane + half) % vectors.lanes) for lane in range(vectors.lanes)]
        other = builder.shuffle_vector(total, total, ir.Constant(ir.VectorType(_LANE, vectors.lanes), places))
        is_apart = builder.icmp_signed("<=", arguments[1], index(half))
        total = builder.select(is_apart, builder.fadd(total, other), total)
        half //= 2
    vectors.store(total, vectors.at(target, index(0)))
    return context.get_dummy_value()


def _build_scale(context, builder, signature, arguments):
    count = context.make_array(signature.args[0])(context, builder, arguments[0]).nitems
    x, factors, y = data(context, builder, signature, arguments, 0, 1, 2)
    vectors, index = Vectors(context, builder, signature.args[0]), count.type
    is_one = builder.icmp_signed(
        "==", context.make_array(signature.args[1])(context, builder, arguments[1]).nitems, index(1)
    )
    with builder.if_else(is_one) as (one, several):
        with one:
            everywhere, from_one = vectors.everywhere(builder.load(factors)), builder.block
        with several:
            vector, from_several = vectors.load(vectors.at(factors, index(0))), builder.block
    factors = builder.phi(vectors.type)
    factors.add_incoming(everywhere, from_one)
    factors.add_incoming(vector, from_several)

    def scale(begin, mask=None):
        product = builder.fmul(vectors.load(vectors.at(x, begin), mask), factors)
        vectors.store(product, vectors.at(y, begin), mask)

    def scale_whole(k, _):
        scale(builder.mul(k, index(vectors.lanes)))
        return []

    whole = builder.sdiv(count, index(vectors.lanes))
    loop(builder, whole, [], scale_whole)
    begin = builder.mul(whole, index(vectors.lanes))
    with builder.if_then(builder.icmp_signed("<", begin, count)):
        scale(begin, vectors.first(builder.sub(count, begin)))
    return context.get_dummy_value()


class _Filter:
    """`filter_rows` in LLVM's instructions: a loop over rows of taps, and in it one over those side by side.

    It carries one vector of sums for each of 4 rows. Where all that is read lies in the map, there is no mask.
    """

    def __init__(self, context, builder, signature, arguments):
        _, taps, _, _, self.row, begin, self.bias, _, q, y_step, self.rows, self.count, limits = arguments
        self.w, self.x, self.zeros, y = data(context, builder, signature, arguments, 0, 2, 3, 7)
        self.taps = RowTaps(*(builder.extract_value(taps, i) for i in range(len(RowTaps._fields))))
        self.builder, self.index, self.begin = builder, q.type, begin
        self.size = context.make_array(signature.args[0])(context, builder, arguments[0]).nitems
        self.vectors = Vectors(context, builder, signature.args[2])
        self.limits = list(self.vectors.limits(limits))
        self.places = [builder.gep(y, [builder.add(q, builder.mul(self.index(r), y_step))]) for r in range(ROWS)]

    def build(self):
        """Write the sums without masks and those with masks, and what becomes of either."""
        builder, taps, lanes = self.builder, self.taps, self.index(self.vectors.lanes)
        last = builder.mul(builder.sub(taps.columns, self.index(1)), taps.shift)
        end = builder.add(builder.add(self.begin, last), lanes)
        fits = builder.icmp_signed("<=", end, taps.length)
        inside = builder.and_(builder.icmp_signed(">=", self.begin, self.index(0)), fits)
        ways = []
        with builder.if_else(inside) as branches:
            for branch, masked in zip(branches, (False, True), strict=True):
                with branch:
                    ways.append((self._sums(masked), builder.block))
        sums = [builder.phi(self.vectors.type) for _ in range(ROWS)]
        for totals, block in ways:
            for total, value in zip(sums, totals, strict=True):
                total.add_incoming(value, block)
        for r, (place, total) in enumerate(zip(self.places, sums, strict=True)):
            with builder.if_then(builder.icmp_signed("<", self.index(r), self.rows)):
                result = clipped(builder, total, self.limits)
                self.vectors.store_first(lambda _, result=result: [result], [self._vector(place)], self.count)

    def _vector(self, pointer):
        return self.vectors.at(pointer, self.index(0))

    def _sums(self, masked):
        height = self.builder.udiv(self.size, self.taps.columns)
        start = [self.vectors.everywhere(self.bias)] * ROWS
        return loop(self.builder, height, start, partial(self._add_row, masked))

    def _add_row(self, masked, u, totals):
        """Add the products of a row of taps."""
        builder, taps = self.builder, self.taps
        line = builder.add(self.row, builder.mul(u, taps.dilation))
        w = builder.gep(self.w, [builder.mul(u, taps.columns)])
        lines = [self._line(builder.add(line, builder.mul(self.index(r), taps.step))) for r in range(ROWS)]

        def add(v, totals):
            begin, factor = builder.add(self.begin, builder.mul(v, taps.shift)), builder.load(builder.gep(w, [v]))
            mask = self.vectors.within(begin, taps.length) if masked else None
            for line, total in zip(lines, totals, strict=True):
                pixels = self.vectors.load(self.vectors.at(line, begin), mask)
                yield self.vectors.fused(self.vectors.everywhere(factor), pixels, total)

        return loop(builder, taps.columns, totals, add)

    def _line(self, line):
        return row_of(self.builder, self.x, self.zeros, line, self.taps)
