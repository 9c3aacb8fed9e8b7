"""Laws of linear maps and of slopes: what a forward pass and its gradients owe each other."""

import numpy as np

from ghostnp.testing.calls import gradient_names, leaves, run, run_backward
from ghostnp.testing.cases import values
from ghostnp.testing.laws import inner
from ghostnp.testing.structure import EXACT, HOMOGENEOUS, LINEAR
from ghostnp.testing.symmetry import assert_same, dtype_of


def linear(namespace, call):
    """f(2a - 3b) = 2 f(a) - 3 f(b)."""
    for group in LINEAR[call.operator]:
        arguments, zero, a, b = _at(call, group)
        constant = run(namespace, call, zero)[0]
        mixed = {name: _mix(a[name], b[name]) if name in group else value for name, value in arguments.items()}
        f_a, f_b, f_mixed = (run(namespace, call, given)[0] for given in (a, b, mixed))
        parts = [leaves(value) for value in (f_mixed, f_a, f_b, constant)]
        for y, y_a, y_b, y_0 in zip(*parts, strict=True):
            what = f"y at {' and '.join(group)} = 2a - 3b"
            assert_same(y - y_0, 2 * (y_a - y_0) - 3 * (y_b - y_0), what, call.operator in EXACT)


def adjoint(namespace, call):
    """⟨dy, f(x)⟩ = ⟨dx, x⟩."""
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


def gradient_matches(namespace, call):
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
