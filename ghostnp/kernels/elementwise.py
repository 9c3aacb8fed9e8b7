"""Sum and product, elementwise or map by map, forward and backward, fast.

Two operands of one shape are one long row each, taken piece by piece. Where the second has one number for each map, it
is a matrix (C, N) beside one (C, H·W·N), and repeats along the row with period N. A tile, the period again and again,
is laid out once for a row, so that loops are long whatever the batch. If the period divides a vector, that is the tile:
it stays in a register for the whole row.

A keyword that is not in the vocabulary is `nearest`, for the engine: the second factor is enlarged to the first one's
maps, as by `resize_nearest`, a channel at a time. Enlarged maps stay in the cache, and never reach memory.
"""

import numpy as np

from ghostnp.kernels.layout import array_of, buffer_of, home, images, planes, rows
from ghostnp.kernels.loops import UNLIMITED, accumulate, clip_row, copy, dot, fill, multiply_by, same, sum_row
from ghostnp.kernels.resize import enlarge
from ghostnp.kernels.runtime import bounds, driver, empty, leaf, pieces_for, shares_for
from ghostnp.kernels.runtime.rows import VECTOR, scale_row, sum_periods
from ghostnp.ops.checks import check_maps
from ghostnp.ops.elementwise import check_pair
from ghostnp.ops.gradients import PairGrads
from ghostnp.ops.resize import nearest_sources

# Numbers that are combined before what came out is clipped: they are still in the first-level cache.
_PIECE = 4096
# Numbers in a tile. To lay out a longer one takes time, and to use a shorter one more often does too.
_TILE, _LONG_TILE = 128, 1024
_TILES = 8  # how many of them are summed in their own precision
_SUMMED = 2048  # numbers that are summed so where the tile is a vector


def add(a, b, *, limits=UNLIMITED, out=None):
    """Twin of `ghostnp.ops.add`."""
    check_pair(a, b)
    return _combine(a, b, product=False, limits=limits, out=out)


def add_backward(dy, a, b):
    """Twin of `ghostnp.ops.add_backward`."""
    spread = check_pair(a, b, dy)
    gradient = array_of(buffer_of(dy))
    return PairGrads(gradient, _over_pixels(gradient) if spread else gradient)


def multiply(a, b, *, nearest=False, out=None):
    """Twin of `ghostnp.ops.multiply`."""
    if nearest:
        return _multiply_by_enlarged(a, b, out)
    check_pair(a, b)
    return _combine(a, b, product=True, out=out)


def multiply_backward(dy, a, b):
    """Twin of `ghostnp.ops.multiply_backward`."""
    spread = check_pair(a, b, dy)
    db = _over_pixels(dy, a) if spread else _combine(dy, a, product=True)
    return PairGrads(_combine(dy, b, product=True), db)  # da is the last to be made: it may take the memory of dy


def sum_pixels(x, weight=None, total=None, divisor=1):
    """Sum each map of `x` (C, H, W, N) to (C, 1, 1, N); with `weight`, each number times that of `weight`.

    The result is divided by `divisor`, and written to `total` if there is one.
    """
    channels, _, _, batch = x.shape
    total = empty((channels, 1, 1, batch), x.dtype) if total is None else total
    if total.size:
        weights = rows(x if weight is None else weight)
        _sum_rows(shares_for(x.size), rows(x), weights, weight is not None, divisor, rows(total))
    return total


def spread_pixels(s, y, divisor=1):
    """Give every pixel of the maps `y` (C, H, W, N) the number of `s` (C, 1, 1, N): the transpose of `sum_pixels`."""
    if y.size:
        _repeat_rows(shares_for(y.size), rows(s), divisor, rows(y))


def _over_pixels(x, weight=None):
    return images(sum_pixels(planes(x), None if weight is None else planes(weight)))


def _multiply_by_enlarged(a, b, out):
    check_maps(a=a, b=b)
    if a.shape[:2] != b.shape[:2]:
        raise ValueError(
            f"b has shape {b.shape}: the rule is as many maps as a {a.shape}, such as {(*a.shape[:2], 1, 1)}"
        )
    sources = nearest_sources(b, a.shape[2:])
    y = home(a.shape, a.dtype, out, over=("a",), a=a, b=b)
    if y.size:
        _multiply_rows(shares_for(2 * y.size), rows(planes(a)), rows(planes(b)), b.shape[2], *sources, len(a), rows(y))
    return images(y)


