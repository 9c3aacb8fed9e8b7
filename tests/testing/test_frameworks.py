"""Functions of JAX and MLX, and models for ONNX Runtime, held against the definitions."""

import functools
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from ghostnp import ops
from ghostnp.testing import Call, assert_laws, assert_matches, laws_of
from ghostnp.testing.adapted import Adapted
from ghostnp.testing.comparison import CallStyle
from ghostnp.testing.frameworks import Torch, framework_of


def test_functions_of_jax(run_python):
    """In a process of its own: where JAX is imported, it warns of every fork, and other tests fork."""
    file = str(Path(__file__).with_name("jax_functions.py"))
    assert " passed" in run_python(
        f"import pytest; raise SystemExit(pytest.main(['-p', 'no:cacheprovider', {file!r}]))"
    )


def test_where_functions_are_from():
    assert framework_of("conv.onnx") == "onnxruntime"
    assert framework_of(functools.partial(torch.nn.functional.softmax, dim=1)) == "torch"


def one_node(path, kind, inputs, **attributes):
    """A model file with one node, whose inputs may have any shape."""
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in inputs]
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node(kind, inputs, ["y"], **attributes)], "one", values, [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return str(path)


def test_a_model_with_one_node(tmp_path):
    assert_matches(one_node(tmp_path / "relu.onnx", "Relu", ["x"]), "relu")
    geometry = {"kernel": 3, "stride": 2, "padding": 1, "dilation": 1, "groups": 2}
    said = {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1), "group": 2}
    conv = one_node(tmp_path / "conv.onnx", "Conv", ["x", "weight", "bias"], **said)
    assert_matches(conv, "conv2d", with_bias=True, **geometry)
    pool = one_node(tmp_path / "pool.onnx", "MaxPool", ["x"], kernel_shape=(2, 2), strides=(2, 2))
    finite = ["usual", "large", "offset", "ties", "tiny"]
    assert_matches(pool, "max_pool2d", kernel_size=2, stride=None, padding=0, regimes=finite)
    # ONNX Runtime 1.32 leaves NaN out of a maximum, and begins it with the smallest number that is finite.
    with pytest.raises(AssertionError, match=r"y\[.*and nan is right"):
        assert_matches(pool, "max_pool2d", kernel_size=2, stride=None, padding=0, regimes=["nan"])
    assert_matches(one_node(tmp_path / "concat.onnx", "Concat", ["a", "b"], axis=1), "concat", sizes=[2, 3], keep=None)
    assert_matches(one_node(tmp_path / "split.onnx", "Split", ["x"], axis=1, num_outputs=1), "split", sizes=[3])
    with pytest.raises(AssertionError, match=r"(?s)relu.onnx' is not relu6: y\[.*again: assert_matches\('.*relu.onnx'"):
        assert_matches(str(tmp_path / "relu.onnx"), "relu6")
    with pytest.raises(AssertionError, match=r"conv.onnx has 3 inputs \(x, weight, bias\), .* 2 arrays: .*with_bias"):
        assert_matches(tmp_path / "conv.onnx", "conv2d", with_bias=False, **geometry)


class FakeArray:
    """An array as MLX has it: its dtype is no string, and NumPy reads it."""

    def __init__(self, numbers):
        self.numbers = numbers
        self.dtype = f"mlx.core.{numbers.dtype.name}"

    def astype(self, dtype):
        return FakeArray(self.numbers.astype(dtype.removeprefix("mlx.core.")))

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.numbers, dtype)


@pytest.fixture
def mlx(monkeypatch):
    """MLX needs a processor of Apple's: this has what the adapter calls of it, with the signatures of its documents."""

    def vjp(fun, primals, cotangents):
        y = fun(*primals)
        return [y], [
            FakeArray(np.where(x.numbers > 0, dy.numbers, 0)) for x, dy in zip(primals, cotangents, strict=True)
        ]

    core = ModuleType("mlx.core")
    core.array, core.vjp, core.bfloat16 = FakeArray, vjp, "mlx.core.bfloat16"
    core.float32, core.float16 = "mlx.core.float32", "mlx.core.float16"
    package = ModuleType("mlx")
    package.core = core
    monkeypatch.setitem(sys.modules, "mlx", package)
    monkeypatch.setitem(sys.modules, "mlx.core", core)
    return core


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_functions_of_mlx(mlx, dtype):
    def relu(x):
        return FakeArray(np.maximum(x.numbers, 0))

    def half(x):
        return FakeArray(relu(x).numbers / 2)

    relu.__module__ = "mlx.nn.layers.activations"
    assert framework_of(relu) == "mlx"
    assert_matches(relu, "relu", dtype=dtype)
    with pytest.raises(AssertionError, match=r"(?s)y\[.*again: assert_matches\(half, 'relu', framework='mlx'"):
        assert_matches(half, "relu", framework="mlx", dtype=dtype)


def test_laws_are_asked_of_functions_of_frameworks():
    """Batch norm in PyTorch breaks one on its own: see `test_it_finds_a_mistake_of_pytorch`."""

    def norm(x, weight, bias, *, eps=1e-5):
        return torch.nn.functional.batch_norm(x, None, None, weight, bias, True, eps=eps)

    case = Call("batch_norm_train", x=(1, 2, 1, 4), weight=(2,), bias=(2,), memory="Fortran")
    namespace = Adapted(norm, "batch_norm_train", CallStyle(adapter=Torch()))
    with pytest.raises(AssertionError, match='breaks the law "gradients fit": in another memory'):
        assert_laws(namespace, "batch_norm_train", case=case, laws=laws_but("normalizes"))
    for operator, fn, style in [
        ("conv2d", torch.nn.functional.conv2d, CallStyle(adapter=Torch())),
        ("concat", lambda xs, *, keep=None: torch.cat(xs, 1)[:, :keep], CallStyle(adapter=Torch())),
        ("linear", torch.nn.functional.linear, CallStyle(adapter=Torch())),
        ("max_pool2d", torch.nn.functional.max_pool2d, CallStyle(adapter=Torch())),
    ]:
        laws = laws_but("takes the largest", of=operator)
        assert_laws(Adapted(fn, operator, style), operator, laws=laws, paddings="symmetric", examples=20)
    with pytest.raises(TypeError, match=r"Adapter\(\) differentiates nothing: there is no relu_backward"):
        Adapted(ops.relu, "relu").relu_backward(np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1)))


def laws_but(name, of="batch_norm_train"):
    return [law for law in laws_of(of) if law.name != name]
