"""How far kernels are from the exact result, beside how far PyTorch is: every operator, every gradient.

    ratio = error of the kernel / error of PyTorch, both in float32 and held against PyTorch in float64

An error is the largest of any number, beside the largest number of the result; below `FLOOR`, 2 eps or four roundings
of that number, it counts as `FLOOR`. As a script it prints the whole table, in some minutes:

    python -m tests.kernels.accuracy [--worst] [--backend ghostnp.ops] [OPERATOR ...]
"""

import argparse
import math
from importlib import import_module
from typing import NamedTuple

import numpy as np
import torch

from ghostnp import kernels
from ghostnp.bench import torch_vocabulary
from ghostnp.ops.vocabulary import operators
from ghostnp.testing import Call
from ghostnp.testing.calls import leaves, run, run_backward

FLOOR, LARGEST = 2 * float(np.finfo(np.float32).eps), float(np.finfo(np.float32).max)


class Numbers(NamedTuple):
    """What arrays are filled with: normal numbers of spread 1 around a mean, or one number everywhere.

    Parameters
    ----------
    mean : float
        Of activations; that of weights and gradients is 1 at most, so that what is summed does not cancel.
    spread : float
        0 for a constant, and then only activations are constant.
    x, dy : float
        What activations, and gradients, are multiplied by.
    """

    mean: float = 0.0
    spread: float = 1.0
    x: float = 1.0
    dy: float = 1.0

    def fill(self, rng, shape, kind):
        """An array of float32; `kind` is "x", "dy" or "weight"."""
        if kind == "x":
            numbers = self.mean + self.spread * rng.standard_normal(shape)
        else:
            numbers = min(self.mean, 1.0) + rng.standard_normal(shape)
        return (numbers * {"x": self.x, "dy": self.dy}.get(kind, 1.0)).astype(np.float32)

    def __str__(self):
        scaled = "".join(f" {name}·{scale:g}" for name, scale in (("x", self.x), ("dy", self.dy)) if scale != 1)
        return (f"mean {self.mean:g}" if self.spread else f"constant {self.mean:g}") + scaled


ORDINARY = (Numbers(), Numbers(1.0), Numbers(1e6), Numbers(0.1, 0.0), Numbers(7.3, 0.0))
NUMBERS = (
    *ORDINARY,
    *(
        Numbers(mean, 1.0, x, dy)
        for mean in (0.0, 1.0)
        for x, dy in ((1e-30, 1.0), (1e30, 1.0), (1.0, 1e-30), (1.0, 1e30))
    ),
)


class Case(NamedTuple):
    """A call and its numbers."""

    call: Call
    numbers: Numbers

    def __str__(self):
        given = self.call.given | self.call.keywords
        shown = " ".join(f"{name}={value}".replace(" ", "") for name, value in given.items() if name != "bias")
        return f"{self.call.operator} {shown}, {self.numbers}"


class Row(NamedTuple):
    """Of one result of a call, the largest error of the kernel and of PyTorch, beside the largest number."""

    case: Case
    result: str
    ours: float
    theirs: float

    @property
    def ratio(self):
        """How many times as large our error is; an error below the floor counts as that."""
        return max(self.ours, FLOOR) / max(self.theirs, FLOOR)

    def __str__(self):
        return f"{self.ratio:7.2f}  {self.ours:8.1e}  {self.theirs:8.1e}  {self.result:12} {self.case}"


def errors(case, namespace=kernels):
    """A `Row` for each result and gradient of a call that float32 can hold; "ours" is `namespace`."""
    call, numbers = case
    arguments = call.arguments(np.float32, lambda rng, shape, _: numbers.fill(rng, shape, "x"))
    for place, name in enumerate(call.row.trained):
        if name in arguments:
            arguments[name] = numbers.fill(np.random.default_rng([1, place]), arguments[name].shape, "weight")
    y, extra = run(namespace, call, arguments)
    rng = np.random.default_rng(2)
    dy = [numbers.fill(rng, part.shape, "dy") for part in leaves(y)]
    ours = {"y": y} | dict(zip(call.row.extra, extra, strict=True))
    upstream = dy if isinstance(y, list) else dy[0].reshape(np.shape(y))[()]
    gradients = run_backward(namespace, call, upstream, arguments, extra)
    ours |= {f"d{name}": gradients[name] for name in gradients if name in arguments}
    theirs, exact = (_of_torch(call, arguments, dy, dtype) for dtype in (torch.float32, torch.float64))
    for name in exact:
        parts = zip(leaves(ours[name]), theirs[name], exact[name], strict=True)
        both = [_errors(*part) for part in parts if np.abs(part[2]).max(initial=0) < LARGEST]
        if both:
            yield Row(case, name, *map(max, zip(*both, strict=True)))


def _errors(ours, theirs, exact):
    size = np.abs(exact).max(initial=0) or 1.0
    return [_distance(array, exact) / size for array in (ours, theirs)]


def _distance(array, exact):
    distance = np.abs(array.astype(np.float64) - exact).max(initial=0)
    return math.inf if np.isnan(distance) else float(distance)


