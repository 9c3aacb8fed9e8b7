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
        (
            "The exponentials are 1, 1 and 2: which share of them is the truth's?",
            "The loss is minus the logarithm of the share of the true class.",
        ),
        "The exponentials 1, 1 and 2 sum to 4, so class 2 has the probability 2/4. The loss is {-log(2/4)}.",
        {
            "log(4)": "The exponential of log 2 is 2, not 1.",
            "log(3)": "The three classes do not have the same probability.",
            "1/2": "That is the probability; the loss is minus its logarithm.",
        },
        tolerance=0.005,
    ),
    "13.2": ExerciseAnswer(
        lambda: _dlogits()[0, 0],
        (
            "The probability of class 0, minus 1 if it were the truth.",
            "A probability is the exponential divided by the sum of all three. Class 0 is not the truth, "
            "so nothing is subtracted.",
        ),
        "Class 0 has the probability 1 of 4, and it is not the truth: p - q = {1/4 - 0}.",
        {
            "1/4 - 1": "Class 0 is not the truth, so its target is 0.",
            "1/3": "The exponentials are 1, 1 and 2.",
            "1/2 - 1": "That is the gradient of class 2.",
        },
        tolerance=1e-6,
    ),
    "13.3": ExerciseAnswer(
        lambda: _dlogits(0.3)[0, 2],
        (
            "The target of class 2 is 1 - 0.3, and its third of the 0.3.",
            "p is one half. The target q is 0.7 plus a tenth; subtract it.",
        ),
        "p = 1/2. The target of class 2 is 1 - 0.3, and a third of 0.3 on top of it: p - q = {1/2 - (0.7 + 0.3/3)}.",
        {
            "1/2 - 0.7": "The true class gets its third of the 0.3 as well.",
            "1/2 - 1": "That is without label smoothing.",
            "0.3": "The gradient is p - q: the target is subtracted.",
        },
        tolerance=1e-6,
    ),
    "13.4": ExerciseAnswer(
        _settled,
        (
            "When nothing changes any more, v = 0.9·v + 1.",
            "Solve that equation for v: what is v - 0.9·v?",
        ),
        "When nothing changes any more, v = 0.9·v + 1, so 0.1·v = 1 and v = {1/(1 - 0.9)}.",
        {
            "1": "That is the first step. Each step adds 1 to 0.9 of the old v.",
            "1.9": "That is the second step; v grows further.",
            "1/0.9": "v - 0.9·v is 0.1·v.",
        },
        tolerance=1e-6,
    ),
    "13.5": ExerciseAnswer(
        _smallest,
        (
            "The gradient p - q is 0 only at p = q. Put q for p in the loss: one class has 0.91, nine have 0.01 each.",
            "The loss is -Σ q·log p, summed over all classes. At p = q it is -0.91·log 0.91, and nine more terms.",
        ),
        "The gradient p - q is 0 only at p = q, so the loss is smallest there. It is -Σ q·log q = "
        "{-0.91*log(0.91) - 9*0.01*log(0.01)}.",
        {
            "0": "It would be 0 only if one class had the target 1.",
            "-0.91*log(0.91)": "The nine other classes have targets too.",
            "-log(0.91)": "Each logarithm is multiplied by its target, and the nine other classes count too.",
            "-0.9*log(0.9) - 9*0.01*log(0.01)": "The true class gets its tenth of the 0.1 as well.",
        },
        tolerance=0.005,
    ),
}
