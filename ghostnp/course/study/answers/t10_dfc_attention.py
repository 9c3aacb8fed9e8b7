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
            "A pixel sees H·W others at once, or H and then W of them.",
            "Divide 10·15 by 10 + 15.",
        ),
        "For each pixel, full attention takes H·W multiply-adds and decoupled attention H + W. The factor is "
        "{10*15/(10 + 15)}.",
        {
            "10*15": "The decoupled attention takes more than one multiply-add for a pixel.",
            "10 + 15": "That is what the decoupled attention takes for a pixel.",
            "(10 + 15)/(10*15)": "That is upside down.",
        },
        tolerance=1e-9,
    ),
    "10.2": ExerciseAnswer(
        lambda: int(_counted().params),
        (
            "A 1x1 convolution, kernels of 1x5 and 5x1 for each of 120 channels, and three batch norms "
            "over 120 channels.",
            "The two long kernels have 120·5 weights each. A batch norm has 2·120 parameters.",
        ),
        "The 1x1 convolution, the two long depthwise kernels and three batch norms have {40*120 + 120*5 + "
        "120*5 + 3*2*120} parameters.",
        {
            "40*120 + 120*5 + 120*5": "The batch norms are missing.",
            "40*120 + 120*5*5 + 3*2*120": "The long kernels are 1x5 and 5x1, with 5 weights each.",
            "40*120 + 120*5 + 120*5 + 2*120": "There are three batch norms.",
            "40*120 + 2*120*120*5 + 3*2*120": "The long kernels are depthwise.",
        },
    ),
    "10.3": ExerciseAnswer(
        lambda: ops.resize_bilinear_backward(np.ones((1, 1, 1, 7)), np.zeros((1, 1, 1, 3)), (1, 7))[0, 0, 0, 1],
        (
            "The places are (i + 0.5)·3/7 - 0.5 for i = 0 to 6. The middle pixel is at place 1, and its "
            "weight falls to 0 at the places 0 and 2: add up these weights.",
            "The places are -2/7, 1/7, 4/7, 1, 10/7, 13/7 and 16/7. The weight at place t is 1 - |t - 1|, "
            "or 0 if that is negative.",
        ),
        "Every output pixel gives its dy away in parts that sum to 1, so the sums are equal. The places are "
        "(i + 0.5)·3/7 - 0.5, which are -2/7, 1/7, 4/7, 1, 10/7, 13/7 and 16/7. The middle pixel gets 1 - |t "
        "- 1| of each: 0, 1/7, 4/7, 1, 4/7, 1/7 and 0, together {(1 + 4 + 7 + 4 + 1)/7}.",
        {
            "7/3": "That is the mean. The pixel in the middle gets a little more than the others.",
            "1 + 2*4/7": "Two more pixels have the middle one as a neighbour, with the weight 1/7.",
            "1": "The neighbours of that place read the middle pixel too.",
        },
        tolerance=0.005,
    ),
    "10.4": ExerciseAnswer(
        _gathered,
        (
            "Along one axis, row 0 is copied by the rows i with ⌊i·5/11⌋ = 0; how many are they?",
            "0·5/11, 1·5/11 and 2·5/11 are below 1. As many columns copy column 0.",
        ),
        "The rows 0, 1 and 2 copy row 0, and the columns likewise. So the first pixel gets {3*3}.",
        {
            "4": "11/5 is more than 2: some rows are copied three times.",
            "3": "That is along one axis.",
            "121/25": "That is the mean; the largest number was asked for.",
        },
    ),
    "10.5": ExerciseAnswer(
        _there_and_back,
        (
            "The column step first: row 1 of it is 6·0 + 9·3, 7·1 + 10·4, and so on; all of weight_w is "
            "1. Backward, each number of the column step gets 3, and hands it on times each weight of "
            "weight_h.",
            "The column step's second row is 27, 47, 71. The weights of weight_h, 0 to 11, sum to 66.",
        ),
        "The second row of the column step is {(6*0 + 9*3, 7*1 + 10*4, 8*2 + 11*5)}, and the row step adds it "
        "up. Backward, each number of the column step gets 3 and hands it on times each weight of weight_h. "
        "So the answer is {(27 + 47 + 71, 3*66)}.",
        {
            "(145, 66)": "Each number of the column step was used for three pixels of its row.",
            "(71, 198)": "The row step adds up a whole row.",
        },
    ),
}
