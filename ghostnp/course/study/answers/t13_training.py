"""Tutorial 13: training a tiny GhostNet."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.modules import GhostModule

_LOGITS, _TRUTH = np.array([[0, 0, np.log(2)]]), np.array([2])


def _dlogits():
    _, probabilities = ops.softmax_cross_entropy(_LOGITS, _TRUTH)
    return ops.softmax_cross_entropy_backward(1.0, _LOGITS, _TRUTH, probabilities)


def _settled():
    v = 0.0
    for _ in range(1000):
        v = 0.9 * v + 1
    return v


def _reaching():
    """How many of 32 maps hand something back, one after the other, to a ghost module's only intrinsic input."""
    module, x = GhostModule(16, 32, relu=False), np.ones((1, 16, 3, 3), np.float32)
    rng = np.random.default_rng(0)
    for array in module.parameters().values():
        array[...] = rng.uniform(0.5, 1, array.shape)
    y, cache = module.forward(x)
    reached = 0
    for channel in range(32):
        dy = np.zeros_like(y)
        dy[0, channel] = 1
        reached += bool(module.backward(dy, cache)[1]["primary_conv.0.weight"].any())
    return reached


ANSWERS = {
    "13.1": ExerciseAnswer(
        lambda: int(ops.standard_conv2d_cost((1, 1, 8, 8), (16, 1, 3, 3), padding=1).macs),
        "Padding 1 keeps 8x8 pixels; each of the 16 maps takes 9 multiply-adds a pixel.",
    ),
    "13.2": ExerciseAnswer(
        lambda: float(ops.softmax_cross_entropy(_LOGITS, _TRUTH)[0]),
        "The exponentials are 1, 1 and 2: which share of them is the truth's?",
        tolerance=0.005,
    ),
    "13.3": ExerciseAnswer(
        lambda: _dlogits()[0, 0], "The probability of class 0, minus 1 if it were the truth.", tolerance=1e-6
    ),
    "13.4": ExerciseAnswer(_settled, "When nothing changes any more, v = 0.9·v + 1.", tolerance=1e-6),
    "13.5": ExerciseAnswer(
        _reaching, "The ghosts are made from the intrinsic maps, so what do they send back, and to whom?"
    ),
}
