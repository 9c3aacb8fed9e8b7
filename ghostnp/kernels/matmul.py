"""Matrix products: what every convolution except the depthwise one comes down to.

`gemm` multiplies a small matrix by a wide one, w (M, K) @ x (K, P), with P pixels side by side in memory. A tile of
8 x 400 results stays in the first-level cache while the channels pass by, four at a time: each number that is loaded is
used 8 times, each result that is touched takes 4 products, and all loops run along pixels, where vector registers fit.

`gemm_nt` multiplies two wide ones, a (M, P) @ b (K, P)ᵀ, as a weight gradient does. Here the contraction runs along
pixels, and 4 x 4 scalar products are summed at once in registers.

Both are batched: a leading axis of groups, each a product of its own.
"""

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.leaves import FEW, bounds, copy, fill

LANES = 16  # numbers in a vector register, at the most
# Pixels in a tile. 8 of its rows and 4 of the operand's take 19 KB in float32; and no two of these rows are a multiple
# of 4 KB apart: the processor would take them for the same place, and wait for the one before it reads the other.
TILE = 400
CHUNK = 512  # pixels in one pass of the scalar products
BAND = 16  # rows of `a` in one job of gemm_nt


@leaf
def _add_8x4(tile, x0, x1, x2, x3, w, k):
    """Add w[:, k:k+4] @ (x0, x1, x2, x3) to the tile's 8 rows, which lie TILE numbers apart."""
    w00, w01, w02, w03 = w[0, k], w[0, k + 1], w[0, k + 2], w[0, k + 3]
    w10, w11, w12, w13 = w[1, k], w[1, k + 1], w[1, k + 2], w[1, k + 3]
    w20, w21, w22, w23 = w[2, k], w[2, k + 1], w[2, k + 2], w[2, k + 3]
    w30, w31, w32, w33 = w[3, k], w[3, k + 1], w[3, k + 2], w[3, k + 3]
    w40, w41, w42, w43 = w[4, k], w[4, k + 1], w[4, k + 2], w[4, k + 3]
    w50, w51, w52, w53 = w[5, k], w[5, k + 1], w[5, k + 2], w[5, k + 3]
    w60, w61, w62, w63 = w[6, k], w[6, k + 1], w[6, k + 2], w[6, k + 3]
    w70, w71, w72, w73 = w[7, k], w[7, k + 1], w[7, k + 2], w[7, k + 3]
    for p in range(x0.size):
        a, b, c, d = x0[p], x1[p], x2[p], x3[p]
        tile[p] += w00 * a + w01 * b + w02 * c + w03 * d
        tile[p + TILE] += w10 * a + w11 * b + w12 * c + w13 * d
        tile[p + 2 * TILE] += w20 * a + w21 * b + w22 * c + w23 * d
        tile[p + 3 * TILE] += w30 * a + w31 * b + w32 * c + w33 * d
        tile[p + 4 * TILE] += w40 * a + w41 * b + w42 * c + w43 * d
        tile[p + 5 * TILE] += w50 * a + w51 * b + w52 * c + w53 * d
        tile[p + 6 * TILE] += w60 * a + w61 * b + w62 * c + w63 * d
        tile[p + 7 * TILE] += w70 * a + w71 * b + w72 * c + w73 * d


@leaf
def _add_8x1(tile, x, w, k):
    """Add w[:, k:k+1] @ x to the tile's 8 rows: what 4 channels at a time leave over."""
    w0, w1, w2, w3, w4, w5, w6, w7 = w[0, k], w[1, k], w[2, k], w[3, k], w[4, k], w[5, k], w[6, k], w[7, k]
    for p in range(x.size):
        a = x[p]
        tile[p] += w0 * a
        tile[p + TILE] += w1 * a
        tile[p + 2 * TILE] += w2 * a
        tile[p + 3 * TILE] += w3 * a
        tile[p + 4 * TILE] += w4 * a
        tile[p + 5 * TILE] += w5 * a
        tile[p + 6 * TILE] += w6 * a
        tile[p + 7 * TILE] += w7 * a


@leaf
def _pack(w, transposed, m, block):
    """Copy rows m to m + 7 of w (columns, where `transposed`) to `block`; rows that do not exist are zero."""
    for row in range(8):
        if m + row >= (w.shape[1] if transposed else w.shape[0]):
            fill(block[row], block.dtype.type(0))
        elif transposed:
            for k in range(block.shape[1]):
                block[row, k] = w[k, m + row]
        else:
            copy(w[m + row], block[row])


@leaf
def _rectify(source, target):
    """target = max(source, 0), and NaN stays NaN."""
    for p in range(target.size):
        target[p] = 0 if source[p] < 0 else source[p]


