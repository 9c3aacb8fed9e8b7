"""What to look at: hints from how a result is wrong.

Three sources, the most certain first: `KNOWN_MISTAKES`, where the answer computes exactly what a well-known mistake
computes, on every call that was tried; the shape, type or size of what came; and what the failing calls have in common
and the passing ones have not.
"""

import numpy as np

from ghostnp.course.grader.mistakes import KNOWN_MISTAKES
from ghostnp.testing.calls import leaves

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
    found = _known(name, samples) or _of_kind(sample) or _factor(samples, sample.difference.part)
    return found or _in_common(samples)


def _known(name, samples):
    """Mistakes that give the same as the answer wherever it was tried."""
    return [mistake.hint for mistake in KNOWN_MISTAKES.get(name, ()) if _explains(mistake, samples)][:1]


def _explains(mistake, samples):
    compared = [sample for sample in samples if mistake.part in sample.got]
    try:
        with np.errstate(all="ignore"):
            return bool(compared) and all(
                _alike(sample.got[mistake.part], mistake.compute(sample)) for sample in compared
            )
    except (ValueError, TypeError, IndexError):
        return False  # the mistake cannot be made on such shapes


def _alike(got, other):
    got, other = leaves(got), leaves(other)
    return len(got) == len(other) and all(
        one.shape == two.shape and np.allclose(one, two, rtol=1e-6, atol=1e-8)
        for one, two in zip(got, other, strict=True)
    )


def _of_kind(sample):
    difference = sample.difference
    if difference.kind == "nothing":
        return ["Is there a return at the end?"]
    if difference.kind == "dtype":
        return ["Say the dtype where an array is made: np.zeros(shape, x.dtype) or np.zeros_like(x)."]
    if difference.kind == "shape":
        return _of_shape(
            np.asarray(_part(sample.got, difference.part)), np.asarray(_part(sample.right, difference.part))
        )
    if difference.kind == "values":
        got = np.asarray(_part(sample.got, difference.part))
        if np.isnan(got).any():
            return ["There is NaN in it: 0/0, or a logarithm or root of what is negative."]
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


_COUNTS = {
    "H·W": lambda call: _first(call)[2] * _first(call)[3],
    "N": lambda call: max(_first(call)[0], 1),
    "N·H·W": lambda call: max(_first(call)[0], 1) * _first(call)[2] * _first(call)[3],
    "C": lambda call: _first(call)[1],
    "groups": lambda call: call.keywords.get("groups", call.given.get("groups")),
    "kh·kw": lambda call: int(np.prod(np.broadcast_to(call.given.get("kernel_size", call.given["weight"][2:]), 2))),
}


def _first(call):
    return next(value for value in call.given.values() if isinstance(value, tuple))


def _times(value, factor):
    return [_times(part, factor) for part in value] if isinstance(value, list) else np.asarray(value) * factor


def _in_common(samples):
    """Features that all failing calls have, and none of those that pass."""
    failing = [sample.call for sample in samples if sample.difference is not None]
    passing = [sample.call for sample in samples if sample.difference is None]
    if len(passing) < 3 or not failing:
        return []
    return [
        f"It is wrong wherever {feature}, and right in {len(passing)} calls where not."
        for feature, holds in _FEATURES.items()
        if all(map(holds, failing)) and not any(map(holds, passing))
    ][:2]


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
    "there are several groups": lambda call: call.keywords.get("groups", call.given.get("groups", 1)) > 1,
    "the batch has several images": lambda call: _first(call)[0] > 1,
    "the batch is empty": lambda call: _first(call)[0] == 0,
    "there are several channels": lambda call: _first(call)[1] > 1,
    "there are several filters for a channel": lambda call: (
        "weight" in call.given and call.given["weight"][0] > call.given["x"][1]
    ),
    "the kernel has several taps": lambda call: "weight" in call.given and max(call.given["weight"][2:]) > 1,
    "height and width differ": lambda call: _first(call)[2] != _first(call)[3],
    "memory is not in C order": lambda call: call.memory != "C",
    "memory may not be written into": lambda call: call.memory == "read-only",
    "`keep` cuts channels off": lambda call: "keep" in call.keywords,
    "`b` holds one number for each map": lambda call: (
        call.given.get("b", (0, 0, 0, 0))[2:] == (1, 1) and call.given["a"][2:] != (1, 1)
    ),
}
