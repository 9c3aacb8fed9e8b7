"""Matrix products: what every convolution except the depthwise one comes down to.

`gemm` multiplies a small matrix by a wide one, w (M, K) @ x (K, P), with P pixels side by side in memory. What a tile
of up to 384 pixels needs of x is gathered, and stays in the cache while 8 rows of w at a time pass by; the innermost
block, 8 rows by one vector of pixels, is in `registers`.

`gemm_nt` multiplies two wide ones, a (M, P) @ b (K, P)ᵀ, as a weight gradient does. Here the contraction runs along
pixels, and 4 x 4 scalar products are summed at once in registers.

Both are batched: a leading axis of groups, each a product of its own. The matrix on the right is given as `Columns`.
"""

from typing import NamedTuple

import numpy as np

from ghostnp.kernels.layout import contiguous
from ghostnp.kernels.loops import accumulate, copy, dot, fill, sum_row
from ghostnp.kernels.runtime import SHARES, bounds, driver, leaf, shares_for, zeros
from ghostnp.kernels.runtime.registers import ROWS, VECTOR, multiply_block

LINE = 64  # bytes in a cache line
# Pixels in a tile: their operand's rows should stay in the second-level cache, and its results in the first.
TILE = 384
CHUNK = 512  # pixels in one pass of the scalar products
BAND = 16  # rows of `a` in one job of gemm_nt
_BLOCK = 4096  # numbers that are summed in their own precision


class Columns(NamedTuple):
    """A matrix x̄ for each of G groups, as it lies in memory: row k of group g begins at x[g, begins[k]].

    A row has so many `pixels`. Of these, `width` lie side by side, and from one such piece to the next is a `pitch`.
    """

    x: np.ndarray
    begins: np.ndarray
    pixels: int
    width: int
    pitch: int


def matrix(x, first=0, count=None):
    """Columns `first` to first + count of a matrix x (G, K, P)."""
    groups, depth, pixels = x.shape
    count = pixels if count is None else count
    begins = np.arange(depth) * pixels + first
    return Columns(contiguous(x).reshape(groups, depth * pixels), begins, count, count, count)


def gemm(w, transposed, bias, columns, y, first=0, relu=False):
    """y[:, :, first:first+pixels] = w @ x̄ + bias, for w (G, M, K) or, where `transposed`, (G, K, M), and bias (G, M).

    Where `relu`, y is rectified.
    """
    flat = w.reshape(len(w), -1)
    _multiply(shares_for(w.size * columns.pixels), flat, transposed, bias, columns, y, first, relu)


def gemm_nt(a, first, columns, out):
    """out += a[:, :, first:first+pixels] @ x̄ᵀ, for a (G, M, at least that) and out (G, M, K).

    A job is a band of rows of `a`; where these are too few to go round, pixels are split too. The first part adds to
    `out` itself, the others to sums of their own, which follow in order: the result does not depend on the number of
    threads.
    """
    groups, rows, _ = out.shape
    pixels = columns.pixels
    # What has to be gathered first is to be used often.
    gather = columns.width < pixels
    height, step = (4 * BAND, TILE) if gather else (BAND, CHUNK)
    bands, parts = (rows + height - 1) // height, 1
    while parts * groups * bands < SHARES and pixels // parts >= 4 * CHUNK:
        parts *= 2
    partial = zeros((parts - 1, *out.shape), out.dtype)
    grid = _Bands(parts, bands, height, step, gather)
    _multiply_nt(shares_for(out.size * pixels), a, first, columns, grid, out, partial)
    if parts > 1:
        _add_up(shares_for(partial.size), partial.reshape(parts - 1, out.size), out.reshape(out.size))


def row_sums(x, out):
    """out[m] = Σ_p x[m, p]: a bias's gradient."""
    _sum_rows(shares_for(x.size), x, out)


class _Tiles(NamedTuple):
    """How `_multiply` cuts its work: tiles of so many pixels, and blocks of ROWS rows."""

    tiles: int
    step: int
    blocks: int
    pitch: int


