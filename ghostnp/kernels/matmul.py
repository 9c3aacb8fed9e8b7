"""Matrix products: what every convolution except the depthwise one comes down to.

`gemm` multiplies a small matrix by a wide one, w (M, K) @ x (K, P), with P pixels side by side in memory. What a tile
of up to 384 pixels needs of x is gathered, and stays in the cache while 8 rows of w at a time pass by; the innermost
block, 8 rows by one vector of pixels, is in `registers`.

`gemm_nt` multiplies two wide ones, a (M, P) @ b (K, P)ᵀ, as a weight gradient does. Here the contraction runs along
pixels, and 4 x 4 scalar products are summed at once in registers.

Both are batched: a leading axis of groups, each a product of its own.
"""

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.leaves import FEW, bounds, copy, fill
from ghostnp.kernels.runtime.registers import ROWS, VECTOR, multiply_block

LINE = 64  # bytes in a cache line
# Pixels in a tile: their operand's rows should stay in the second-level cache, and its results in the first.
TILE = 384
CHUNK = 512  # pixels in one pass of the scalar products
BAND = 16  # rows of `a` in one job of gemm_nt


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
def _gather(x, p, size, begins, lines, gathered, pitch):
    """Copy columns p to p + size of an operand (see `gemm`) to rows of `gathered`, a pitch apart; zeros follow."""
    _, width, step = lines
    q = 0
    while q < size:
        i, j = (p + q) // width, (p + q) % width
        n = min(size - q, width - j)
        for k in range(begins.size):
            begin, target = begins[k] + i * step + j, k * pitch + q
            copy(x[begin : begin + n], gathered[target : target + n])
        q += n
    if size < pitch:
        for k in range(begins.size):
            fill(gathered[k * pitch + size : (k + 1) * pitch], gathered.dtype.type(0))


