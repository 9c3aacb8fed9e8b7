"""The laws of the vocabulary: each takes a namespace and a `Call`, and no second implementation to compare with.

>>> from types import SimpleNamespace
>>> def channel_shuffle(x, groups):
...     n, c, h, w = x.shape
...     return x.reshape(n, c // groups, groups, h, w).swapaxes(1, 2).reshape(x.shape)
>>> try:
...     assert_laws(SimpleNamespace(channel_shuffle=channel_shuffle), "channel_shuffle")
... except AssertionError as error:
...     print(str(error).partition(":")[0])
channel_shuffle breaks the law "deals"
"""

from collections.abc import Callable
from typing import NamedTuple

from ghostnp.testing import calculus, handling, symmetry
from ghostnp.testing.call_strategies import calls
from ghostnp.testing.calls import definition
from ghostnp.testing.search import smallest_failure
from ghostnp.testing.structure import (
    ACROSS_IMAGES,
    ALIKE_CHANNELS,
    ALIKE_PIXELS,
    HOMOGENEOUS,
    KEEPS_CONSTANTS,
    LINEAR,
    WINDOWS,
)
from ghostnp.testing.symmetry import CONVOLUTIONAL


class Law(NamedTuple):
    """A law of operators.

    Parameters
    ----------
    name : str
        In a word or two.
    says : str
        What holds.
    of : str
        "forward" or "backward": which function a breach is the fault of, if the other is right.
    check : callable
        Takes a namespace and a `Call`, and raises AssertionError where the law is broken.
    """

    name: str
    says: str
    of: str
    check: Callable


LAWS = (
    Law("hands off", "leaves what it is given alone, in any memory layout, and keeps the dtype", "forward",
        handling.hands_off),
    Law("counts itself", "as many numbers, and over ones as many multiply-adds, as its cost says", "forward",
        handling.counts_itself),
    Law("linear", "f(2a - 3b) = 2 f(a) - 3 f(b)", "forward", calculus.linear),
    Law("images alone", "no image of a batch knows of another", "forward", symmetry.images_alone),
    Law("channels alike", "channels in another order give the same in another order", "forward",
        symmetry.channels_alike),
    Law("pixels alike", "pixels in another order give the same in another order", "forward", symmetry.pixels_alike),
    Law("shifts", "an image moved by a stride gives a result moved by a pixel, and padding is a border", "forward",
        symmetry.shifts),
    Law("keeps constants", "a map of one value stays one value", "forward", symmetry.keeps_constants),
    Law("deals", "channels are dealt out: one of each group, in order", "forward", symmetry.deals),
    Law("normalizes", "each channel gets the mean and the scale that were asked for", "forward", symmetry.normalizes),
    Law("reaches all", "the largest of a window is a pixel of it, and no pixel is larger", "forward",
        symmetry.largest),
    Law("repeats", "an integer factor repeats every pixel", "forward", symmetry.repeats),
    Law("gradients fit", "gradients have the shapes and dtype of their arguments, which stay untouched", "backward",
        handling.gradients_fit),
    Law("adjoint", "⟨dy, f(x)⟩ = ⟨dx, x⟩: what comes in is handed out", "backward", calculus.adjoint),
    Law("gradient matches", "the gradient is the slope that steps forward and back measure", "backward",
        calculus.gradient_matches),
)  # fmt: skip

_APPLIES = {
    "counts itself": lambda operator: operator not in {"ghost_module", "softmax_cross_entropy"},
    "linear": LINEAR.__contains__,
    "images alone": lambda operator: operator not in ACROSS_IMAGES,
    "channels alike": lambda operator: operator in ALIKE_CHANNELS | CONVOLUTIONAL,
    "pixels alike": ALIKE_PIXELS.__contains__,
    "shifts": WINDOWS.__contains__,
    "keeps constants": KEEPS_CONSTANTS.__contains__,
    "deals": "channel_shuffle".__eq__,
    "normalizes": "batch_norm_train".__eq__,
    "reaches all": "max_pool2d".__eq__,
    "repeats": "resize_nearest".__eq__,
    "adjoint": lambda operator: operator in LINEAR or operator in HOMOGENEOUS,
}


def laws_of(operator):
    """The laws that an operator and its backward pass have to obey.

    Parameters
    ----------
    operator : str
        A forward function of the vocabulary, or "ghost_module".

    Returns
    -------
    list of Law
    """
    definition(operator)
    return [law for law in LAWS if _APPLIES.get(law.name, lambda operator: True)(operator)]


def assert_laws(namespace, operator, *, examples=None):
    """Hold an operator and its backward pass against their laws; what `namespace` lacks is taken from the definitions.

    Parameters
    ----------
    namespace : module or object
        Has functions named as in the vocabulary, such as ``conv2d`` and ``conv2d_backward``.
    operator : str
        A forward function of the vocabulary, or "ghost_module".
    examples : int, optional
        How many calls are drawn for each law; by default as many as Hypothesis's profile says.

    Raises
    ------
    AssertionError
        Where a law is broken: which one, and on which smallest call.
    """
    for law in laws_of(operator):
        failure = smallest_failure(calls(operator), lambda call, law=law: law.check(namespace, call), examples)
        if failure is not None:
            call, error = failure
            said = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            name = operator if law.of == "forward" else f"{operator} or its backward pass"
            raise AssertionError(
                f"{name} breaks the law {law.name!r}: {said}\n    smallest call: {call!r}".replace(
                    "'" + law.name + "'", f'"{law.name}"'
                )
            ) from None
