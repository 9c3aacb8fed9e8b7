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

import numpy as np

from ghostnp.testing import symmetry
from ghostnp.testing.call_strategies import calls
from ghostnp.testing.calls import definition, gradient_names, leaves, run, run_backward
from ghostnp.testing.cases import values
from ghostnp.testing.laws import inner
from ghostnp.testing.search import smallest_failure
from ghostnp.testing.structure import (
    ACROSS_IMAGES,
    ALIKE_CHANNELS,
    ALIKE_PIXELS,
    EXACT,
    HOMOGENEOUS,
    KEEPS_CONSTANTS,
    LINEAR,
    WINDOWS,
)
from ghostnp.testing.symmetry import CONVOLUTIONAL, assert_same, dtype_of


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


def _forward_keeps(namespace, call):
    for dtype in (np.float32, np.float64):
        arguments, before = call.arguments(dtype), call.arguments(dtype)
        y, _ = run(namespace, call, arguments)
        _assert_dtype("y", y, dtype)
        _assert_untouched(arguments, before)
        plain, _ = run(namespace, call, call.replace(memory="C").arguments(dtype))
        _assert_close_in_any_memory(y, plain, dtype)
        again, _ = run(namespace, call, arguments)
        assert_same(again, y, "a second call's y", exact=True)


def _backward_keeps(namespace, call):
    for dtype in (np.float32, np.float64):
        results = []
        for layout in (call, call.replace(memory="C")):
            arguments, before = layout.arguments(dtype), layout.arguments(dtype)
            y, extra = run(namespace, layout, arguments)
            dy = layout.gradient(y)
            came = [np.copy(part) for part in leaves(dy)]
            gradients = run_backward(namespace, layout, dy, arguments, extra)
            _assert_untouched(arguments, before)
            for part, copy in zip(leaves(dy), came, strict=True):
                assert np.array_equal(part, copy), "dy was written into"
            results.append(gradients)
        for name, gradient in results[0].items():
            _assert_dtype(f"d{name}", gradient, dtype)
            shapes = [np.shape(part) for part in leaves(arguments.get(name, []))]
            if name in arguments:
                got = [np.shape(part) for part in leaves(gradient)]
                assert got == shapes, f"d{name} has shape {_one(got)}, and {name} has {_one(shapes)}"
            _assert_close_in_any_memory(gradient, results[1][name], dtype)


def _counts_itself(namespace, call):
    cost = call.cost(namespace)
    y, _ = run(namespace, call, call.arguments(np.float64))
    expected = cost.output if isinstance(y, list) else [cost.output]
    assert [part.shape for part in leaves(y)] == [tuple(shape) for shape in expected], (
        f"y has shape {_one([part.shape for part in leaves(y)])}, and the cost says {_one(expected)}"
    )
    if call.operator in CONVOLUTIONAL:
        ones = symmetry.bordered(call).arguments(np.float64, draw=lambda rng, shape, dtype: np.ones(shape, dtype))
        ones.pop("bias", None)
        total = run(namespace, symmetry.bordered(call), ones)[0].sum()
        assert total == cost.macs, f"over ones the outputs sum to {total:g}, and there are {cost.macs} multiply-adds"


def _linear(namespace, call):
    for group in LINEAR[call.operator]:
        arguments, zero, a, b = _at(call, group)
        constant = run(namespace, call, zero)[0]
        mixed = {name: _mix(a[name], b[name]) if name in group else value for name, value in arguments.items()}
        f_a, f_b, f_mixed = (run(namespace, call, given)[0] for given in (a, b, mixed))
        parts = [leaves(value) for value in (f_mixed, f_a, f_b, constant)]
        for y, y_a, y_b, y_0 in zip(*parts, strict=True):
            what = f"y at {' and '.join(group)} = 2a - 3b"
            assert_same(y - y_0, 2 * (y_a - y_0) - 3 * (y_b - y_0), what, call.operator in EXACT)


def _adjoint(namespace, call):
    for group in (*LINEAR.get(call.operator, ()), *HOMOGENEOUS.get(call.operator, ())):
        arguments, zero, other, _ = _at(call, group)
        y, extra = run(namespace, call, arguments)
        at = other if call.operator in LINEAR else arguments
        ahead = run(namespace, call, at)[0]
        constant = run(namespace, call, zero)[0]
        dy = call.gradient(y)
        gradients = run_backward(namespace, call, dy, arguments, extra)
        came = sum(inner(d, one) - inner(d, two) for d, one, two in _zip(dy, ahead, constant))
        pairs = [pair for name in group for pair in _zip(gradients[name], at[name])]
        went = sum(inner(gradient, argument) for gradient, argument in pairs)
        scale = sum(
            np.linalg.norm(d) * (np.linalg.norm(one) + np.linalg.norm(two)) for d, one, two in _zip(dy, ahead, constant)
        )
        allowed = 0 if call.operator in EXACT else 1e-12 * float(scale)
        names = ", ".join(f"d{name}" for name in group)
        assert abs(went - came) <= allowed, f"{names}: {went:g} is handed out, and {came:g} came in"


