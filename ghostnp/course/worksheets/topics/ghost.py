"""Ghost modules: one map in s by a convolution, the others by depthwise filters over it."""

from ghostnp.course.worksheets.counters import (
    added,
    macs,
    norm_operations,
    one_row,
    parameters,
    table,
    times,
    total,
)
from ghostnp.course.worksheets.language import N_, _, ngettext
from ghostnp.course.worksheets.problem import Problem, template
from ghostnp.modules import GhostModule
from ghostnp.ops.vocabulary import operators


def _counted(in_channels, out_channels, kernel=3, ratio=2, size=8):
    def build():
        return GhostModule(in_channels, out_channels, ratio=ratio, cheap_kernel_size=kernel)

    return table(build, (1, in_channels, size, size))


def _weights(counted):
    return total(counted, "params", *operators("convolution"))


def _surplus(out_channels, ratio, **_):
    return out_channels % ratio != 0


_CUT = N_("(Maps that are too many are cut off at the end, but they are computed.)")


def _asked(in_channels, out_channels, kernel, ratio):
    return _(
        "A ghost module with ratio {ratio} turns {in_channels} maps into {out_channels}: intrinsic maps by "
        "a 1x1 convolution, and ghosts by depthwise {kernel}x{kernel} filters, all without bias.",
        ratio=ratio,
        in_channels=in_channels,
        out_channels=out_channels,
        kernel=kernel,
    )


@template(
    "ghost",
    1,
    in_channels=(3, 16, 24, 40, 64, 80, 112, 160),
    out_channels=(16, 24, 32, 48, 64, 72, 120, 240),
    kernel=(3, 5),
)
def ghost_weights(in_channels, out_channels, kernel):
    """Ratio 2, as everywhere in GhostNet."""
    counted = _counted(in_channels, out_channels, kernel)
    right, intrinsic = _weights(counted), out_channels // 2
    primary = parameters("pointwise_conv2d", in_channels=in_channels, out_channels=intrinsic)
    cheap = {"in_channels": intrinsic, "kernel_size": kernel}
    return Problem(
        _(
            "{asked} How many weights does it have, batch norm aside?",
            asked=_asked(in_channels, out_channels, kernel, 2),
        ),
        right,
        _("{intrinsic} maps are intrinsic, and each has one ghost: C_in·C_out/2 + C_out/2·k·k =", intrinsic=intrinsic),
        {
            "a plain convolution": parameters("pointwise_conv2d", in_channels=in_channels, out_channels=out_channels),
            "forgot the cheap operation": primary,
            "batch norm counted": total(counted, "params"),
            "ghosts by a full convolution": added(
                primary, parameters("standard_conv2d", **cheap, out_channels=intrinsic)
            ),
            "forgot the primary convolution": parameters("depthwise_conv2d", **cheap),
            "kernel not squared": added(primary, parameters("depthwise_conv2d", **one_row(cheap))),
            "counted a bias": added(
                parameters("pointwise_conv2d", in_channels=in_channels, out_channels=intrinsic, bias=True),
                parameters("depthwise_conv2d", **cheap, bias=True),
            ),
        },
    )


