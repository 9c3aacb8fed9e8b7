"""What a training step does to arrays in place: parameters go down their gradients, statistics follow the batch's.

The definitions of the updates, with their formulas, are in `ghostnp.ops.updates`; here are their twins, for the
training program. Of a step they read the `settings`, as these are when it runs: a float64 array with the rate, the
number of the step, the factor of clipping, and then what `settings` there has, in that order.

    running ← running + share · (factor · newest − running)
"""

import math

import numpy as np

from ghostnp.kernels.layout import in_numpys_order
from ghostnp.kernels.runtime import bounds, driver, leaf, shares_for

RATE, STEP = 0, 1  # places in `settings`
_BLOCK = 2**14  # numbers whose squares are added up by one thread: as many whoever adds them


def update(name, w, dw, states, settings):
    """One step of the update of that name, in place: w, and what it remembers."""
    flat = (w.reshape(-1), in_numpys_order(dw).reshape(-1), *(state.reshape(-1) for state in states))
    _DRIVERS[name](shares_for(w.size), *flat, settings)


def clip(gradients, most, settings):
    """Write down the factor of clipping, for gradients whose length together may be `most`."""
    blocks = [-(-gradient.size // _BLOCK) for gradient in gradients]
    squares, first = np.zeros(sum(blocks), np.float64), 0
    for gradient, count in zip(gradients, blocks, strict=True):
        flat = in_numpys_order(gradient).reshape(-1)
        _square(shares_for(flat.size) if count > 1 else 1, flat, squares[first : first + count])
        first += count
    _clip(1, squares, float(most), settings)


def follow(running, newest, share, factor):
    """Move `running` statistics towards the newest."""
    _follow(shares_for(running.size), running, newest, share, factor)


@leaf
def _sgd_row(w, dw, velocity, rate, clipping, momentum, decay, of_gradient, of_velocity):
    for p in range(w.size):
        g = clipping * dw[p] + decay * w[p]
        velocity[p] = momentum * velocity[p] + g
        w[p] -= rate * (of_gradient * g + of_velocity * velocity[p])


@driver
def _sgd(share, shares, w, dw, velocity, settings):
    begin, end = bounds(share, shares, w.size)
    f = w.dtype.type
    momentum, of_gradient = settings[3], settings[5]  # 1 to look ahead, and 0 not to
    of_velocity = momentum if of_gradient > 0 else 1.0
    _sgd_row(
        w[begin:end], dw[begin:end], velocity[begin:end], f(settings[0]), f(settings[2]), f(momentum), f(settings[4]),
        f(of_gradient), f(of_velocity),
    )  # fmt: skip


@leaf
def _adam_row(w, dw, mean, square, size, root, clipping, beta1, rest1, beta2, rest2, eps, coupled, shrink):
    for p in range(w.size):
        g = clipping * dw[p] + coupled * w[p]
        mean[p] = beta1 * mean[p] + rest1 * g
        square[p] = beta2 * square[p] + rest2 * g * g
        w[p] = w[p] * shrink - size * (mean[p] / (np.sqrt(square[p]) * root + eps))


@leaf
def _adam_share(w, dw, mean, square, settings, coupled, shrink):
    """A share of a step: by `coupled` decay goes into the gradient, by `shrink` straight into w."""
    f, beta1, beta2, step = w.dtype.type, settings[3], settings[4], settings[1]
    size, root = settings[0] / (1 - beta1**step), 1 / math.sqrt(1 - beta2**step)
    _adam_row(
        w, dw, mean, square, f(size), f(root), f(settings[2]), f(beta1), f(1 - beta1), f(beta2), f(1 - beta2),
        f(settings[5]), f(coupled), f(shrink),
    )  # fmt: skip


@driver
def _adam(share, shares, w, dw, mean, square, settings):
    begin, end = bounds(share, shares, w.size)
    some, decay, whole = slice(begin, end), settings[6], np.float64(1)
    _adam_share(w[some], dw[some], mean[some], square[some], settings, decay, whole)


@driver
def _adamw(share, shares, w, dw, mean, square, settings):
    begin, end = bounds(share, shares, w.size)
    some, none, rest = slice(begin, end), np.float64(0), 1 - settings[0] * settings[6]
    _adam_share(w[some], dw[some], mean[some], square[some], settings, none, rest)


@leaf
def _rmsprop_row(w, dw, square, velocity, rate, clipping, alpha, rest, momentum, eps, decay):
    for p in range(w.size):
        g = clipping * dw[p] + decay * w[p]
        square[p] = alpha * square[p] + rest * g * g
        velocity[p] = momentum * velocity[p] + g / (np.sqrt(square[p]) + eps)
        w[p] -= rate * velocity[p]


@driver
def _rmsprop(share, shares, w, dw, square, velocity, settings):
    begin, end = bounds(share, shares, w.size)
    f = w.dtype.type
    alpha = settings[3]
    _rmsprop_row(
        w[begin:end], dw[begin:end], square[begin:end], velocity[begin:end], f(settings[0]), f(settings[2]), f(alpha),
        f(1 - alpha), f(settings[4]), f(settings[5]), f(settings[6]),
    )  # fmt: skip


_DRIVERS = {"sgd": _sgd, "adam": _adam, "adamw": _adamw, "rmsprop": _rmsprop}


@leaf
def _sum_of_squares(row):
    total = 0.0
    for p in range(row.size):
        total += np.float64(row[p]) * np.float64(row[p])
    return total


@driver
def _square(share, shares, dw, squares):
    """The sums of squares of some blocks."""
    begin, end = bounds(share, shares, squares.size)
    for block in range(begin, end):
        squares[block] = _sum_of_squares(dw[block * _BLOCK : min(dw.size, (block + 1) * _BLOCK)])


@leaf
def _sum(row):
    total = 0.0
    for p in range(row.size):
        total += row[p]
    return total


@driver
def _clip(share, shares, squares, most, settings):
    factor = most / (math.sqrt(_sum(squares)) + 1e-6)
    settings[2] = 1.0 if factor >= 1 else factor


@leaf
def _follow_row(running, newest, share, factor):
    for p in range(running.size):
        running[p] += share * (newest[p] * factor - running[p])


@driver
def _follow(share, shares, running, newest, portion, factor):
    begin, end = bounds(share, shares, running.size)
    f = running.dtype.type
    _follow_row(running[begin:end], newest[begin:end], f(portion), f(factor))
