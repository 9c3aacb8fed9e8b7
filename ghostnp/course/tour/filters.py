"""Filters set by hand, so that a map shows something one can name, and what they are called.

Training tends to find edge and colour filters of this kind in a first layer; here they are written down. A filter over
a colour photo is a colour mix times a 3x3 kernel.
"""

import numpy as np

# 3x3 kernels. What a deep-learning "convolution" slides over the image is the kernel as it stands here, not its mirror.
SAME = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32)
BLUR = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 16
RIGHT_EDGE = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 4
LOWER_EDGE = RIGHT_EDGE.T.copy()
FALLING, RISING = (RIGHT_EDGE - LOWER_EDGE) / 2, (RIGHT_EDGE + LOWER_EDGE) / 2
DETAIL = SAME - BLUR

# Mixes of red, green and blue.
GREY = np.array([1, 1, 1], np.float32) / 3
RED, GREEN, BLUE = np.eye(3, dtype=np.float32)
RED_GREEN = RED - GREEN
BLUE_YELLOW = BLUE - (RED + GREEN) / 2

# Six filters over three channels, in three pairs: edges, shades, colours.
STANDARD = {
    "brighter to the right": (GREY, RIGHT_EDGE),
    "brighter below": (GREY, LOWER_EDGE),
    "blur": (GREY, BLUR),
    "detail": (GREY, DETAIL),
    "red, not green": (RED_GREEN, BLUR),
    "blue, not yellow": (BLUE_YELLOW, BLUR),
}
DEPTHWISE = {"blur": BLUR, "brighter to the right": RIGHT_EDGE, "detail": DETAIL}
POINTWISE: dict[str, np.ndarray] = {
    "grey": GREY,
    "red, not green": RED_GREEN,
    "blue, not yellow": BLUE_YELLOW,
    "negative": -GREY,
}
# Each of three groups mixes its own two channels in these four ways.
MIXES = np.array([[1, 0], [0, 1], [1, 1], [1, -1]], np.float32)
INTRINSIC: dict[str, np.ndarray] = {
    "grey": GREY,
    "negative": -GREY,
    "red": RED,
    "blue": BLUE,
    "red, not green": RED_GREEN,
    "green, not red": -RED_GREEN,
    "blue, not yellow": BLUE_YELLOW,
    "yellow, not blue": -BLUE_YELLOW,
}
CHEAP = {
    "brighter to the right": RIGHT_EDGE,
    "brighter below": LOWER_EDGE,
    "detail": DETAIL,
    "darker below": -LOWER_EDGE,
    "darker to the right": -RIGHT_EDGE,
    "blur": BLUR,
    "brighter to upper right": FALLING,
    "brighter to lower right": RISING,
}


def outer(pairs):
    """Filters (C_out, C_in, 3, 3) from pairs of a colour mix and a kernel."""
    return np.stack([mix[:, None, None] * kernel for mix, kernel in pairs])


def grouped(groups):
    """Filters (4·groups, 2, 3, 3): the first four read group 0, and so on."""
    return np.tile(MIXES[:, :, None, None] * BLUR, (groups, 1, 1, 1))
