"""Holding an answer against the definition on one call, and finding where they differ."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ghostnp import ops
from ghostnp.testing import Call, run, run_backward, values
from ghostnp.testing.calls import backward_arguments


@dataclass
class Sample:
    """One call, the right results and those of the answer, by name: y and its extra outputs, or dx and so on."""

    call: Call
    arguments: dict[str, Any]
    dy: Any
    right: dict[str, Any]
    got: dict[str, Any]
    difference: "FirstDifference | None" = None


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


def try_call(name, answer, call):
    """Call the answer and the definition, and compare.

    Parameters
    ----------
    name : str
        Of the function: a forward or a backward one.
    answer : callable
        What is checked.
    call : Call
        On what.

    Returns
    -------
    Sample
        With the first difference, if there is one.
    """
    dtype = np.float32 if call.row.exact else np.float64
    draw = values if call.row.bends else _whole_numbers  # these are easier to read
    arguments = call.arguments(dtype, draw)
    y, extra = run(ops, call, arguments)
    if not name.endswith("_backward"):
        right = dict(zip(("y", *call.row.extra), (y, *extra), strict=True))
        result = answer(*call.arguments(dtype, draw).values(), **call.keywords)
        sample = Sample(call, arguments, None, right, {})
        parts = result if call.row.extra else (result,)
    else:
        dy = call.gradient(y, draw)
        gradients = run_backward(ops, call, dy, arguments, extra)
        right = {f"d{key}": value for key, value in gradients.items()}
        took = backward_arguments(call, call.gradient(y, draw), call.arguments(dtype, draw), extra)
        result = answer(*took, **call.keywords)
        sample = Sample(call, arguments, dy, right, {})
        parts = (result,) if len(right) == 1 else result
    sample.difference = _returned(name, parts, list(right)) or _compare_parts(sample, parts, call.row.exact)
    return sample


def _whole_numbers(rng, shape, dtype):
    return np.asarray(values(rng, shape, np.float32), dtype)


def _returned(name, parts, names):
    wanted = ", ".join(names)
    if parts is None or (len(names) == 1 and parts[0] is None):
        return FirstDifference(names[0], "nothing", f"{name} returns None, and {wanted} is the rule")
    if not isinstance(parts, tuple | list) or len(parts) != len(names):
        came = f"{len(parts)} results" if isinstance(parts, tuple | list) else f"one {type(parts).__name__}"
        return FirstDifference(names[0], "number", f"{name} returns {wanted}, in this order, and {came} came")
    return None


def _compare_parts(sample, parts, exact):
    sample.got = dict(zip(sample.right, parts, strict=True))
    for part, right in sample.right.items():
        got = sample.got[part]
        if not isinstance(right, list | tuple):
            found = _compare_arrays(part, got, right, exact)
        elif not isinstance(got, list | tuple) or len(got) != len(right):
            found = FirstDifference(
                part, "number", f"{part} is a sequence of {len(right)} arrays, and {_kind(got)} came"
            )
        else:
            pairs = enumerate(zip(got, right, strict=True))
            found = next(filter(None, (_compare_arrays(f"{part}[{k}]", g, r, exact) for k, (g, r) in pairs)), None)
        if found is not None:
            return found
    return None


def _compare_arrays(part, got, right, exact):
    right = np.asarray(right)
    if not isinstance(got, np.ndarray | np.generic):
        return FirstDifference(part, "type", f"{part} is {_kind(got)}, and the rule is an array of shape {right.shape}")
    got = np.asarray(got)
    if got.shape != right.shape:
        return FirstDifference(part, "shape", f"{part} has shape {got.shape}, and {right.shape} is right",
                          array_text(right), array_text(got))  # fmt: skip
    if got.dtype != right.dtype:
        return FirstDifference(part, "dtype", f"{part} is {got.dtype} where x is {right.dtype}: dtype in is dtype out")
    allowed = 0 if exact else 1e-9 * (1 + np.abs(right).max(initial=0))
    with np.errstate(invalid="ignore"):
        off = ~((np.abs(got - right) <= allowed) | (got == right))
    if not off.any():
        return None
    place = tuple(int(index) for index in np.argwhere(off)[0])
    where = (
        f"{off.sum()} of {off.size} numbers; first {part}[{', '.join(map(str, place))}]: "
        f"expected {right[place]:.6g}, got {got[place]:.6g}"
    )
    with np.errstate(invalid="ignore"):
        apart = got - right
    return FirstDifference(
        part, "values", f"{part} has wrong numbers", array_text(right), array_text(got), array_text(apart), where
    )


def _kind(value):
    return "None" if value is None else f"of type {type(value).__name__}"


def array_text(value):
    """An array as it is printed: without axes of length one, and with its shape."""
    array = np.asarray(value)
    text = np.array2string(np.squeeze(array), precision=4, suppress_small=True, separator=", ", threshold=40)
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
