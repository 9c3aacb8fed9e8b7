"""Shrink factors: how many times smaller something gets, with and without biases."""

from ghostnp.course.worksheets.counters import added, macs, norm, one_row, parameters, times
from ghostnp.course.worksheets.language import _
from ghostnp.course.worksheets.problem import Problem, Ratio, template

_ENDS = ("in_channels", "out_channels")


def _divides(groups, channels, **_):
    return channels % groups == 0 and groups < channels


@template(
    "shrink", 1, _divides, channels=(24, 32, 48, 64, 96, 128, 256), kernel=(3, 5, 7), groups=(2, 3, 4, 6, 8, 16, 32)
)
def factor_of_the_weights(channels, kernel, groups):
    """Without biases it is the number of groups."""
    sizes = {"in_channels": channels, "out_channels": channels, "kernel_size": kernel}
    whole, grouped = parameters("conv2d", **sizes), parameters("conv2d", **sizes, groups=groups)
    share = channels // groups
    return Problem(
        _(
            "A {kernel}x{kernel} convolution from {channels} maps to {channels} is done in {groups} groups "
            "instead of one. There are no biases. How many times as many parameters has it in one group as in "
            "{groups}? (two decimals)",
            kernel=kernel,
            channels=channels,
            groups=groups,
        ),
        Ratio(whole, grouped),
        _(
            "In one group {whole}, in {groups} groups {grouped}:",
            whole=whole.working,
            groups=groups,
            grouped=grouped.working,
        ),
        {
            "divided twice": Ratio(whole, parameters("conv2d", **sizes | dict.fromkeys(_ENDS, share))),
            "counted a bias": Ratio(
                parameters("conv2d", **sizes, bias=True), parameters("conv2d", **sizes, groups=groups, bias=True)
            ),
            "upside down": Ratio(grouped, whole),
            "channels per group": Ratio(whole, parameters("conv2d", **sizes, groups=share)),
            "batch norm counted": Ratio(added(whole, norm(channels)), added(grouped, norm(channels))),
            "grouped taken for depthwise": Ratio(
                whole, parameters("depthwise_conv2d", in_channels=channels, kernel_size=kernel)
            ),
        },
    )


@template("shrink", 2, _divides, channels=(48, 64, 96, 128, 192, 256), kernel=(1, 3, 5), groups=(4, 8, 12, 16, 24, 32))
def factor_with_biases(channels, kernel, groups):
    """Biases do not shrink."""
    sizes = {"in_channels": channels, "out_channels": channels, "kernel_size": kernel}
    whole, grouped = parameters("conv2d", **sizes, bias=True), parameters("conv2d", **sizes, groups=groups, bias=True)
    bare, bare_grouped = parameters("conv2d", **sizes), parameters("conv2d", **sizes, groups=groups)
    share = channels // groups
    return Problem(
        _(
            "A {kernel}x{kernel} convolution with biases, from {channels} maps to {channels}, is done in "
            "{groups} groups instead of one. How many times as many parameters, biases included, has it in one "
            "group as in {groups}? (two decimals)",
            kernel=kernel,
            channels=channels,
            groups=groups,
        ),
        Ratio(whole, grouped),
        _(
            "In one group {whole}, in {groups} groups {grouped}:",
            whole=whole.working,
            groups=groups,
            grouped=grouped.working,
        ),
        {
            "weights alone": Ratio(bare, bare_grouped),
            "upside down": Ratio(grouped, whole),
            "divided twice": Ratio(whole, parameters("conv2d", **sizes | dict.fromkeys(_ENDS, share), bias=True)),
            "batch norm counted": Ratio(added(whole, norm(channels)), added(grouped, norm(channels))),
            "channels per group": Ratio(whole, parameters("conv2d", **sizes, groups=share, bias=True)),
            "grouped taken for depthwise": Ratio(
                whole, parameters("depthwise_conv2d", in_channels=channels, kernel_size=kernel, bias=True)
            ),
        },
    )


@template(
    "shrink",
    3,
    in_channels=(3, 16, 24, 32, 64),
    out_channels=(4, 8, 12, 32, 48, 96),
    kernel=(3, 5, 7),
    size=(28, 56, 64),
)
def factor_of_a_separable_convolution(in_channels, out_channels, kernel, size):
    """By multiply-adds."""
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel}
    where = {"size": size, "padding": kernel // 2}
    standard, separable = macs("standard_conv2d", **sizes, **where), macs("separable_conv2d", **sizes, **where)
    depthwise = macs("depthwise_conv2d", in_channels=in_channels, kernel_size=kernel, **where)
    pointwise = macs("pointwise_conv2d", in_channels=in_channels, out_channels=out_channels, size=size)
    flat = macs("separable_conv2d", **one_row(sizes), size=size, padding=(kernel // 2, 0))
    return Problem(
        _(
            "On maps of {size}x{size} pixels, a {kernel}x{kernel} convolution from {in_channels} maps to "
            "{out_channels}, which keeps their size, is replaced by a separable one (depthwise, then "
            "pointwise). How many times as many multiply-adds does the first take as the separable one? (two "
            "decimals)",
            size=size,
            kernel=kernel,
            in_channels=in_channels,
            out_channels=out_channels,
        ),
        Ratio(standard, separable),
        _("Standard {standard}, separable {separable}:", standard=standard.working, separable=separable.working),
        {
            "forgot the pointwise step": Ratio(standard, depthwise),
            "forgot the depthwise step": Ratio(standard, pointwise),
            "upside down": Ratio(separable, standard),
            "kernel not squared": Ratio(
                macs("standard_conv2d", **one_row(sizes), size=size, padding=(kernel // 2, 0)),
                flat,
            ),
            "FLOPs divided by MACs": Ratio(times(2, standard), separable),
            "MACs divided by FLOPs": Ratio(standard, times(2, separable)),
        },
    )


TEMPLATES = (factor_of_the_weights, factor_with_biases, factor_of_a_separable_convolution)
