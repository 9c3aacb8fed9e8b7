"""Linear map (fully connected layer): every output number sees every input number.

    y[n, o] = b[o] + Σ_c w[o, c] · x[n, c]

In the backward pass, the matrix is transposed, and dw is a sum of one outer product for each sample:

    dx[n, c] = Σ_o w[o, c] · dy[n, o]          dw[o, c] = Σ_n dy[n, o] · x[n, c]          db[o] = Σ_n dy[n, o]

Cost: C_out·(C_in + 1) parameters and as many multiply-adds as weights, for each sample.
"""

from ghostnp.ops.checks import ABSENT, check_arrays, check_axes, check_gradient, check_input_channels, check_shape
from ghostnp.ops.cost import Cost, Worked, applications, biases, from_shapes, product
from ghostnp.ops.gradients import ConvGrads


def linear(x, weight, bias=None):
    """Apply one matrix to each sample.

    Parameters
    ----------
    x : ndarray
        Samples of shape (N, C_in).
    weight : ndarray
        The matrix, of shape (C_out, C_in).
    bias : ndarray, optional
        Shape (C_out,).

    Returns
    -------
    y : ndarray
        Shape (N, C_out), dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.
    """
    check_linear(x, weight, bias)
    y = x @ weight.T
    return y if bias is None else y + bias


def linear_backward(dy, x, weight):
    """Compute the gradients of `x`, `weight` and bias from `dy` (N, C_out): a `ConvGrads`."""
    check_linear(x, weight, dy=dy)
    return ConvGrads(dy @ weight, dy.T @ x, dy.sum(axis=0))


@from_shapes
def linear_cost(x_shape, weight_shape, *, bias=False):
    """Cost from shapes alone: a `Cost` whose parameters read C_out·(C_in + 1)."""
    _check_shapes(x_shape, weight_shape)
    (batch, in_channels), out_channels = x_shape, weight_shape[0]
    return Cost(
        Worked(f"{out_channels}·({in_channels} + 1)" if bias else product(out_channels, in_channels)),
        applications(batch, out_channels, (), in_channels, ()),
        (batch, out_channels),
        other=biases((batch, out_channels), bias),
    )


def check_linear(x, weight, bias=None, *, dy=ABSENT):
    """Check the arrays of a linear map, or with `dy` of its backward pass: shared with the kernel's twin."""
    check_arrays(x=x, weight=weight, bias=ABSENT if bias is None else bias)
    _check_shapes(x.shape, weight.shape)
    if bias is not None:
        check_shape("bias", bias.shape, (len(weight),), "there is one bias for each output channel")
    if dy is not ABSENT:
        check_gradient(dy, (len(x), len(weight)), x)


def _check_shapes(x_shape, weight_shape):
    check_axes("x", x_shape, "N C_in", empty=("N",))
    check_axes("weight", weight_shape, "C_out C_in")
    check_input_channels(x_shape, "weight", weight_shape, weight_shape[1])
