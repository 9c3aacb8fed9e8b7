"""What a kernel is timed on lies in memory as in a network."""

from types import SimpleNamespace

import numpy as np
import pytest

import ghostnp
from ghostnp import kernels
from ghostnp.bench.ours import batch_innermost, prepare_call
from ghostnp.bench.tasks import network_calls
from ghostnp.ops.vocabulary import operator_named, operators

pytestmark = pytest.mark.small
NETWORK = "shufflenetv1_g3_0.5x"


@pytest.fixture
def seen():
    """How arrays of four axes lie, as (operator, argument, order); and the kernels, which note it."""
    orders = set()

    def noting(name):
        def call(*args, **keywords):
            for argument, value in operator_named(name).bind(*args, **keywords).items():
                for array in value if argument == "xs" else [value]:
                    if isinstance(array, np.ndarray) and array.ndim == 4 and min(array.shape[:2]) > 1:
                        orders.add((name, argument, _order(array)))
            return getattr(kernels, name)(*args, **keywords)

        return call

    names = [name for name in operators() if hasattr(kernels, name)]
    backward = {f"{name}_backward": getattr(kernels, f"{name}_backward") for name in names}
    return orders, SimpleNamespace(**{name: noting(name) for name in names}, **backward)


def _order(array):
    in_kernels_order = array.transpose(1, 2, 3, 0).flags.c_contiguous
    return "NumPy's" if array.flags.c_contiguous else "a kernel's" if in_kernels_order else "another"


def test_arrays_of_a_timed_call_lie_as_in_the_network(seen):
    """Weights too: laid out like maps, each call would turn them over, at up to fifteen times its own cost."""
    orders, noting = seen
    with ghostnp.use_backend(noting):
        ghostnp.create_model(NETWORK, num_classes=10, seed=0).forward(
            np.ones((2, 3, 64, 64), np.float32), training=True
        )
    in_network = set(orders)
    orders.clear()
    for task in network_calls(NETWORK, 64, 2):
        prepare_call(task, noting, batch_innermost).run()
    assert orders == in_network
    assert {order for _, _, order in orders} == {"NumPy's", "a kernel's"}
