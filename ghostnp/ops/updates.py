"""Updates: how an optimiser moves a parameter w, given the gradient g = dw and what it remembers of earlier ones.

With the rate η, decay λ, and t the number of the step, from 1 on:

    sgd        g ← dw + λ·w        v ← μ·v + g         w ← w − η·v, or with Nesterov's look ahead w − η·(g + μ·v)
    adam       g ← dw + λ·w        m ← β₁·m + (1 − β₁)·g        s ← β₂·s + (1 − β₂)·g²
                                   w ← w − η · (m / (1 − β₁ᵗ)) / (√(s / (1 − β₂ᵗ)) + ε)
    adamw      w ← w − η·λ·w, and then as in adam with g = dw
    rmsprop    g ← dw + λ·w        s ← α·s + (1 − α)·g²         v ← μ·v + g / (√s + ε)        w ← w − η·v

    clipping   dw ← dw · min(1, c / ‖dw‖), where ‖dw‖ runs over all parameters together
    average    a ← d·a + (1 − d)·w

An update is differentiated by nobody, so it has no backward pass and no row in `vocabulary`. Like all definitions it
leaves its arguments alone and returns new arrays, w first; its twin in `ghostnp.kernels.updates` works in place. What
else there is to know of each stands in `UPDATES`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from types import MappingProxyType

import numpy as np

from ghostnp.ops.checks import check_operands, flag, fraction, integer, nearest, not_negative, positive, shown

_NEVER_ZERO = 1e-6  # PyTorch's, in the divisor of clipping


def sgd(w, dw, velocity, *, rate, momentum=0.9, decay=1e-4, nesterov=False):
    """Stochastic gradient descent with momentum.

    Parameters
    ----------
    w, dw, velocity : ndarray
        Parameter, gradient, and v above, which is 0 before the first step; of one shape and dtype.
    rate, momentum, decay : float
        η, μ and λ.
    nesterov : bool, default False
        Whether to look ahead.

    Returns
    -------
    w, velocity : ndarray

    References
    ----------
    .. [1] I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
    """
    check_operands(w=w, dw=dw, velocity=velocity)
    g = dw + decay * w
    velocity = momentum * velocity + g
    return w - rate * (g + momentum * velocity if nesterov else velocity), velocity


def adam(w, dw, mean, square, *, rate, step, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.0):
    """Adam: steps of about one size for each number, whatever the size of its gradients.

    Parameters
    ----------
    w, dw, mean, square : ndarray
        Parameter, gradient, m and s, which are 0 before the first step; of one shape and dtype.
    rate : float
        η.
    step : int
        t, from 1 on.
    beta1, beta2, eps, decay : float
        β₁, β₂, ε and λ.

    Returns
    -------
    w, mean, square : ndarray

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
       https://arxiv.org/abs/1412.6980
    """
    check_operands(w=w, dw=dw, mean=mean, square=square)
    g = dw + decay * w
    mean = beta1 * mean + (1 - beta1) * g
    square = beta2 * square + (1 - beta2) * g * g
    divisor = np.sqrt(square) / math.sqrt(1 - beta2**step) + eps
    return w - rate / (1 - beta1**step) * (mean / divisor), mean, square


def adamw(w, dw, mean, square, *, rate, step, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.01):
    """Adam with a decay of its own, which is not divided by the size of the gradients; the rest as in `adam`.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
       https://arxiv.org/abs/1711.05101
    """
    check_operands(w=w, dw=dw, mean=mean, square=square)
    w = w - rate * decay * w
    return adam(w, dw, mean, square, rate=rate, step=step, beta1=beta1, beta2=beta2, eps=eps)


def rmsprop(w, dw, square, velocity, *, rate, alpha=0.99, momentum=0.0, eps=1e-8, decay=0.0):
    """RMSProp: the gradient divided by the root of its mean square.

    Parameters
    ----------
    w, dw, square, velocity : ndarray
        Parameter, gradient, s and v, which are 0 before the first step; of one shape and dtype.
    rate, alpha, momentum, eps, decay : float
        η, α, μ, ε and λ.

    Returns
    -------
    w, square, velocity : ndarray

    References
    ----------
    .. [1] T. Tieleman and G. Hinton, "Lecture 6.5: RMSProp", Coursera, 2012; with PyTorch's place of ε, outside the
       root.
    """
    check_operands(w=w, dw=dw, square=square, velocity=velocity)
    g = dw + decay * w
    square = alpha * square + (1 - alpha) * g * g
    velocity = momentum * velocity + g / (np.sqrt(square) + eps)
    return w - rate * velocity, square, velocity


def clipping(gradients, most):
    """By what all gradients have to be multiplied, so that their length together is at most `most`.

    Parameters
    ----------
    gradients : sequence of ndarray
        Of all parameters.
    most : float
        c, above 0.

    Returns
    -------
    float
        1 where they are short enough; NaN where one of them is.
    """
    length = math.sqrt(sum(float((g.astype(np.float64) ** 2).sum()) for g in gradients))
    factor = positive("most", most) / (length + _NEVER_ZERO)
    return factor if not factor >= 1 else 1.0


def average(averaged, newest, *, keep):
    """The exponential moving average of a parameter: a share `keep` of the old one, and the rest of the newest."""
    check_operands(averaged=averaged, newest=newest)
    return keep * averaged + (1 - keep) * newest


def _below_one(name, value):
    found = fraction(name, value)
    if found == 1:
        raise ValueError(f"{name}={value}: the rule is a number from 0 to below 1, such as 0.9")
    return found


# Which numbers an update may be given, by name.
_CHECKS: dict[str, Callable] = {
    "rate": not_negative,
    "step": lambda name, value: integer(name, value, 1),
    "momentum": fraction,
    "decay": not_negative,
    "nesterov": flag,
    "beta1": _below_one,
    "beta2": _below_one,
    "alpha": fraction,
    "eps": positive,
}
_OF_THE_STEP = ("rate", "step")


@dataclass(frozen=True)
class Update:
    """What an update is.

    Parameters
    ----------
    definition : callable
        ``f(w, dw, <what it remembers>, *, rate, <step>, <settings>)``, which returns w and what it remembers.
    """

    definition: Callable

    @property
    def name(self):
        """What the definition is called."""
        return self.definition.__name__

    @cached_property
    def states(self):
        """Names of what it remembers of each parameter, arrays of its shape."""
        return tuple(p.name for p in signature(self.definition).parameters.values() if p.kind is not p.KEYWORD_ONLY)[2:]

    @cached_property
    def defaults(self):
        """Its settings, by name: numbers that are the same in each step."""
        parameters = signature(self.definition).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in _OF_THE_STEP}

    @cached_property
    def counts(self):
        """Whether it asks for the number of the step."""
        return "step" in signature(self.definition).parameters

    def settings(self, **given):
        """All its settings, those that were given and the defaults of the others.

        Raises
        ------
        TypeError, ValueError
            If it has no setting of a name, or a value is not legal.
        """
        if unknown := sorted(set(given) - set(self.defaults)):
            raise TypeError(
                f"{unknown[0]}={shown(given[unknown[0]])}: {self.name} has no such setting, and the rule is one of "
                f"{', '.join(self.defaults)}"
            )
        return {name: _CHECKS[name](name, given.get(name, default)) for name, default in self.defaults.items()}


UPDATES = MappingProxyType({update.__name__: Update(update) for update in (sgd, adam, adamw, rmsprop)})


def update_named(name):
    """The update of that name.

    Raises
    ------
    ValueError
        If there is none; the error names those that there are.
    """
    if not isinstance(name, str) or name not in UPDATES:
        raise ValueError(
            f"optimiser={shown(name)}: the rule is one of {', '.join(UPDATES)}, nearest first: {nearest(name, UPDATES)}"
        )
    return UPDATES[name]
