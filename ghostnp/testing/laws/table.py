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

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from ghostnp.testing.arrays import REGIMES
from ghostnp.testing.calls import row_of
from ghostnp.testing.draw import strata
from ghostnp.testing.laws import algebra, handling, symmetry
from ghostnp.testing.search import examples_of, failure_of, smallest_failure, tell


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
    regimes : tuple of str
        Of which numbers it is asked: some of `REGIMES`.
    """

    name: str
    says: str
    of: str
    check: Callable
    binds: Callable = lambda row: True
    regimes: tuple[str, ...] = ("usual",)


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
        symmetry.normalizes, lambda row: row.family == "norm" and bool(row.extra and row.linear), ("usual", "offset")),
    Law("takes the largest", "the largest of a window is a pixel of it, and no pixel is larger", "forward",
        symmetry.takes_the_largest, lambda row: "argmax" in row.extra),
    Law("repeats", "an integer factor repeats every pixel", "forward",
        symmetry.repeats, lambda row: row.family == "resize" and row.exact),
    Law("passes NaN on", "what depends on a number that is NaN is NaN", "forward",
        handling.passes_nan_on, regimes=("nan",)),
    Law("stays finite", "numbers of ten thousand have finite results", "forward",
        handling.stays_finite, regimes=("large",)),
    Law("gradients fit", "gradients have the shapes and dtype of their arguments, which stay untouched", "backward",
        handling.gradients_fit, lambda row: row.backward is not None),
    Law("adjoint", "⟨dy, f(x)⟩ = ⟨dx, x⟩: what comes in is handed out", "backward",
        algebra.adjoint, lambda row: row.backward is not None and bool(row.linear or row.homogeneous),
        ("usual", "ties")),
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


def assert_laws(namespace, operator, *, laws=None, case=None, examples=None, **fixed):
    """Hold an operator and its backward pass against their laws; what `namespace` lacks is taken from the definitions.

    Parameters
    ----------
    namespace : module or object
        Has functions named as in the vocabulary, such as ``conv2d`` and ``conv2d_backward``.
    operator : str
        A forward function of the vocabulary, registered ones among them, or "ghost_module".
    laws : sequence of Law, optional
        Some of `laws_of(operator)`; by default all.
    case : Call, optional
        Look at this call alone, as a failure prints it.
    examples : int, optional
        How many calls are drawn, each for all laws; by default as many as Hypothesis's profile says.
    **fixed
        What every call has, as of `calls`: ``kernel=3, stride=1``.

    Raises
    ------
    AssertionError
        Where a law is broken: which one, on which smallest call, and a line that repeats it.
    """
    laws = laws_of(operator) if laws is None else list(laws)
    examples, broken = examples_of(examples), laws[0]
    kept: Counter[str] = Counter()

    def obeys(call):
        nonlocal broken
        for broken in laws:
            if call.regime in broken.regimes:
                broken.check(namespace, call)
                kept[broken.name] += 1

    if case is not None:
        found = failure_of(case, obeys)
    else:
        found = smallest_failure(calls_for(operator, laws, examples, **fixed), obeys)
        # Of all that it breaks, the first law says most of a mistake: each is looked at by itself, on its own calls.
        for law in laws if found is not None else ():
            drawn = calls_for(operator, [law], examples, **fixed)
            failure = smallest_failure(drawn, lambda call, law=law: law.check(namespace, call))
            if failure is not None:
                found, broken = failure, law
                break
    for law in laws:
        tell(operator, law.name, kept[law.name], found is None or law is not broken)
    if found is None:
        return
    call, error = found
    said = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    name = operator if broken.of == "forward" else f"{operator} or its backward pass"
    whose = getattr(namespace, "__name__", "namespace")
    raise AssertionError(
        f'{name} breaks the law "{broken.name}": {said}\n    again: assert_laws({whose}, {operator!r}, case={call!r})'
    ) from None


def calls_for(operator, laws, examples, **fixed):
    """Where the calls come from on which laws are asked: as of `smallest_failure`."""
    asked = {regime for law in laws for regime in law.regimes}
    return strata(operator, [regime for regime in REGIMES if regime in asked], examples=examples, **fixed)
