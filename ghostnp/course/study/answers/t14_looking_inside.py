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
            "The ordinary convolution has 16·32 weights. The ghost module has 16·16 weights for the intrinsic maps, "
            "and 16 kernels of nine weights for the ghosts.",
            "The ghost module has 16·16 + 16·9 weights.",
        ),
        "The ordinary 1x1 convolution has {16*32} weights, and the ghost module has {16*16 + 16*9}. The difference is "
        "{16*32 - (16*16 + 16*9)}.",
        {
            "16*32 - 16*16": "The cheap operation has weights, too.",
            "16*32 - 16*32 - 16*9": "Only half of the 32 maps come from the primary convolution.",
            "16*32 - 16*16 - 16*16*9": "The cheap operation is depthwise, so each ghost is made from only one map.",
            "16*16 + 16*9 - 16*32": (
                "The sign is wrong. Subtract the weights of the ghost module from the weights of the ordinary "
                "convolution."
            ),
        },
    ),
    "14.2": ExerciseAnswer(
        lambda: _explained(_A, _B),
        (
            "First subtract the means. Then the best weight is the sum of the products, divided by the sum of the "
            "squares of a.",
            "The distances from the means are (0, -1, 1) for a and (-2, -5, 7)/3 for b. The sum of their products is "
            "4.",
        ),
        "The distances from the means are (0, -1, 1) for a and (-2, -5, 7)/3 for b. The sum of their products is {(5 + "
        "7)/3}, and the sums of their squares are 2 and {(4 + 25 + 49)/9}. So r² = {4**2/(2*26/3)}.",
        {
            "(2 + 10)**2/(5*30)": (
                "Subtract the means first. If you did this, square your result, because r² is the square of the "
                "correlation."
            ),
        },
        tolerance=0.005,
    ),
    "14.3": ExerciseAnswer(
        lambda: _explained(5 - 3 * _B, _A),
        (
            "r² is (sum of products)², divided by both sums of squares. How does r² change if b is multiplied by a "
            "factor? How does r² change if a constant is added to b?",
            "The constant disappears when the mean is subtracted. The factor -3 multiplies the sum of products by -3, "
            "and one sum of squares by 9.",
        ),
        "Subtract the means from a and b. The best weight is Σab/Σa², and it explains (Σab)²/Σa² of Σb². So r² = "
        "(Σab)²/(Σa²·Σb²), which is the square of the correlation. So r² does not change if a and b are exchanged. Now "
        "replace b by 5 - 3b. The constant disappears when the mean is subtracted, and the factor -3 multiplies both "
        "numerator and denominator by 9. So r² is the same as in exercise 2, {(-3*4)**2/(2*9*26/3)}.",
        {
            "-12/13": "r² is a square, so it is not negative.",
            "-sqrt(12/13)": "This is the correlation. Its square is r².",
            "sqrt(12/13)": "This is the absolute value of the correlation. The square of the correlation is r².",
        },
        tolerance=0.005,
    ),
    "14.4": ExerciseAnswer(
        lambda: 363**-0.5,
        (
            "The squares of the n numbers of a unit vector sum to 1, and all of these squares have the same mean.",
            "So the mean of each square is 1/n. Take the square root, with n = 363.",
        ),
        "Turn one filter to (1, 0, ..., 0), and divide the other filter by its length. Then the cosine is the first "
        "number of this unit vector. The squares of its n numbers sum to 1, and all of these squares have the same "
        "mean, which is 1/n. The square root of this mean is {1/sqrt(363)}.",
        {
            "1/363": "This is the mean of the square. The question is about its square root.",
            "sqrt(363)": "This is the inverse. The mean of the square is 1/n, not n.",
        },
        tolerance=0.005,
    ),
}
