"""Layouts: how frameworks write down maps and filters that ghostnp writes as NCHW and OIHW.

>>> weight = np.zeros((6, 1, 3, 5))  # depthwise filters, two for each of three channels
>>> to_layout(weight, "HWCM", channels=3).shape
(3, 5, 3, 2)
>>> from_layout(to_layout(weight, "HWCM", channels=3), "HWCM").shape
(6, 1, 3, 5)
"""

import numpy as np

LAYOUTS = ("NCHW", "NHWC")
WEIGHTS = ("OIHW", "HWIO", "OHWI", "HWCM")


def to_layout(array, layout, *, channels=None):
    """`array`, maps (N, C, H, W) or filters (O, I, kh, kw), written as another layout has it.

    Parameters
    ----------
    array : ndarray
        Four axes.
    layout : str
        For maps "NCHW" or "NHWC"; for filters "OIHW" (PyTorch), "HWIO" (TensorFlow, Keras), "OHWI", or "HWCM", the
        depthwise filters of Keras: channel, then which of its M filters.
    channels : int, optional
        C, which "HWCM" needs.

    Returns
    -------
    ndarray
        A view.
    """
    if layout == "HWCM":
        filters, _, height, width = array.shape
        return array.reshape(channels, filters // channels, height, width).transpose(2, 3, 0, 1)
    return array.transpose(_axes(layout))


def from_layout(array, layout):
    """`array` as ghostnp writes it: the way back from `to_layout`.

    Parameters
    ----------
    array : ndarray
        Four axes.
    layout : str
        How it is written.

    Returns
    -------
    ndarray
    """
    if layout == "HWCM":
        height, width, channels, multiplier = array.shape
        return array.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
    return array.transpose(np.argsort(_axes(layout)))


def _axes(layout):
    if layout not in LAYOUTS + WEIGHTS:
        raise ValueError(f"layout={layout!r}: the rule is one of {', '.join(LAYOUTS + WEIGHTS)}, such as 'NHWC'")
    ours = "NCHW" if layout in LAYOUTS else "OIHW"
    return [ours.index(letter) for letter in layout]
