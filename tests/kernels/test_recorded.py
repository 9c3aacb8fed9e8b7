"""A recorded kernel computes with whatever is there when its program runs: drivers do all that depends on numbers."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ghostnp import kernels, ops
from ghostnp.kernels.runtime import Program, Scratch, recording
from ghostnp.testing import in_memory
from tests.kernels.test_out import BATCHES, arguments_of, each_call, kernel, run_with
from tests.ops.examples import backward_by_name, examples, forward
from tests.ops.test_layout import normals

# No kernels, but definitions: the engine calls these from Python.
DEFINITIONS = {getattr(ops, name) for name in ops.__all__}

each_kernel = pytest.mark.parametrize(
    "call", [call for batch in BATCHES for call in examples(batch) if kernel(call) not in DEFINITIONS], ids=str
)


@pytest.mark.small
@each_call("out")
def test_a_recorded_call_computes_with_whatever_is_there_when_it_runs(call):
    """A kernel that takes `out` leaves all that depends on activations to drivers: so says the engine."""
    arguments, others = arguments_of(call), arguments_of(call.replace(seed=1))
    expected = run_with(call, {name: others[name] if name in activations(call) else arguments[name] for name in others})
    y = np.full_like(expected, 12345)
    with recording(scratch := Scratch()) as launches:
        run_with(call, arguments, out=y)
    scratch.begin_call()
    scratch.take((1 << 22,), np.float32)[...] = 12345  # as other steps do with it
    assert (y == 12345).all()
    for name in activations(call):
        for array, other in zip(several(arguments[name]), several(others[name]), strict=True):
            array[...] = other
    program = Program(launches)
    for _ in range(2):
        program()
        assert_array_equal(y, expected)


@pytest.mark.small
@pytest.mark.parametrize("backwards", [False, True], ids=["forward", "backward"])
@each_kernel
def test_a_recorded_kernel_reads_nothing_before_it_runs(call, backwards):
    """Neither activations nor weights: both are others in a training program's next step."""
    names = [name for name, value in arguments_of(call).items() if isinstance(value, np.ndarray | list)]
    arguments, others = trained_in_order(call, 0), trained_in_order(call, 1)
    function, given, new = kernel(call), list(arguments.values()), list(others.values())
    if backwards:
        function = getattr(kernels, f"{call.operator}_backward")
        y, extra = forward(kernels, call, others)
        dy = [laid_out_like(part, 2) for part in y] if isinstance(y, list) else laid_out_like(y, 2)
        given, new = (list(backward_by_name(call, inputs, dy, extra).values()) for inputs in (arguments, others))
    expected = [np.array(part) for part in arrays_of(function(*new, **call.keywords))]
    with recording() as launches:
        result = arrays_of(function(*given, **call.keywords))
    for name in names:
        for array, other in zip(several(arguments[name]), several(others[name]), strict=True):
            array[...] = other
    program = Program(launches)
    for _ in range(2):
        program()
        for actual, wanted in zip(result, expected, strict=True):
            assert_array_equal(actual, wanted)


def trained_in_order(call, seed):
    """Activations as kernels lay them out, and all other arrays as NumPy does."""
    ours, numpys = (
        call.replace(memory=memory, seed=seed).arguments(np.float32, draw=normals)
        for memory in ("batch innermost", "C")
    )
    return {name: ours[name] if name in activations(call) else numpys[name] for name in ours}


def laid_out_like(y, seed):
    """Numbers in an array as `y` is, laid out as a kernel lays it out; or a number, as y is."""
    if np.ndim(y) == 0:
        return y.dtype.type(seed)
    return in_memory(normals(np.random.default_rng(seed), y.shape, y.dtype), "batch innermost")


def arrays_of(result):
    return [part for part in result if part is not None] if isinstance(result, tuple | list) else [result]


def activations(call):
    return call.row.activations


def several(value):
    return value if isinstance(value, list) else [value]
