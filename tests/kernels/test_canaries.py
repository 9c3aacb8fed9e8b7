"""Memory safety: every array that kernels and engines allocate lies between canaries, and what is in it is poison.

Bytes before and after each array have a pattern, which nobody may change. The array itself begins as NaN (or, of
integers, as -1): a kernel that reads what it never wrote gives other numbers than without the poison.
"""

import copy

import numpy as np
import pytest

import ghostnp
from ghostnp import kernels
from ghostnp.ops.vocabulary import operators
from ghostnp.training.loop import tiny_ghostnet
from tests.graph.engine.networks import maps
from tests.ops.examples import examples, run
from tests.ops.test_layout import normals

BYTES, PATTERN, POISON = 4096, 0xC5, 0xFF
BATCHES = [1, 2, 33]  # alone, few, and more than a vector holds


class Canaries:
    """NumPy's allocations, each between two rows of canaries."""

    def __init__(self, monkeypatch):
        self.memories = []
        self._empty = np.empty
        monkeypatch.setattr(np, "empty", self.empty)
        monkeypatch.setattr(np, "zeros", self.zeros)
        monkeypatch.setattr(np, "empty_like", lambda a, dtype=None: self.empty(a.shape, dtype or a.dtype, like=a))
        monkeypatch.setattr(np, "zeros_like", lambda a, dtype=None: self.zeros(a.shape, dtype or a.dtype, like=a))

    def empty(self, shape, dtype=float, order="C", *, like=None):
        model = np.ndarray(shape, dtype, order=order) if like is None else np.copy(like, order="K").astype(dtype)
        memory = self._empty(model.nbytes + 2 * BYTES, np.uint8)
        memory[:] = PATTERN
        memory[BYTES : BYTES + model.nbytes] = POISON
        self.memories.append((memory, model.nbytes))
        return np.ndarray(model.shape, model.dtype, memory, BYTES, model.strides)

    def zeros(self, shape, dtype=float, order="C", *, like=None):
        array = self.empty(shape, dtype, order, like=like)
        array.fill(0)
        return array

    def check(self):
        """Nothing was written beside any array; how many there were."""
        for memory, size in self.memories:
            assert (memory[:BYTES] == PATTERN).all(), f"written before {size} bytes"
            assert (memory[BYTES + size :] == PATTERN).all(), f"written behind {size} bytes"
        return len(self.memories)


@pytest.fixture
def canaries(monkeypatch):
    return Canaries(monkeypatch)


def test_canaries_notice_what_is_written_beside_an_array(canaries):
    array = np.empty((3, 4), np.float32)
    assert np.isnan(array).all()
    assert not np.zeros(5).any()
    canaries.check()
    canaries.memories[0][0][BYTES + array.nbytes] = 0
    with pytest.raises(AssertionError, match="written behind 48 bytes"):
        canaries.check()


def test_every_operator_has_a_call():
    assert {call.operator for call in examples()} == set(operators())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("memory", ["C", "batch innermost"])
def test_no_kernel_writes_beside_its_arrays_or_reads_what_it_never_wrote(batch, memory, dtype, monkeypatch):
    calls = [call.replace(memory=memory) for call in examples(batch)]
    expected = [run(kernels, call, call.arguments(dtype, normals), normals) for call in calls]
    arguments = [call.arguments(dtype, normals) for call in calls]
    canaries = Canaries(monkeypatch)
    for call, given, wanted in zip(calls, arguments, expected, strict=True):
        found = run(kernels, call, given, normals)
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array, err_msg=f"{call}: {name}")
    assert canaries.check() > len(calls)


NETWORKS = [
    "ghostnet_050",
    "ghostnetv2_100",
    "shufflenetv1_g3_0.5x",
    "shufflenetv2_0.5x",
    "mobilenetv2_100",
    "squeezenet1_0",
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_engine_writes_beside_its_memory_or_reads_what_it_never_wrote(name, batch, dtype, monkeypatch):
    model = ghostnp.create_model(name, num_classes=5, seed=0, dtype=dtype)
    x = maps((batch, 3, 48, 40), dtype)
    expected = ghostnp.compile(model)(x)
    canaries = Canaries(monkeypatch)
    np.testing.assert_array_equal(ghostnp.compile(model)(x), expected)
    assert canaries.check() > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("attention", [False, True])
def test_no_training_program_writes_beside_its_memory_or_reads_what_it_never_wrote(attention, dtype, monkeypatch):
    guarded = copy.deepcopy(plain := tiny_ghostnet(attention=attention, dtype=dtype))
    x, labels = maps((6, 1, 8, 8), dtype), np.arange(6)
    step = ghostnp.compile(plain, training=True)
    losses = [step(x, labels, rate=0.1) for _ in range(3)]
    canaries = Canaries(monkeypatch)
    step = ghostnp.compile(guarded, training=True)
    assert [step(x, labels, rate=0.1) for _ in range(3)] == losses
    for name, array in plain.state_dict().items():
        np.testing.assert_array_equal(guarded.state_dict()[name], array, err_msg=name)
    assert canaries.check() > 0
