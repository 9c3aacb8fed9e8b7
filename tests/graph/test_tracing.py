"""The trace lists what happened, and its single multiplications add up to it."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from hypothesis import given

import ghostnp
from ghostnp import ops
from ghostnp.cli import main
from ghostnp.graph.tape import several
from ghostnp.graph.tracing import trace
from ghostnp.graph.tracing.examples import EXAMPLES, example
from ghostnp.modules import GhostModule, initializer
from ghostnp.testing import CONVOLUTIONS, calls, run_backward
from tests.ops.examples import examples, forward

pytestmark = pytest.mark.small


@pytest.mark.parametrize("operator", CONVOLUTIONS)
def test_products_add_up_to_every_pixel_and_every_gradient(operator):
    @given(calls(operator))
    def law(call):
        arguments = call.arguments(np.float64)
        x, weight, bias = (arguments.get(name) for name in ("x", "weight", "bias"))
        groups = x.shape[1] // weight.shape[1]
        if not x.size:
            return
        # PyTorch is asked, not the definition; padding is applied by hand, since its own is symmetric.
        window = ops.geometry.conv2d_window(
            x.shape,
            weight.shape,
            groups=groups,
            stride=call["stride"],
            padding=call["padding"],
            dilation=call["dilation"],
        )
        (top, bottom), (left, right) = window.padding
        tensors = [torch.tensor(array.copy(), requires_grad=True) for array in (x, weight)]
        padded = F.pad(tensors[0], (left, right, top, bottom))
        given_bias = None if bias is None else torch.tensor(bias.copy())
        y = F.conv2d(padded, tensors[1], given_bias, window.stride, 0, window.dilation, groups)
        dy = np.random.default_rng(call.seed).standard_normal(tuple(y.shape))
        y.backward(torch.tensor(dy))
        steps = trace(getattr(ops, operator), x, weight, bias, dy=dy, **call.keywords)
        made, dweight = (next(row.number for row in steps.rows if row.op == op)
                         for op in (operator, f"{operator}_backward.weight"))  # fmt: skip
        index = tuple(int(i) for i in np.random.default_rng(call.seed).integers(y.shape))
        np.testing.assert_allclose(steps.pixel(made, index).total, y[index].item(), atol=1e-9)
        index = tuple(int(i) for i in np.random.default_rng(call.seed).integers(weight.shape))
        np.testing.assert_allclose(steps.weight(dweight, index).total, tensors[1].grad[index].item(), atol=1e-9)

    law()


@pytest.mark.parametrize("call", examples(), ids=str)
def test_every_operator_is_traced_forward_and_backward(call):
    arguments = call.arguments(np.float64)
    y, extra = forward(ops, call, arguments)
    dy = call.gradient(y)
    steps = trace(getattr(ops, call.operator), *arguments.values(), dy=dy, **call.keywords)

    def made(op):
        return [steps[row.number] for row in steps.rows if row.op == op]

    for found, expected in zip(made(call.operator), (*several(y), *extra), strict=True):
        np.testing.assert_array_equal(found, expected)
    for name, gradient in run_backward(ops, call, dy, arguments, extra).items():
        field = f".{name}" if len(call.row.gradients) > 1 else ""
        for found, expected in zip(made(f"{call.operator}_backward{field}"), several(gradient), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert steps.inputs[-1].startswith("dy")
    assert str(steps).count("dy") >= len(several(dy))


@pytest.mark.parametrize(
    ("op", "arguments", "message"),
    [
        (ops.relu, ([np.ones((1, 2))],), "x is of type list"),
        (ops.relu, (None,), "x is of type NoneType"),
        (ops.concat, (3,), "xs is of type int: the rule is a list or tuple"),
        (ops.concat, ([np.ones((1, 2, 3, 3)), 3],), r"xs\[1\] is of type int"),
    ],
)
def test_what_an_operator_refuses_is_refused_in_its_words(op, arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        trace(op, *arguments)


def test_linear_map_is_taken_apart_too():
    rng = np.random.default_rng(0)
    x, weight, bias, dy = (rng.standard_normal(shape) for shape in ((2, 5), (3, 5), (3,), (2, 3)))
    steps = trace(ops.linear, x, weight, bias, dy=dy)
    assert steps.pixel(2, (1, 2)).total == pytest.approx((x @ weight.T + bias)[1, 2])
    assert steps.weight(4, (2, 4)).total == pytest.approx((dy.T @ x)[2, 4])


def test_every_product_of_a_pixel_is_listed_once():
    x, weight = np.arange(1.0, 10).reshape(1, 1, 3, 3), np.array([[[[1.0, 10], [100, 1000]]]])
    text = str(trace(ops.standard_conv2d, x, weight, padding=1).pixel(1, (0, 0, 0, 1)))
    assert text == (
        "y[0, 0, 0, 1] = 2100\n"
        "  w[0, 0, 1, 0] · x[0, 0, 0, 0] = 100 · 1 = 100\n"
        "  w[0, 0, 1, 1] · x[0, 0, 0, 1] = 1000 · 2 = 2000\n"
        "  and 2 products with padding, which are 0"
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_trace_of_a_module_gives_what_the_module_gives_and_costs_what_it_costs(name):
    module, x = example(name)
    y, cache = module.forward(x)
    dy = np.random.default_rng(1).standard_normal(y.shape, y.dtype)
    dx, grads = module.backward(dy, cache)
    steps = trace(module, x, dy=dy)
    traced = [part.number for part in steps.tape.output]
    np.testing.assert_allclose(steps[traced[0]], y, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(steps[traced[1]], dx, rtol=1e-4, atol=1e-4)
    counted = ghostnp.count(module, x.shape)
    assert sum(row.macs or 0 for row in trace(module, x).rows) == counted.macs
    assert sum(row.params or 0 for row in trace(module, x).rows) == counted.params
    shapes = [steps[row.number].shape for row in steps.rows if row.op.endswith(("_backward.weight", "_backward.bias"))]
    assert {grad.shape for grad in grads.values()} <= set(shapes)


def test_trace_names_what_made_each_result_and_where():
    with initializer(0):
        module = GhostModule(2, 4)
    rows = {row.number: row for row in trace(module, np.ones((1, 2, 3, 3), np.float32)).rows}
    made = [(row.op, row.path, row.made_from) for row in rows.values()]
    assert made == [
        ("", "", ()),
        ("pointwise_conv2d", "primary_conv.0", (0,)),
        ("batch_norm_eval", "primary_conv.1", (1,)),
        ("relu", "primary_conv.1", (2,)),
        ("depthwise_conv2d", "cheap_operation.0", (3,)),
        ("batch_norm_eval", "cheap_operation.1", (4,)),
        ("relu", "cheap_operation.1", (5,)),
        ("concat", "", (3, 6)),
    ]
    assert rows[4].macs == 2 * 3 * 3 * 9


def test_several_results_of_one_call_are_listed_each_and_cost_once():
    rows = trace(ops.max_pool2d, np.arange(16.0).reshape(1, 1, 4, 4), 2, dy=np.ones((1, 1, 2, 2))).rows
    assert [(row.op, row.shape) for row in rows[2:]] == [
        ("max_pool2d", (1, 1, 2, 2)),
        ("max_pool2d", (1, 1, 2, 2)),
        ("max_pool2d_backward", (1, 1, 4, 4)),
    ]
    assert [row.macs for row in rows[2:]] == [0, None, None]


def test_a_notebook_gets_a_picture():
    module, x = example("ghost-bottleneck")
    assert trace(module, x, dy=np.ones_like(module(x)))._repr_png_().startswith(b"\x89PNG")


def test_a_picture_has_the_kernels_of_all_filters_of_a_weight_s_gradient():
    weight = np.arange(18.0).reshape(2, 1, 3, 3)
    steps = trace(ops.standard_conv2d, np.ones((1, 1, 4, 4)), weight, dy=np.ones((1, 2, 2, 2)))
    (row,) = (row for row in steps.rows if row.op.endswith(".weight"))
    drawn = [axes.images[0].get_array() for axes in steps.picture().axes if axes.images]
    kernels = [np.asarray(array) for array in drawn if array.shape == (3, 3)]
    assert np.array_equal(kernels, steps[row.number][:, 0])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda t: t.pixel(3, (0, 0, 0, 0)), r"#3 was made by relu: the rule is .* forward pass, one of \[1, 4\]"),
        (lambda t: t.pixel(0, (0, 0, 0, 0)), "#0 was made by nothing: it was put in"),
        (lambda t: t.pixel(1, (0, 0, 3, 0)), r"index=\(0, 0, 3, 0\): the rule is a pixel of the output, of shape"),
        (lambda t: t.pixel(1, (0, 0)), r"index=\(0, 0\): the rule is a pixel of the output"),
        (lambda t: t.weight(1, (0, 0, 0, 0)), r"backward pass, one of \[\]"),
        (lambda t: t[99], "99: the rule is a number from 0 to 7"),
    ],
)
def test_what_is_not_there_is_refused(bad, message):
    with initializer(0):
        steps = trace(GhostModule(2, 4), np.ones((1, 2, 3, 3), np.float32))
    with pytest.raises((KeyError, ValueError), match=message):
        bad(steps)


@pytest.mark.parametrize("not_one", [np.tanh, "relu", ops.relu_cost, 3])
def test_what_is_neither_module_nor_operator_is_refused(not_one):
    with pytest.raises(TypeError, match=r"the rule is a Module, or a function of the vocabulary"):
        trace(not_one, np.ones((1, 1, 2, 2)))


def run(*arguments):
    return CliRunner().invoke(main, ["trace", *arguments])


def test_command_lists_steps():
    result = run("ghost-module")
    assert result.exit_code == 0
    assert re.search(r"#5 +depthwise_conv2d|#4 +depthwise_conv2d", result.output)
    assert result.output.splitlines()[2].split() == ["#0", "x", "1x2x4x4"]


def test_command_works_out_a_pixel_a_gradient_and_a_picture(tmp_path):
    picture = tmp_path / "steps.png"
    result = run("standard", "--pixel", "2:0,1,2,2", "--weight", "4:0,1,0,2", "--plot", str(picture))
    assert result.exit_code == 0, result.output
    assert "y[0, 1, 2, 2] = " in result.output
    assert "dw[0, 1, 0, 2] = " in result.output
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ghost"], "'ghost' is no module and no network: the rule is"),
        (["standard", "--pixel", "two"], "'two': the rule is a result and an index, such as 2:0,1,3,3"),
        (["standard", "--pixel", "1:0,9,0,0"], "the rule is a pixel of the output"),
        (["standard", "--pixel", "77:0,0,0,0"], "77: the rule is a number from 0 to"),
    ],
)
def test_command_says_what_is_wrong(arguments, message):
    result = run(*arguments)
    assert result.exit_code != 0
    assert message in result.output


def test_networks_are_traced():
    result = run("ghostnet_050", "--size", "32")
    assert result.exit_code == 0
    assert "blocks.8.3.ghost2.cheap_operation.0" in result.output
