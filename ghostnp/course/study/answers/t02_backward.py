"""Tutorial 02: convolution's backward pass."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer


def _example():
    x = np.array([[1.0, 2, 0], [0, 1, 3], [2, 0, 1]])[None, None]
    w = np.array([[1.0, 0], [2, -1]])[None, None]
    return ops.standard_conv2d_backward(np.array([[1.0, 0], [0, 10]])[None, None], x, w)


def _windows():
    """In how many windows each pixel of a 5x5 map is: with ones as weights and as dy, this is dx."""
    x, w = np.zeros((1, 1, 5, 5)), np.ones((1, 1, 3, 3))
    return ops.standard_conv2d_backward(np.ones((1, 1, 3, 3)), x, w).x[0, 0]


def _sum_of_dx():
    w = np.array([[1.0, 2, 3], [0, 0, 0], [-2, 0, 1]])[None, None]
    return ops.standard_conv2d_backward(np.ones((1, 1, 6, 6)), np.zeros((1, 1, 8, 8)), w).x.sum()


ANSWERS = {
    "02.1": ExerciseAnswer(
        lambda: _example().weight[0, 0, 1, 0],
        (
            "The tap in the second row and the first column reads one pixel of each window. Multiply this pixel by the "
            "dy of the window, and add up the products.",
            "In the first window, this tap reads the first pixel in the second row of x. In the last window, it reads "
            "the middle pixel in the last row.",
        ),
        "Only two numbers of dy are not zero. dw[1, 0] = dy[0, 0]·x[1, 0] + dy[1, 1]·x[2, 1] = {1*0 + 10*0}.",
        {
            "2": "This is dx[1, 0], the gradient of a pixel. The question is about the gradient of a weight.",
            "32": "This is dw[0, 1]. The first index is the row.",
            "11": "This is the sum of dy. Each number of dy has to be multiplied by the pixel that the tap read.",
        },
    ),
    "02.2": ExerciseAnswer(
        lambda: _example().x[0, 0, 2, 2],
        (
            "Only the last window contains this corner pixel. Which tap of the window reads the pixel, and what is the "
            "dy of the window?",
            "The tap in the lower right corner reads this pixel. The dy of the last window is dy[1, 1].",
        ),
        "Only the window of y[1, 1] contains this pixel, and the tap that reads the pixel has the weight w[1, 1]. So "
        "dx[2, 2] = w[1, 1]·dy[1, 1] = {-1*10}.",
        {
            "10": "The weight in that corner is negative.",
            "-1": "The last window contains this pixel, and the dy of this window is dy[1, 1].",
        },
    ),
    "02.3": ExerciseAnswer(
        lambda: 3 * int(ops.standard_conv2d_cost((1, 8, 10, 10), (16, 8, 3, 3), padding=1).macs),
        (
            "For each product of the forward pass, the backward pass computes two products.",
            "The forward pass takes 16·10·10·8·3·3 multiply-adds, and so does each gradient. Add up all three.",
        ),
        "The forward pass takes {16*10*10*8*3*3} multiply-adds, and so do dx and dw. Together they take "
        "{3*16*10*10*8*3*3} multiply-adds.",
        {
            "2*16*10*10*8*3*3": "This is the backward pass alone. Add the forward pass.",
            "16*10*10*8*3*3": "This is the forward pass alone. Add dx and dw.",
            "3*16*10*10*3*3": "A filter has a kernel for each of the 8 input channels.",
        },
    ),
    "02.4": ExerciseAnswer(
        lambda: (_windows()[2, 2], _windows()[0, 0]),
        (
            "Along one side, the pixel in the middle can be the first, the second or the last pixel of a window.",
            "First count along one side, for the pixel in the middle and for the pixel in a corner. A window has a row "
            "and a column, so take the squares of these counts.",
        ),
        "Along one side, three windows contain the pixel in the middle, and one window contains the first pixel. For "
        "rows and columns together, the numbers are {(3*3, 1*1)}.",
        {
            "(4, 1)": (
                "A window has three rows. The pixel in the middle can be in the first, the second or the third of them."
            ),
            "(3, 1)": "These are the numbers along one side. Windows differ in their rows and in their columns.",
            "(9, 4)": "Without padding, only one window contains the pixel in a corner.",
        },
    ),
    "02.5": ExerciseAnswer(
        _sum_of_dx,
        (
            "Each number of dy is multiplied by every weight once, and no border is cut off. How many "
            "numbers does dy have?",
            "dy has 8 - 3 + 1 rows and as many columns. The sum of the weights is 1 + 2 + 3 - 2 + 1.",
        ),
        "Every number of dy is multiplied by each weight once, so the sum of dx is (sum of w)·(sum of dy). "
        "Along one side, dy has {8 - 3 + 1} numbers. So the sum of dx is {(1 + 2 + 3 - 2 + 1)*6*6}.",
        {
            "5*8*8": "dy has the shape of the output, which is smaller than the input.",
            "9*6*6": "The weight -2 is negative, so it has to be subtracted.",
            "5": "dy is not a single number. It has one number for each output pixel.",
        },
    ),
}
