"""Random graphs of the vocabulary: compiled, they compute what the definitions compute one call after the other.

Values are read once, often, never, twice by one call, by a concat and by others, and returned although they are parts
or views of something: all that a home could get wrong.
"""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ghostnp
from ghostnp import ops
from ghostnp.ops.vocabulary import operator_named, operators
from ghostnp.testing import MEMORY
from tests.graph.engine.networks import Function, assert_same, maps

pytestmark = pytest.mark.small
MOST = 12  # channels: beyond that, what widens is left out
GATES = [name for name in operators("activation") if operator_named(name).takes == "any"]
PAIRS, RESIZES = operators("elementwise"), operators("resize")


class Graph:
    """Calls on a pool of values: maps of one size and vectors of one number a map.

    Parameters
    ----------
    calls : list of (str, list of int)
        What to do, and numbers that say (modulo what there is) with which values and how.
    outputs : list of int
        Which values are returned, counted from the last.
    seed : int
        Of the weights, which are arrays of the state.
    """

    def __init__(self, calls, outputs, seed):
        self.calls, self.outputs, self.rng, self.state = calls, outputs, np.random.default_rng(seed), {}

    def weight(self, call, name, *shape, low=-1.0):
        key = f"{name}{call}"
        if key not in self.state:
            self.state[key] = self.rng.uniform(low, 1, shape)
        return self.state[key]

    def __call__(self, b, x, *_):
        values, vectors = [x], []
        for call, (op, numbers) in enumerate(self.calls):
            a = self.pick(values, numbers[0])
            for y in getattr(self, op)(b, call, a, values, vectors, numbers):
                (values if y.shape[2:] == x.shape[2:] and y.shape[2:] != (1, 1) else vectors).append(y)
        return tuple(self.pick(values, number) for number in self.outputs)

    def pick(self, values, number):
        """A value, counted from the last."""
        return values[-1 - number % len(values)]

    def module(self, x_shape):
        """A module with all the arrays that the calls ask for."""
        self(ops, np.zeros(x_shape))
        return Function(self, **self.state)

    def conv(self, b, call, a, values, vectors, numbers):
        """A convolution of some kind, alone or with a batch norm or a ReLU behind it, whose middle may be read too."""
        channels = a.shape[1]
        kind, tail, shown = numbers[1] % 3, numbers[2] % 4, numbers[1] % 5 == 0
        bias = self.weight(call, "bias", channels) if numbers[2] % 2 else None
        if kind == 0:
            y = b.pointwise_conv2d(a, self.weight(call, "w", channels, channels, 1, 1), bias)
        elif kind == 1:
            y = b.depthwise_conv2d(a, self.weight(call, "w", channels, 1, 3, 3), bias, padding=1)
        else:
            y = b.conv2d(a, self.weight(call, "w", channels, channels, 3, 1), bias, padding=(1, 0))
        made = [y]
        if tail in (1, 3):
            made.append(self.norm(b, call, made[-1], values, vectors, numbers)[0])
        if tail in (2, 3):
            made.append(b.relu(made[-1]))
        return made if shown else made[-1:]

    def norm(self, b, call, a, values, vectors, numbers):
        gamma, beta, mean = (self.weight(call, name, a.shape[1]) for name in ("gamma", "beta", "mean"))
        return [b.batch_norm_eval(a, gamma, beta, mean, self.weight(call, "var", a.shape[1], low=0.3))]

    def pointwise(self, b, call, a, values, vectors, numbers):
        return [getattr(b, GATES[numbers[1] % len(GATES)])(a)]

    def pair(self, b, call, a, values, vectors, numbers):
        alike = [value for value in [*values, *vectors] if value.shape in (a.shape, (*a.shape[:2], 1, 1))]
        return [getattr(b, PAIRS[numbers[2] % len(PAIRS)])(a, self.pick(alike, numbers[1]))]

    def gate(self, b, call, a, values, vectors, numbers):
        s = b.global_avg_pool2d(a)
        return [s, b.multiply(a, s)]

    def concat(self, b, call, a, values, vectors, numbers):
        xs = [a, *(self.pick(values, number) for number in numbers[1:])]
        if numbers[0] % 4 == 0:
            xs.append(self.weight(call, "map", *a.shape))
        channels = sum(x.shape[1] for x in xs)
        keep = 1 + numbers[1] % channels if numbers[2] % 3 == 0 else None
        y = b.concat(xs, keep=keep)
        y = b.relu(y) if numbers[0] % 3 == 0 else y
        return [y] if y.shape[1] <= MOST else b.split(y, [MOST, y.shape[1] - MOST])[:1]

    def split(self, b, call, a, values, vectors, numbers):
        first = numbers[1] % a.shape[1]
        return b.split(a, [first, a.shape[1] - first]) if first else [a]

    def shuffle(self, b, call, a, values, vectors, numbers):
        return [b.channel_shuffle(a, 2 if a.shape[1] % 2 == 0 else 1)]

    def pool(self, b, call, a, values, vectors, numbers):
        if numbers[1] % 2:
            return b.max_pool2d(a, 3, stride=1, padding=1)[:1]
        return [b.avg_pool2d(a, 3, stride=1, padding=1)]

    def resize(self, b, call, a, values, vectors, numbers):
        name = RESIZES[numbers[1] % len(RESIZES)]
        return [getattr(b, name)(b.avg_pool2d(a, 2, padding="same"), a.shape[2:])]

    def crelu(self, b, call, a, values, vectors, numbers):
        return [b.crelu(a)] if 2 * a.shape[1] <= MOST else []

    def constant(self, b, call, a, values, vectors, numbers):
        return [b.add(self.weight(call, "map", *a.shape), a), b.relu(self.weight(call, "map", *a.shape))]


OPERATIONS = [name for name, value in vars(Graph).items() if callable(value) and name[0] != "_"]
OPERATIONS = [name for name in OPERATIONS if name not in ("weight", "module", "pick")]
# Mostly what was made last, so that not all of it is dead code.
near = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5, 7, 11, 30])
graphs = st.builds(
    Graph,
    st.lists(st.tuples(st.sampled_from(OPERATIONS), st.lists(near, min_size=3, max_size=3)), min_size=1, max_size=12),
    st.lists(near, min_size=1, max_size=3),
    st.integers(0, 9),
)


@given(
    graph=graphs,
    shape=st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 4), st.integers(2, 4)),
    memory=st.sampled_from(MEMORY),
)
@example(graph=Graph([("concat", [1, 0, 1]), ("concat", [1, 0, 1])], [0], 0), shape=(1, 1, 1, 2), memory="C")
def test_compiled_graph_computes_what_its_calls_compute(graph, shape, memory):
    module, x = graph.module(shape), maps(shape, memory=memory)
    before = np.array(x)
    with ghostnp.use_backend(ops):
        expected = [module(x), module(2 * x)]
    engine = ghostnp.compile(module)
    first, second = engine(x), engine(2 * x)
    for actual, wanted in zip((*first, *second), (*expected[0], *expected[1]), strict=True):
        assert_same(actual, wanted, 1e-12)  # so the second run left what the first returned alone
    np.testing.assert_array_equal(x, before)
