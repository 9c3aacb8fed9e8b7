"""Functions of JAX, MLX and models for ONNX Runtime, held against the definitions."""

import functools
import sys
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from ghostnp import ops
from ghostnp.ops.checks import pair
from ghostnp.testing import Call, assert_laws, assert_matches, laws_of
from ghostnp.testing.adapted import Adapted
from ghostnp.testing.comparison import CallStyle
from ghostnp.testing.frameworks import Jax, Torch, framework_of

# JAX compiles for every shape: few calls, and none with a long axis.
FEW = {"examples": 12, "long": ""}


def jax_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    sides = "SAME" if padding == "same" else [pair("padding", side, 0) for side in pair_of(padding)]
    y = jax.lax.conv_general_dilated(
        x, weight, pair("stride", stride, 1), sides, rhs_dilation=pair("dilation", dilation, 1),
        feature_group_count=groups,
    )  # fmt: skip
    return y if bias is None else y + bias[:, None, None]


def pair_of(value):
    return value if isinstance(value, tuple) else (value, value)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_functions_of_jax(dtype):
    assert_matches(jax_conv2d, "conv2d", framework="jax", dtype=dtype, **FEW)
    assert_matches(jax.nn.relu6, "relu6", dtype=dtype, **FEW)  # in which subnormals are zeros


def test_jax_with_lists_compiled_and_partial():
    assert_matches(lambda xs: jnp.concatenate(xs, 1), "concat", framework="jax", keep=None, **FEW)
    assert_matches(lambda x, sizes: jnp.split(x, np.cumsum(sizes)[:-1], 1), "split", framework="jax", **FEW)
    assert_matches(jax.jit(jax.nn.sigmoid), "sigmoid", x=(2, 3, 4, 5), **FEW)
    assert_matches(functools.partial(jax.nn.softmax, axis=1), "softmax", x=(2, 3, 4, 5), **FEW)
    assert not jax.config.jax_enable_x64


def test_mistakes_in_jax_are_found():
    given = {"x": (2, 3, 4, 5), "framework": "jax", **FEW}
    with pytest.raises(AssertionError, match=r"(?s)y\[.*again: assert_matches\(fn, 'softmax', framework='jax'"):
        assert_matches(lambda x: jax.nn.softmax(x, axis=2), "softmax", **given)

    @jax.custom_vjp
    def relu(x):
        return jnp.maximum(x, 0)

    relu.defvjp(lambda x: (relu(x), x), lambda x, dy: (dy,))
    with pytest.raises(AssertionError, match=r"dx\["):
        assert_matches(relu, "relu", **given)


def test_where_functions_are_from():
    assert framework_of(jax.nn.relu) == framework_of(jax.jit(jax.nn.relu)) == framework_of(jnp.add) == "jax"
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
    assert_matches(pool, "max_pool2d", kernel_size=2, stride=None, padding=0)
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
    assert_laws(Adapted(jax.nn.relu, "relu", CallStyle(adapter=Jax())), "relu", x=(2, 3, 4, 5), long="", examples=10)
    with pytest.raises(TypeError, match=r"Adapter\(\) differentiates nothing: there is no relu_backward"):
        Adapted(ops.relu, "relu").relu_backward(np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1)))


def laws_but(name, of="batch_norm_train"):
    return [law for law in laws_of(of) if law.name != name]
