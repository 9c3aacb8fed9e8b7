"""Tutorial 06: batch norm, activations, CReLU."""

import numpy as np

from ghostnp import ops
from ghostnp.course.pairing import pairing
from ghostnp.course.study.answer import ExerciseAnswer


def _normalised():
    x = np.array([2.0, 4, 4, 6]).reshape(1, 1, 2, 2)
    return ops.batch_norm_train(x, np.ones(1), np.zeros(1), eps=1e-30)[0].max()


def _two_layers():
    first = ops.standard_conv2d_cost((1, 16, 8, 8), (32, 16, 3, 3), bias=True, padding=1)
    second = ops.pointwise_conv2d_cost(ops.crelu_cost(first.output).output, (16, 64, 1, 1), bias=True)
    return int(first.params + second.params)


def _first_dx():
    x = np.array([1.0, 3, 5, 7]).reshape(1, 1, 2, 2)
    dy = np.array([1.0, 0, 0, 0]).reshape(1, 1, 2, 2)
    _, mean, var = ops.batch_norm_train(x, np.ones(1), np.zeros(1))
    return ops.batch_norm_train_backward(dy, x, np.ones(1), mean, var).x[0, 0, 0, 0]


def _along_normalised():
    """Sum of dx·x̂ with w = 1, dw = 2, v = 3 and eps = 1: a channel of two numbers, whose x̂ are -√3/2 and √3/2."""
    x = np.array([0, 2 * np.sqrt(3)]).reshape(1, 1, 1, 2)
    dy = np.array([0, 4 / np.sqrt(3)]).reshape(1, 1, 1, 2)
    normalised, mean, var = ops.batch_norm_train(x, np.ones(1), np.zeros(1), eps=1.0)
    return (ops.batch_norm_train_backward(dy, x, np.ones(1), mean, var, eps=1.0).x * normalised).sum()


ANSWERS = {
    "06.1": ExerciseAnswer(
        _normalised,
        (
            "The mean is 4; the squared distances are 4, 0, 0 and 4, and their mean?",
            "The variance is 8/4. Divide the distance of the 6 from the mean by the root of the variance.",
        ),
        "The mean is {(2 + 4 + 4 + 6)/4} and the variance {(4 + 0 + 0 + 4)/4}. So the 6 becomes {(6 - 4)/sqrt(2)}.",
        {
            "1": "Divide by the root of the variance, not by the variance.",
            "2": "That is the distance from the mean; it is divided by the root of the variance.",
            "(6 - 4)/sqrt(8/3)": "In batch norm the variance is divided by M, not by M - 1.",
        },
        tolerance=0.002,
    ),
    "06.2": ExerciseAnswer(
        _two_layers,
        (
            "CReLU doubles the channels that the second convolution reads.",
            "The first convolution has 32·(16·9 + 1) parameters. The second one reads 2·32 maps.",
        ),
        "{32*(16*3*3 + 1)} for the first, and {16*(2*32 + 1)} for the second, which reads 64 maps. Together "
        "{32*(16*3*3 + 1) + 16*(2*32 + 1)}.",
        {
            "32*(16*9 + 1) + 16*(32 + 1)": "CReLU doubles the maps, so the second convolution reads 64.",
            "32*16*9 + 16*64": "The biases are missing.",
            "64*(16*9 + 1) + 16*(64 + 1)": "The first convolution makes 32 maps; CReLU doubles them after that.",
        },
    ),
    "06.3": ExerciseAnswer(
        lambda: pairing(np.array([[3.0, 4], [-4, -3], [0, 5]]))[1][0],
        (
            "All three have length 5. The pairing filter is the one with the smallest cosine, not the "
            "most parallel one.",
            "Of the two others, (-4, -3) is the one that points away. Multiply component by component, "
            "add up, and divide by both lengths.",
        ),
        "The cosine with (-4, -3) is {(3*-4 + 4*-3)/(5*5)}, and with (0, 5) it is {(3*0 + 4*5)/(5*5)}. The "
        "smaller one is that of the pairing filter: {-24/25}.",
        {
            "4/5": "That is the most parallel filter; the pairing filter is the most opposite one.",
            "-24": "Divide by the lengths of both filters.",
            "24/25": "The products are negative.",
            "-1": "The two are nearly opposite, but not exactly.",
        },
        tolerance=1e-9,
    ),
    "06.4": ExerciseAnswer(
        _along_normalised,
        (
            "Multiply the formula for dx by x̂ and add up: Σdy·x̂ is dw, and Σx̂ is 0. Here σ² = v + ε = 4.",
            "You get w/σ·(dw - dw/M·Σx̂²), and Σx̂² = M·v/(v + ε).",
        ),
        "Σx̂² = Σ(x - μ)²/(v + ε) = M·v/(v + ε). Multiply dx by x̂ and add up, with Σx̂ = 0 and Σdy·x̂ = dw: "
        "Σdx·x̂ = w/σ·(dw - 0 - dw/M·Σx̂²) = w/σ·dw·(1 - v/(v + ε)) = w/σ·dw·ε/(v + ε). With σ = 2 this is "
        "{1/2*2*1/(3 + 1)}.",
        {
            "0": "That is so only for ε = 0.",
            "1/2*2*3/(3 + 1)": "What is left is 1 - v/(v + ε), which is ε/(v + ε).",
            "2*1/(3 + 1)": "Divide by σ too.",
            "1/4*2*1/(3 + 1)": "σ is the root of v + ε.",
        },
        tolerance=1e-9,
    ),
    "06.5": ExerciseAnswer(
        _first_dx,
        (
            "w/σ · (dy − db/M − x̂ · dw/M), with σ² = 5, M = 4, db = 1 and dw = x̂ of the first number.",
            "x̂ of the first number is -3/√5, so x̂·dw/M is 9/5/4.",
        ),
        "x̂ = -3/√5, so dw = -3/√5 and x̂·dw/M = {9/5/4}. Then dx is {(1 - 1/4 - 9/20)/sqrt(5)}.",
        {
            "1/sqrt(5)": "That is with a constant mean and variance. In training they depend on x.",
            "(1 - 1/4)/sqrt(5)": "The way through the variance is missing.",
            "(1 - 9/20)/sqrt(5)": "The way through the mean is missing.",
            "1 - 1/4 - 9/20": "The bracket is multiplied by w/σ.",
        },
        tolerance=0.005,
    ),
}
