"""Max pooling that loses no pixel: the number of windows is rounded up, as in Caffe.

    H_out = ⌈(H − k) / s⌉ + 1

The last window then reaches past the bottom and the right by up to s − 1 pixels. So this is max pooling with padding on
those two sides alone, as much as the size of the input needs; a maximum never takes a padded pixel.
"""

from ghostnp.backend import backend
from ghostnp.modules.base import Module
from ghostnp.ops.checks import pair


class CeilMaxPool2d(Module):
    """The largest value in each window, with windows up to the last row and column.

    Parameters
    ----------
    kernel_size, stride : int or (int, int)
        Rows and columns of a window, and between neighbouring windows.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal, or `stride` is larger than `kernel_size`: the last window could miss the map.
    """

    def __init__(self, kernel_size, *, stride):
        self.kernel_size, self.stride = pair("kernel_size", kernel_size, 1), pair("stride", stride, 1)
        if any(s > k for k, s in zip(self.kernel_size, self.stride, strict=True)):
            raise ValueError(
                f"stride={self.stride} and kernel_size={self.kernel_size}: the last window could lie outside of the "
                f"map, so the rule is a stride up to the kernel's size, such as {self.kernel_size}"
            )

    def forward(self, x, *, training=False, rng=None):
        y, argmax = backend().max_pool2d(x, self.kernel_size, **self._keywords(x))
        return y, (x, argmax)

    def backward(self, dy, cache):
        x, argmax = cache
        return backend().max_pool2d_backward(dy, x, self.kernel_size, argmax, **self._keywords(x)), {}

    def _keywords(self, x):
        """Stride, and the padding of ((0, bottom), (0, right)) that makes room for the last windows."""
        padding = []
        for n, k, s in zip(x.shape[2:], self.kernel_size, self.stride, strict=True):
            steps = max(0, -((k - n) // s))
            padding.append((0, steps * s + k - n))
        return {"stride": self.stride, "padding": tuple(padding)}

    def describe(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}"
