"""CReLU: both halves of every map, side by side."""

from ghostnp.course.worksheets.counters import added, macs, norm, one_row, parameters, times
from ghostnp.course.worksheets.language import _
from ghostnp.course.worksheets.problem import Problem, template
from ghostnp.ops import crelu_cost
from ghostnp.ops.cost import each


@template("crelu", 1, channels=(8, 12, 16, 24, 32, 48, 64), size=(7, 14, 28, 32, 56))
def numbers_out(channels, size):
    """All numbers that come out."""
    output = crelu_cost((1, channels, size, size)).output
    right = each(output)
    return Problem(
        _(
            "CReLU is applied to {channels} maps of {size}x{size} pixels. How many numbers come out?",
            channels=channels,
            size=size,
        ),
        right,
        _("The positive and the negative half of every map come out: 2·C·H·W ="),
        {
            "channels not doubled": each((1, channels, size, size)),
            "channels doubled twice": each(crelu_cost(output).output),
            "maps enlarged too": each((1, output[1], 2 * size, 2 * size)),
            "one map only": each((1, 1, size, size)),
            "halved instead of doubled": each((1, channels // 2, size, size)),
            "products counted": macs("pointwise_conv2d", in_channels=channels, out_channels=output[1], size=size),
        },
    )


_NEXT = {"channels": (8, 12, 16, 24, 32, 48), "out_channels": (12, 16, 32, 48, 64, 96), "kernel": (3, 5)}


@template("crelu", 2, **_NEXT)
def parameters_behind_it(channels, out_channels, kernel):
    """The next convolution sees twice the channels."""
    doubled = crelu_cost((1, channels, 8, 8)).output[1]
    sizes = {"in_channels": doubled, "out_channels": out_channels, "kernel_size": kernel, "bias": True}
    right = parameters("standard_conv2d", **sizes)
    return Problem(
        _(
            "CReLU is applied to {channels} maps. A {kernel}x{kernel} convolution with biases follows and makes "
            "{out_channels} maps. How many parameters does that convolution have?",
            channels=channels,
            kernel=kernel,
            out_channels=out_channels,
        ),
        right,
        _("CReLU hands {doubled} maps on: C_out·(2·C·k·k + 1) =", doubled=doubled),
        {
            "channels not doubled": parameters("standard_conv2d", **sizes | {"in_channels": channels}),
            "outputs doubled too": parameters("standard_conv2d", **sizes | {"out_channels": 2 * out_channels}),
            "forgot the bias": parameters("standard_conv2d", **sizes | {"bias": False}),
            "channels doubled twice": parameters("standard_conv2d", **sizes | {"in_channels": 2 * doubled}),
            "batch norm counted": added(right, norm(out_channels)),
            "kernel not squared": parameters("standard_conv2d", **one_row(sizes)),
        },
    )


@template("crelu", 3, **_NEXT, in_channels=(3, 4, 6), size=(14, 28, 56))
def multiply_adds_around_it(channels, out_channels, kernel, in_channels, size):
    """A convolution before and one behind."""
    where = {"kernel_size": kernel, "size": size, "padding": "same"}

    def both(made=channels, handed_on=2 * channels, out=out_channels):
        return added(
            macs("standard_conv2d", in_channels=in_channels, out_channels=made, **where),
            macs("standard_conv2d", in_channels=handed_on, out_channels=out, **where),
        )

    first = macs("standard_conv2d", in_channels=in_channels, out_channels=channels, **where)
    second = macs("standard_conv2d", in_channels=2 * channels, out_channels=out_channels, **where)
    right = both()
    return Problem(
        _(
            "On maps of {size}x{size} pixels, a {kernel}x{kernel} convolution makes {channels} maps from "
            "{in_channels}, CReLU follows, and then a {kernel}x{kernel} convolution that makes {out_channels} "
            "maps. Both are padded, so that the size stays, and have no bias. How many multiply-adds do the two "
            "convolutions take?",
            size=size,
            kernel=kernel,
            channels=channels,
            in_channels=in_channels,
            out_channels=out_channels,
        ),
        right,
        _(
            "The first makes {channels} maps, the second sees {doubled}: C·H·W·C_in·k·k + C_out·H·W·2·C·k·k =",
            channels=channels,
            doubled=2 * channels,
        ),
        {
            "channels not doubled": both(handed_on=channels),
            "FLOPs for MACs": times(2, right),
            "outputs doubled too": both(out=2 * out_channels),
            "forgot the first layer": second,
            "forgot the second layer": first,
            "channels doubled twice": both(handed_on=4 * channels),
            "doubled too early": both(made=2 * channels),
            "kernel not squared": added(
                *(
                    macs("standard_conv2d", in_channels=a, out_channels=b, **one_row(where))
                    for a, b in ((in_channels, channels), (2 * channels, out_channels))
                )
            ),
        },
    )


TEMPLATES = (numbers_out, parameters_behind_it, multiply_adds_around_it)