def _combine(a, b, *, product, limits=UNLIMITED, out=None):
    left, right = buffer_of(a), buffer_of(b)
    y = empty(left.shape, a.dtype) if out is None else home(a.shape, a.dtype, out, over=("a", "b"), a=a, b=b)
    if y.size:
        length, period = (_PIECE,) * 2 if a.shape == b.shape else (y.size // len(y), len(a))
        numbers = left.reshape(-1), right.reshape(-1), y.reshape(-1)
        _combine_rows(pieces_for(y.size), *numbers, length, period, product, limits)
    return array_of(y)


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
def _fold(row, period):
    """Add up what lies one period apart, in the first period of the row, halving what is there."""
    periods = row.size // period
    while periods > 1:
        step = periods // 2 * period
        accumulate(row[periods * period - step : periods * period], row[:step])
        periods -= periods // 2


@leaf
def _tile_size(period, length):
    """How long a tile of whole periods is: an eighth of a row, if that is not too short and not too long."""
    numbers = min(_LONG_TILE, max(_TILE, length // 8))
    return min(length, period * max(1, numbers // period))


@leaf
def _divides_a_vector(period, itemsize):
    return VECTOR // itemsize % period == 0


@leaf
def _combine_piece(a, b, product, limits, y):
    if product:
        _multiply(a, b, y)
    else:
        _add(a, b, y)
    clip_row(y, limits)


@leaf
def _combine_row(a, b, product, limits, tile, y):
    """y = a + b or a · b, where b is as long as a, or repeats: then it is laid out in the tile."""
    if b.size == a.size:
        _combine_piece(a, b, product, limits, y)
    elif product and _divides_a_vector(b.size, tile.itemsize):
        _repeat(b, tile)
        scale_row(a, tile, y)
    else:
        _repeat(b, tile)
        for p in range(0, a.size, tile.size):
            q = min(a.size, p + tile.size)
            _combine_piece(a[p:q], tile[: q - p], product, limits, y[p:q])


@leaf
def _sum_row(x, weight, weighted, period, tile, sums):
    """sums[n] = Σ x (· weight) over every `period`-th number from n on, in float64 from block to block."""
    if period == 1:
        sums[0] = dot(x, weight) if weighted else sum_row(x)
        return
    fill(sums, np.float64(0))
    if _divides_a_vector(period, tile.itemsize) and not weighted:
        for begin in range(0, x.size, _SUMMED):
            sum_periods(x[begin : begin + _SUMMED], period, tile)
            for n in range(period):
                sums[n] += tile[n]
        return
    block = _TILES * tile.size
    for begin in range(0, x.size, block):
        fill(tile, x.dtype.type(0))
        for p in range(begin, min(x.size, begin + block), tile.size):
            q = min(x.size, p + tile.size)
            if weighted:
                _accumulate_products(x[p:q], weight[p:q], tile[: q - p])
            else:
                accumulate(x[p:q], tile[: q - p])
        _fold(tile, period)
        for n in range(period):
            sums[n] += tile[n]


# The loops over rows are leaves too, without reference counting.


@leaf
def _combine_some(begin, end, a, b, y, length, period, product, limits, tile):
    if product and period == 1 and length > 1:  # so short and frequent that each needs a loop without any choice
        for c in range(begin, end):
            scale_row(a[c * length : (c + 1) * length], b[c : c + 1], y[c * length : (c + 1) * length])
        return
    for c in range(begin, end):
        p, q = c * length, min(a.size, (c + 1) * length)
        _combine_row(a[p:q], b[c * period : min(b.size, (c + 1) * period)], product, limits, tile, y[p:q])


@leaf
def _sum_some(x, weight, weighted, divisor, tile, sums, total):
    for c in range(len(x)):
        _sum_row(x[c], weight[c], weighted, total.shape[1], tile, sums)
        for n in range(total.shape[1]):
            total[c, n] = sums[n] / divisor


@leaf
def _repeat_some(s, divisor, quotients, y):
    for c in range(len(y)):
        for n in range(quotients.size):
            quotients[n] = s[c, n] / divisor
        _repeat(quotients, y[c])


@leaf
def _multiply_some(a, b, height, sources, columns, batch, enlarged, y):
    for c in range(len(a)):
        enlarge(b[c], height, sources, columns, batch, enlarged)
        _multiply(a[c], enlarged, y[c])


@driver
def _multiply_rows(share, shares, a, b, height, sources, columns, batch, y):
    """y (C, H·W·N) = a · the maps b of so many rows, enlarged; `sources` and `columns` as in `nearest_sources`."""
    begin, end = bounds(share, shares, len(a))
    enlarged = np.empty(a.shape[1], a.dtype)
    _multiply_some(a[begin:end], b[begin:end], height, sources, columns, batch, enlarged, y[begin:end])


@driver
def _combine_rows(share, shares, a, b, y, length, period, product, limits):
    """y = a + b or a · b, within the limits, for rows of a and y of this length: in each, those of b repeat.

    Where the period is as long as the row, nothing repeats, and the last row may be shorter.
    """
    begin, end = bounds(share, shares, (a.size + length - 1) // length)
    in_vectors = product and _divides_a_vector(period, b.itemsize)
    size = VECTOR // b.itemsize if in_vectors else _tile_size(period, length)
    tile = np.empty(size if period < length else 0, b.dtype)
    _combine_some(begin, end, a, b, y, length, period, product, limits, tile)


@driver
def _sum_rows(share, shares, x, weight, weighted, divisor, total):
    """total[c, n] = Σ x[c] (· weight[c]) / divisor, for x (C, P) and total (C, N).

    The sum is over every N-th number of the row, from n on.
    """
    begin, end = bounds(share, shares, len(x))
    period, length = total.shape[1], x.shape[1]
    in_vectors = _divides_a_vector(period, x.itemsize) and not weighted
    tile = np.empty(VECTOR // x.itemsize if in_vectors else _tile_size(period, length), x.dtype)
    sums = np.empty(period)
    _sum_some(x[begin:end], weight[begin:end], weighted, np.float64(divisor), tile, sums, total[begin:end])


@driver
def _repeat_rows(share, shares, s, divisor, y):
    begin, end = bounds(share, shares, len(y))
    _repeat_some(s[begin:end], s.dtype.type(divisor), np.empty(s.shape[1], s.dtype), y[begin:end])
