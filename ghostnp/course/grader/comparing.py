"""Holding an answer against the definition on one call, and finding where they differ.

Calls of the usual regime come twice: with small whole numbers, in which a mistake is easy to read, and with fractions,
which tell what whole numbers hide. What is promised in which regime is said in `ghostnp.testing.comparison`, and
how far a right result may be off is that of `ghostnp.testing.bounds`.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ghostnp import ops
from ghostnp.testing import Call, calls, run, run_backward, values
from ghostnp.testing.arrays import format_of
from ghostnp.testing.bounds import backward_bound, forward_bound, transform_bound
from ghostnp.testing.calls import backward_arguments, leaves
from ghostnp.testing.comparison import each, finite_alone, normal, on_kinks, spoiled, wrong_numbers
from ghostnp.testing.draw import strata
from ghostnp.testing.matching import promised

# Mean and variance, of small whole numbers in float64: what rounding makes of them is far less.
_OF_STATISTICS = 1e-9


class Case(NamedTuple):
    """A call, and which numbers it is made with: `whole` ones, or fractions."""

    call: Call
    whole: bool = True

    def __repr__(self):
        usual = self.call.regime == "usual"
        return f"{self.call!r}{' with fractions' if usual and not self.whole else ''}"


@dataclass
class Sample:
    """One case, the right results and those of the answer, by name: y and its extra outputs, or dx and so on."""

    case: Case
    arguments: dict[str, Any]
    dy: Any
    right: dict[str, Any]
    got: dict[str, Any]
    difference: "FirstDifference | None" = None

    @property
    def call(self):
        """The call."""
        return self.case.call


@dataclass
class FirstDifference:
    """Where a result is not right: in which part, what kind of difference, and how to say it."""

    part: str
    kind: str
    says: str
    expected: str = ""
    got: str = ""
    difference: str = ""
    where: str = ""


def cases(name, examples):
    """Where cases come from for a function: as of `smallest_failure`.

    Half of them have small whole numbers. The others have fractions, and every kind of numbers about which something is
    promised.
    """
    operator, backward = name.removesuffix("_backward"), name.endswith("_backward")
    row = Call(operator).row
    regimes = [regime for regime in promised(row) if not (backward and _unpromised(Call(operator, regime=regime)))]
    whole = not_empty([(calls(operator, long=""), examples // 2)])
    others = not_empty(strata(operator, regimes, examples=examples // 2, long=""))
    found = [(drawn.map(Case), number) for drawn, number in whole]
    return found + [(drawn.map(lambda call: Case(call, whole=False)), number) for drawn, number in others]


def not_empty(drawn):
    """The same calls without those of an empty batch, of which an exercise says nothing."""
    return [(strategy.filter(_has_numbers), number) for strategy, number in drawn]


def _has_numbers(call):
    shapes = [call.given[name] for name in call.row.arrays if name in call.given]
    return all(0 not in part for shape in shapes for part in (shape if isinstance(shape, list) else [shape]))


def _unpromised(call):
    """Whether nothing is promised of gradients: where numbers are not finite, and where a slope may be another."""
    return call.regime in ("nan", "infinite") or on_kinks(call)


def try_call(name, answer, case):
    """Call the answer and the definition, and compare.

    Parameters
    ----------
    name : str
        Of the function: a forward or a backward one.
    answer : callable
        What is checked.
    case : Case
        On what.

    Returns
    -------
    Sample
        With the first difference, if there is one.
    """
    call = case.call
    dtype: np.dtype = np.dtype(np.float32)
    draw = normal
    if case.whole:
        dtype = np.dtype(np.float32 if call.row.exact else np.float64)
        draw = values if call.row.bends else _whole_numbers  # these are easier to read
    arguments = call.arguments(dtype, draw)
    with np.errstate(all="ignore"):  # of what is not finite NumPy would warn, and it is wanted here
        exact = each(arguments, np.float64)
        y, extra = run(ops, call, exact)
        if not name.endswith("_backward"):
            right = dict(zip(("y", *call.row.extra), (y, *extra), strict=True))
            result = answer(*call.arguments(dtype, draw).values(), **call.keywords)
            sample = Sample(case, arguments, None, right, {})
        else:
            dy = call.gradient(each(y, dtype), draw)
            right = {
                f"d{key}": value for key, value in run_backward(ops, call, each(dy, np.float64), exact, extra).items()
            }
            given = [each(value, dtype) for value in extra]
            took = backward_arguments(call, call.gradient(each(y, dtype), draw), call.arguments(dtype, draw), given)
            result = answer(*took, **call.keywords)
            sample = Sample(case, arguments, dy, right, {})
        sample.difference = formless(name, result, right) or _compare_parts(sample, _parts(result, right), dtype, extra)
    sample.right = {part: each(value, dtype) for part, value in right.items()}
    return sample


def settled(name, answer):
    """The answer, with whole numbers in the place of those that rounding explains; for laws that expect them.

    Of whole numbers some operators make whole numbers, and laws ask for these. An answer that takes another way, such
    as an FFT, comes as close to them as its bound says, and is as right.
    """
    row = Call(name.removesuffix("_backward")).row
    backward = name.endswith("_backward")

    def as_tuple(result):
        """A list will do for a tuple."""
        return tuple(result) if isinstance(result, list) and row.extra and not backward else result

    if not row.exact:
        return lambda *given, **keywords: as_tuple(answer(*given, **keywords))

    def call(*given, **keywords):
        result = as_tuple(answer(*given, **keywords))
        arrays = leaves(list(given))
        if all(_is_whole(part) for part in leaves(result)) or not all(map(_is_whole, arrays)):
            return result
        dy, *rest = given if backward else (None, *given)
        arguments = dict(zip(row.read_backward if backward else row.positional, rest, strict=False))
        extra = tuple(arguments.pop(output) for output in row.extra if output in arguments)
        arguments = {key: value for key, value in arguments.items() if value is not None}
        shapes = {key: _shapes(value) for key, value in arguments.items()}
        made, dtype = Call(row.name, **shapes, **keywords), arrays[0].dtype
        found = _bounds(made, arguments, dy, extra, dtype)
        parts = iter([bound for bounds in found.values() for bound in bounds])
        return _rounded(result, parts)

    return call


def _is_whole(array):
    return array.dtype.kind != "f" or bool(np.all(np.isfinite(array)) and np.array_equal(array, np.round(array)))


def _shapes(value):
    if isinstance(value, list | tuple) and leaves(value):
        return [part.shape for part in value]
    return value.shape if isinstance(value, np.ndarray) else value


def _rounded(result, bounds):
    if isinstance(result, tuple | list):
        return type(result)(_rounded(part, bounds) for part in result)
    bound = next(bounds, None)
    if bound is None or not isinstance(result, np.ndarray) or np.shape(bound) != result.shape:
        return result
    whole = np.round(result)
    return np.where(np.abs(result - whole) <= bound, whole, result).astype(result.dtype, copy=False)


def _whole_numbers(rng, shape, dtype):
    return np.asarray(values(rng, shape, np.float32), dtype)


def formless(name, result, right=None):
    """What keeps a result from being one at all, such as None, or one array in the place of two.

    Parameters
    ----------
    name : str
        Of the function.
    result : object
        What it returned.
    right : dict of str to object, optional
        What is right, so that its shapes can be told.

    Returns
    -------
    FirstDifference or None
        None where there are as many arrays as there should be, whatever is in them.
    """
    row = Call(name.removesuffix("_backward")).row
    names = [f"d{each}" for each in row.gradients] if name.endswith("_backward") else ["y", *row.extra]
    sequences = {"dxs"} | ({"y"} if "sizes" in row.positional else set())
    if result is None:
        return FirstDifference(names[0], "nothing", f"{name} returns None, and the rule is {', '.join(names)}")
    parts = _parts(result, names)
    if not isinstance(parts, tuple | list) or len(parts) != len(names):
        came = f"{len(parts)} results" if isinstance(parts, tuple | list) else f"one {type(parts).__name__}"
        return FirstDifference(names[0], "number", f"{name} returns {', '.join(names)}, in this order, and {came} came")
    for part, got in zip(names, parts, strict=True):
        several = part in sequences
        if several and not isinstance(got, list | tuple):
            return FirstDifference(part, "type", f"{part} is {_kind(got)}, and the rule is a sequence of arrays")
        for number, array in enumerate(got if several else [got]):
            if not isinstance(array, np.ndarray | np.generic):
                which = f"{part}[{number}]" if several else part
                shape = "" if several or right is None else f" of shape {np.shape(right[part])}"
                return FirstDifference(part, "type", f"{which} is {_kind(array)}, and the rule is an array{shape}")
    return None


def _parts(result, names):
    """The results of a function that has so many: one is no sequence."""
    return (result,) if len(names) == 1 else result


def with_a_form(name, answer):
    """The answer for laws to try: what is no result keeps none of them, as None would that is compared with None."""

    def call(*given, **keywords):
        result = answer(*given, **keywords)
        missing = formless(name, result)
        if missing is not None:
            raise FormlessError(missing.says)
        return result

    return call


class FormlessError(AssertionError):
    """A function returned what is no result."""


def _compare_parts(sample, parts, dtype, extra):
    sample.got = dict(zip(sample.right, parts, strict=True))
    bounds, writeable = _Bounds(sample, dtype, extra), sample.call.memory != "read-only"
    for part, right in sample.right.items():
        got = sample.got[part]
        if not isinstance(right, list | tuple):
            found = _compare_arrays(part, got, right, dtype, writeable, lambda part=part: bounds.of(part, 0))
        elif not isinstance(got, list | tuple) or len(got) != len(right):
            found = FirstDifference(
                part, "number", f"{part} is a sequence of {len(right)} arrays, and {_kind(got)} came"
            )
        else:
            each_one = (
                _compare_arrays(f"{part}[{k}]", g, r, dtype, writeable, lambda part=part, k=k: bounds.of(part, k))
                for k, (g, r) in enumerate(zip(got, right, strict=True))
            )
            found = next(filter(None, each_one), None)
        if found is not None:
            return found
    return None


class _Bounds:
    """How far each part of a result may be off; nothing is computed before it is asked for."""

    def __init__(self, sample, dtype, extra):
        self.sample, self.dtype, self.extra = sample, dtype, extra
        self.found = None

    def of(self, part, number):
        """The bound for one array of one part, and where NaN is right too; None where nothing is promised."""
        call, form = self.sample.call, format_of(self.dtype)
        if part in call.row.extra:
            right = self.sample.right[part]
            if np.asarray(right).dtype.kind != "f":  # which pixel is the largest
                return (0.0, False) if call.regime == "usual" else None
            return (_OF_STATISTICS * (1 + np.abs(right).max(initial=0)), False) if self.sample.case.whole else None
        if self.found is None:
            finite = {name: finite_alone(value) for name, value in self.sample.arguments.items()}
            dy = None if self.sample.dy is None else each(self.sample.dy, np.float64)
            self.found = _bounds(call, finite, dy, self.extra, form.name)
        return self.found[part][number], spoiled(call, self.sample.arguments) if part == "y" else False


def _bounds(call, arguments, dy, extra, dtype):
    """The bound for each array of each part; a convolution may be computed by Fourier transforms."""
    transforms = call.row.family == "convolution"
    if dy is None:
        found = {"y": forward_bound(call, arguments, dtype)}
        wider = {"y": transform_bound(call, arguments, dtype)} if transforms else {}
    else:
        found = backward_bound(call, each(arguments, np.float64), dy, extra, dtype)
        found = {f"d{name}": bound for name, bound in found.items()}
        wider = transform_bound(call, arguments, dtype, dy) if transforms else {}
        wider = {f"d{name}": [bound] for name, bound in wider.items() if name in arguments}
    for part, bounds in wider.items():
        found[part] = [np.maximum(one, other) for one, other in zip(found[part], bounds, strict=True)]
    return found


def _compare_arrays(part, got, right, dtype, writeable, bound):
    right = np.asarray(right)
    wanted = dtype if right.dtype.kind == "f" else right.dtype
    if isinstance(got, np.ndarray) and type(got) is not np.ndarray:
        return FirstDifference(part, "type", f"{part} is {_kind(got)}, and the rule is a plain array of NumPy")
    got = np.asarray(got)
    if got.shape != right.shape:
        return FirstDifference(part, "shape", f"{part} has shape {got.shape}, and {right.shape} is right",
                          array_text(right), array_text(got))  # fmt: skip
    if got.dtype != wanted:
        return FirstDifference(part, "dtype", f"{part} is {got.dtype} where x is {wanted}: dtype in is dtype out")
    if right.ndim and not got.flags.writeable and writeable:
        return FirstDifference(part, "read-only", f"{part} cannot be written into, though every argument can")
    if np.array_equal(got, right, equal_nan=True) or (allowed := bound()) is None:
        return None
    off = wrong_numbers(got, right, allowed[0], format_of(dtype), allowed[1])
    if not off.any():
        return None
    place = tuple(int(index) for index in np.argwhere(off)[0])
    digits = 6
    while f"{right[place]:.{digits}g}" == f"{got[place]:.{digits}g}" and digits < 17:
        digits += 1
    where = (
        f"{off.sum()} of {off.size} numbers; first {part}[{', '.join(map(str, place))}]: "
        f"expected {right[place]:.{digits}g}, got {got[place]:.{digits}g}"
    )
    apart = got - right
    return FirstDifference(
        part, "values", f"{part} has wrong numbers", array_text(right), array_text(got), array_text(apart), where
    )


def _kind(value):
    return "None" if value is None else f"of type {type(value).__name__}"


def array_text(value):
    """An array as it is printed: without axes of length one, and with its shape."""
    array = np.asarray(value)
    text = np.array2string(
        np.squeeze(array),
        precision=4,
        suppress_small=bool(np.abs(array).max(initial=0) > 1e-3),
        separator=", ",
        threshold=40,
    )
    return f"{text}   shape {array.shape}".replace("\n", "\n  ")


def shown_arguments(sample):
    """What went in, by name: small arrays with their numbers."""
    given = {"dy": sample.dy} if sample.dy is not None else {}
    lines = {}
    for name, value in (given | sample.arguments).items():
        parts = value if isinstance(value, list) else [value]
        if all(isinstance(part, np.ndarray | np.generic) and np.size(part) <= 24 for part in parts):
            for number, part in enumerate(parts):
                lines[f"{name}[{number}]" if isinstance(value, list) else name] = array_text(part)
    return lines
