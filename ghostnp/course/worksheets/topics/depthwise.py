"""Depthwise, pointwise and separable convolutions."""

from ghostnp.course.worksheets.counters import added, biases, flops, macs, norm, one_row, parameters
from ghostnp.course.worksheets.language import _, ngettext
from ghostnp.course.worksheets.problem import Problem, template

_CHANNELS = (12, 16, 24, 32, 48, 64, 96, 128, 256, 1024)


@template("depthwise", 1, channels=_CHANNELS, kernel=(3, 5, 7, 9))
def depthwise_weights(channels, kernel):
    """Without bias."""
    sizes = {"in_channels": channels, "kernel_size": kernel}
    right = parameters("depthwise_conv2d", **sizes)
    return Problem(
        _(
            "A depthwise convolution with {kernel}x{kernel} kernels and without bias filters {channels} maps, "
            "each once. How many parameters does it have?",
            kernel=kernel,
            channels=channels,
        ),
        right,
        _("Each channel has one kernel: C·k·k ="),
        {
            "depthwise taken for standard": parameters("standard_conv2d", **sizes, out_channels=channels),
            "depthwise taken for pointwise": parameters(
                "pointwise_conv2d", in_channels=channels, out_channels=channels
            ),
            "kernel not squared": parameters("depthwise_conv2d", **one_row(sizes)),
            "counted a bias": parameters("depthwise_conv2d", **sizes, bias=True),
            "one filter only": parameters("depthwise_conv2d", **sizes | {"in_channels": 1}),
            "batch norm counted": added(right, norm(channels)),
            "forgot the kernel": parameters("depthwise_conv2d", **sizes | {"kernel_size": 1}),
        },
    )


def _steps(counts, in_channels, out_channels, kernel, multiplier, **rest):
    middle = in_channels * multiplier
    deep = {"in_channels": in_channels, "out_channels": middle, "kernel_size": kernel}
    return (
        counts("depthwise_conv2d", **deep, **rest),
        {"in_channels": middle, "out_channels": out_channels},
    )


@template(
    "depthwise",
    2,
    in_channels=(3, 8, 16, 24, 32, 64),
    out_channels=(4, 12, 32, 48, 96, 128),
    kernel=(3, 5, 7),
    multiplier=(1, 2, 3),
)
def separable_weights(in_channels, out_channels, kernel, multiplier):
    """A depthwise step and a pointwise one."""
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel}
    right = parameters("separable_conv2d", **sizes, multiplier=multiplier)
    depthwise, mixing = _steps(parameters, **_numbers(sizes, multiplier))
    filters = ngettext("one filter", "{multiplier} filters", multiplier, multiplier=multiplier)
    return Problem(
        _(
            "A separable convolution turns {in_channels} maps into {out_channels}: a depthwise "
            "{kernel}x{kernel} step with {filters} for each channel, then a pointwise step, both without bias. "
            "How many parameters does it have?",
            in_channels=in_channels,
            out_channels=out_channels,
            kernel=kernel,
            filters=filters,
        ),
        right,
        _("With m filters a channel, depthwise and pointwise step have m·C_in·k·k + C_out·(m·C_in) ="),
        {
            "separable taken for standard": parameters("standard_conv2d", **sizes),
            "forgot the pointwise step": depthwise,
            "forgot the depthwise step": parameters("pointwise_conv2d", **mixing),
            "counted a bias": parameters("separable_conv2d", **sizes, multiplier=multiplier, bias=True),
            "kernel not squared": parameters("separable_conv2d", **one_row(sizes), multiplier=multiplier),
            "forgot the multiplier": parameters("separable_conv2d", **sizes),
            "batch norm counted": added(right, norm(in_channels * multiplier), norm(out_channels)),
        },
    )


@template(
    "depthwise",
    3,
    in_channels=(3, 16, 32, 64),
    out_channels=(8, 24, 48, 128),
    kernel=(3, 5, 7),
    size=(28, 56, 64, 112),
    stride=(1, 2),
)
def separable_multiply_adds(in_channels, out_channels, kernel, size, stride):
    """The pointwise step works on what the stride left over."""
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel}
    window = {"size": size, "stride": stride, "padding": kernel // 2}
    right = macs("separable_conv2d", **sizes, **window)
    depthwise, mixing = _steps(macs, **_numbers(sizes, 1), **window)
    return Problem(
        _(
            "A separable convolution without biases turns {in_channels} maps of {size}x{size} pixels into "
            "{out_channels} maps. Its depthwise step has {kernel}x{kernel} kernels, stride {stride} and padding "
            "{padding}. How many multiply-adds does it take in all?",
            in_channels=in_channels,
            size=size,
            out_channels=out_channels,
            kernel=kernel,
            stride=stride,
            padding=kernel // 2,
        ),
        right,
        _("The stride belongs to the depthwise step: C_in·H_out·W_out·k·k + C_out·H_out·W_out·C_in ="),
        {
            "FLOPs for MACs": flops("separable_conv2d", **sizes, **window),
            "separable taken for standard": macs("standard_conv2d", **sizes, **window),
            "forgot the pointwise step": depthwise,
            "forgot the depthwise step": macs("pointwise_conv2d", **mixing, size=size, stride=stride),
            "forgot the stride": macs("separable_conv2d", **sizes, **window | {"stride": 1}),
            "forgot the padding": macs("separable_conv2d", **sizes, **window | {"padding": 0}),
            "counted a bias": added(right, biases("separable_conv2d", **sizes, **window)),
            "parameters for MACs": parameters("separable_conv2d", **sizes),
        },
    )


def _numbers(sizes, multiplier):
    return {
        "in_channels": sizes["in_channels"],
        "out_channels": sizes["out_channels"],
        "kernel": sizes["kernel_size"],
        "multiplier": multiplier,
    }


TEMPLATES = (depthwise_weights, separable_weights, separable_multiply_adds)