@leaf
def _multiply_tiles(jobs, grid, w, transposed, bias, x, begins, lines, y, first, relu, gathered, sums):
    tiles, step, blocks, pitch = grid
    _, height, _ = y.shape
    depth = begins.size
    m_step, k_step = (1, height) if transposed else (depth, 1)
    for job in range(jobs[0], jobs[1]):
        g, tile, m = job // (tiles * blocks), job // blocks % tiles, job % blocks * ROWS
        p = tile * step
        size = min(step, lines[0] - p)
        if job == jobs[0] or m == 0:
            _gather(x[g], p, size, begins, lines, gathered, pitch)
        rows = min(ROWS, height - m)
        for q in range(0, size, VECTOR // x.itemsize):
            multiply_block(w[g], m * m_step, k_step, m_step, rows, gathered, q, pitch, depth, sums, TILE)
        for r in range(rows):
            row = y[g, m + r, first + p : first + p + size]
            _finish(sums[r * TILE : r * TILE + size], bias[g, m + r], relu, row)


@driver
def gemm(w, transposed, bias, x, begins, lines, y, first, relu):
    """y[:, :, first:first+pixels] = w @ x̄ + bias, for w (G, M, K) or, where `transposed`, (G, K, M), and bias (G, M).

    Row k of a group's x̄ begins at x[g, begins[k]]; lines = (pixels, width, pitch) says how many numbers it has, how
    many of them lie side by side, and how far it is from there to the next ones. Where `relu`, y is rectified.

    A job is one tile, 8 rows by up to TILE pixels. Neighbouring jobs share their pixels of x, which are gathered first:
    once in each share, so that tiles are narrow where pixels are few.
    """
    groups, height, _ = y.shape
    pixels, depth = lines[0], begins.size
    lanes = VECTOR // x.itemsize
    vectors = (pixels + lanes - 1) // lanes
    step = min(TILE, (vectors + SHARES - 1) // SHARES * lanes)
    pitch = step + LINE // x.itemsize  # so that rows do not all lie in the same few sets of the cache
    tiles, blocks = (pixels + step - 1) // step, (height + ROWS - 1) // ROWS
    flat = w.reshape(groups, height * depth)
    for share in prange(SHARES):
        jobs = bounds(np.int64(share), groups * tiles * blocks)
        if jobs[0] < jobs[1]:
            gathered, sums = np.empty(depth * pitch, x.dtype), np.empty(ROWS * TILE, x.dtype)
            grid = tiles, step, blocks, pitch
            _multiply_tiles(jobs, grid, flat, transposed, bias, x, begins, lines, y, first, relu, gathered, sums)


@leaf
def _dot(a, b):
    total = a.dtype.type(0)
    for p in range(a.size):
        total += a[p] * b[p]
    return total


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
def _add_dots(a, p, size, x, where, out, top, bottom):
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
                out[row, k] += _dot(a[row, p : p + size], x[where[k] : where[k] + size])


@leaf
def _add_bands(jobs, grid, a, first, x, begins, lines, out, partial, gathered, where):
    parts, bands, height, step = grid
    groups, rows, _ = out.shape
    gather = gathered.size > 0
    for job in range(jobs[0], jobs[1]):
        part, g, top = job // (groups * bands), job // bands % groups, job % bands * height
        target = out[g] if part == 0 else partial[part - 1, g]
        end = (part + 1) * lines[0] // parts
        for p in range(part * lines[0] // parts, end, step):
            size = min(end - p, step)
            if gather:
                _gather(x[g], p, size, begins, lines, gathered, step)
            for k in range(begins.size):
                where[k] = k * step if gather else begins[k] + p
            source = gathered if gather else x[g]
            _add_dots(a[g], first + p, size, source, where, target, top, min(rows, top + height))


@leaf
def _add_up(partial, out):
    for s in range(partial.shape[0]):
        for i in range(out.size):
            out[i] += partial[s, i]


@driver
def gemm_nt(a, first, x, begins, lines, out):
    """out += a[:, :, first:first+pixels] @ x̄ᵀ, for a (G, M, at least that), out (G, M, K), and x̄ as in `gemm`.

    A job is a band of rows of `a`; where these are too few to go round, pixels are split too. The first part adds to
    `out` itself, the others to sums of their own, which follow in order: the result does not depend on the number of
    threads.
    """
    groups, rows, columns = out.shape
    pixels, width, _ = lines
    gather = width < pixels
    height, step = (4 * BAND, TILE) if gather else (BAND, CHUNK)  # what has been gathered is to be used often
    bands = (rows + height - 1) // height
    parts = 1
    while parts * groups * bands < SHARES and pixels // parts >= 4 * CHUNK:
        parts *= 2
    partial = np.zeros((parts - 1, groups, rows, columns), out.dtype)
    for share in prange(SHARES):
        jobs = bounds(np.int64(share), parts * groups * bands)
        if jobs[0] < jobs[1]:
            gathered = np.empty(columns * step if gather else 0, x.dtype)
            where = np.empty(columns, np.int64)
            _add_bands(jobs, (parts, bands, height, step), a, first, x, begins, lines, out, partial, gathered, where)
    _add_up(partial.reshape(parts - 1, out.size), out.reshape(out.size))


@leaf
def _sum(row):
    """Sum a row: in its own precision within a block, in float64 from block to block."""
    total = 0.0
    for begin in range(0, row.size, 4096):
        block = row.dtype.type(0)
        for p in range(begin, min(begin + 4096, row.size)):
            block += row[p]
        total += block
    return total


@leaf
def _sum_rows(begin, end, x, out):
    for m in range(begin, end):
        out[m] = _sum(x[m])


@driver
def row_sums(x, out):
    """out[m] = Σ_p x[m, p]: a bias's gradient."""
    if x.size < FEW:
        _sum_rows(np.int64(0), len(x), x, out)
    else:
        for share in prange(SHARES):
            begin, end = bounds(np.int64(share), len(x))
            _sum_rows(begin, end, x, out)
