"""What a training step does to arrays in place: parameters go down their gradients, statistics follow the batch's.

None of this is in the vocabulary, whose functions leave their arguments alone. It is there for the training program.

    v ← μ·v + dw + λ·w          running ← running + share · (factor · newest − running)
    w ← w − η·v
"""

from ghostnp.kernels.layout import in_numpys_order
from ghostnp.kernels.runtime import bounds, driver, leaf, shares_for


def descend(w, dw, velocity, settings):
    """One step of gradient descent, in place; `settings` are η, μ and λ, as they are when it runs."""
    _descend(shares_for(w.size), w.reshape(-1), in_numpys_order(dw).reshape(-1), velocity.reshape(-1), settings)


def follow(running, newest, share, factor):
    """Move `running` statistics towards the newest."""
    _follow(shares_for(running.size), running, newest, share, factor)


@leaf
def _descend_row(w, dw, velocity, rate, momentum, decay):
    for p in range(w.size):
        velocity[p] = momentum * velocity[p] + dw[p] + decay * w[p]
        w[p] -= rate * velocity[p]


@driver
def _descend(share, shares, w, dw, velocity, settings):
    begin, end = bounds(share, shares, w.size)
    f = w.dtype.type
    rate, momentum, decay = f(settings[0]), f(settings[1]), f(settings[2])
    _descend_row(w[begin:end], dw[begin:end], velocity[begin:end], rate, momentum, decay)


@leaf
def _follow_row(running, newest, share, factor):
    for p in range(running.size):
        running[p] += share * (newest[p] * factor - running[p])


@driver
def _follow(share, shares, running, newest, portion, factor):
    begin, end = bounds(share, shares, running.size)
    f = running.dtype.type
    _follow_row(running[begin:end], newest[begin:end], f(portion), f(factor))
