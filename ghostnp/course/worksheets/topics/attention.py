"""DFC attention of GhostNetV2, and squeeze-and-excitation."""

from ghostnp.course.worksheets.counters import added, macs, norm, parameters, table, times, total
from ghostnp.course.worksheets.language import _
from ghostnp.course.worksheets.problem import Problem, template
from ghostnp.modules import DFCAttention, SqueezeExcite, make_divisible
from ghostnp.ops import decoupled_attention_cost, full_attention_cost, multiply_cost
from ghostnp.ops.vocabulary import operators


def _uneven(height, width, **_):
    return height != width


def _decoupled(channels, height, width):
    maps = (1, channels, height, width)
    return decoupled_attention_cost(maps, (channels, height, height, width), (channels, width, height, width)).macs


@template("dfc", 1, _uneven, channels=(2, 4, 8, 16, 24), height=(7, 10, 14, 20, 28), width=(7, 12, 14, 16, 28))
def decoupled_multiply_adds(channels, height, width):
    """Fully connected columns, then rows."""
    maps = (1, channels, height, width)
    right = _decoupled(channels, height, width)
    full = full_attention_cost(maps, (channels, height, width, height, width)).macs
    pixels = macs("depthwise_conv2d", in_channels=channels, kernel_size=1, size=(height, width))
    sizes = {"in_channels": channels, "size": (height, width)}
    columns, rows = (
        macs("depthwise_conv2d", **sizes, kernel_size=kernel, padding="same") for kernel in ((height, 1), (1, width))
    )
    return Problem(
        _(
            "Decoupled fully connected attention works on {channels} maps of {height} rows and {width} columns, "
            "each map alone: every pixel becomes a weighted sum of its column, then one of its row. How many "
            "multiply-adds does that take?",
            channels=channels,
            height=height,
            width=width,
        ),
        right,
        _("H products for each pixel, then W: C·(H·H·W + H·W·W) ="),
        {
            "attention not decoupled": full,
            "only the rows": rows,
            "FLOPs for MACs": times(2, right),
            "only the columns": columns,
            "forgot the channels": _decoupled(1, height, width),
            "channels mixed": times(channels, right),
            "each pixel once": pixels,
        },
    )


@template("dfc", 2, channels=(16, 24, 36, 48, 60, 72, 120), size=(7, 14, 28, 56), kernel=(3, 5, 7, 9))
def long_kernels(channels, size, kernel):
    """Weights shared along the axis: two depthwise convolutions."""
    sizes = {"in_channels": channels, "size": size, "padding": "same"}
    row, column = (macs("depthwise_conv2d", **sizes, kernel_size=sides) for sides in ((1, kernel), (kernel, 1)))
    right = added(row, column)
    dense = macs("pointwise_conv2d", in_channels=channels, out_channels=channels, size=size)
    return Problem(
        _(
            "DFC attention runs as two depthwise convolutions, 1x{kernel} and then {kernel}x1, over {channels} "
            "maps of {size}x{size} pixels (padded, so that the size stays). How many multiply-adds do the two "
            "take?",
            kernel=kernel,
            channels=channels,
            size=size,
        ),
        right,
        _("K products for each pixel, twice: C·H·W·K + C·H·W·K ="),
        {
            "a square kernel": macs("depthwise_conv2d", **sizes, kernel_size=kernel),
            "only the rows": row,
            "FLOPs for MACs": times(2, right),
            "forgot the channels": added(
                *(
                    macs("depthwise_conv2d", **sizes | {"in_channels": 1}, kernel_size=s)
                    for s in ((1, kernel), (kernel, 1))
                )
            ),
            "depthwise taken for pointwise": dense,
            "as long as the maps": _decoupled(channels, size, size),
            "parameters for MACs": added(
                *(
                    parameters("depthwise_conv2d", in_channels=channels, kernel_size=s)
                    for s in ((1, kernel), (kernel, 1))
                )
            ),
        },
    )


@template(
    "dfc",
    3,
    in_channels=(16, 24, 40, 80, 112),
    out_channels=(48, 72, 120, 200, 240),
    size=(7, 14, 28, 35, 56),
    kernel=(3, 5, 7),
)
def attention_branch(in_channels, out_channels, size, kernel):
    """Halve the maps, mix the channels, then look along rows and columns."""

    def branch(rows=size, columns=size):
        def build():
            return DFCAttention(in_channels, out_channels, kernel_size=kernel)

        return total(table(build, (1, in_channels, rows, columns)), "macs")

    half = size // 2
    mixing = macs("pointwise_conv2d", in_channels=in_channels, out_channels=out_channels, size=half)
    deep = {"in_channels": out_channels, "size": half, "padding": "same"}
    row, column = (macs("depthwise_conv2d", **deep, kernel_size=sides) for sides in ((1, kernel), (kernel, 1)))
    right = branch()
    return Problem(
        _(
            "In GhostNetV2, DFC attention takes {in_channels} maps of {size}x{size} pixels: an average pool of "
            "2x2 with stride 2, a 1x1 convolution to {out_channels} maps, then depthwise convolutions of "
            "1x{kernel} and {kernel}x1, padded. How many multiply-adds do its convolutions take?",
            in_channels=in_channels,
            size=size,
            out_channels=out_channels,
            kernel=kernel,
        ),
        right,
        _("The pool leaves {half}x{half} pixels: C_out·h·w·C_in + C_out·h·w·K + C_out·h·w·K =", half=half),
        {
            "forgot the halving": branch(2 * size, 2 * size),
            "forgot the 1x1 convolution": added(row, column),
            "halved once": branch(2 * size),
            "forgot the long kernels": mixing,
            "FLOPs for MACs": times(2, right),
            "rounded up": branch(2 * (size - half), 2 * (size - half)),
            "only the rows": added(mixing, row),
            "a square kernel": added(mixing, macs("depthwise_conv2d", **deep, kernel_size=kernel)),
        },
    )


