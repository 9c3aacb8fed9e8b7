"""Tutorial 10: DFC attention and GhostNetV2."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.graph.counting import count
from ghostnp.modules import DFCAttention


def _fewer(h, w):
    full = ops.full_attention_cost((1, 1, h, w), (1, h, w, h, w))
    return full.macs / ops.decoupled_attention_cost((1, 1, h, w), (1, h, h, w), (1, w, h, w)).macs


def _counted():
    return count(DFCAttention(40, 120), (1, 40, 15, 15))


def _gathered():
    return ops.resize_nearest_backward(np.ones((1, 1, 11, 11)), np.zeros((1, 1, 5, 5)), 11).max()


def _there_and_back():
    arguments = np.arange(6.0).reshape(1, 1, 2, 3), np.arange(12.0).reshape(1, 2, 2, 3), np.ones((1, 3, 2, 3))
    grads = ops.decoupled_attention_backward(np.ones((1, 1, 2, 3)), *arguments)
    return ops.decoupled_attention(*arguments)[0, 0, 1, 2], grads.z.sum()


ANSWERS = {
    "10.1": ExerciseAnswer(
        lambda: _fewer(10, 15),
        (
            "In full attention, each pixel reads H·W pixels. In decoupled attention, each pixel reads H pixels and "
            "then W pixels.",
            "Divide 10·15 by 10 + 15.",
        ),
        "For each pixel, full attention takes H·W multiply-adds, and decoupled attention takes H + W. So the factor is "
        "{10*15/(10 + 15)}.",
        {
            "10*15": "Decoupled attention takes more than one multiply-add for each pixel.",
            "10 + 15": "This is the number of multiply-adds that decoupled attention takes for each pixel.",
            "(10 + 15)/(10*15)": (
                "This is the inverse. Divide the multiply-adds of full attention by the multiply-adds of decoupled "
                "attention."
            ),
        },
        tolerance=1e-9,
    ),
    "10.2": ExerciseAnswer(
        lambda: int(_counted().params),
        (
            "There is a 1x1 convolution, a 1x5 and a 5x1 kernel for each of the 120 channels, and three batch norms of "
            "120 channels.",
            "The 1x5 kernels have 120·5 weights, and so do the 5x1 kernels. Each batch norm has 2·120 parameters.",
        ),
        "The 1x1 convolution, the two depthwise convolutions with long kernels, and the three batch norms have {40*120 "
        "+ 120*5 + 120*5 + 3*2*120} parameters together.",
        {
            "40*120 + 120*5 + 120*5": "The batch norms are missing.",
            "40*120 + 120*5*5 + 3*2*120": "The long kernels are 1x5 and 5x1, with 5 weights each.",
            "40*120 + 120*5 + 120*5 + 2*120": "There are three batch norms.",
            "40*120 + 2*120*120*5 + 3*2*120": "The convolutions with long kernels are depthwise.",
        },
    ),
    "10.3": ExerciseAnswer(
        lambda: ops.resize_bilinear_backward(np.ones((1, 1, 1, 7)), np.zeros((1, 1, 1, 3)), (1, 7))[0, 0, 0, 1],
        (
            "New pixel i has the place (i + 0.5)·3/7 - 0.5, for i = 0 to 6. The middle old pixel is at place 1, and "
            "its weight falls to 0 at the places 0 and 2. Add up its weights for all new pixels.",
            "The places are -2/7, 1/7, 4/7, 1, 10/7, 13/7 and 16/7. At place t, the weight of the middle old pixel is "
            "1 - |t - 1|, or 0 if this is negative.",
        ),
        "The weights of each new pixel sum to 1. So each new pixel adds exactly its dy to the sum of dx, so Σdx = Σdy. "
        "The places of the new pixels are (i + 0.5)·3/7 - 0.5, which are -2/7, 1/7, 4/7, 1, 10/7, 13/7 and 16/7. At "
        "place t, the weight of the middle old pixel is 1 - |t - 1|, or 0 if this is negative. These weights are 0, "
        "1/7, 4/7, 1, 4/7, 1/7 and 0, and their sum is {(1 + 4 + 7 + 4 + 1)/7}.",
        {
            "7/3": "This is the mean of dx. The middle old pixel has a little more than the other old pixels.",
            "1 + 2*4/7": "Two more new pixels read the middle old pixel, with the weight 1/7 each.",
            "1": "The neighbours of the new pixel at place 1 read the middle old pixel, too.",
        },
        tolerance=0.005,
    ),
    "10.4": ExerciseAnswer(
        _gathered,
        (
            "Along one axis, row 0 is copied by the new rows i with ⌊i·5/11⌋ = 0. How many new rows are these?",
            "0·5/11, 1·5/11 and 2·5/11 are below 1. The same holds for the columns.",
        ),
        "The new rows 0, 1 and 2 copy row 0 of x, and the new columns 0, 1 and 2 copy column 0. No other row or column "
        "is copied more often. So the largest number is that of the first pixel, {3*3}.",
        {
            "4": "11/5 is more than 2, so some rows are copied three times.",
            "3": "This is the number along one axis.",
            "121/25": "This is the mean of dx. The question is about the largest number.",
        },
    ),
    "10.5": ExerciseAnswer(
        _there_and_back,
        (
            "First compute the column step. Row 1 of its result is 6·0 + 9·3, 7·1 + 10·4, and so on. In the backward "
            "pass, each number of this result has the gradient 3, because all weights of weight_w are 1. Then multiply "
            "these gradients by the weights of weight_h.",
            "Row 1 of the column step is 27, 47, 71. The sum of the weights of weight_h, from 0 to 11, is 66.",
        ),
        "Row 1 of the column step is {(6*0 + 9*3, 7*1 + 10*4, 8*2 + 11*5)}, and the row step adds up these numbers. In "
        "the backward pass, each number of the column step has the gradient 3. Each weight of weight_h is multiplied "
        "by one of these gradients, so the sum of dz is 3 times the sum of weight_h. The answer is {(27 + 47 + 71, "
        "3*66)}.",
        {
            "(145, 66)": "Each number of the column step is read by the three output pixels of its row.",
            "(71, 198)": "The row step adds up a whole row.",
        },
    ),
}
