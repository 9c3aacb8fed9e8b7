"""What must hold whatever the case, with no second implementation to compare with: for tests of your own."""

import numpy as np

# How far a step goes; twice as far it goes for comparison.
_STEP = 1e-5


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
    if a.shape != b.shape:
        raise AssertionError(f"shapes {a.shape} and {b.shape} differ")
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
        if not abs(went - came) <= allowed:
            raise AssertionError(f"gradient {index} hands out {went}, and {came} came in")


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


def slope_along(loss, rounding, step=_STEP):
    """The slope of a function of one number at 0, and how far this measurement may be from the exact one.

    The difference quotient of a step h forward and a step h back is off by h²·f'''/6. So is, four times as much, that
    of two steps: their difference is three times the error of the first, and ten times that difference is allowed.

    At a kink the quotients of both sides differ, and the slope is that of one of them. A smooth function's sides differ
    by h·f'', and over two steps by twice that. So what is allowed too is how far this is not the case.

    Each value of f is rounded before it is subtracted, and the quotient divides by h what is left: f's rounding counts
    at the scale of f, however small the slope is.

    Parameters
    ----------
    loss : callable
        From a step to f.
    rounding : float
        How far a value of f may be from the exact one.
    step : float, default 1e-5
        h.

    Returns
    -------
    measured, allowed : float
    """
    here = loss(0.0)
    (ahead, behind), (far_ahead, far_behind) = ((loss(h), loss(-h)) for h in (step, 2 * step))
    narrow, wide = (ahead - behind) / (2 * step), (far_ahead - far_behind) / (4 * step)
    bend, wide_bend = (ahead - 2 * here + behind) / step, (far_ahead - 2 * here + far_behind) / (2 * step)
    return narrow, rounding / step + 10 * abs(wide - narrow) + abs(2 * bend - wide_bend)


def assert_gradient(f, arguments, dy, gradients, *, seed=0, step=_STEP, tolerance=0.0):
    """A gradient is the slope: it matches ⟨dy, f⟩ when an argument goes a step forward and a step back.

    How far it may be off follows from how the slope is measured: see `slope_along`. Here f's rounding is what arguments
    and results cost that are rounded a few times each.

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
    tolerance : float, default 0
        What is allowed beyond that, for a gradient and a direction of length 1: for f with rounding of its own.
    """
    rng = np.random.default_rng(seed)
    # A few roundings of each argument and each number of y move ⟨dy, f⟩ by as much as the gradients say.
    y = np.asarray(f(*arguments))
    moved = [(dy, y), *zip(gradients, arguments, strict=True)]
    rounding = 8 * np.finfo(np.float64).eps * sum(float(np.sum(np.abs(a) * np.abs(b))) for a, b in moved)
    for index, (argument, gradient) in enumerate(zip(arguments, gradients, strict=True)):
        if gradient.shape != argument.shape:
            raise AssertionError(f"gradient {index} has shape {gradient.shape}, not {argument.shape}")
        if not gradient.any():
            raise AssertionError(f"gradient {index} is zero: nothing is checked")
        direction = rng.normal(size=argument.shape)

        def loss(way, index=index, argument=argument, direction=direction):
            return inner(dy, np.asarray(f(*arguments[:index], argument + way * direction, *arguments[index + 1 :])))

        slope, allowed = slope_along(loss, rounding, step)
        scale = float(np.linalg.norm(gradient)) * float(np.linalg.norm(direction))
        difference = abs(slope - inner(gradient, direction))
        if not difference <= allowed + tolerance * scale:
            raise AssertionError(
                f"gradient {index}: off by {difference:.3g} at a scale of {scale:.3g}, where {allowed:.3g} would be "
                f"allowed"
            )
