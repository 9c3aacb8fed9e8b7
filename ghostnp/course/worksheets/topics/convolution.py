"""Standard and grouped convolutions: their parameters and multiply-adds."""

from ghostnp.course.worksheets.counters import (
    added,
    biases,
    flops,
    macs,
    norm,
    one_row,
    parameters,
    times,
)
from ghostnp.course.worksheets.language import _
from ghostnp.course.worksheets.problem import Problem, template

_CHANNELS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 256)


def _differ(in_channels, out_channels, **_):
    return in_channels != out_channels


@template("standard", 1, _differ, in_channels=_CHANNELS, out_channels=_CHANNELS, kernel=(3, 5, 7), size=(14, 28, 56))
def weights(in_channels, out_channels, kernel, size):
    """All filters' weights, without bias."""
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel}
    right = parameters("standard_conv2d", **sizes)
    return Problem(
        _(
            "A convolution with {kernel}x{kernel} kernels and without bias turns {in_channels} maps of "
            "{size}x{size} pixels into {out_channels} maps. How many parameters does it have?",
            kernel=kernel,
            in_channels=in_channels,
            size=size,
            out_channels=out_channels,
        ),
        right,
        _("Each filter has a kernel for each input channel: C_out·C_in·k·k ="),
        {
            "counted a bias": parameters("standard_conv2d", **sizes, bias=True),
            "kernel not squared": parameters("standard_conv2d", **one_row(sizes)),
            "MACs for parameters": macs("standard_conv2d", **sizes, size=size, padding="same"),
            "forgot the input channels": parameters("standard_conv2d", **sizes | {"in_channels": 1}),
            "batch norm counted": added(right, norm(out_channels)),
            "one filter only": parameters("standard_conv2d", **sizes | {"out_channels": 1}),
        },
    )


@template("standard", 2, _differ, in_channels=_CHANNELS, out_channels=_CHANNELS, kernel=(3, 5, 7), size=(14, 28, 56))
def parameters_with_bias(in_channels, out_channels, kernel, size):
    """All filters' weights and biases."""
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel, "bias": True}
    right = parameters("standard_conv2d", **sizes)
    bare = parameters("standard_conv2d", **sizes | {"bias": False})
    return Problem(
        _(
            "A convolution with {kernel}x{kernel} kernels and bias turns {in_channels} maps of {size}x{size} "
            "pixels into {out_channels} maps. How many parameters does it have?",
            kernel=kernel,
            in_channels=in_channels,
            size=size,
            out_channels=out_channels,
        ),
        right,
        _("Each filter has a kernel for each input channel, and one bias: C_out·(C_in·k·k + 1) ="),
        {
            "forgot the bias": bare,
            "batch norm counted": added(right, norm(out_channels)),
            "kernel not squared": parameters("standard_conv2d", **one_row(sizes)),
            "a bias for each kernel": added(
                bare, parameters("pointwise_conv2d", in_channels=in_channels, out_channels=out_channels)
            ),
            "forgot the input channels": parameters("standard_conv2d", **sizes | {"in_channels": 1}),
            "MACs for parameters": macs("standard_conv2d", **sizes, size=size, padding="same"),
        },
    )


