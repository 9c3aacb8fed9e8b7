"""The laws of the vocabulary: each takes a namespace and a `Call`, and no second implementation to compare with.

>>> from types import SimpleNamespace
>>> def channel_shuffle(x, groups):
...     n, c, h, w = x.shape
...     return x.reshape(n, c // groups, groups, h, w).swapaxes(1, 2).reshape(x.shape)
>>> try:
...     assert_laws(SimpleNamespace(channel_shuffle=channel_shuffle), "channel_shuffle", examples=300)
... except AssertionError as error:
...     print(str(error).partition(":")[0])
channel_shuffle breaks the law "deals channels out"
"""

from collections.abc import Callable
from typing import NamedTuple

from ghostnp.testing.calls import row_of
from ghostnp.testing.draw import calls
from ghostnp.testing.laws import algebra, handling, symmetry
from ghostnp.testing.search import smallest_failure


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
    binds : callable
        Tells from an operator's row whether the law holds for it; by default it holds for all.
    """

    name: str
    says: str
    of: str
    check: Callable
    binds: Callable = lambda row: True


LAWS = (
    Law("leaves arguments alone", "writes into no argument, in any memory layout, and keeps the dtype", "forward",
        handling.leaves_arguments_alone),
    Law("counts itself", "as many numbers, and over ones as many multiply-adds, as its cost says", "forward",
        handling.counts_itself, lambda row: row.cost is not None),
    Law("linear", "f(2a - 3b) = 2 f(a) - 3 f(b)", "forward",
        algebra.linear, lambda row: bool(row.linear)),
    Law("images independent", "each image by itself gives what it gives in the batch", "forward",
        symmetry.images_independent, lambda row: "images" in row.alike),
    Law("channels alike", "channels in another order give the same in another order", "forward",
        symmetry.channels_alike, lambda row: "channels" in row.alike or bool(row.sees and "weight" in row.arrays)),
    Law("pixels alike", "pixels in another order give the same in another order", "forward",
        symmetry.pixels_alike, lambda row: "pixels" in row.alike),
    Law("shifts", "an image moved by a stride gives a result moved by a pixel, and padding is a border", "forward",
        symmetry.shifts, lambda row: row.slides),
    Law("keeps its limits", "what lies within the limits stays, and the rest becomes the limit", "forward",
        symmetry.keeps_its_limits, lambda row: bool(row.limits)),
    Law("keeps constants", "a map of one value stays one value", "forward",
        symmetry.keeps_constants, lambda row: row.keeps_constants),
    Law("deals channels out", "channels are dealt out: one of each group, in order", "forward",
        symmetry.deals_channels_out, lambda row: row.family == "shuffle"),
    Law("normalizes", "each channel gets the mean and the scale that were asked for", "forward",
        symmetry.normalizes, lambda row: row.family == "norm" and bool(row.extra and row.linear)),
    Law("takes the largest", "the largest of a window is a pixel of it, and no pixel is larger", "forward",
        symmetry.takes_the_largest, lambda row: "argmax" in row.extra),
    Law("repeats", "an integer factor repeats every pixel", "forward",
        symmetry.repeats, lambda row: row.family == "resize" and row.exact),
    Law("gradients fit", "gradients have the shapes and dtype of their arguments, which stay untouched", "backward",
        handling.gradients_fit, lambda row: row.backward is not None),
    Law("adjoint", "⟨dy, f(x)⟩ = ⟨dx, x⟩: what comes in is handed out", "backward",
        algebra.adjoint, lambda row: row.backward is not None and bool(row.linear or row.homogeneous)),
    Law("gradient matches", "the gradient is the slope that steps forward and back measure", "backward",
        algebra.gradient_matches, lambda row: row.backward is not None),
)  # fmt: skip


def laws_of(operator):
    """The laws that an operator and its backward pass have to obey.

    Parameters
    ----------
    operator : str
        A forward function of the vocabulary, registered ones among them, or "ghost_module".

    Returns
    -------
    list of Law
    """
    row = row_of(operator)
    return [law for law in LAWS if law.binds(row)]


def assert_laws(namespace, operator, *, examples=None):
    """Hold an operator and its backward pass against their laws; what `namespace` lacks is taken from the definitions.

    Parameters
    ----------
    namespace : module or object
        Has functions named as in the vocabulary, such as ``conv2d`` and ``conv2d_backward``.
    operator : str
        A forward function of the vocabulary, registered ones among them, or "ghost_module".
    examples : int, optional
        How many calls are drawn, each for all laws; by default as many as Hypothesis's profile says.

    Raises
    ------
    AssertionError
        Where a law is broken: which one, and on which smallest call.
    """
    laws = laws_of(operator)
    broken = laws[0]

    def obeys(call):
        nonlocal broken
        for broken in laws:
            broken.check(namespace, call)

    found = smallest_failure(calls(operator), obeys, examples)
    if found is None:
        return
    # Of all that it breaks, the first law says most of a mistake: each is looked at by itself, on calls of its own.
    for law in laws:
        failure = smallest_failure(calls(operator), lambda call, law=law: law.check(namespace, call), examples)
        if failure is not None:
            found, broken = failure, law
            break
    call, error = found
    said = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    name = operator if broken.of == "forward" else f"{operator} or its backward pass"
    raise AssertionError(f'{name} breaks the law "{broken.name}": {said}\n    smallest call: {call!r}') from None
