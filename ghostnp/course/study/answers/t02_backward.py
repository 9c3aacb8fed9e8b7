"""Tutorial 02: convolution's backward pass."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer


def _example():
    x = np.array([[1.0, 2, 0], [0, 1, 3], [2, 0, 1]])[None, None]
    w = np.array([[1.0, 0], [2, -1]])[None, None]
    return ops.standard_conv2d_backward(np.array([[1.0, 0], [0, 10]])[None, None], x, w)


def _windows():
    """In how many windows each pixel of a 5x5 map is: what ones hand back."""
    x, w = np.zeros((1, 1, 5, 5)), np.ones((1, 1, 3, 3))
    return ops.standard_conv2d_backward(np.ones((1, 1, 3, 3)), x, w).x[0, 0]


def _sum_of_dx():
    w = np.array([[1.0, 2, 3], [0, 0, 0], [-2, 0, 1]])[None, None]
    return ops.standard_conv2d_backward(np.ones((1, 1, 6, 6)), np.zeros((1, 1, 8, 8)), w).x.sum()


ANSWERS = {
    "02.1": ExerciseAnswer(
        lambda: _example().weight[0, 0, 1, 0],
        (
            "The tap in the second row and the first column sees the pixel below the corner of its "
            "window. Multiply by dy and add up.",
            "In the first window this tap read the first pixel of the second row, in the last window the "
            "middle pixel of the last row.",
        ),
        "Two numbers of dy count. dw[1, 0] = dy[0, 0]·x[1, 0] + dy[1, 1]·x[2, 1] = {1*0 + 10*0}.",
        {
            "2": "That is dx[1, 0], the gradient of a pixel. The gradient of a weight was asked for.",
            "32": "That is dw[0, 1]: the row comes first.",
            "11": "That is the sum of dy. Each number of dy is multiplied by the pixel that the tap read.",
        },
    ),
    "02.2": ExerciseAnswer(
        lambda: _example().x[0, 0, 2, 2],
        (
            "Only the last window covers this corner: below which tap does it lie there, and what is that window's dy?",
            "It is the weight in the lower right corner. The last window's dy is dy[1, 1].",
        ),
        "Only the window of y[1, 1] contains this pixel, and there it lies below w[1, 1]. So dx[2, 2] = w[1, "
        "1]·dy[1, 1] = {-1*10}.",
        {
            "10": "The weight in that corner is negative.",
            "-1": "It is the last window that contains this pixel; its dy is dy[1, 1].",
        },
    ),
    "02.3": ExerciseAnswer(
        lambda: 3 * int(ops.standard_conv2d_cost((1, 8, 10, 10), (16, 8, 3, 3), padding=1).macs),
        (
            "Each product of the forward pass comes back twice in the backward pass.",
            "The forward pass takes 16·10·10·8·3·3. How many of such passes are there in all?",
        ),
        "The forward pass takes {16*10*10*8*3*3} multiply-adds, and dx and dw take as many each: {3*16*10*10*8*3*3}.",
        {
            "2*16*10*10*8*3*3": "That is the backward pass alone; the forward pass was asked for too.",
            "16*10*10*8*3*3": "That is the forward pass alone.",
            "3*16*10*10*3*3": "A filter has a kernel for each of the 8 input channels.",
        },
    ),
    "02.4": ExerciseAnswer(
        lambda: (_windows()[2, 2], _windows()[0, 0]),
        (
            "Along one side, a pixel in the middle can be the first, the second or the last of a window of three.",
            "Count along one side first, for the middle and for the corner. There are rows and columns, "
            "so take the square.",
        ),
        "Along one side, three windows contain the middle and one contains the first pixel. With rows and "
        "columns that makes {(3*3, 1*1)}.",
        {
            "(4, 1)": (
                "A window of three has three rows: the pixel can be in the first, the second or the third of them."
            ),
            "(3, 1)": "That is along one side. Windows differ in their rows and in their columns.",
            "(9, 4)": "Without padding, only the window in the corner contains the corner.",
        },
    ),
    "02.5": ExerciseAnswer(
        _sum_of_dx,
        (
            "Each number of dy is multiplied by every weight once, and nothing is cropped. How many "
            "numbers does dy have?",
            "dy has 8 - 3 + 1 rows and as many columns. The weights sum to 1 + 2 + 3 - 2 + 1.",
        ),
        "Every number of dy is multiplied by each weight once, so the sum of dx is (sum of w)·(sum of dy). "
        "Along one side dy has {8 - 3 + 1} numbers. So the sum is {(1 + 2 + 3 - 2 + 1)*6*6}.",
        {
            "5*8*8": "dy has the shape of the output, which is smaller than the input.",
            "9*6*6": "The weight -2 is negative: it is subtracted.",
            "5": "dy is not one number: it has one for each output pixel.",
        },
    ),
}