@template(
    "standard",
    3,
    in_channels=(3, 16, 24, 32, 64),
    out_channels=(16, 24, 48, 64),
    kernel=(3, 5, 7),
    size=(28, 32, 56, 112),
)
def multiply_adds(in_channels, out_channels, kernel, size):
    """Of a convolution that strides."""
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel, "size": size}
    window = {"stride": 2, "padding": kernel // 2}
    right = macs("standard_conv2d", **sizes, **window)
    return Problem(
        _(
            "A convolution with {kernel}x{kernel} kernels, stride 2, padding {padding} and without bias turns "
            "{in_channels} maps of {size}x{size} pixels into {out_channels} maps. How many multiply-adds does "
            "it take?",
            kernel=kernel,
            padding=kernel // 2,
            in_channels=in_channels,
            size=size,
            out_channels=out_channels,
        ),
        right,
        _("Each number that comes out is a sum of C_in·k·k products: C_out·H_out·W_out·C_in·k·k ="),
        {
            "FLOPs for MACs": flops("standard_conv2d", **sizes, **window),
            "forgot the stride": macs("standard_conv2d", **sizes, **window | {"stride": 1}),
            "forgot the padding": macs("standard_conv2d", **sizes, **window | {"padding": 0}),
            "counted a bias": added(right, biases("standard_conv2d", **sizes, **window)),
            "swapped kernel and stride": macs(
                "standard_conv2d", **sizes | {"kernel_size": 2}, **window | {"stride": kernel}
            ),
            "kernel not squared": macs("standard_conv2d", **one_row(sizes), **window | {"padding": (kernel // 2, 0)}),
            "parameters for MACs": parameters("standard_conv2d", **sizes),
        },
    )


def _divides(groups, in_channels, out_channels, **_):
    # With one channel in a group the convolution would be depthwise, which is another topic.
    return in_channels % groups == out_channels % groups == 0 and groups < min(in_channels, out_channels)


_GROUPED = {"in_channels": _CHANNELS, "out_channels": _CHANNELS, "kernel": (1, 3, 5), "groups": (2, 3, 4, 8, 32)}


def _grouped(in_channels, out_channels, kernel, groups):
    return {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel, "groups": groups}


def _one_group(sizes):
    groups = sizes["groups"]
    return sizes | {
        "in_channels": sizes["in_channels"] // groups,
        "out_channels": sizes["out_channels"] // groups,
        "groups": 1,
    }


@template("grouped", 1, _divides, **_GROUPED)
def grouped_weights(in_channels, out_channels, kernel, groups):
    """Without bias."""
    sizes = _grouped(in_channels, out_channels, kernel, groups)
    right, whole = parameters("conv2d", **sizes), parameters("conv2d", **sizes | {"groups": 1})
    return Problem(
        _(
            "A convolution with {kernel}x{kernel} kernels in {groups} groups, without bias, turns {in_channels} "
            "maps into {out_channels} maps. How many parameters does it have?",
            kernel=kernel,
            groups=groups,
            in_channels=in_channels,
            out_channels=out_channels,
        ),
        right,
        _("Each filter sees C_in/g channels: C_out·(C_in/g)·k·k ="),
        {
            "forgot /groups": whole,
            "one group only": parameters("conv2d", **_one_group(sizes)),
            "counted a bias": parameters("conv2d", **sizes, bias=True),
            "kernel not squared": parameters("conv2d", **one_row(sizes)),
            "batch norm counted": added(right, norm(out_channels)),
            "one channel for each filter": parameters("conv2d", **sizes | {"in_channels": groups}),
            "multiplied by groups": times(groups, whole),
            "one filter only": parameters("standard_conv2d", in_channels=in_channels // groups, out_channels=1,
                                          kernel_size=kernel),
        },
    )  # fmt: skip


@template("grouped", 2, _divides, **_GROUPED)
def grouped_parameters_with_bias(in_channels, out_channels, kernel, groups):
    """Biases too, one for each filter."""
    sizes = _grouped(in_channels, out_channels, kernel, groups) | {"bias": True}
    right, whole = parameters("conv2d", **sizes), parameters("conv2d", **sizes | {"groups": 1})
    return Problem(
        _(
            "A convolution with {kernel}x{kernel} kernels in {groups} groups, with bias, turns {in_channels} "
            "maps into {out_channels} maps. How many parameters does it have?",
            kernel=kernel,
            groups=groups,
            in_channels=in_channels,
            out_channels=out_channels,
        ),
        right,
        _("Each filter sees C_in/g channels and has one bias: C_out·((C_in/g)·k·k + 1) ="),
        {
            "forgot the bias": parameters("conv2d", **sizes | {"bias": False}),
            "forgot /groups": whole,
            "one group only": parameters("conv2d", **_one_group(sizes)),
            "batch norm counted": added(right, norm(out_channels)),
            "multiplied by groups": times(groups, whole),
            "one channel for each filter": parameters("conv2d", **sizes | {"in_channels": groups}),
            "kernel not squared": parameters("conv2d", **one_row(sizes)),
        },
    )


@template(
    "grouped",
    3,
    _divides,
    in_channels=(12, 24, 48, 64, 96),
    out_channels=(24, 48, 64, 128),
    kernel=(3, 5),
    groups=(2, 3, 4, 8),
    size=(14, 28, 56),
)
def grouped_multiply_adds(in_channels, out_channels, kernel, groups, size):
    """Of a grouped convolution that strides."""
    sizes = _grouped(in_channels, out_channels, kernel, groups) | {"size": size}
    window = {"stride": 2, "padding": kernel // 2}
    right, whole = macs("conv2d", **sizes, **window), macs("conv2d", **sizes | {"groups": 1}, **window)
    return Problem(
        _(
            "A convolution with {kernel}x{kernel} kernels in {groups} groups, stride 2, padding {padding} and "
            "without bias turns {in_channels} maps of {size}x{size} pixels into {out_channels} maps. How many "
            "multiply-adds does it take?",
            kernel=kernel,
            groups=groups,
            padding=kernel // 2,
            in_channels=in_channels,
            size=size,
            out_channels=out_channels,
        ),
        right,
        _("Each number that comes out is a sum of (C_in/g)·k·k products: C_out·H_out·W_out·(C_in/g)·k·k ="),
        {
            "forgot /groups": whole,
            "FLOPs for MACs": flops("conv2d", **sizes, **window),
            "forgot the stride": macs("conv2d", **sizes, **window | {"stride": 1}),
            "one group only": macs("conv2d", **_one_group(sizes), **window),
            "forgot the padding": macs("conv2d", **sizes, **window | {"padding": 0}),
            "swapped kernel and stride": macs("conv2d", **sizes | {"kernel_size": 2}, **window | {"stride": kernel}),
            "parameters for MACs": parameters("conv2d", **_grouped(in_channels, out_channels, kernel, groups)),
            "multiplied by groups": times(groups, whole),
        },
    )


TEMPLATES = (
    weights,
    parameters_with_bias,
    multiply_adds,
    grouped_weights,
    grouped_parameters_with_bias,
    grouped_multiply_adds,
)