def _reduces(channels, hidden, **_):
    return hidden < channels


def _squeeze_excite(channels, hidden=None, size=1):
    return table(lambda: SqueezeExcite(channels, hidden=hidden), (1, channels, size, size))


def _excitation(channels, hidden, counts, **rest):
    return (
        counts("pointwise_conv2d", in_channels=channels, out_channels=hidden, **rest),
        counts("pointwise_conv2d", in_channels=hidden, out_channels=channels, **rest),
    )


@template("se", 1, _reduces, channels=(16, 24, 40, 48, 72, 96, 120, 240), hidden=(4, 6, 8, 10, 12, 18, 20, 30))
def excitation_parameters(channels, hidden):
    """Two layers with biases."""
    first, second = _excitation(channels, hidden, parameters, bias=True)
    bare = added(*_excitation(channels, hidden, parameters))
    right = total(_squeeze_excite(channels, hidden), "params")
    return Problem(
        _(
            "A squeeze-and-excitation block reduces {channels} channels to {hidden} and brings them back to "
            "{channels}, by two 1x1 convolutions with biases. How many parameters does it have?",
            channels=channels,
            hidden=hidden,
        ),
        right,
        _("Weights and biases of both layers: r·(C + 1) + C·(r + 1) ="),
        {
            "forgot the bias": bare,
            "forgot the second layer": first,
            "batch norm counted": added(right, norm(hidden), norm(channels)),
            "channels not reduced": total(_squeeze_excite(channels, channels), "params"),
            "forgot the first layer": second,
            "one bias only": added(_excitation(channels, hidden, parameters)[0], second),
            "a bias for each kernel": added(bare, *_excitation(channels, hidden, parameters)),
        },
    )


def _is_rounded(channels):
    return channels // 4 % 4 != 0


@template("se", 2, _is_rounded, channels=tuple(range(24, 1000, 8)))
def excitation_parameters_as_released(channels):
    """The hidden layer is rounded to a multiple of 4."""
    right, hidden = total(_squeeze_excite(channels), "params"), make_divisible(channels * 0.25, 4)
    return Problem(
        _(
            "In the official GhostNet, a squeeze-and-excitation block has a quarter of its {channels} channels "
            "between its two 1x1 convolutions, rounded to a multiple of 4 (halves upwards). The convolutions "
            "have biases. How many parameters does it have?",
            channels=channels,
        ),
        right,
        _("A quarter is {quarter:g}, rounded {hidden}: r·(C + 1) + C·(r + 1) =", quarter=channels / 4, hidden=hidden),
        {
            "hidden layer not rounded": total(_squeeze_excite(channels, channels // 4), "params"),
            "forgot the bias": added(*_excitation(channels, hidden, parameters)),
            "hidden layer rounded down": total(_squeeze_excite(channels, channels // 16 * 4), "params"),
            "batch norm counted": added(right, norm(hidden), norm(channels)),
            "rounded to a multiple of 8": total(
                _squeeze_excite(channels, make_divisible(channels * 0.25, 8)), "params"
            ),
            "forgot the second layer": _excitation(channels, hidden, parameters, bias=True)[0],
            "channels not reduced": total(_squeeze_excite(channels, channels), "params"),
            "a bias for each kernel": added(
                *_excitation(channels, hidden, parameters), *_excitation(channels, hidden, parameters)
            ),
        },
    )


@template("se", 3, _reduces, channels=(16, 24, 40, 72, 120, 240), hidden=(4, 8, 10, 18, 20, 30), size=(7, 14, 28, 56))
def excitation_multiply_adds(channels, hidden, size):
    """The pixels were averaged before."""
    counted = _squeeze_excite(channels, hidden, size)
    right = total(counted, "macs")
    first, _second = _excitation(channels, hidden, macs)
    maps = (1, channels, size, size)
    return Problem(
        _(
            "A squeeze-and-excitation block averages {channels} maps of {size}x{size} pixels, reduces them to "
            "{hidden} channels and brings them back to {channels} by two 1x1 convolutions with biases, and "
            "scales the maps. How many multiply-adds do its convolutions take?",
            channels=channels,
            size=size,
            hidden=hidden,
        ),
        right,
        _("After the average each channel is one number, whatever the maps' size: r·C + C·r ="),
        {
            "at every pixel": added(*_excitation(channels, hidden, macs, size=size)),
            "biases counted as MACs": total(counted, "params", *operators("convolution")),
            "forgot the second layer": first,
            "FLOPs for MACs": times(2, right),
            "scaling counted": added(right, multiply_cost(maps, (1, channels, 1, 1)).other),
            "channels not reduced": total(_squeeze_excite(channels, channels), "macs"),
            "one number for all channels": added(*_excitation(1, hidden, macs)),
            "one hidden channel": added(*_excitation(channels, 1, macs)),
        },
    )


TEMPLATES = (
    decoupled_multiply_adds,
    long_kernels,
    attention_branch,
    excitation_parameters,
    excitation_parameters_as_released,
    excitation_multiply_adds,
)
