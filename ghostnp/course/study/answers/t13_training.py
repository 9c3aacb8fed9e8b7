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
            "The exponentials of the logits are 1, 1 and 2. Which share of their sum belongs to the true class?",
            "The loss is minus the logarithm of the probability of the true class.",
        ),
        "The exponentials of the logits are 1, 1 and 2, and their sum is 4. So class 2 has the probability 2/4, and "
        "the loss is {-log(2/4)}.",
        {
            "log(4)": "The exponential of log 2 is 2, not 1.",
            "log(3)": "The three classes do not have the same probability.",
            "1/2": "This is the probability of the true class. The loss is minus the logarithm of this probability.",
        },
        tolerance=0.005,
    ),
    "13.2": ExerciseAnswer(
        lambda: _dlogits()[0, 0],
        (
            "The gradient is the probability of class 0. If class 0 were the true class, 1 would be subtracted.",
            "The probability of a class is its exponential, divided by the sum of all three exponentials. Class 0 is "
            "not the true class, so nothing is subtracted.",
        ),
        "The probability of class 0 is 1/4. Its target is 0, because it is not the true class. So the gradient is p - "
        "q = {1/4 - 0}.",
        {
            "1/4 - 1": "Class 0 is not the true class, so its target is 0.",
            "1/3": "The exponentials are 1, 1 and 2, so the classes do not have the same probability.",
            "1/2 - 1": "This is the gradient with respect to the logit of class 2.",
        },
        tolerance=1e-6,
    ),
    "13.3": ExerciseAnswer(
        lambda: _dlogits(0.3)[0, 2],
        (
            "The target of class 2 is 1 - 0.3, plus a third of 0.3.",
            "The probability p is one half. The target q is 0.7 plus a tenth. Subtract q from p.",
        ),
        "The probability is p = 1/2. The target q of class 2 is 1 - 0.3, plus a third of 0.3. So the gradient is p - q "
        "= {1/2 - (0.7 + 0.3/3)}.",
        {
            "1/2 - 0.7": "The true class also gets a third of 0.3.",
            "1/2 - 1": "This is the gradient without label smoothing.",
            "0.3": "The gradient is p - q, so the target is subtracted.",
        },
        tolerance=1e-6,
    ),
    "13.4": ExerciseAnswer(
        _settled,
        (
            "After many steps, v no longer changes. Then v = 0.9·v + 1.",
            "Solve v = 0.9·v + 1 for v. What is v - 0.9·v?",
        ),
        "After many steps, v no longer changes. Then v = 0.9·v + 1, so 0.1·v = 1 and v = {1/(1 - 0.9)}.",
        {
            "1": "This is v after the first step. Each step adds 1 to 0.9 of the old v.",
            "1.9": "This is v after the second step, but v continues to grow.",
            "1/0.9": "v - 0.9·v is 0.1·v.",
        },
        tolerance=1e-6,
    ),
    "13.5": ExerciseAnswer(
        _smallest,
        (
            "The gradient p - q is 0 only at p = q. Replace p by q in the loss. One class has the target 0.91, and "
            "each of the nine other classes has the target 0.01.",
            "The loss is -Σ q·log p, summed over all classes. At p = q, the term of the true class is -0.91·log 0.91. "
            "Add the terms of the nine other classes.",
        ),
        "The gradient p - q is 0 only at p = q, so the loss is smallest at p = q. The smallest loss is -Σ q·log q = "
        "{-0.91*log(0.91) - 9*0.01*log(0.01)}.",
        {
            "0": "The smallest loss is 0 only if one class has the target 1.",
            "-0.91*log(0.91)": "The nine other classes have targets, too.",
            "-log(0.91)": "Each logarithm has to be multiplied by its target. The nine other classes have terms, too.",
            "-0.9*log(0.9) - 9*0.01*log(0.01)": "The true class also gets a tenth of 0.1.",
        },
        tolerance=0.005,
    ),
}
