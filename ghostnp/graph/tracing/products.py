"""One number taken apart: the products that add up to an output pixel, or to a weight's gradient.

Both are the formula of the convolution, read for one index. With g groups of C_in/g channels, stride s, dilation d and
t rows of padding above, tap (u, v) of filter o reads

    x[n, c, i·s + u·d − t, ...]        c = (o // (C_out/g)) · C_in/g + k

    y[n, o, i, j]  = b[o] + Σ_kuv w[o, k, u, v] · x[that pixel]          one product for each weight of the filter
    dw[o, k, u, v] =        Σ_nij dy[n, o, i, j] · x[that pixel]         one product for each output pixel
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ghostnp.ops.checks import shown
from ghostnp.ops.geometry import sliding_window

_LINES = 64  # as many products are shown, at most


class Product(NamedTuple):
    """Two factors, and where each of them stands; a pixel of the padding stands nowhere (None) and is 0."""

    left: str
    right: str | None
    values: tuple[float, float]

    def __str__(self):
        a, b = self.values
        return f"{self.left} · {self.right or 'padding'} = {a:.6g} · {b:.6g} = {a * b:.6g}"


@dataclass(frozen=True)
class Sum:
    """A number as the sum of its products.

    Parameters
    ----------
    name : str
        Of the number, such as ``y[0, 2, 1, 1]``.
    products : tuple of Product
        What is added up.
    bias : float, default 0
        What is added besides.
    """

    name: str
    products: tuple[Product, ...]
    bias: float = 0.0

    @property
    def total(self):
        """The number itself, in float64."""
        return self.bias + sum(a * b for _, _, (a, b) in self.products)

    def __str__(self):
        inside = [product for product in self.products if product.right]
        lines = [f"{self.name} = {self.total:.6g}", *(f"  {product}" for product in inside[:_LINES])]
        if len(inside) > _LINES:
            lines.append(f"  ... and {len(inside) - _LINES} more products")
        if padded := len(self.products) - len(inside):
            lines.append(f"  and {padded} products with padding, which are 0")
        if self.bias:
            lines.append(f"  + bias {self.bias:.6g}")
        return "\n".join(lines)


def of_pixel(index, x, weight, bias, **geometry):
    """The products that make y[index], for a convolution or, with two axes, a linear map.

    Parameters
    ----------
    index : tuple of int
        (n, o, i, j), or (n, o).
    x, weight, bias : ndarray
        As the operator got them; `bias` may be None.
    **geometry
        stride, padding and dilation; groups follow from the shapes.

    Returns
    -------
    Sum
    """
    field = _Field(x, weight, **geometry)
    n, o, *place = field.checked(index, (len(x), len(weight), *field.output), "a pixel of the output")
    products = []
    for tap in np.ndindex(weight.shape[1:]):
        value, name = field.pixel(n, o, tap, place)
        products.append(Product(f"w{_at(o, *tap)}", name, (float(weight[o][tap]), value)))
    return Sum(f"y{_at(n, o, *place)}", tuple(products), 0.0 if bias is None else float(bias[o]))


def of_weight(index, dy, x, weight, **geometry):
    """The products that make dw[index]: one for each output pixel that the weight had a part in.

    Parameters
    ----------
    index : tuple of int
        (o, k, u, v), or (o, k).
    dy, x, weight : ndarray
        As the backward pass got them.
    **geometry
        stride, padding and dilation.

    Returns
    -------
    Sum
    """
    field = _Field(x, weight, **geometry)
    o, *tap = field.checked(index, weight.shape, "a weight")
    products = []
    for n, *place in np.ndindex(len(x), *field.output):
        value, name = field.pixel(n, o, tap, place)
        products.append(Product(f"dy{_at(n, o, *place)}", name, (float(dy[n, o][tuple(place)]), value)))
    return Sum(f"dw{_at(o, *tap)}", tuple(products))


class _Field:
    """Which number of x a tap of a filter reads for an output pixel; a linear map has no pixels."""

    def __init__(self, x, weight, stride=1, padding=0, dilation=1):
        self.x, self.members = x, weight.shape[1]
        self.filters = len(weight) * self.members // x.shape[1]  # of one group
        self.axes: list[tuple[int, int, int, int]] = []
        self.output: tuple[int, ...] = ()
        if x.ndim == 4:
            window = sliding_window(x.shape[2:], weight.shape[2:], stride, padding, dilation)
            befores = [before for before, _ in window.padding]
            self.axes = list(zip(window.stride, window.dilation, befores, window.input, strict=True))
            self.output = window.output

    def checked(self, index, shape, what):
        index = tuple(index)
        if len(index) != len(shape) or not all(0 <= i < size for i, size in zip(index, shape, strict=True)):
            raise ValueError(f"index={shown(index)}: the rule is {what}, of shape {shape}, such as {(0,) * len(shape)}")
        return index

    def pixel(self, n, o, tap, place):
        k, *tap = tap
        c = o // self.filters * self.members + k
        spot = [i * s + t * d - before for i, t, (s, d, before, _) in zip(place, tap, self.axes, strict=True)]
        if not all(0 <= at < size for at, (_, _, _, size) in zip(spot, self.axes, strict=True)):
            return 0.0, None
        return float(self.x[n, c][tuple(spot)]), f"x{_at(n, c, *spot)}"


def _at(*index):
    return f"[{', '.join(map(str, index))}]"
