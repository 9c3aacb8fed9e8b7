"""Joining and parting, forward and backward, fast.

In C, H, W, N memory a part of the channels is one contiguous block: concat copies blocks, and split and concat's
backward only point at them (their results are views, as NumPy's are). What is met map by map, s (C, N) by x (C, H·W·N),
repeats along the row with period N. A tile of a hundred numbers, s again and again, is laid out once, so that loops are
long whatever the batch. What is met number by number, or copied, is left to NumPy if it is little.
"""

import numpy as np

from ghostnp.kernels.activation import memory, shaped
from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.layout import images, planes, rows
from ghostnp.kernels.leaves import FEW, accumulate, bounds, copy, dot, fill, multiply_by, same, sum_row
from ghostnp.ops.checks import check_maps, check_sizes
from ghostnp.ops.gradients import PairGrads, ScaleGrads
from ghostnp.ops.join import check_concat, check_pair, check_scale, check_split_gradients

_TILE = 128


def concat(xs, *, keep=None, out=None):
    """Twin of `ghostnp.ops.concat`."""
    return _stack(xs, check_concat(xs, keep), out)


def concat_backward(dy, xs, *, keep=None):
    """Twin of `ghostnp.ops.concat_backward`."""
    check_concat(xs, keep, dy)
    gradient, gradients = planes(dy), []
    for x in xs:
        part, gradient = gradient[: x.shape[1]], gradient[x.shape[1] :]
        if len(part) < x.shape[1]:
            kept, part = part, np.zeros((x.shape[1], *part.shape[1:]), part.dtype)
            part[: len(kept)] = kept
        gradients.append(images(part))
    return tuple(gradients)


def split(x, sizes):
    """Twin of `ghostnp.ops.split`."""
    check_maps(x=x)
    sizes = check_sizes(sizes, x.shape[1])
    pixels, parts = planes(x), []
    for size in sizes:
        part, pixels = pixels[:size], pixels[size:]
        parts.append(images(part))
    return parts


def split_backward(dy, x, sizes):
    """Twin of `ghostnp.ops.split_backward`."""
    check_split_gradients(dy, x, sizes)
    return _stack(dy, x.shape[1])


def add(a, b, *, relu=False, out=None):
    """Twin of `ghostnp.ops.add`."""
    check_pair(a, b)
    return _meet(a, b, product=False, relu=relu, out=out)


def add_backward(dy, a, b):
    """Twin of `ghostnp.ops.add_backward`."""
    spread = check_pair(a, b, dy)
    gradient = shaped(memory(dy))
    return PairGrads(gradient, _over_pixels(gradient) if spread else gradient)


def multiply(a, b, *, out=None):
    """Twin of `ghostnp.ops.multiply`."""
    check_pair(a, b)
    return _meet(a, b, product=True, out=out)


def multiply_backward(dy, a, b):
    """Twin of `ghostnp.ops.multiply_backward`."""
    spread = check_pair(a, b, dy)
    return PairGrads(_meet(dy, b, product=True), _over_pixels(dy, a) if spread else _meet(dy, a, product=True))


def scale(x, s, *, out=None):
    """Twin of `ghostnp.ops.scale`."""
    check_scale(x, s)
    return _meet(x, s, product=True, out=out)


def scale_backward(dy, x, s):
    """Twin of `ghostnp.ops.scale_backward`."""
    check_scale(x, s, dy)
    return ScaleGrads(_meet(dy, s, product=True), _over_pixels(dy, x))


def sum_pixels(x, weight=None, total=None):
    """Sum each map of `x` (C, H, W, N) to (C, 1, 1, N); with `weight`, each number times that of `weight`.

    The result is written to `total` if there is one.
    """
    channels, height, width, batch = x.shape
    total = np.empty((channels, 1, 1, batch), x.dtype) if total is None else total
    if height == width == 1:  # one pixel is its own sum
        np.multiply(x, 1 if weight is None else weight, out=total)
    elif total.size:
        _sum_rows(rows(x), rows(x if weight is None else weight), weight is not None, rows(total))
    return total


def spread_pixels(s, y):
    """Give every pixel of the maps `y` (C, H, W, N) the number of `s` (C, 1, 1, N): the transpose of `sum_pixels`."""
    if y.size:
        _repeat_rows(rows(s), rows(y))


def _stack(parts, channels, out=None):
    batch, _, height, width = parts[0].shape
    y = np.empty((channels, height, width, batch), parts[0].dtype) if out is None else planes(out)
    rest = y
    for part in parts:
        kept, home = planes(part)[: len(rest)], rest[: part.shape[1]]
        if kept.size < 4 * FEW:  # to copy is less than to compute
            home[...] = kept
        else:
            _copy_all(kept.reshape(-1), home.reshape(-1))
        rest = rest[len(kept) :]
    return images(y)


def _over_pixels(x, weight=None):
    return images(sum_pixels(planes(x), None if weight is None else planes(weight)))


