"""Batch norm as a scene: its definition is one call on the tape, and here each of its steps is a row of numbers.

    mean = Σ x / M    centred = x − mean    var = Σ centred² / M    slope = 1 / √(var + eps)    x̂ = centred · slope
    y = weight · x̂ + bias

The steps are sums of products but for one function of one number, so the page's backward pass through them has to give
the three terms of `ghostnp.ops.normalization`: what x does directly, through the mean, and through the variance.
"""

import numpy as np

from ghostnp import ops
from ghostnp.course.explorer.asking import Made, Number, Term, sums
from ghostnp.course.explorer.scene import Array, Scene

EPS = 1e-5


def norm_scene(images, *, training, channels=2, size=3):
    """A batch norm of so many images, in training or at inference.

    Parameters
    ----------
    images, channels, size : int
        N, C, and H = W.
    training : bool
        Whether mean and variance are those of the batch; otherwise they are numbers that the reader is given.

    Returns
    -------
    Scene
    """
    x, vector = (images, channels, size, size), (channels,)
    scene = Scene()
    scene.add(Array("x", "input", x))
    op = "batch_norm_train" if training else "batch_norm_eval"
    shapes = (x, vector, vector) if training else (x, vector, vector, vector, vector)
    cost = getattr(ops, f"{op}_cost")(*shapes)

    def step(name, shape, text, made, cost=None):
        scene.add(Array(name, "result", shape))
        scene.make(name, made, text, op, cost)

    def linear(call, first, second=None):
        return sums(call, first, second or {}, ())

    if training:
        axes = (0, 2, 3)
        step("mean", vector, "mean of each channel", linear(lambda x: x.mean(axis=axes), {"x": x}))
    else:
        scene.add(Array("mean", "statistic", vector))
        scene.add(Array("var", "variance", vector))
    over = np.s_[:, None, None]
    step("centred", x, "x − mean", linear(lambda x, mean: x - mean[over], {"x": x, "mean": vector}))
    if training:
        squares = linear(lambda x: (x * x).mean(axis=axes), {"x": x})
        # One square is one product, of a number with itself.
        terms = [[Term(c, (Number("centred", number.place),) * 2) for c, (number,) in terms] for terms in squares.terms]
        step("var", vector, "mean of the squares", Made("sum", terms))
    step(
        "slope", vector, "1 / √(var + 0.00001)",
        Made("rsqrt", [[Term(1.0, (Number("var", c),))] for c in range(channels)]),
    )  # fmt: skip
    scaled = linear(lambda a, b: a * b[over], {"a": x}, {"b": vector})
    step("x̂", x, "centred · slope", _called(scaled, a="centred", b="slope"))
    scene.add(Array("weight", "weight", vector))
    scene.add(Array("bias", "weight", vector))
    shifted = linear(lambda a, b, c: a * b[over] + c[over], {"a": x}, {"b": vector, "c": vector})
    step("y", x, "weight · x̂ + bias", _called(shifted, a="x̂", b="weight", c="bias"), cost)
    return scene


def _called(made, **names):
    terms = [
        [Term(c, tuple(Number(names[number.array], number.place) for number in factors)) for c, factors in terms]
        for terms in made.terms
    ]
    return Made(made.kind, terms)