def _of_torch(call, arguments, dy, dtype):
    """Results and gradients of PyTorch, as lists of arrays, by name."""

    def tensor(name, value):
        if isinstance(value, list):
            return [tensor(name, part) for part in value]
        if not isinstance(value, np.ndarray):
            return value
        return torch.tensor(value, dtype=None if value.dtype.kind == "i" else dtype, requires_grad=name in wanted)

    wanted = call.row.gradients
    tensors = {name: tensor(name, value) for name, value in arguments.items()}
    y = getattr(torch_vocabulary, call.operator)(*tensors.values(), **call.keywords)
    results = {"y": y[0] if isinstance(y, tuple) else y}
    if "mean" in call.row.extra:
        var, mean = torch.var_mean(tensors["x"], (0, 2, 3), correction=0)
        results |= {"mean": mean, "var": var}
    ys = results["y"] if isinstance(results["y"], list) else [results["y"]]
    names = [name for name in wanted if name in tensors]
    inputs = [_flat(tensors[name]) for name in names]
    upstream = [torch.tensor(part, dtype=dtype).reshape(one.shape) for part, one in zip(dy, ys, strict=True)]
    pulled = iter(torch.autograd.grad(ys, [one for parts in inputs for one in parts], upstream))
    results |= {f"d{name}": [next(pulled) for _ in parts] for name, parts in zip(names, inputs, strict=True)}
    return {name: [part.detach().numpy() for part in _flat(value)] for name, value in results.items()}


def _flat(value):
    return value if isinstance(value, list) else [value]


def _convolution(operator, x, weight, **keywords):
    return Call(operator, x=x, weight=weight, bias=weight[:1], **keywords)


def _norm(operator, x, **keywords):
    return Call(operator, x=x, weight=x[1:2], bias=x[1:2], **keywords)