def _meet(a, b, product, relu=False, out=None):
    left, right = memory(a), memory(b)
    y = np.empty_like(left) if out is None else memory(out)
    if y.size < FEW and (a.shape == b.shape or len(a) == 1):  # with more images NumPy's loops get as short as these
        (np.multiply if product else np.add)(left, right, out=y)
        return shaped(np.maximum(y, 0, out=y) if relu else y)
    matrix = (len(left) if a.ndim == 4 else 1, -1)  # what is no maps does not repeat either, and is one row
    if y.size:
        _meet_rows(left.reshape(matrix), right.reshape(matrix), product, relu, y.reshape(matrix))
    return shaped(y)


@leaf
def _add(a, b, y):
    if same(a, y):
        accumulate(b, y)
    else:
        for p in range(y.size):
            y[p] = a[p] + b[p]


@leaf
def _multiply(a, b, y):
    if same(a, y):
        multiply_by(b, y)
    else:
        for p in range(y.size):
            y[p] = a[p] * b[p]


@leaf
def _rectify(y):
    zero = y.dtype.type(0)
    for p in range(y.size):
        y[p] = zero if y[p] < zero else y[p]


@leaf
def _accumulate_products(a, b, total):
    for p in range(total.size):
        total[p] += a[p] * b[p]


@leaf
def _repeat(s, row):
    """Fill the row with s again and again, doubling what is there."""
    if s.size == 1:
        fill(row, s[0])
        return
    copy(s, row[: s.size])
    filled = s.size
    while filled < row.size:
        step = min(filled, row.size - filled)
        copy(row[:step], row[filled : filled + step])
        filled += step


@leaf
def _fold(row, s):
    """Add up what lies one period apart, halving what is there: the transpose of `_repeat`. The row is used up."""
    periods = row.size // s.size
    while periods > 1:
        step = periods // 2 * s.size
        accumulate(row[periods * s.size - step : periods * s.size], row[:step])
        periods -= periods // 2
    copy(row[: s.size], s)


@leaf
def _tile_size(period, length):
    """How long a tile of whole periods is: a hundred numbers or so, or a row if that is shorter."""
    return min(length, period * max(1, _TILE // period))


@leaf
def _meet_piece(a, b, product, relu, y):
    if product:
        _multiply(a, b, y)
    else:
        _add(a, b, y)
    if relu:
        _rectify(y)


@leaf
def _meet_row(a, b, product, relu, tile, y):
    """y = a + b or a · b, where b is as long as a, or repeats: then it is laid out in the tile."""
    if b.size == a.size:
        _meet_piece(a, b, product, relu, y)
        return
    _repeat(b, tile)
    for p in range(0, a.size, tile.size):
        q = min(a.size, p + tile.size)
        _meet_piece(a[p:q], tile[: q - p], product, relu, y[p:q])


@leaf
def _sum_row(x, weight, weighted, tile, total):
    if total.size == 1:
        total[0] = dot(x, weight) if weighted else sum_row(x)
        return
    fill(tile, x.dtype.type(0))
    for p in range(0, x.size, tile.size):
        q = min(x.size, p + tile.size)
        if weighted:
            _accumulate_products(x[p:q], weight[p:q], tile[: q - p])
        else:
            accumulate(x[p:q], tile[: q - p])
    _fold(tile, total)


# The loops over rows are leaves too: in a driver each row is counted as a reference, which takes longer than a short
# row.


@leaf
def _meet_some(a, b, product, relu, tile, y):
    for c in range(len(a)):
        _meet_row(a[c], b[c], product, relu, tile, y[c])


@leaf
def _sum_some(x, weight, weighted, tile, total):
    for c in range(len(x)):
        _sum_row(x[c], weight[c], weighted, tile, total[c])


@leaf
def _repeat_some(s, y):
    for c in range(len(y)):
        _repeat(s[c], y[c])


@driver
def _meet_rows(a, b, product, relu, y):
    """y = a + b or a · b, and its ReLU, for a (C, P) and b (C, P) or, repeating along the row, (C, N)."""
    if a.size < FEW:
        tile = np.empty(_tile_size(b.shape[1], a.shape[1]), b.dtype)
        _meet_some(a, b, product, relu, tile, y)
    else:
        for share in prange(SHARES):
            begin, end = bounds(np.int64(share), len(a))
            tile = np.empty(_tile_size(b.shape[1], a.shape[1]), b.dtype)
            _meet_some(a[begin:end], b[begin:end], product, relu, tile, y[begin:end])


@driver
def _sum_rows(x, weight, weighted, total):
    """total[c, n] = Σ x[c] (· weight[c]) over every N-th number of the row from n on, for x (C, P) and total (C, N)."""
    if x.size < FEW:
        tile = np.empty(_tile_size(total.shape[1], x.shape[1]), x.dtype)
        _sum_some(x, weight, weighted, tile, total)
    else:
        for share in prange(SHARES):
            begin, end = bounds(np.int64(share), len(x))
            tile = np.empty(_tile_size(total.shape[1], x.shape[1]), x.dtype)
            _sum_some(x[begin:end], weight[begin:end], weighted, tile, total[begin:end])


@driver
def _repeat_rows(s, y):
    if y.size < FEW:
        _repeat_some(s, y)
    else:
        for share in prange(SHARES):
            begin, end = bounds(np.int64(share), len(y))
            _repeat_some(s[begin:end], y[begin:end])


@driver
def _copy_all(x, y):
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), x.size)
        copy(x[begin:end], y[begin:end])
