"""Tutorial 13: training a tiny GhostNet."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_LOGITS, _TRUTH = np.array([[0, 0, np.log(2)]]), np.array([2])


def _dlogits(label_smoothing=0.0):
    _, probabilities = ops.softmax_cross_entropy(_LOGITS, _TRUTH, label_smoothing=label_smoothing)
    return ops.softmax_cross_entropy_backward(1.0, _LOGITS, _TRUTH, probabilities, label_smoothing=label_smoothing)


def _settled():
    v = 0.0
    for _ in range(1000):
        v = 0.9 * v + 1
    return v


def _smallest():
    """The loss at p = q, which logits of log q give."""
    targets = np.full((1, 10), 0.1 / 10)
    targets[0, 0] += 0.9
    return float(ops.softmax_cross_entropy(np.log(targets), np.array([0]), label_smoothing=0.1)[0])


ANSWERS = {
    "13.1": ExerciseAnswer(
        lambda: float(ops.softmax_cross_entropy(_LOGITS, _TRUTH)[0]),
        "The exponentials are 1, 1 and 2: which share of them is the truth's?",
        tolerance=0.005,
    ),
    "13.2": ExerciseAnswer(
        lambda: _dlogits()[0, 0], "The probability of class 0, minus 1 if it were the truth.", tolerance=1e-6
    ),
    "13.3": ExerciseAnswer(
        lambda: _dlogits(0.3)[0, 2], "The target of class 2 is 1 - 0.3, and its third of the 0.3.", tolerance=1e-6
    ),
    "13.4": ExerciseAnswer(_settled, "When nothing changes any more, v = 0.9·v + 1.", tolerance=1e-6),
    "13.5": ExerciseAnswer(
        _smallest,
        "The gradient p - q is 0 only at p = q. Put q for p in the loss: one class has 0.91, nine have 0.01 each.",
        tolerance=0.005,
    ),
}
