"""What to look at: hints from how a result is wrong.

Three sources, the most certain first: `KNOWN_MISTAKES`, where the answer computes exactly what a well-known mistake
computes, on every call that was tried; the shape, type or size of what came; and what the failing calls have in common
and the passing ones have not. A hint is about the part that is wrong, and is given only if it explains all of that.
"""

from collections.abc import Callable
from itertools import permutations

import numpy as np

from ghostnp import ops
from ghostnp.course.grader.mistakes import KNOWN_MISTAKES
from ghostnp.testing.calls import leaves, run

_ERRORS = (
    ("was written into", "Begin with a copy or np.zeros_like: the caller still needs what it gave."),
    ("memory layout", "The answer depends on how arrays lie in memory: avoid .ravel(order='K'), .view, .T.flat, and "
     "np.lib.stride_tricks on what may be a view."),
    ("second call", "Something is kept from one call to the next, or drawn at random; compute from the arguments."),
    ("float64 for float32", "Say the dtype where an array is made: np.zeros(shape, x.dtype) or np.zeros_like(x)."),
    ("unexpected keyword", "A helper was called with an argument that it does not have."),
    ("not aligned", "Compare the shapes on both sides of the product."),
    ("could not be broadcast", "Print the shapes on both sides: an axis is missing, or stands in another place."),
    ("cannot reshape", "The sizes do not multiply to the number of elements: check groups, C / groups and the batch."),
    ("index", "A loop runs farther than the array: count taps and output pixels for the case above."),
    ("changes files", "An exercise needs no files."),
    ("TypeError: only", "A value is used as an index and is no int."),
)  # fmt: skip


def hints(name, sample, samples, said=""):
    """What to look at, as sentences.

    Parameters
    ----------
    name : str
        The function that is checked.
    sample : Sample or None
        The smallest failing call; None if there is none to compare.
    samples : list of Sample
        All that were tried.
    said : str
        What an error or a law said.

    Returns
    -------
    list of str
        Empty if nothing is known.
    """
    if sample is None:
        return [hint for words, hint in _ERRORS if words in said][:1]
    try:
        # Numbers that are not finite, or too large, hide what was done to them.
        plain = [each for each in samples if each.call.regime == "usual"] or samples
        found = _order(plain) or _known(name, sample, plain) or _of_kind(sample)
        return found or _factor(plain, sample.difference.part) or _in_common(samples)
    except Exception as error:  # of the grader's own: it must not look like the answer's
        return [f"There is no hint, since the grader failed to find one ({type(error).__name__}: {error})."]


def _order(samples):
    """Results that are right, and come in another order."""
    several = [sample for sample in samples if len(sample.got) == len(sample.right) > 1]
    if not several:
        return []
    names = list(several[0].right)
    for order in permutations(names):
        pairs = list(zip(names, order, strict=True))
        if order != tuple(names) and all(
            _alike(sample.got[name], sample.right[other]) for sample in several for name, other in pairs
        ):
            return [f"The results are right and come in the wrong order: return {', '.join(names)}."]
    return []


def _known(name, sample, samples):
    """Mistakes that give the same as the answer wherever it was tried."""
    difference = sample.difference
    if difference.kind not in ("values", "shape", "number"):
        return []
    part = difference.part.partition("[")[0]
    mistakes = [mistake for mistake in KNOWN_MISTAKES.get(name, ()) if mistake.part == part]
    return [mistake.hint for mistake in mistakes if _explains(mistake, samples)][:1]


def _explains(mistake, samples):
    compared = [sample for sample in samples if mistake.part in sample.got]
    try:
        with np.errstate(all="ignore"):
            computed = [mistake.compute(sample) for sample in compared]
    except (ValueError, TypeError, IndexError):
        return False  # the mistake cannot be made on such shapes
    same = all(_alike(sample.got[mistake.part], made) for sample, made in zip(compared, computed, strict=True))
    tells = any(not _alike(sample.right[mistake.part], made) for sample, made in zip(compared, computed, strict=True))
    return same and tells


def _alike(got, other):
    """Whether two results are the same but for rounding."""
    got, other = leaves(got), leaves(other)
    return len(got) == len(other) and all(map(_close, got, other))


