"""The code of textbooks convolves too; PyTorch is the judge."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ghostnp.bench.tasks import CallTask
from ghostnp.bench.textbook import prepare

pytestmark = pytest.mark.small
CALLS = {
    "standard": ("standard_conv2d", (2, 3, 9, 8), (4, 3, 3, 3), {"stride": 2, "padding": 1}),
    "pointwise": ("pointwise_conv2d", (2, 6, 5, 5), (4, 6, 1, 1), {}),
    "grouped": ("grouped_conv2d", (2, 6, 7, 7), (4, 3, 1, 3), {"padding": (0, 1), "groups": 2}),
    "depthwise": ("depthwise_conv2d", (2, 3, 8, 9), (3, 1, 5, 5), {"stride": (1, 2), "padding": 2}),
    "dilated": ("depthwise_conv2d", (2, 3, 9, 9), (6, 1, 3, 3), {"dilation": 2}),
}
USUAL = {"stride": 1, "padding": 0, "dilation": 1}


def task(name, backward=False):
    op, x, weight, options = CALLS[name]
    return CallTask(op, (("x", x), ("weight", weight)), tuple((USUAL | options).items()), backward)


def torch_says(task):
    x, weight = (torch.from_numpy(array).requires_grad_() for array in task.arrays().values())
    options = dict(task.options) | {"groups": x.shape[1] // weight.shape[1]}
    y = F.conv2d(x, weight, **options)
    if not task.backward:
        return {"y": y.detach().numpy()}
    dx, dweight = torch.autograd.grad(y, (x, weight), torch.from_numpy(task.gradient(tuple(y.shape))))
    return {"x": dx.numpy(), "weight": dweight.numpy()}


@pytest.mark.parametrize("variant", ["im2col", "einsum", "definitions", "Python loops"])
@pytest.mark.parametrize("name", CALLS)
def test_forward(name, variant):
    ready = prepare(task(name), variant, 1)
    y = ready.arrays(ready.run())["y"]
    expected = torch_says(task(name))["y"]
    corner = expected[tuple(map(slice, y.shape))]
    np.testing.assert_allclose(y, corner, rtol=1e-4, atol=1e-4)
    assert ready.share == pytest.approx(y.size / expected.size)


@pytest.mark.parametrize("variant", ["im2col", "definitions"])
@pytest.mark.parametrize("name", CALLS)
def test_backward(name, variant):
    ready = prepare(task(name, backward=True), variant, 1)
    found = ready.arrays(ready.run())
    for key, expected in torch_says(task(name, backward=True)).items():
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(found[key], expected, rtol=1e-4, atol=1e-4)


def test_loops_do_a_share_of_a_large_call_and_say_which():
    large = CallTask("depthwise_conv2d", (("x", (2, 4, 64, 64)), ("weight", (4, 1, 5, 5))), tuple(USUAL.items()))
    ready = prepare(large, "Python loops", 1)
    y = ready.arrays(ready.run())["y"]
    rows = 20_000 // (60 * 25)
    assert y.shape == (1, 1, rows, 60)
    assert ready.share == pytest.approx(rows / (2 * 4 * 60))


@pytest.mark.parametrize(("variant", "backward"), [("einsum", True), ("Python loops", True), ("im2col", False)])
def test_what_a_textbook_leaves_out_is_said(variant, backward):
    left_out = task("standard", backward) if backward else CallTask("relu", (("x", (1, 2, 3, 3)),))
    with pytest.raises(NotImplementedError, match=variant):
        prepare(left_out, variant, 1)
