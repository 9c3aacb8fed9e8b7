"""A gradient checked in a tutorial, with numbers to look at: the slope of the loss beside what the gradient says."""

import numpy as np

from ghostnp.testing import assert_gradient, inner


def slopes(f, arguments, dy, gradients, *, step=1e-5):
    """Print for each argument the slope of the loss in a random direction and what its gradient says about it.

    Parameters
    ----------
    f : callable
        From the values of `arguments`, in their order, to one array.
    arguments : dict of str to ndarray
        Arrays of float64 by the name that is printed.
    dy : ndarray
        Incoming gradient.
    gradients : sequence of ndarray
        One for each argument.
    step : float, default 1e-5
        How far the argument is moved in both directions.

    Raises
    ------
    AssertionError
        If a gradient is not the slope, by `ghostnp.testing.assert_gradient`.
    """
    names, values = list(arguments), list(arguments.values())
    assert_gradient(f, values, dy, gradients)
    rng = np.random.default_rng(1)
    width = max(map(len, names))
    for place, (name, gradient) in enumerate(zip(names, gradients, strict=True)):
        direction = rng.normal(size=gradient.shape)
        ahead, behind = (
            inner(dy, f(*values[:place], values[place] + side * direction, *values[place + 1 :]))
            for side in (step, -step)
        )
        slope = (ahead - behind) / (2 * step)
        print(f"{name:{width}}  slope {slope:11.6f}  gradient {inner(gradient, direction):11.6f}")