def _close(one, two):
    if one.shape != two.shape or one.dtype.kind not in "fiub":
        return False
    rounding = 1e-4 if np.float32 in (one.dtype, two.dtype) else 1e-10
    size = np.abs(np.where(np.isfinite(two), two, 0)).max(initial=0)
    return bool(np.allclose(one, two, rtol=rounding, atol=rounding * size, equal_nan=True))


def _of_kind(sample):
    difference = sample.difference
    if difference.kind == "nothing":
        return ["Is there a return at the end?"]
    if difference.kind == "dtype":
        return ["Say the dtype where an array is made: np.zeros(shape, x.dtype) or np.zeros_like(x)."]
    if difference.kind == "read-only":
        return ["np.broadcast_to gives a view that nobody may write into: add .copy(), or fill an array of your own."]
    if difference.kind == "state":
        return [hint for words, hint in _ERRORS if words == "second call"]
    if difference.kind == "shape":
        return _of_shape(
            np.asarray(_part(sample.got, difference.part)), np.asarray(_part(sample.right, difference.part))
        )
    if difference.kind == "values":
        got, right = (np.asarray(_part(results, difference.part)) for results in (sample.got, sample.right))
        if (np.isnan(got) & ~np.isnan(right)).any() and _close(np.where(np.isnan(got), right, got), right):
            return ["There is NaN in it: 0/0, 0·∞, ∞ - ∞, or a logarithm or root of what is negative."]
        if not got.any():
            return ["It is zero all over: is the result filled, and is it the array that is returned?"]
    return []


def _part(results, part):
    name, _, number = part.partition("[")
    return results[name][int(number[:-1])] if number else results[name]


def _of_shape(got, right):
    summed = [axes for axes in ((0,), (1,), (2, 3), (0, 2, 3), (0, 1), (0, 1, 2, 3), (1, 2, 3)) if max(axes) < got.ndim]
    for axes in summed if right.size else ():
        for keep in (False, True):
            total = got.sum(axis=axes, keepdims=keep)
            if got.size and total.shape == right.shape and np.allclose(total, right):
                kept = ", keepdims=True" if keep else ""
                return [
                    f"The sum over axis {', '.join(map(str, axes))} is missing: .sum(axis={axes}{kept}) of it is right."
                ]
    if got.size == right.size and np.allclose(got.ravel(), right.ravel()):
        return ["The numbers are right and the shape is not: reshape it, or sum with keepdims=True."]
    return [f"Write the shapes next to the formula: {right.shape} is what has to come out, and {got.shape} came."]


def _factor(samples, part):
    """A factor that is the same all over, and has a name."""
    if "[" in part:
        return []
    for name, count in _COUNTS.items():
        for times, words in (
            (1, "times too large: a division by"),
            (-1, "times too small: it is divided once too often by"),
        ):
            try:
                factors = [count(sample.call) ** times for sample in samples]
                explained = all(_alike(sample.got[part], _times(sample.right[part], factor))
                                for sample, factor in zip(samples, factors, strict=True))  # fmt: skip
            except (KeyError, IndexError, TypeError, ZeroDivisionError, ValueError):
                continue
            if explained and len(set(factors)) > 1:
                return [f"It is {name} {words} {name}{' is missing' if times == 1 else ''}."]
    if all(part in sample.got and _alike(sample.got[part], _times(sample.right[part], -1)) for sample in samples):
        return ["The sign is the wrong way round."]
    return []


def _axis(call, number):
    """How long an axis of the first array is; one, where it has no such axis."""
    shape = next((value[0] if isinstance(value, list) else value for value in call.given.values()), ())
    return shape[number] if len(shape) > number else 1


def _groups(call):
    return call.keywords.get("groups", call.given.get("groups", 1))


def _taps(call):
    """How many pixels a window reads; one, where there is none."""
    if "kernel_size" in call.given:
        return int(np.prod(_pair(call.given["kernel_size"])))
    weights = [value for name, value in call.given.items() if "weight" in name and call.row.family == "convolution"]
    return int(np.prod(weights[0][2:])) if weights else 1


