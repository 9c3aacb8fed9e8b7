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
        _normalised, "The mean is 4; the squared distances are 4, 0, 0 and 4, and their mean?", tolerance=0.002
    ),
    "06.2": ExerciseAnswer(_two_layers, "CReLU doubles the channels that the second convolution reads."),
    "06.3": ExerciseAnswer(
        lambda: pairing(np.array([[3.0, 4], [-4, -3], [0, 5]]))[1][0],
        "All three have length 5. The pairing filter is the one with the smallest cosine, not the most parallel one.",
        tolerance=1e-9,
    ),
    "06.4": ExerciseAnswer(
        _along_normalised,
        "Multiply the formula for dx by x̂ and add up: Σdy·x̂ is dw, and Σx̂ is 0. Here σ² = v + ε = 4.",
        tolerance=1e-9,
    ),
    "06.5": ExerciseAnswer(
        _first_dx,
        "w/σ · (dy − db/M − x̂ · dw/M), with σ² = 5, M = 4, db = 1 and dw = x̂ of the first number.",
        tolerance=0.005,
    ),
}
