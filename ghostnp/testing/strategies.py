"""Where cases come from: Hypothesis strategies that reach the corners in which real frameworks broke."""

from hypothesis import strategies as st

from ghostnp.testing.cases import MEMORY, ConvCase, MapCase, PoolCase


# What has several forms draws the numbers for all of them, so that a form can shrink to a simpler one by itself.
@st.composite
def _int_or_pair(draw, least, most):
    rows, columns = (draw(st.integers(least, most)) for _ in range(2))
    return (rows, columns) if draw(st.booleans()) else rows


@st.composite
def _padding(draw, *forms):
    top, bottom, left, right = (draw(st.integers(0, 4)) for _ in range(4))
    values = {"int": top, "pair": (top, left), "sides": ((top, bottom), (left, right)), "same": "same", "none": 0}
    return values[draw(st.sampled_from(forms))]


def _both(value):
    return (value, value) if isinstance(value, int) else value


_PADDINGS = {
    "any": _padding("int", "pair", "sides", "same"),
    "symmetric": _padding("int", "pair"),
    "words": _padding("none", "same"),
}
BATCHES = st.sampled_from([1, 2, 0, 3])
_SEEDS = st.integers(0, 2**16)


def _sizes(draw, reach, around):
    """Height and width that leave room for one window, and up to four pixels more."""
    return tuple(max(1, r - a) + draw(st.integers(0, 4)) for r, a in zip(reach, around, strict=True))


def _around(padding, reach):
    """How many pixels of a window may lie on padding, along each axis."""
    if padding == "same":
        return reach
    return [sum(sides) if isinstance(sides, tuple) else 2 * sides for sides in _both(padding)]


@st.composite
def conv_cases(draw, operator="conv2d", *, paddings="any"):
    """Geometries of a convolution, with the corners that broke real frameworks.

    Padding larger than the kernel, asymmetric and "same", strides and dilations that differ between the axes, kernels
    and maps that are not square, single pixels, empty batches, 1 < groups < channels, one input channel, several
    filters for a channel, arrays in every order of memory.

    Parameters
    ----------
    operator : str, default "conv2d"
        One of `CONVOLUTIONS`.
    paddings : str, default "any"
        "symmetric" leaves what PyTorch's functions can express, an int or a pair, and "words" what Keras's can: 0,
        which it calls "valid", and "same".

    Returns
    -------
    hypothesis.strategies.SearchStrategy[ConvCase]
    """
    groups = 1 if operator in ("standard_conv2d", "pointwise_conv2d") else draw(st.integers(1, 4))
    members_in = 1 if operator == "depthwise_conv2d" else draw(st.integers(1, 3))
    members_out = draw(st.integers(1, 3))
    kernel = (1, 1) if operator == "pointwise_conv2d" else draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    stride, dilation, padding = draw(_int_or_pair(1, 3)), draw(_int_or_pair(1, 3)), draw(_PADDINGS[paddings])
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, _both(dilation), strict=True)]
    return ConvCase(
        operator,
        x=(draw(BATCHES), groups * members_in, *_sizes(draw, reach, _around(padding, reach))),
        weight=(groups * members_out, members_in, *kernel),
        bias=draw(st.booleans()),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        memory=draw(st.sampled_from(MEMORY)),
        seed=draw(_SEEDS),
    )


@st.composite
def pool_cases(draw, *, paddings="any"):
    """Geometries of a pooling window, with the same corners; every window meets the map, as the operators require.

    Parameters
    ----------
    paddings : str, default "any"
        As in `conv_cases`; PyTorch's poolings pad half a kernel at most.

    Returns
    -------
    hypothesis.strategies.SearchStrategy[PoolCase]
    """
    kernel_size = draw(_int_or_pair(1, 4))
    rows, columns = (st.integers(0, size - 1) for size in _both(kernel_size))
    halves = (st.integers(0, size // 2) for size in _both(kernel_size))
    padding = draw(
        {
            "any": st.just(0)
            | st.tuples(rows, columns)
            | st.tuples(st.tuples(rows, rows), st.tuples(columns, columns))
            | st.just("same"),
            "symmetric": st.tuples(*halves),
            "words": _PADDINGS["words"],
        }[paddings]
    )
    reach = _both(kernel_size)
    return PoolCase(
        x=(draw(BATCHES), draw(st.integers(1, 4)), *_sizes(draw, reach, _around(padding, reach))),
        kernel_size=kernel_size,
        stride=draw(st.none() | _int_or_pair(1, 3)),
        padding=padding,
        memory=draw(st.sampled_from(MEMORY)),
        seed=draw(_SEEDS),
    )


def map_cases(batches=BATCHES, channels=None, sizes=None):
    """Maps of few channels and pixels.

    Parameters
    ----------
    batches, channels, sizes : hypothesis.strategies.SearchStrategy[int], optional
        What N, C and both H and W are drawn from; by default 0 to 3, 1 to 6 and 1 to 6.

    Returns
    -------
    hypothesis.strategies.SearchStrategy[MapCase]
    """
    channels = st.integers(1, 6) if channels is None else channels
    sizes = st.integers(1, 6) if sizes is None else sizes
    shapes = st.tuples(batches, channels, sizes, sizes)
    return st.builds(MapCase, shapes, memory=st.sampled_from(MEMORY), seed=_SEEDS)