_COUNTS = {
    "H·W": lambda call: _axis(call, 2) * _axis(call, 3),
    "N": lambda call: max(_axis(call, 0), 1),
    "N·H·W": lambda call: max(_axis(call, 0), 1) * _axis(call, 2) * _axis(call, 3),
    "C": lambda call: _axis(call, 1),
    "groups": _groups,
    "kh·kw": _taps,
}


def _times(value, factor):
    return [_times(part, factor) for part in value] if isinstance(value, list) else np.asarray(value) * factor


def _in_common(samples):
    """Features that all failing calls have, and none of those that pass."""
    failing = [sample for sample in samples if sample.difference is not None]
    passing = [sample for sample in samples if sample.difference is None and not _idle(sample)]
    # Of small whole numbers what is wrong may come out right by chance.
    with_fractions = [sample for sample in passing if not sample.case.whole]
    passing = with_fractions if len(with_fractions) >= 3 else passing
    if len(passing) < 3 or not failing:
        return []
    tells: list[tuple[str, Callable]] = [
        (feature, lambda sample, holds=holds: holds(sample.call)) for feature, holds in _FEATURES.items()
    ]
    tells += [(says, lambda sample, regime=regime: sample.call.regime == regime) for regime, says in _NUMBERS.items()]
    tells.append(("numbers are no whole numbers", lambda sample: not sample.case.whole))
    return [
        f"It is wrong wherever {feature}, and right in {len(passing)} calls where not."
        for feature, holds in tells
        if all(map(holds, failing)) and not any(map(holds, passing))
    ][:2]


def _idle(sample):
    """Whether a convolution reads padding alone, so that no mistake but one in the bias can be seen."""
    if sample.call.row.family != "convolution":
        return False
    if sample.dy is not None:
        return not np.any(sample.right["dx"])
    blank = sample.arguments | {"x": np.zeros_like(sample.arguments["x"])}
    return np.array_equal(run(ops, sample.call, blank)[0], sample.right["y"])


def _pair(value):
    return value if isinstance(value, tuple) else (value, value)


def _stride(call):
    return _pair(call.keywords.get("stride", 1))


_FEATURES = {
    "there is a bias": lambda call: "bias" in call.given,
    "there is padding": lambda call: "padding" in call.keywords,
    "padding is 'same'": lambda call: call.keywords.get("padding") == "same",
    "the stride is above 1": lambda call: max(_stride(call)) > 1,
    "the strides of rows and columns differ": lambda call: len(set(_stride(call))) == 2,
    "the dilation is above 1": lambda call: max(_pair(call.keywords.get("dilation", 1))) > 1,
    "there are several groups": lambda call: _groups(call) > 1,
    "the batch has several images": lambda call: _axis(call, 0) > 1,
    "the batch is empty": lambda call: _axis(call, 0) == 0,
    "there are several channels": lambda call: _axis(call, 1) > 1,
    "there are several filters for a channel": lambda call: (
        call.row.sees == "own" and "weight" in call.given and call.given["weight"][0] > call.given["x"][1]
    ),
    "the kernel has several taps": lambda call: _taps(call) > 1,
    "height and width differ": lambda call: _axis(call, 2) != _axis(call, 3),
    "memory is not in C order": lambda call: call.memory != "C",
    "memory may not be written into": lambda call: call.memory == "read-only",
    "`keep` cuts channels off": lambda call: "keep" in call.keywords,
    "`b` holds one number for each map": lambda call: (
        len(call.given.get("b", ())) == 4 and call.given["b"][2:] == (1, 1) != call.given["a"][2:]
    ),
}
# Of the numbers that come in; those of the usual regime are whole or not.
_NUMBERS = {
    "large": "numbers are large, ten thousand or so (does something overflow on the way?)",
    "offset": "numbers are far from zero and close to each other (is a large number taken from another one?)",
    "ties": "some numbers are 0, or equal",
    "tiny": "numbers are tiny",
    "nan": "some numbers are NaN (NaN > 0 is False, and so is NaN < 0)",
    "infinite": "some numbers are infinite (0·∞ is NaN)",
}
