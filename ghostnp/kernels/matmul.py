"""Matrix products: what every convolution except the depthwise one comes down to.

`gemm` multiplies a small matrix by a wide one, w (M, K) @ x (K, P), with P pixels side by side in memory. A tile of
pixels is read where it lies, or is gathered first where a convolution's windows are apart. It stays in the cache while
8 rows of w at a time pass by; the innermost block, 8 rows by three vectors of pixels, is in `registers`.

`gemm_nt` multiplies two wide ones, a (M, P) @ b (K, P)ᵀ, as a weight gradient does. Here the contraction runs along
pixels, and 4 x 4 scalar products are summed at once in registers.

Both are batched: a leading axis of groups, each a product of its own. The matrix on the right is given as `Columns`.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ghostnp.kernels.layout import contiguous
from ghostnp.kernels.loops import UNLIMITED, accumulate, clipped, copy, dot, sum_row
from ghostnp.kernels.runtime import SHARES, bounds, driver, leaf, shares_for, zeros
from ghostnp.kernels.runtime.registers import ROWS, VECTOR, VECTORS, multiply_rows

LINE = 64  # bytes in a cache line
# Pixels in a tile that are gathered: their operand's rows should stay in the second-level cache.
TILE = 384
# Bytes of x in a tile that is read in place: what the first-level cache holds, unless that is less than three vectors.
PANEL = 1 << 15
# Rows are shared out where each share has so many blocks of them, and x, which each share reads, has so many bytes.
BLOCKS, NEAR = 3, 1 << 19
DEPTH = 256  # products that are summed in their own precision before they are added to others
CHUNK = 512  # pixels in one pass of the scalar products
BAND = 16  # rows of `a` in one job of gemm_nt


class Columns(NamedTuple):
    """A matrix x̄ for each of G groups, as it lies in memory: row k of group g begins at x[g, begins[k]].

    A row has so many `pixels`. Of these, `width` lie side by side, and from one such piece to the next is a `pitch`.
    Where all of them lie side by side, and rows are as far `apart` as the next, nothing has to be gathered; otherwise
    `apart` is 0.
    """

    x: np.ndarray
    begins: np.ndarray
    pixels: int
    width: int
    pitch: int
    apart: int = 0


def matrix(x, first=0, count=None):
    """Columns `first` to first + count of a matrix x (G, K, P)."""
    groups, depth, pixels = x.shape
    count = pixels if count is None else count
    begins = _begins(depth, pixels, first)
    return Columns(contiguous(x).reshape(groups, depth * pixels), begins, count, count, count, pixels)


@lru_cache(maxsize=256)
def _begins(depth, pixels, first):
    return np.arange(depth) * pixels + first


def gemm(w, transposed, bias, columns, y, first=0, limits=UNLIMITED, onto=False):
    """y[:, :, first:first+pixels] = w @ x̄ + bias, for w (G, M, K) or, where `transposed`, (G, K, M), and bias (G, M).

    Where it goes `onto` y, what y holds is added. What is beyond the `limits` becomes the limit.
    """
    flat = w.reshape(len(w), -1)
    _multiply(shares_for(w.size * columns.pixels), flat, transposed, bias, columns, y, first, limits, onto)


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
    """How `_multiply` cuts its work: so many vectors of pixels into tiles, and rows into blocks of ROWS.

    The first of the blocks is number `top`. Rows of what a tile gathers are a pitch apart; it is 0 where x is read in
    place. So many pixels are `left` after the last tile: one, or none.
    """

    tiles: int
    vectors: int
    top: int
    blocks: int
    pitch: int
    left: int


class _Bands(NamedTuple):
    """How `_multiply_nt` cuts its work: parts of the pixels, taken in steps, and bands of so many rows."""

    parts: int
    bands: int
    height: int
    step: int
    gather: bool


@leaf
def _gather(columns, g, p, size, gathered, pitch):
    """Copy pixels p to p + size of group g's rows to rows of `gathered`, a pitch apart."""
    x, begins, q = columns.x[g], columns.begins, 0
    while q < size:
        i, j = (p + q) // columns.width, (p + q) % columns.width
        n = min(size - q, columns.width - j)
        for k in range(begins.size):
            begin, target = begins[k] + i * columns.pitch + j, k * pitch + q
            copy(x[begin : begin + n], gathered[target : target + n])
        q += n