@leaf
def whole(count):
    """The next multiple of LANES."""
    return (count + LANES - 1) // LANES * LANES


@leaf
def _gather(x, p, size, begins, lines, gathered, step):
    """Copy columns p to p + size of an operand (see `gemm`) to rows of `gathered`, `step` apart."""
    _, width, pitch = lines
    for k in range(begins.size):
        row, q = gathered[k * step : (k + 1) * step], 0
        while q < size:
            i, j = (p + q) // width, (p + q) % width
            n = min(size - q, width - j)
            begin = begins[k] + i * pitch + j
            copy(x[begin : begin + n], row[q : q + n])
            q += n
        fill(row[size : whole(size)], row.dtype.type(0))


@leaf
def _multiply_tile(w, bias, x, where, full, size, y, m, q, tile, relu):
    """y[m:m+8, q:q+size] = w @ x̄ + bias[m:m+8]; rows that y does not have are left out.

    Row k of x̄ is x[where[k] : where[k] + full]; what is computed beyond `size` is not used.
    """
    rows = min(8, y.shape[0] - m)
    for row in range(8):
        fill(tile[row * TILE : row * TILE + full], bias[m + row] if row < rows else bias.dtype.type(0))
    fours = where.size // 4 * 4
    for k in range(0, fours, 4):
        a, b, c, d = where[k], where[k + 1], where[k + 2], where[k + 3]
        _add_8x4(tile, x[a : a + full], x[b : b + full], x[c : c + full], x[d : d + full], w, k)
    for k in range(fours, where.size):
        _add_8x1(tile, x[where[k] : where[k] + full], w, k)
    for row in range(rows):
        source, target = tile[row * TILE : row * TILE + size], y[m + row, q : q + size]
        if relu:
            _rectify(source, target)
        else:
            copy(source, target)


@leaf
def _multiply_tiles(jobs, grid, w, transposed, bias, x, begins, lines, y, first, relu, gathered, where, packed, tile):
    tiles, step, blocks = grid
    gather = gathered.size > 0
    for job in range(jobs[0], jobs[1]):
        g, p, m = job // (tiles * blocks), job // blocks % tiles * step, job % blocks * 8
        p = max(0, min(p, lines[0] - step))  # the last tile is a whole one too: what it shares with another is equal
        size = min(step, lines[0] - p)
        if job == jobs[0] or m == 0:
            if gather:
                _gather(x[g], p, size, begins, lines, gathered, step)
            for k in range(begins.size):
                where[k] = k * step if gather else begins[k] + p
        if transposed or m + 8 > y.shape[1]:
            _pack(w[g], transposed, m, packed)
            block = packed
        else:
            block = w[g, m : m + 8]
        full = whole(size) if gather else size
        source = gathered if gather else x[g]
        _multiply_tile(block, bias[g], source, where, full, size, y[g], m, first + p, tile, relu)


@driver
def gemm(w, transposed, bias, x, begins, lines, y, first, relu):
    """y[:, :, first:first+pixels] = w @ x̄ + bias, for w (G, M, K) or, where `transposed`, (G, K, M), and bias (G, M).

    Row k of a group's x̄ begins at x[g, begins[k]]; lines = (pixels, width, pitch) says how many numbers it has, how
    many of them lie side by side, and how far it is from there to the next ones. Where `relu`, y is rectified.

    A job is one tile, 8 rows by up to TILE pixels. Neighbouring jobs share their pixels of x; where enough of them do,
    or where these do not lie side by side, they are gathered first.
    """
    pixels, width, _ = lines
    # What has to be gathered is gathered anew in each share: narrow tiles keep that little where pixels are few.
    widest = TILE if width == pixels else min(TILE, max(96, whole(pixels // 8)))
    tiles = max(1, (pixels + widest - 1) // widest)
    if tiles == 1 and pixels % LANES:
        tiles = 2  # which overlap, and fill their registers
    step = whole((pixels + tiles - 1) // tiles)
    blocks = (y.shape[1] + 7) // 8
    depth = begins.size
    for share in prange(SHARES):
        jobs = bounds(np.int64(share), len(x) * tiles * blocks)
        if jobs[0] < jobs[1]:
            gather = width < pixels or min(blocks, jobs[1] - jobs[0]) >= 6
            gathered = np.empty(depth * step if gather else 0, x.dtype)
            where, packed, tile = np.empty(depth, np.int64), np.empty((8, depth), x.dtype), np.empty(8 * TILE, x.dtype)
            _multiply_tiles(
                jobs,
                (tiles, step, blocks),
                w,
                transposed,
                bias,
                x,
                begins,
                lines,
                y,
                first,
                relu,
                gathered,
                where,
                packed,
                tile,
            )


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
