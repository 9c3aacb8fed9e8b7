"""Sums over the taps of a window, as loops over long rows; and pixels copied with other distances between them."""

import numpy as np

from ghostnp.kernels.loops import BLOCK, add_scaled, copy, dot
from ghostnp.kernels.runtime import leaf
from ghostnp.kernels.runtime.rows import VECTOR, copy_every_other

# Three sums at once are blocked four times as long: to add up their vectors would take as long as to make them.
_LONG_BLOCK = 4 * BLOCK
# Unsigned, since Numba tests a signed index for counting from the end.
_1, _2, _3, _4, _5, _6, _7 = (np.uintp(number) for number in range(1, 8))


@leaf
def _add_3(target, x, y, z, a, b, c):
    for p in range(target.size):
        target[p] += a * x[p] + b * y[p] + c * z[p]


@leaf
def _add_9(target, source, begins, w):
    i, j, k = source[begins[0] :], source[begins[1] :], source[begins[2] :]
    q, r, s = source[begins[3] :], source[begins[4] :], source[begins[5] :]
    x, y, z = source[begins[6] :], source[begins[7] :], source[begins[8] :]
    a, b, c, d, e, f, g, h, o = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]
    for p in range(target.size):
        target[p] += (
            (a * i[p] + b * j[p] + c * k[p]) + (d * q[p] + e * r[p] + f * s[p]) + (g * x[p] + h * y[p] + o * z[p])
        )


@leaf
def _dot_3(g, x, y, z):
    s = t = u = g.dtype.type(0)
    for p in range(g.size):
        a = g[p]
        s += a * x[p]
        t += a * y[p]
        u += a * z[p]
    return s, t, u


@leaf
def add_taps(target, source, begins, w):
    """target += Σ_t w[t] · source[begins[t]:], over all taps t."""
    n, t = target.size, 0
    while t + 9 <= w.size:
        _add_9(target, source, begins[t:], w[t:])
        t += 9
    while t + 3 <= w.size:
        i, j, k = begins[t], begins[t + 1], begins[t + 2]
        _add_3(target, source[i : i + n], source[j : j + n], source[k : k + n], w[t], w[t + 1], w[t + 2])
        t += 3
    while t < w.size:
        add_scaled(source[begins[t] : begins[t] + n], w[t], target)
        t += 1


@leaf
def dot_taps(g, source, begins, dots):
    """dots[t] = g · source[begins[t]:] for each tap t, in float64, block by block."""
    n, t = g.size, 0
    while t + 3 <= begins.size:
        i, j, k = begins[t], begins[t + 1], begins[t + 2]
        a = b = c = 0.0
        for p in range(0, n, _LONG_BLOCK):
            size = min(_LONG_BLOCK, n - p)
            x, y, z = source[i + p : i + p + size], source[j + p : j + p + size], source[k + p : k + p + size]
            s, u, v = _dot_3(g[p : p + size], x, y, z)
            a, b, c = a + s, b + u, c + v
        dots[t], dots[t + 1], dots[t + 2] = a, b, c
        t += 3
    while t < begins.size:
        dots[t] = dot(g, source[begins[t] : begins[t] + n])
        t += 1


@leaf
def all_finite(row):
    """Whether the row has neither NaN nor infinity in it."""
    finite = True
    for p in range(row.size):
        finite &= np.isfinite(row[p])
    return finite


@leaf
def _copy_8(source, i, target, o):
    """target[o : o + 8] = source[i : i + 8], all at once, as a vector register does it."""
    a, b, c, d = source[i], source[i + _1], source[i + _2], source[i + _3]
    e, f, g, h = source[i + _4], source[i + _5], source[i + _6], source[i + _7]
    target[o], target[o + _1], target[o + _2], target[o + _3] = a, b, c, d
    target[o + _4], target[o + _5], target[o + _6], target[o + _7] = e, f, g, h


@leaf
def copy_pixels(source, step, target, target_step, count, batch):
    """Copy `count` pixels of so many numbers (`batch`) each, which begin a step apart."""
    if step == target_step == batch:
        copy(source[: count * batch], target[: count * batch])
    elif batch == 1 and step == 2 and target_step == 1:
        for j in range(0, count, VECTOR // source.itemsize):
            copy_every_other(source, 2 * j, target, j, count - j)
    elif batch == 1:
        i, o = np.uintp(0), np.uintp(0)
        for _ in range(count):
            target[o] = source[i]
            i += np.uintp(step)
            o += np.uintp(target_step)
    elif batch % 8 == 0:
        for n in range(0, batch, 8):
            i, o = np.uintp(n), np.uintp(n)
            for _ in range(count):
                _copy_8(source, i, target, o)
                i += np.uintp(step)
                o += np.uintp(target_step)
    else:
        for j in range(count):
            copy(source[j * step : j * step + batch], target[j * target_step : j * target_step + batch])
