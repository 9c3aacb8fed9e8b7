"""Operations that are no multiply-adds: each cost beside a literal count, done number by number on a tiny map."""

import functools
import math
import operator

import numpy as np
import pytest

from ghostnp.ops.vocabulary import operator_named, operators

pytestmark = pytest.mark.small


class Number:
    """A number that counts what is done with it: each sum, product, comparison or function's value is one operation."""

    done = 0

    def __init__(self, value=0.0):
        self.value = value

    def _operated(self, value):
        Number.done += 1
        return Number(value)

    def __add__(self, other):
        return self._operated(self.value + other.value)

    def __sub__(self, other):
        return self._operated(self.value - other.value)

    def __mul__(self, other):
        return self._operated(self.value * other.value)

    def __truediv__(self, other):
        return self._operated(self.value / other.value)

    def larger(self, other):
        return self._operated(max(self.value, other.value))

    def function(self):
        return self._operated(self.value)


def numbers(*shape):
    return np.array([Number(value) for value in range(math.prod(shape))], object).reshape(shape)


def total(values):
    return functools.reduce(operator.add, values)


def windows(x, kernel, stride):
    """The numbers that each window reads, map by map."""
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(x.shape[2:], kernel, stride, strict=True))
    for n, c, i, j in np.ndindex(*x.shape[:2], rows, columns):
        yield list(
            x[n, c, i * stride[0] : i * stride[0] + kernel[0], j * stride[1] : j * stride[1] + kernel[1]].ravel()
        )


def norm_in_evaluation(x):
    for number in x.ravel():
        number * Number() + Number()


def norm_in_training(x):
    for channel in x.swapaxes(0, 1).reshape(x.shape[1], -1):
        mean = total([Number(), *channel])  # divided once for the channel, which does not count
        squares = [(number - mean) * (number - mean) for number in channel]
        Number.done -= len(channel)  # the difference is taken once and used twice
        total([Number(), *squares])
    norm_in_evaluation(x)


def softmax(x):
    for pixel in x.reshape(*x.shape[:2], -1).swapaxes(1, 2).reshape(-1, x.shape[1]):
        exponentials = [number.function() for number in pixel]
        whole = total([Number(), *exponentials])
        for number in exponentials:
            number / (whole if whole.value else Number(1))


def cross_entropy(x):
    softmax(x)
    for logits in x:
        total([Number(), *(number.function() * Number() for number in logits)])


def blend(x, columns):
    """One axis of a bilinear resize."""
    return np.array(
        [[Number() * row[0] + Number() * row[0] for _ in range(columns)] for row in x.reshape(-1, x.shape[3])]
    )


def bilinear(x, rows, columns):
    wide = blend(x, columns).reshape(*x.shape[:3], columns)
    blend(wide.swapaxes(2, 3), rows)


def once_each(x):
    for number in x.ravel():
        number.function()


X = (2, 6, 5, 4)
LITERALLY = {  # the operator, its cost's arguments, and the same done number by number
    "relu": ((X,), {}, once_each),
    "relu6": ((X,), {}, once_each),
    "clip": ((X,), {}, once_each),
    "sigmoid": ((X,), {}, once_each),
    "hard_sigmoid": ((X,), {}, once_each),
    "crelu": ((X,), {}, lambda x: (once_each(x), once_each(x))),
    "add": ((X, X), {}, lambda x: x + x),
    "multiply": ((X, (2, 6, 1, 1)), {}, lambda x: x * numbers(2, 6, 1, 1)),
    "softmax": ((X,), {}, softmax),
    "softmax_cross_entropy": (((2, 6), (2,)), {}, lambda x: cross_entropy(numbers(2, 6))),
    "batch_norm_eval": ((X, *[(6,)] * 4), {}, norm_in_evaluation),
    "batch_norm_train": ((X, (6,), (6,)), {}, norm_in_training),
    "batch_norm_relu_train": ((X, (6,), (6,)), {}, lambda x: (norm_in_training(x), once_each(x))),
    "max_pool2d": (
        (X, (3, 2)),
        {"stride": (2, 1)},
        lambda x: [functools.reduce(Number.larger, [Number(), *window]) for window in windows(x, (3, 2), (2, 1))],
    ),
    "avg_pool2d": (
        (X, 2),
        {"stride": 2},
        lambda x: [total(window) / Number(4) for window in windows(x, (2, 2), (2, 2))],
    ),
    "global_avg_pool2d": ((X,), {}, lambda x: [total(window) / Number(20) for window in windows(x, (5, 4), (1, 1))]),
    "resize_bilinear": ((X, (7, 3)), {}, lambda x: bilinear(x, 7, 3)),
    "resize_nearest": ((X, (7, 3)), {}, lambda x: x[:, :, :1]),
    "channel_shuffle": ((X, 3), {}, lambda x: x[:, ::-1]),
    "flatten": ((X,), {}, lambda x: x.reshape(2, -1)),
    "split": ((X, (2, 4)), {}, lambda x: x[:, :2]),
    "concat": (([X, X],), {}, lambda x: np.concatenate([x, x])),
    "linear": (((2, 6), (4, 6)), {"bias": True}, lambda x: numbers(2, 4) + numbers(4)),
    "conv2d": ((X, (4, 3, 2, 2)), {"bias": True, "groups": 2}, lambda x: numbers(2, 4, 4, 3) + numbers(4, 1, 1)),
    "depthwise_conv2d": ((X, (6, 1, 2, 2)), {"bias": True}, lambda x: numbers(2, 6, 4, 3) + numbers(6, 1, 1)),
    "pointwise_conv2d": ((X, (3, 6, 1, 1)), {"bias": True}, lambda x: numbers(2, 3, 5, 4) + numbers(3, 1, 1)),
    "separable_conv2d": (
        (X, (6, 1, 2, 2), (3, 6, 1, 1)),
        {"bias": True},
        lambda x: numbers(2, 3, 4, 3) + numbers(3, 1, 1),
    ),
    "standard_conv2d": ((X, (3, 6, 1, 1)), {}, lambda x: x),
    "grouped_conv2d": (
        (X, (4, 3, 2, 2)),
        {"bias": True, "groups": 2},
        lambda x: numbers(2, 4, 4, 3) + numbers(4, 1, 1),
    ),
    "full_attention": ((X, (6, 5, 4, 5, 4)), {}, lambda x: x),
    "decoupled_attention": ((X, (6, 5, 5, 4), (6, 4, 5, 4)), {}, lambda x: x),
}


def test_every_operator_that_costs_something_is_counted_literally():
    assert LITERALLY.keys() == {name for name in operators() if operator_named(name).cost is not None}


@pytest.mark.parametrize("name", LITERALLY)
def test_other_operations_are_those_of_a_literal_count(backend, name):
    arguments, keywords, literally = LITERALLY[name]
    Number.done = 0
    literally(numbers(*X))
    assert getattr(backend, f"{name}_cost")(*arguments, **keywords).other == Number.done