class _Bands(NamedTuple):
    """How `_multiply_nt` cuts its work: parts of the pixels, taken in steps, and bands of so many rows."""

    parts: int
    bands: int
    height: int
    step: int
    gather: bool


@leaf
def _finish(sums, bias, relu, target):
    """target = sums + bias, rectified where `relu`; NaN stays NaN."""
    if relu:
        for p in range(target.size):
            total = sums[p] + bias
            target[p] = 0 if total < 0 else total
    else:
        for p in range(target.size):
            target[p] = sums[p] + bias


@leaf
def _gather(columns, g, p, size, gathered, pitch):
    """Copy pixels p to p + size of group g's rows to rows of `gathered`, a pitch apart; zeros follow."""
    x, begins, q = columns.x[g], columns.begins, 0
    while q < size:
        i, j = (p + q) // columns.width, (p + q) % columns.width
        n = min(size - q, columns.width - j)
        for k in range(begins.size):
            begin, target = begins[k] + i * columns.pitch + j, k * pitch + q
            copy(x[begin : begin + n], gathered[target : target + n])
        q += n
    if size < pitch:
        for k in range(begins.size):
            fill(gathered[k * pitch + size : (k + 1) * pitch], gathered.dtype.type(0))


@leaf
def _multiply_tiles(begin, end, grid, w, transposed, bias, columns, y, first, relu, gathered, sums):
    _, height, _ = y.shape
    depth = columns.begins.size
    m_step, k_step = (1, height) if transposed else (depth, 1)
    for job in range(begin, end):
        g, tile = job // (grid.tiles * grid.blocks), job // grid.blocks % grid.tiles
        m, p = job % grid.blocks * ROWS, tile * grid.step
        size, rows = min(grid.step, columns.pixels - p), min(ROWS, height - m)
        if job == begin or m == 0:
            _gather(columns, g, p, size, gathered, grid.pitch)
        for q in range(0, size, VECTOR // y.itemsize):
            multiply_block(w[g], m * m_step, k_step, m_step, rows, gathered, q, grid.pitch, depth, sums, TILE)
        for r in range(rows):
            row = y[g, m + r, first + p : first + p + size]
            _finish(sums[r * TILE : r * TILE + size], bias[g, m + r], relu, row)


@driver
def _multiply(share, shares, w, transposed, bias, columns, y, first, relu):
    """What `gemm` does, for w (G, M·K).

    A job is one tile, 8 rows by up to TILE pixels. Neighbouring jobs share their pixels of x, which are gathered first:
    once in each share, so that tiles are narrow where pixels are few.
    """
    groups, height, _ = y.shape
    lanes = VECTOR // y.itemsize
    vectors = (columns.pixels + lanes - 1) // lanes
    step = min(TILE, (vectors + shares - 1) // shares * lanes)
    pitch = step + LINE // y.itemsize  # so that rows do not all lie in the same few sets of the cache
    grid = _Tiles((columns.pixels + step - 1) // step, step, (height + ROWS - 1) // ROWS, pitch)
    begin, end = bounds(share, shares, groups * grid.tiles * grid.blocks)
    if begin < end:
        gathered, sums = np.empty(columns.begins.size * pitch, y.dtype), np.empty(ROWS * TILE, y.dtype)
        _multiply_tiles(begin, end, grid, w, transposed, bias, columns, y, first, relu, gathered, sums)


@leaf
def _add_dots_4x4(a0, a1, a2, a3, b0, b1, b2, b3, out, m, k):
    """Add the scalar products of 4 rows and 4 rows to out[m:m+4, k:k+4]: 16 sums for 8 loads."""
    zero = out.dtype.type(0)
    s00 = s01 = s02 = s03 = zero
    s10 = s11 = s12 = s13 = zero
    s20 = s21 = s22 = s23 = zero
    s30 = s31 = s32 = s33 = zero
    for p in range(a0.size):
        e, f, g, h = b0[p], b1[p], b2[p], b3[p]
        a = a0[p]
        s00 += a * e
        s01 += a * f
        s02 += a * g
        s03 += a * h
        a = a1[p]
        s10 += a * e
        s11 += a * f
        s12 += a * g
        s13 += a * h
        a = a2[p]
        s20 += a * e
        s21 += a * f
        s22 += a * g
        s23 += a * h
        a = a3[p]
        s30 += a * e
        s31 += a * f
        s32 += a * g
        s33 += a * h
    for row, (s, t, u, v) in enumerate(
        ((s00, s01, s02, s03), (s10, s11, s12, s13), (s20, s21, s22, s23), (s30, s31, s32, s33))
    ):
        out[m + row, k] += s
        out[m + row, k + 1] += t
        out[m + row, k + 2] += u
        out[m + row, k + 3] += v


@leaf
def add_dots(a, p, size, x, where, out, top, bottom):
    """out[top:bottom] += a[top:bottom, p:p+size] @ x̄ᵀ, where row k of x̄ is x[where[k] : where[k] + size]."""
    for m in range(top, bottom, 4):
        height = min(4, bottom - m)
        fours = where.size // 4 * 4 if height == 4 else 0
        for k in range(0, fours, 4):
            a0, a1, a2, a3 = a[m, p : p + size], a[m + 1, p : p + size], a[m + 2, p : p + size], a[m + 3, p : p + size]
            b, c, d, e = where[k], where[k + 1], where[k + 2], where[k + 3]
            x0, x1, x2, x3 = x[b : b + size], x[c : c + size], x[d : d + size], x[e : e + size]
            _add_dots_4x4(a0, a1, a2, a3, x0, x1, x2, x3, out, m, k)
        for k in range(fours, where.size):
            for row in range(m, m + height):
                out[row, k] += dot(a[row, p : p + size], x[where[k] : where[k] + size])


@leaf
def _add_bands(begin, end, grid, a, first, columns, out, partial, gathered, where):
    groups, rows, _ = out.shape
    for job in range(begin, end):
        part, g, top = job // (groups * grid.bands), job // grid.bands % groups, job % grid.bands * grid.height
        target = out[g] if part == 0 else partial[part - 1, g]
        bottom = min(rows, top + grid.height)
        last = (part + 1) * columns.pixels // grid.parts
        for p in range(part * columns.pixels // grid.parts, last, grid.step):
            size = min(last - p, grid.step)
            if grid.gather:
                _gather(columns, g, p, size, gathered, grid.step)
            for k in range(where.size):
                where[k] = k * grid.step if grid.gather else columns.begins[k] + p
            source = gathered if grid.gather else columns.x[g]
            add_dots(a[g], first + p, size, source, where, target, top, bottom)


@driver
def _multiply_nt(share, shares, a, first, columns, grid, out, partial):
    """What `gemm_nt` does, but for adding up the partial sums."""
    depth = columns.begins.size
    begin, end = bounds(share, shares, grid.parts * len(out) * grid.bands)
    if begin < end:
        gathered, where = np.empty(depth * grid.step if grid.gather else 0, out.dtype), np.empty(depth, np.int64)
        _add_bands(begin, end, grid, a, first, columns, out, partial, gathered, where)


@leaf
def _add_pieces(partial, begin, end, out):
    for part in range(len(partial)):
        accumulate(partial[part, begin:end], out[begin:end])


@driver
def _add_up(share, shares, partial, out):
    """out += partial[0], then partial[1], and so on."""
    begin, end = bounds(share, shares, out.size)
    _add_pieces(partial, begin, end, out)


@leaf
def _sum(row):
    """Sum a row: in its own precision within a block, in float64 from block to block."""
    total = 0.0
    for begin in range(0, row.size, _BLOCK):
        total += sum_row(row[begin : begin + _BLOCK])
    return total


@leaf
def _sum_some(begin, end, x, out):
    for m in range(begin, end):
        out[m] = _sum(x[m])


@driver
def _sum_rows(share, shares, x, out):
    begin, end = bounds(share, shares, len(x))
    _sum_some(begin, end, x, out)
