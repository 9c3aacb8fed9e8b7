"""Laws of linear maps and of slopes: what a forward pass and its gradients owe each other."""

import numpy as np

from ghostnp.testing.arrays import values
from ghostnp.testing.bounds import backward_bound, forward_bound, inner_bound
from ghostnp.testing.calls import leaves, run, run_backward
from ghostnp.testing.laws.assertions import inner, slope_along
from ghostnp.testing.laws.symmetry import assert_same, dtype_of


def linear(namespace, call):
    """f(2a - 3b) = 2 f(a) - 3 f(b), where a constant f(0) is taken off every f."""
    for group in call.row.linear:
        arguments, zero, a, b = _at(call, group)
        mixed = {name: _mix(a[name], b[name]) if name in group else value for name, value in arguments.items()}
        given = (mixed, a, b, zero)
        parts = zip(*(leaves(run(namespace, call, each)[0]) for each in given), strict=True)
        for number, (y, y_a, y_b, y_0) in enumerate(parts):
            allowed = 0.0
            if not call.row.exact:
                # Each f is off by its own bound, and multiplied; the constant is taken off 1 + 2 + 3 times.
                bounds = [forward_bound(call, each, np.float64)[number].max(initial=0) for each in given]
                allowed = float(np.dot((1, 2, 3, 6), bounds))
            what = f"y at {' and '.join(group)} = 2a - 3b"
            assert_same(y - y_0, 2 * (y_a - y_0) - 3 * (y_b - y_0), what, [allowed])


def adjoint(namespace, call):
    """⟨dy, f(x)⟩ = ⟨dx, x⟩: every number on either side is off by its own bound, and so are the inner products."""
    for group in (*call.row.linear, *call.row.homogeneous):
        arguments, zero, other, _ = _at(call, group)
        y, extra = run(namespace, call, arguments)
        at = other if call.row.linear else arguments
        ahead, constant = (run(namespace, call, given)[0] for given in (at, zero))
        dy = call.gradient(y)
        gradients = run_backward(namespace, call, dy, arguments, extra)
        came = sum(inner(d, one) - inner(d, two) for d, one, two in _zip(dy, ahead, constant))
        pairs = [pair for name in group for pair in _zip(gradients[name], at[name])]
        went = sum(inner(gradient, argument) for gradient, argument in pairs)
        allowed = 0.0
        if not call.row.exact:
            of_gradients = backward_bound(call, arguments, dy, extra, np.float64)
            sides = [
                (dy, ahead, forward_bound(call, at, np.float64)),
                (dy, constant, forward_bound(call, zero, np.float64)),
                *((at[name], gradients[name], of_gradients[name]) for name in group),
            ]
            allowed = sum(inner_bound(a, b, 0, of_b) for side in sides for a, b, of_b in _zip(*side))
        names = ", ".join(f"d{name}" for name in group)
        if not abs(went - came) <= allowed:
            raise AssertionError(f"{names}: {went:g} is handed out, and {came:g} came in")


def gradient_matches(namespace, call):
    """The slope along a random direction, as `slope_along` measures it."""
    arguments = {name: _full(value) for name, value in call.arguments(np.float64, draw=_wide).items()}
    y, extra = run(namespace, call, arguments)
    if not leaves(y)[0].size:
        return
    dy = call.gradient(y)
    gradients = run_backward(namespace, call, dy, arguments, extra)
    rounding = sum(
        inner_bound(d, part, 0, of_part) for d, part, of_part in _zip(dy, y, forward_bound(call, arguments, np.float64))
    )
    of_gradients = backward_bound(call, arguments, dy, extra, np.float64)
    rng = np.random.default_rng([call.seed, 7])
    for name in call.row.gradients:
        if name not in arguments:
            continue
        direction = [rng.normal(size=part.shape) for part in leaves(arguments[name])]

        def loss(step, name=name, direction=direction):
            moved = [part + step * way for part, way in zip(leaves(arguments[name]), direction, strict=True)]
            given = arguments | {name: moved if isinstance(arguments[name], list) else moved[0]}
            return sum(inner(d, part) for d, part in _zip(dy, run(namespace, call, given)[0]))

        measured, allowed = slope_along(loss, rounding)
        sides = _zip(gradients[name], direction, of_gradients[name])
        slope = sum(inner(gradient, way) for gradient, way, _ in sides)
        allowed += sum(inner_bound(way, gradient, 0, of_gradient) for gradient, way, of_gradient in sides)
        if not abs(measured - slope) <= allowed:
            raise AssertionError(
                f"d{name} says that the loss moves by {slope:.6g} along a direction, and it moves by {measured:.6g}"
            )


def _at(call, group):
    """The arguments, and the same with zeros, with other numbers and with yet others for those of the group."""
    dtype = dtype_of(call)
    arguments, *others = (call.arguments(dtype, stream=stream) for stream in (0, 1, 2))
    if "bias" in group and "bias" not in arguments:
        outputs = leaves([value for name, value in arguments.items() if name in call.row.trained])[-1].shape[:1]
        arguments["bias"] = np.zeros(outputs, dtype)
        for stream, other in enumerate(others, 1):
            other["bias"] = values(np.random.default_rng([call.seed, stream]), outputs, dtype)
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