def _gradient_matches(namespace, call):
    """The slope along a random direction; where two steps disagree there is a kink, and nothing to say."""
    arguments = {name: _full(value) for name, value in call.arguments(np.float64, draw=_wide).items()}
    y, extra = run(namespace, call, arguments)
    dy = call.gradient(y)
    gradients = run_backward(namespace, call, dy, arguments, extra)
    rng = np.random.default_rng([call.seed, 7])
    for name in gradient_names(call.operator):
        if name not in arguments or not leaves(y)[0].size:
            continue
        direction = [rng.normal(size=part.shape) for part in leaves(arguments[name])]

        def along(step, name=name, direction=direction):
            moved = [part + step * way for part, way in zip(leaves(arguments[name]), direction, strict=True)]
            given = arguments | {name: moved if name == "xs" else moved[0]}
            return sum(inner(d, part) for d, part in _zip(dy, run(namespace, call, given)[0]))

        wide, narrow = ((along(step) - along(-step)) / (2 * step) for step in (2e-5, 1e-5))
        slope = sum(inner(gradient, way) for gradient, way in _zip(gradients[name], direction))
        scale = 1 + sum(np.linalg.norm(d) * np.linalg.norm(part) for d, part in _zip(dy, y))
        reliable = abs(wide - narrow) < 1e-4 * scale
        allowed = 1e-7 * scale + 10 * abs(wide - narrow)
        assert not reliable or abs(narrow - slope) <= allowed, (
            f"d{name} says that the loss moves by {slope:.6g} along a direction, and it moves by {narrow:.6g}"
        )


LAWS = (
    Law("hands off", "leaves what it is given alone, in any memory layout, and keeps the dtype", "forward",
        _forward_keeps),
    Law("counts itself", "as many numbers, and over ones as many multiply-adds, as its cost says", "forward",
        _counts_itself),
    Law("linear", "f(2a - 3b) = 2 f(a) - 3 f(b)", "forward", _linear),
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
        _backward_keeps),
    Law("adjoint", "⟨dy, f(x)⟩ = ⟨dx, x⟩: what comes in is handed out", "backward", _adjoint),
    Law("gradient matches", "the gradient is the slope that steps forward and back measure", "backward",
        _gradient_matches),
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


def _at(call, group):
    """The arguments, and the same with zeros, with other numbers and with yet others for those of the group."""
    dtype = dtype_of(call.operator)
    arguments, *others = (call.arguments(dtype, stream=stream) for stream in (0, 1, 2))
    if "bias" in group and "bias" not in arguments:
        weight = call.given.get("pointwise_weight", call.given.get("weight"))
        arguments["bias"] = np.zeros(weight[0], dtype)
        for stream, other in enumerate(others, 1):
            other["bias"] = values(np.random.default_rng([call.seed, stream]), weight[:1], dtype)
    zeros = {name: _mix(arguments[name], arguments[name], 0, 0) for name in group}
    return arguments, arguments | zeros, *(arguments | {name: other[name] for name in group} for other in others)


def _mix(a, b, of_a=2, of_b=-3):
    if isinstance(a, list):
        return [_mix(one, two, of_a, of_b) for one, two in zip(a, b, strict=True)]
    return a.dtype.type(of_a) * a + a.dtype.type(of_b) * b


def _wide(rng, shape, dtype):
    """Numbers on both sides of every bend, the one at 6 too."""
    return rng.normal(size=shape) * rng.choice([1, 8], shape)


def _full(value):
    return np.array(value) if isinstance(value, np.ndarray) else value


def _zip(*results):
    return list(zip(*(leaves(result) for result in results), strict=True))


def _one(shapes):
    return tuple(shapes[0]) if len(shapes) == 1 else [tuple(shape) for shape in shapes]


def _assert_dtype(what, value, dtype):
    for part in leaves(value) or [np.asarray(value)]:
        assert part.dtype == dtype, f"{what} is {part.dtype} for {np.dtype(dtype)}"


def _assert_untouched(arguments, before):
    for name in arguments:
        for part, copy in _zip(arguments[name], before[name]):
            assert np.array_equal(part, copy), f"{name} was written into"


def _assert_close_in_any_memory(value, plain, dtype):
    """Sums may run in another order, and round otherwise."""
    for got, wanted in _zip(value, plain):
        allowed = 64 * np.finfo(dtype).eps * (1 + np.abs(wanted).max(initial=0))
        assert got.shape == wanted.shape, f"in another memory layout a shape is {got.shape}, and {wanted.shape} else"
        off = np.abs(got - wanted).max(initial=0)
        assert off <= allowed, f"in another memory layout of the same numbers a result differs by {off:.3g}"