@leaf
def _multiply_tile(w, m, transposed, bias, no_bias, x, p, pitch, depth, y, first, size, limits, onto):
    """Rows m to m + ROWS of y, and `size` of its pixels from `first` on: those that begin at p in the rows of x.

    Products are summed `DEPTH` at a time, and each sum goes onto those before: of one sum over thousands float32 would
    lose digits.
    """
    height, width = y.shape
    lanes, m_step, k_step = VECTOR // y.itemsize, 1 if transposed else depth, height if transposed else 1
    rows, target, i = min(ROWS, height - m), y.reshape(height * width), 0
    while i < size:
        count = min(size - i, VECTORS * lanes)
        missing = -count % lanes
        if missing <= i and not onto:  # some pixels once more, for a whole vector
            i, count = i - missing, count + missing
        q = m * width + first + i
        n = multiply_rows(
            w, m * m_step, m_step, k_step, rows, bias, m, x, p + i, pitch, min(depth, DEPTH), target, q, width, count,
            UNLIMITED if depth > DEPTH else limits, onto
        )  # fmt: skip
        for k in range(DEPTH, depth, DEPTH):
            multiply_rows(
                w, m * m_step + k * k_step, m_step, k_step, rows, no_bias, np.int64(0), x, p + i + k * pitch, pitch,
                min(depth - k, DEPTH), target, q, width, n, limits if k + DEPTH >= depth else UNLIMITED, k > 0
            )  # fmt: skip
        i += n


@leaf
def _gather_pixel(x, begin, pitch, gathered):
    """Copy one pixel: row k of x has it at begin + k·pitch."""
    for k in range(gathered.size):
        gathered[k] = x[begin + k * pitch]


@leaf
def _multiply_pixel(w, m, bias, pixel, y, p, limits, onto):
    """Rows m to m + ROWS of y, and one of its pixels."""
    for r in range(m, min(m + ROWS, len(y))):
        total = bias[r] + dot(w[r * pixel.size : (r + 1) * pixel.size], pixel)
        total = total + y[r, p] if onto else total
        y[r, p] = clipped(total, limits)


@leaf
def _multiply_tiles(begin, end, grid, w, transposed, bias, no_bias, columns, y, first, limits, onto, gathered):
    depth, lanes = columns.begins.size, VECTOR // y.itemsize
    for job in range(begin, end):
        g, tile, block = job // (grid.tiles * grid.blocks), job // grid.blocks % grid.tiles, job % grid.blocks
        m = (grid.top + block) * ROWS
        from_vector, to_vector = bounds(tile, grid.tiles, grid.vectors)
        is_first, is_last = job == begin or block == 0, tile == grid.tiles - 1
        p, q = from_vector * lanes, columns.pixels - grid.left if is_last else to_vector * lanes
        at, size = first + p, q - p
        if grid.pitch > 0:
            if is_first:
                _gather(columns, g, p, size, gathered, grid.pitch)
            x, start, pitch = gathered, np.int64(0), grid.pitch
            _multiply_tile(w[g], m, transposed, bias[g], no_bias, x, start, pitch, depth, y[g], at, size, limits, onto)
            continue
        x, start = columns.x[g], columns.begins[0]
        _multiply_tile(
            w[g], m, transposed, bias[g], no_bias, x, start + p, columns.apart, depth, y[g], at, size, limits, onto
        )
        if is_last and grid.left > 0:
            if is_first:
                _gather_pixel(x, start + q, columns.apart, gathered)
            _multiply_pixel(w[g], m, bias[g], gathered, y[g], first + q, limits, onto)