SMALL = (
    _convolution("standard_conv2d", (2, 3, 7, 5), (4, 3, 3, 3), padding=1),
    _convolution("pointwise_conv2d", (2, 6, 7, 5), (9, 6, 1, 1)),
    _convolution("grouped_conv2d", (2, 6, 7, 5), (9, 2, 3, 3), groups=3, padding=1),
    _convolution("depthwise_conv2d", (2, 6, 7, 5), (6, 1, 3, 3), padding=1),
    _convolution("conv2d", (2, 6, 7, 5), (4, 3, 2, 3), groups=2),
    Call("separable_conv2d", x=(2, 6, 7, 5), depthwise_weight=(12, 1, 3, 3), pointwise_weight=(5, 12, 1, 1), bias=(5,)),
    Call("linear", x=(3, 40), weight=(7, 40), bias=(7,)),
    _norm("batch_norm_train", (2, 3, 7, 5)),
    _norm("batch_norm_relu_train", (2, 3, 7, 5)),
    Call("batch_norm_eval", x=(2, 3, 7, 5), weight=(3,), bias=(3,), mean=(3,), var=(3,)),
    *(Call(name, x=(2, 6, 7, 5)) for name in operators("activation")),
    Call("flatten", x=(2, 6, 7, 5)),
    Call("global_avg_pool2d", x=(2, 6, 7, 5)),
    Call("softmax_cross_entropy", logits=(3, 5), labels=(3,), label_smoothing=0.1),
    Call("max_pool2d", x=(2, 6, 7, 5), kernel_size=3, stride=2, padding=1),
    Call("avg_pool2d", x=(2, 6, 7, 5), kernel_size=3, stride=2, padding=1),
    Call("resize_nearest", x=(2, 6, 7, 5), size=(14, 10)),
    Call("resize_bilinear", x=(2, 6, 7, 5), size=(9, 3)),
    Call("channel_shuffle", x=(2, 6, 7, 5), groups=3),
    Call("concat", xs=[(2, 6, 7, 5), (2, 3, 7, 5)], keep=7),
    Call("split", x=(2, 6, 7, 5), sizes=(1, 3, 2)),
    Call("add", a=(2, 6, 7, 5), b=(2, 6, 1, 1)),
    Call("multiply", a=(2, 6, 7, 5), b=(2, 6, 1, 1)),
    Call("full_attention", z=(2, 6, 7, 5), weight=(6, 7, 5, 7, 5)),
    Call("decoupled_attention", z=(2, 6, 7, 5), weight_h=(6, 7, 7, 5), weight_w=(6, 5, 7, 5)),
)
# Sums of a hundred thousand to some million numbers.
LARGE = (
    _convolution("standard_conv2d", (1, 2048, 7, 7), (8, 2048, 3, 3), padding=1),
    _convolution("standard_conv2d", (2, 3, 400, 400), (8, 3, 3, 3), stride=2, padding=1),
    _convolution("pointwise_conv2d", (3, 8, 300, 300), (9, 8, 1, 1)),
    _convolution("pointwise_conv2d", (1, 20000, 7, 7), (9, 20000, 1, 1)),
    _convolution("grouped_conv2d", (1, 6, 500, 500), (9, 2, 3, 3), groups=3, padding=1),
    _convolution("depthwise_conv2d", (1, 1, 700, 700), (1, 1, 3, 3), padding=1),
    _convolution("depthwise_conv2d", (8, 2, 500, 500), (4, 1, 3, 3), stride=2, padding=1),
    _convolution("conv2d", (1, 6, 500, 500), (4, 3, 2, 3), groups=2),
    Call(
        "separable_conv2d", x=(1, 2, 500, 500), depthwise_weight=(2, 1, 3, 3), pointwise_weight=(3, 2, 1, 1), bias=(3,)
    ),
    Call("linear", x=(3, 200000), weight=(7, 200000), bias=(7,)),
    Call("linear", x=(200000, 5), weight=(3, 5), bias=(3,)),
    Call("linear", x=(1, 50), weight=(20000, 50), bias=(20000,)),
    Call("linear", x=(50, 5), weight=(20000, 5), bias=(20000,)),
    Call("linear", x=(40, 20000), weight=(30, 20000), bias=(30,)),
    _norm("batch_norm_train", (32, 2, 112, 112)),
    _norm("batch_norm_train", (1, 1, 1500, 1500)),
    _norm("batch_norm_relu_train", (32, 2, 112, 112)),
    Call("batch_norm_eval", x=(32, 2, 112, 112), weight=(2,), bias=(2,), mean=(2,), var=(2,)),
    Call("sigmoid", x=(1, 2, 500, 500)),
    Call("softmax", x=(2, 100000, 1, 1)),
    Call("global_avg_pool2d", x=(1, 1, 1024, 1024)),
    Call("global_avg_pool2d", x=(3, 2, 700, 700)),
    Call("global_avg_pool2d", x=(300, 2, 70, 70)),
    Call("softmax_cross_entropy", logits=(3, 100000), labels=(3,), label_smoothing=0.1),
    Call("softmax_cross_entropy", logits=(100000, 3), labels=(100000,)),
    Call("max_pool2d", x=(1, 1, 120, 120), kernel_size=60, stride=1),
    Call("avg_pool2d", x=(1, 1, 1024, 1024), kernel_size=1024),
    Call("avg_pool2d", x=(2, 1, 120, 120), kernel_size=60, stride=1),
    Call("resize_nearest", x=(1, 1, 2, 2), size=(1000, 1000)),
    Call("resize_bilinear", x=(1, 1, 2, 2), size=(1000, 1000)),
    Call("resize_bilinear", x=(2, 1, 3, 3), size=(500, 500), align_corners=True),
    Call("add", a=(1, 1, 1000, 1000), b=(1, 1, 1, 1)),
    Call("add", a=(3, 2, 500, 500), b=(3, 2, 1, 1)),
    Call("multiply", a=(1, 1, 1000, 1000), b=(1, 1, 1, 1)),
    Call("multiply", a=(3, 2, 500, 500), b=(3, 2, 1, 1)),
    Call("full_attention", z=(1, 1, 50, 50), weight=(1, 50, 50, 50, 50)),
    Call("full_attention", z=(2000, 1, 3, 3), weight=(1, 3, 3, 3, 3)),
    Call("decoupled_attention", z=(2, 1, 90, 90), weight_h=(1, 90, 90, 90), weight_w=(1, 90, 90, 90)),
)
HUGE = (
    Call("global_avg_pool2d", x=(1, 1, 4096, 4096)),
    _convolution("depthwise_conv2d", (4, 1, 1600, 1600), (1, 1, 3, 3), padding=1),  # PyTorch copies an image 9 times
    Call("multiply", a=(2, 1, 3000, 3000), b=(2, 1, 1, 1)),
    _norm("batch_norm_train", (1, 1, 4096, 4096)),
    _convolution("pointwise_conv2d", (32, 8, 250, 250), (9, 8, 1, 1)),
    _convolution("standard_conv2d", (16, 3, 300, 300), (8, 3, 3, 3), padding=1),
)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description="errors of kernels and of PyTorch against float64")
    parser.add_argument("--worst", action="store_true", help="of each operator and result the worst row alone")
    parser.add_argument("--backend", default="ghostnp.kernels", help="whose errors: a module with the vocabulary")
    parser.add_argument("operators", nargs="*", help="only these")
    options = parser.parse_args()
    worst, namespace = {}, import_module(options.backend)
    print("  ratio      ours    theirs  of")
    for call in (*SMALL, *LARGE, *HUGE):
        if options.operators and call.operator not in options.operators:
            continue
        for numbers in NUMBERS:
            for row in errors(Case(call, numbers), namespace):
                if not options.worst:
                    print(row, flush=True)
                key = call.operator, row.result, call in SMALL
                worst[key] = max(worst.get(key, row), row, key=lambda row: row.ratio)
    print("\nthe worst of each")
    for row in sorted(worst.values(), key=lambda row: -row.ratio):
        print(row)


if __name__ == "__main__":
    main()
