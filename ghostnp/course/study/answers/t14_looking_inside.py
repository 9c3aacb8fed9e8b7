"""Tutorial 14: looking inside a trained network."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_MAPS = (1, 16, 8, 8)


def _cheap():
    return ops.depthwise_conv2d_cost(_MAPS, (16, 1, 3, 3), padding=1)


def _saved():
    ghost = ops.pointwise_conv2d_cost(_MAPS, (16, 16, 1, 1)).params + _cheap().params
    return int(ops.pointwise_conv2d_cost(_MAPS, (32, 16, 1, 1)).params - ghost)


def _explained(a, b):
    """r² of the line that makes b from a, by least squares."""
    columns = np.column_stack([a, np.ones(len(a))])
    left = b - columns @ np.linalg.lstsq(columns, b, rcond=None)[0]
    return 1 - (left @ left) / ((b - b.mean()) ** 2).sum()


_A, _B = np.array([1.0, 0, 2]), np.array([2.0, 1, 5])

ANSWERS = {
    "14.1": ExerciseAnswer(
        _saved,
        (
            "16·32 against 16·16 for the intrinsic maps and 16 kernels of nine.",
            "The ghost module has 16·16 + 16·9 weights.",
        ),
        "A plain 1x1 convolution has {16*32} weights, the ghost module {16*16 + 16*9}. The difference is "
        "{16*32 - (16*16 + 16*9)}.",
        {
            "16*32 - 16*16": "The cheap operation has weights too.",
            "16*32 - 16*32 - 16*9": "Only half of the 32 maps come from the primary convolution.",
            "16*32 - 16*16 - 16*16*9": "The cheap operation is depthwise: a ghost is made from one map.",
            "16*16 + 16*9 - 16*32": "That is how many more the ghost module has; it was asked the other way round.",
        },
    ),
    "14.2": ExerciseAnswer(
        lambda: _explained(_A, _B),
        (
            "Take the means away first. The best weight is then the sum of products over the sum of squares of a.",
            "The distances from the means are (0, -1, 1) and (-2, -5, 7)/3. Their products sum to 4.",
        ),
        "The distances from the means are (0, -1, 1) and (-2, -5, 7)/3. Their products sum to {(5 + 7)/3}, "
        "their squares to 2 and {(4 + 25 + 49)/9}. r² = {4**2/(2*26/3)}.",
        {
            "(2 + 10)**2/(5*30)": ("Take the means away first (or, if you did: r² is the square of the correlation)."),
        },
        tolerance=0.005,
    ),
    "14.3": ExerciseAnswer(
        lambda: _explained(5 - 3 * _B, _A),
        (
            "r² is (sum of products)² over both sums of squares: what do a factor and a constant change in it?",
            "A constant goes away with the mean. A factor of -3 multiplies the sum of products by -3, and "
            "one sum of squares by 9.",
        ),
        "Take the means away. The best weight is Σab/Σa², and it explains (Σab)²/Σa² of Σb². So r² = "
        "(Σab)²/(Σa²·Σb²), the square of the correlation, which is the same from both sides. With 5 - 3b for "
        "b, the constant goes away with the mean, and numerator and denominator get the factor 9. So r² is "
        "that of exercise 2: {(-3*4)**2/(2*9*26/3)}.",
        {
            "-12/13": "r² is a square, so it is not negative.",
            "-sqrt(12/13)": "That is the correlation; r² is its square.",
            "sqrt(12/13)": "That is the size of the correlation; r² is its square.",
        },
        tolerance=0.005,
    ),
    "14.4": ExerciseAnswer(
        lambda: 363**-0.5,
        (
            "The squares of n components sum to 1, and no component is special.",
            "So the mean of one squared component is 1/n. Take the root, with n = 363.",
        ),
        "Turn one filter to (1, 0, ..., 0): the cosine is then the first component of the other one, made a "
        "unit vector. The squares of its n components sum to 1 and have the same mean, 1/n. The root is "
        "{1/sqrt(363)}.",
        {
            "1/363": "That is the mean of the square; its root was asked for.",
            "sqrt(363)": "That is upside down.",
        },
        tolerance=0.005,
    ),
}