@driver
def _multiply(share, shares, w, transposed, bias, columns, y, first, limits, onto):
    """What `gemm` does, for w (G, M·K).

    A job is one tile, 8 rows by so many pixels. Neighbouring jobs share their pixels of x, which are gathered, if they
    have to be, once in each share. Tiles are narrow where pixels and rows are few, so that there are enough jobs for
    all shares. Where rows are many they are wide: a long piece of a row of y is written faster than short ones.

    Where there are many rows and x is small, a share has some of the rows, and all pixels. Then a depthwise
    convolution, whose shares are channels, finds most of what it reads in its own core's cache.
    """
    groups, height, _ = y.shape
    lanes, depth = VECTOR // y.itemsize, columns.begins.size
    vectors, left, blocks = columns.pixels // lanes, 0, (height + ROWS - 1) // ROWS
    in_place = columns.apart > 0 and depth > 0
    by_rows = in_place and shares > 1 and BLOCKS * shares <= blocks and depth * columns.pixels * y.itemsize <= NEAR
    top, bottom = bounds(share, shares, blocks) if by_rows else (0, blocks)
    if in_place:
        panel = max(1, PANEL // (VECTORS * VECTOR * depth)) * VECTORS
        alone = max(1, groups * blocks)  # jobs, if rows are not cut into pieces
        enough = 1 if by_rows else (2 * shares + alone - 1) // alone  # pieces with which jobs are not too uneven
        tiles, pitch = max(1, min(vectors // VECTORS, max(enough, vectors // panel))), 0
        # A single pixel that is left takes less time as scalar products than as a vector.
        if vectors > 0 and columns.pixels % lanes == 1 and not transposed:
            left = 1
    else:
        tiles = max(1, min(shares, vectors), (vectors * lanes + TILE - 1) // TILE)
        # So that rows do not all lie in the same few sets of the cache.
        pitch = (vectors + tiles - 1) // tiles * lanes + lanes + LINE // y.itemsize
    grid = _Tiles(tiles, vectors, top, bottom - top, pitch, left)
    jobs = groups * grid.tiles * grid.blocks
    begin, end = (0, jobs) if by_rows else bounds(share, shares, jobs)
    if begin < end:
        gathered, no_bias = np.empty(depth * (pitch + left), y.dtype), np.zeros(ROWS, y.dtype)
        _multiply_tiles(begin, end, grid, w, transposed, bias, no_bias, columns, y, first, limits, onto, gathered)


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
def _add_dots_4x1(a0, a1, a2, a3, b, out, m, k):
    """Add the scalar products of 4 rows and one to out[m:m+4, k]: what is added up across a register is so at once."""
    s = t = u = v = out.dtype.type(0)
    for p in range(b.size):
        e = b[p]
        s += a0[p] * e
        t += a1[p] * e
        u += a2[p] * e
        v += a3[p] * e
    out[m, k] += s
    out[m + 1, k] += t
    out[m + 2, k] += u
    out[m + 3, k] += v


@leaf
def add_dots(a, p, size, x, where, out, top, bottom):
    """out[top:bottom] += a[top:bottom, p:p+size] @ x̄ᵀ, where row k of x̄ is x[where[k] : where[k] + size]."""
    for m in range(top, bottom, 4):
        if bottom - m < 4:
            for k in range(where.size):
                for row in range(m, bottom):
                    out[row, k] += dot(a[row, p : p + size], x[where[k] : where[k] + size])
            continue
        a0, a1, a2, a3 = a[m, p : p + size], a[m + 1, p : p + size], a[m + 2, p : p + size], a[m + 3, p : p + size]
        fours = where.size // 4 * 4
        for k in range(0, fours, 4):
            b, c, d, e = where[k], where[k + 1], where[k + 2], where[k + 3]
            x0, x1, x2, x3 = x[b : b + size], x[c : c + size], x[d : d + size], x[e : e + size]
            _add_dots_4x4(a0, a1, a2, a3, x0, x1, x2, x3, out, m, k)
        for k in range(fours, where.size):
            _add_dots_4x1(a0, a1, a2, a3, x[where[k] : where[k] + size], out, m, k)


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
def _sum_some(begin, end, x, out):
    for m in range(begin, end):
        out[m] = sum_row(x[m])


@driver
def _sum_rows(share, shares, x, out):
    begin, end = bounds(share, shares, len(x))
    _sum_some(begin, end, x, out)