@template(
    "ghost",
    2,
    _surplus,
    in_channels=(8, 16, 24, 40, 64, 80, 112),
    out_channels=(10, 16, 20, 22, 32, 40, 50, 64),
    ratio=(3, 4, 5),
    kernel=(3, 5),
)
def ghost_weights_with_a_surplus(in_channels, out_channels, ratio, kernel):
    """The ratio does not divide the maps."""
    counted = _counted(in_channels, out_channels, kernel, ratio)
    right, intrinsic = _weights(counted), -(-out_channels // ratio)
    primary = parameters("pointwise_conv2d", in_channels=in_channels, out_channels=intrinsic)
    return Problem(
        _(
            "{asked} How many weights does it have, batch norm aside? {cut}",
            asked=_asked(in_channels, out_channels, kernel, ratio),
            cut=_(_CUT),
        ),
        right,
        _(
            "Rounded up, {out_channels}/{ratio} gives {intrinsic} intrinsic maps, each with {ghosts} ghosts: "
            "C_in·m + m·(s − 1)·k·k =",
            out_channels=out_channels,
            ratio=ratio,
            intrinsic=intrinsic,
            ghosts=ratio - 1,
        ),
        {
            "rounded down": _weights(_counted(in_channels, out_channels // ratio * ratio, kernel, ratio)),
            "ratio 2 taken": _weights(_counted(in_channels, out_channels, kernel)),
            "one ghost for each map": _weights(_counted(in_channels, 2 * intrinsic, kernel)),
            "batch norm counted": total(counted, "params"),
            "forgot the cheap operation": primary,
            "ghosts by a full convolution": added(
                primary,
                parameters(
                    "standard_conv2d",
                    in_channels=intrinsic,
                    out_channels=intrinsic * (ratio - 1),
                    kernel_size=kernel,
                ),
            ),
            "a plain convolution": parameters("pointwise_conv2d", in_channels=in_channels, out_channels=out_channels),
            "forgot the primary convolution": parameters(
                "depthwise_conv2d", in_channels=intrinsic, out_channels=intrinsic * (ratio - 1), kernel_size=kernel
            ),
        },
    )


@template(
    "ghost",
    3,
    in_channels=(3, 16, 24, 40, 80),
    out_channels=(24, 48, 64, 72, 120, 240),
    ratio=(2, 3, 4),
    kernel=(3, 5),
    size=(14, 28, 56),
)
def ghost_multiply_adds(in_channels, out_channels, ratio, kernel, size):
    """Of both steps."""
    counted = _counted(in_channels, out_channels, kernel, ratio, size)
    intrinsic, surplus = -(-out_channels // ratio), _surplus(out_channels, ratio)
    primary = {"in_channels": in_channels, "out_channels": intrinsic, "size": size}
    cheap = {"in_channels": intrinsic, "out_channels": intrinsic * (ratio - 1), "kernel_size": kernel, "size": size}
    right = total(counted, "macs")
    rounded = _(
        "Rounded up, {out_channels}/{ratio} gives {intrinsic} intrinsic maps",
        out_channels=out_channels,
        ratio=ratio,
        intrinsic=intrinsic,
    )
    sizes = {"asked": _asked(in_channels, out_channels, kernel, ratio), "size": size}
    if surplus:
        text = _(
            "{asked} The maps have {size}x{size} pixels, before and after. How many multiply-adds does it take? {cut}",
            **sizes,
            cut=_(_CUT),
        )
    else:
        text = _(
            "{asked} The maps have {size}x{size} pixels, before and after. How many multiply-adds does it take?",
            **sizes,
        )
    many = rounded if surplus else _("There are {intrinsic} intrinsic maps", intrinsic=intrinsic)
    return Problem(
        text,
        right,
        ngettext(
            "{many}, each with {ghosts} ghost: m·H·W·C_in + m·(s − 1)·H·W·k·k =",
            "{many}, each with {ghosts} ghosts: m·H·W·C_in + m·(s − 1)·H·W·k·k =",
            ratio - 1,
            many=many,
            ghosts=ratio - 1,
        ),
        {
            "FLOPs for MACs": times(2, right),
            "a plain convolution": macs("pointwise_conv2d", **primary | {"out_channels": out_channels}),
            "forgot the cheap operation": macs("pointwise_conv2d", **primary),
            "forgot the primary convolution": macs("depthwise_conv2d", **cheap, padding="same"),
            "ghosts by a full convolution": added(
                macs("pointwise_conv2d", **primary), macs("standard_conv2d", **cheap, padding="same")
            ),
            "batch norm counted": added(
                right, norm_operations(intrinsic, size), norm_operations(intrinsic * (ratio - 1), size)
            ),
            "kernel not squared": added(
                macs("pointwise_conv2d", **primary),
                macs("depthwise_conv2d", **one_row(cheap), padding="same"),
            ),
            "parameters for MACs": _weights(counted),
        },
    )


TEMPLATES = (ghost_weights, ghost_weights_with_a_surplus, ghost_multiply_adds)
