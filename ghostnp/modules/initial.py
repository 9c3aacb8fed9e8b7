"""Where the first values of parameters come from.

Layers ask here, so that no constructor has to hand a generator and a dtype down to its children.
"""

import math
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np

from ghostnp.ops.checks import check_room, float_dtype, integer


class _Source(NamedTuple):
    rng: "np.random.Generator | None"  # in quotes: NumPy loads its generators when they are first named
    dtype: type


_source: ContextVar[_Source | None] = ContextVar("source", default=None)


@contextmanager
def initializer(seed=0, dtype=np.float32):
    """Draw the parameters of all layers built inside a ``with`` block from one generator.

    Outside of any such block each layer draws as if it were alone in ``initializer()``: layers of one shape are twins.

    Parameters
    ----------
    seed : int, optional
        Seed of `numpy.random.default_rng`; None leaves weights at zero and draws nothing, which is enough for counting
        and for loading a checkpoint.
    dtype : {numpy.float32, numpy.float64}
        Of every parameter and buffer, or its name.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    """
    dtype = float_dtype("dtype", dtype)
    rng = None if seed is None else np.random.default_rng(integer("seed", seed, 0))
    token = _source.set(_Source(rng, dtype.type))
    try:
        yield
    finally:
        _source.reset(token)


def weights(shape, *, gain=2.0):
    """Normal values with variance gain / fan-in (He et al. 2015, equation 10: 2 in front of a ReLU).

    Parameters
    ----------
    shape : tuple of int
        (C_out, C_in, ...): all axes but the first make the fan-in.
    gain : float, default 2.0
        1 keeps the variance of the signal where no ReLU follows.

    Returns
    -------
    ndarray
    """
    rng, dtype = _current()
    check_room("weight", "its numbers,", shape, np.dtype(dtype))
    if rng is None:
        return np.zeros(shape, dtype)
    return rng.standard_normal(shape, dtype) * dtype(math.sqrt(gain / math.prod(shape[1:])))


def zeros(shape):
    """Zeros in the dtype in force."""
    return np.zeros(shape, _current().dtype)


def ones(shape):
    """Ones in the dtype in force."""
    return np.ones(shape, _current().dtype)


def _current():
    source = _source.get()
    return _Source(np.random.default_rng(0), np.float32) if source is None else source
