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
            "The mean is 4. The squared distances from the mean are 4, 0, 0 and 4. What is the mean of these four "
            "numbers?",
            "The variance is 8/4. Divide the distance of the 6 from the mean by the square root of the variance.",
        ),
        "The mean is {(2 + 4 + 4 + 6)/4} and the variance is {(4 + 0 + 0 + 4)/4}. So the 6 becomes {(6 - 4)/sqrt(2)}.",
        {
            "1": "Divide by the square root of the variance, not by the variance.",
            "2": "This is the distance from the mean. Divide it by the square root of the variance.",
            "(6 - 4)/sqrt(8/3)": "Batch norm divides the sum of the squared distances by M, not by M - 1.",
        },
        tolerance=0.002,
    ),
    "06.2": ExerciseAnswer(
        _two_layers,
        (
            "CReLU doubles the number of channels. How many channels does the second convolution read?",
            "The first convolution has 32·(16·9 + 1) parameters. The second convolution reads 2·32 maps.",
        ),
        "The first convolution has {32*(16*3*3 + 1)} parameters. The second convolution reads 64 maps and has "
        "{16*(2*32 + 1)} parameters. Together they have {32*(16*3*3 + 1) + 16*(2*32 + 1)} parameters.",
        {
            "32*(16*9 + 1) + 16*(32 + 1)": "CReLU doubles the number of maps, so the second convolution reads 64 maps.",
            "32*16*9 + 16*64": "The biases are missing.",
            "64*(16*9 + 1) + 16*(64 + 1)": (
                "The first convolution makes only 32 maps. CReLU comes after it and makes 64 maps from them."
            ),
        },
    ),
    "06.3": ExerciseAnswer(
        lambda: pairing(np.array([[3.0, 4], [-4, -3], [0, 5]]))[1][0],
        (
            "All three filters have the length 5. The pairing filter is the filter with the smallest cosine, not the "
            "most parallel filter.",
            "Of the other two filters, (-4, -3) has the smaller cosine. Multiply this filter by the first filter "
            "component by component, add up the products, and divide the sum by both lengths.",
        ),
        "The cosine with (-4, -3) is {(3*-4 + 4*-3)/(5*5)}, and the cosine with (0, 5) is {(3*0 + 4*5)/(5*5)}. The "
        "pairing filter has the smaller cosine, which is {-24/25}.",
        {
            "4/5": "This is the cosine with the most parallel filter. The pairing filter has the smallest cosine.",
            "-24": "Divide by the lengths of both filters.",
            "24/25": "Both products are negative, so their sum is negative, too.",
            "-1": "The two filters are nearly opposite, but not exactly.",
        },
        tolerance=1e-9,
    ),
    "06.4": ExerciseAnswer(
        _along_normalised,
        (
            "Multiply the formula for dx by x̂, and add up over the channel. The sum Σdy·x̂ is dw, and the sum Σx̂ is "
            "0. Here σ² = v + ε = 4.",
            "You get w/σ·(dw - dw/M·Σx̂²). Insert Σx̂² = M·v/(v + ε).",
        ),
        "Σx̂² = Σ(x - μ)²/(v + ε) = M·v/(v + ε). Multiply dx by x̂ and add up over the channel. Because Σx̂ = 0 and "
        "Σdy·x̂ = dw, the sum is Σdx·x̂ = w/σ·(dw - 0 - dw/M·Σx̂²) = w/σ·dw·(1 - v/(v + ε)) = w/σ·dw·ε/(v + ε). With σ "
        "= 2, this is {1/2*2*1/(3 + 1)}.",
        {
            "0": "The sum is 0 only for ε = 0.",
            "1/2*2*3/(3 + 1)": "The last factor is 1 - v/(v + ε), which is equal to ε/(v + ε).",
            "2*1/(3 + 1)": "The first factor is w/σ, so divide by σ as well.",
            "1/4*2*1/(3 + 1)": "σ is the square root of v + ε.",
        },
        tolerance=1e-9,
    ),
    "06.5": ExerciseAnswer(
        _first_dx,
        (
            "The formula is dx = w/σ · (dy − db/M − x̂ · dw/M). Here σ² = 5, M = 4 and db = 1, and dw is equal to x̂ "
            "of the first number.",
            "For the first number, x̂ is -3/√5. So x̂·dw/M is 9/5/4.",
        ),
        "For the first number, x̂ = -3/√5. So dw = -3/√5 and x̂·dw/M = {9/5/4}. Therefore dx is {(1 - 1/4 - "
        "9/20)/sqrt(5)}.",
        {
            "1/sqrt(5)": "This is dx for a constant mean and a constant variance. In training, both depend on x.",
            "(1 - 1/4)/sqrt(5)": "The term x̂·dw/M is missing. The variance depends on x, too.",
            "(1 - 9/20)/sqrt(5)": "The term db/M is missing. The mean depends on x, too.",
            "1 - 1/4 - 9/20": "Multiply the bracket by w/σ.",
        },
        tolerance=0.005,
    ),
}
