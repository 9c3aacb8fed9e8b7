"""Laws: what must hold whatever the case, with no second implementation to compare with."""

import numpy as np


def inner(a, b):
    """The inner product of two arrays, exact for those of `values` in float32.

    Parameters
    ----------
    a, b : ndarray
        Of one shape.

    Returns
    -------
    float
    """
    assert a.shape == b.shape, f"shapes {a.shape} and {b.shape} differ"
    return float(np.sum(a.astype(np.float64) * b))


def assert_adjoint(y, dy, *pairs, tolerance=0.0):
    """A backward pass hands out what came in: ⟨dy, f(x)⟩ = ⟨dx, x⟩ for f linear in x.

    For a product of several arguments it holds for each of them, since f is linear in each.

    Parameters
    ----------
    y, dy : ndarray
        A result and an incoming gradient.
    *pairs : (ndarray, ndarray)
        Each gradient that came back, and the argument that it belongs to.
    tolerance : float, default 0
        Allowed difference, in units of |dy|·|y|: integers need none.
    """
    came = inner(dy, y)
    allowed = tolerance * float(np.linalg.norm(dy)) * float(np.linalg.norm(y))
    for index, (gradient, argument) in enumerate(pairs):
        went = inner(gradient, argument)
        assert abs(went - came) <= allowed, f"gradient {index} hands out {went}, and {came} came in"


def assert_linear(f, a, b):
    """Superposition: f(2a - 3b) = 2 f(a) - 3 f(b), exactly for integers.

    Parameters
    ----------
    f : callable
        From one array to one array.
    a, b : ndarray
        Arguments of one shape.
    """
    np.testing.assert_array_equal(f(2 * a - 3 * b), 2 * f(a) - 3 * f(b))


def assert_gradient(f, arguments, dy, gradients, *, seed=0, step=1e-5, tolerance=1e-7):
    """A gradient is the slope: it matches ⟨dy, f⟩ when an argument goes a step forward and a step back.

    The two steps differ from the slope by about step² (the third derivative) plus 1e-16/step (rounding), 1e-10 each for
    numbers of about 1; away from kinks only.

    Parameters
    ----------
    f : callable
        From `arguments`, arrays of float64, to one array.
    arguments : sequence of ndarray
        Where the slope is measured.
    dy : ndarray
        Incoming gradient.
    gradients : sequence of ndarray
        One for each argument: what is to be checked. None of them may be zero all over.
    seed : int, default 0
        Of the direction in which each argument is moved.
    step : float, default 1e-5
        How far.
    tolerance : float, default 1e-7
        Allowed difference for a gradient and a direction of length 1.
    """
    rng = np.random.default_rng(seed)
    for index, (argument, gradient) in enumerate(zip(arguments, gradients, strict=True)):
        assert gradient.shape == argument.shape, f"gradient {index} has shape {gradient.shape}, not {argument.shape}"
        assert gradient.any(), f"gradient {index} is zero: nothing is checked"
        direction = rng.normal(size=argument.shape)
        ahead, behind = (
            inner(dy, f(*arguments[:index], argument + side * direction, *arguments[index + 1 :]))
            for side in (step, -step)
        )
        slope, scale = (ahead - behind) / (2 * step), np.linalg.norm(gradient) * np.linalg.norm(direction)
        difference = abs(slope - inner(gradient, direction))
        assert difference <= tolerance * scale, f"gradient {index}: off by {difference:.3g} at a scale of {scale:.3g}"
