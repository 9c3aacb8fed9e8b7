"""Functions of JAX, held against the definitions; run by `test_frameworks`, in a process of its own."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ghostnp.conformance import holding, jax_vocabulary
from ghostnp.conformance.peers import PEERS
from ghostnp.ops.checks import pair
from ghostnp.testing import assert_laws, assert_matches
from ghostnp.testing.adapted import Adapted
from ghostnp.testing.comparison import CallStyle
from ghostnp.testing.frameworks import Jax, framework_of

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


def test_where_functions_of_jax_are_from():
    assert framework_of(jax.nn.relu) == framework_of(jax.jit(jax.nn.relu)) == framework_of(jnp.add) == "jax"


def test_laws_are_asked_of_jax():
    assert_laws(Adapted(jax.nn.relu, "relu", CallStyle(adapter=Jax())), "relu", x=(2, 3, 4, 5), long="", examples=10)


def test_the_report_on_jax(monkeypatch):
    peer = PEERS["jax"]()
    held = list(holding.hold(peer, examples=2, names=["relu"], dtypes=["float32"]))
    assert [one for one in held if one.failure] == []

    def mistaken(x):  # `jax_vocabulary.jax` is another one while calls are noted for the script
        return jax_vocabulary.jax.nn.tanh(x)

    monkeypatch.setitem(peer.functions, "sigmoid", mistaken)
    held = list(holding.hold(peer, examples=2, names=["sigmoid"], dtypes=["float32"]))
    (usual,) = [one for one in held if one.against == "usual"]
    assert "jax.nn.tanh(x)" in usual.failure["script"]
    assert usual.failure["reproduced"]
