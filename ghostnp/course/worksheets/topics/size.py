"""Output sizes: where a window stops."""

from ghostnp.course.worksheets.language import _
from ghostnp.course.worksheets.problem import Problem, template
from ghostnp.ops.cost import Worked
from ghostnp.ops.geometry import sliding_window


def _rows(size, kernel, stride=1, padding=0, dilation=1):
    """Rows that come out of a window on square maps; padding may be (before, after)."""
    sides = padding if isinstance(padding, tuple) else (padding, padding)
    return sliding_window((size, size), kernel, stride, (sides, sides), dilation).output[0]


def _working(size, kernel, stride, padding, dilation):
    top, bottom = sliding_window((size, size), kernel, stride, padding, dilation).padding[0]
    return f"⌊({size} + {top} + {bottom} − ({kernel} − 1)·{dilation} − 1) / {stride}⌋ + 1 ="


def _asked(size, kernel, stride, padding, dilation=1):
    window = {"kernel": kernel, "stride": stride, "padding": padding, "size": size}
    if dilation == 1:
        return _(
            "A convolution with {kernel}x{kernel} kernels, stride {stride}, padding {padding} on each side is applied "
            "to maps of {size}x{size} pixels.",
            **window,
        )
    return _(
        "A convolution with {kernel}x{kernel} kernels, stride {stride}, padding {padding} on each side, dilation "
        "{dilation} is applied to maps of {size}x{size} pixels.",
        dilation=dilation,
        **window,
    )


def _fits(size, kernel, padding, stride, dilation=1):
    return 0 < padding < kernel and (kernel - 1) * dilation + 1 < size - 4 and kernel != stride


@template(
    "size", 1, _fits, size=(28, 31, 32, 35, 56, 63, 64), kernel=(2, 3, 4, 5, 7), stride=(2, 3, 4), padding=(1, 2, 3)
)
def output_rows(size, kernel, stride, padding):
    """Of one window."""
    return Problem(
        _("{asked} How many rows do the maps have that come out?", asked=_asked(size, kernel, stride, padding)),
        _rows(size, kernel, stride, padding),
        _("Rows = {working}", working=_working(size, kernel, stride, padding, 1)),
        {
            "forgot the padding": _rows(size, kernel, stride),
            "forgot the stride": _rows(size, kernel, 1, padding),
            "swapped kernel and stride": _rows(size, stride, kernel, padding),
            "padding doubled": _rows(size, kernel, stride, 2 * padding),
            # Pixels to fill the last window up, which is what rounding up would take.
            "rounded up": _rows(size, kernel, stride, (padding, padding + stride - 1)),
            "forgot the last window": _rows(size, kernel, stride, padding) - 1,
            "padding on one side": _rows(size, kernel, stride, (padding, 0)),
            "forgot the kernel": _rows(size, 1, stride, padding),
        },
    )


@template(
    "size",
    2,
    _fits,
    size=(28, 31, 32, 48, 56, 63),
    kernel=(3, 5, 7),
    stride=(1, 2),
    padding=(1, 2, 3, 4),
    dilation=(2, 3, 4),
)
def output_rows_of_a_dilated_window(size, kernel, stride, padding, dilation):
    """A dilated kernel covers more than it reads."""
    return Problem(
        _(
            "{asked} How many rows do the maps have that come out?",
            asked=_asked(size, kernel, stride, padding, dilation),
        ),
        _rows(size, kernel, stride, padding, dilation),
        _("Rows = {working}", working=_working(size, kernel, stride, padding, dilation)),
        {
            "forgot the dilation": _rows(size, kernel, stride, padding),
            "dilation times kernel": _rows(size, kernel * dilation, stride, padding),
            "forgot the padding": _rows(size, kernel, stride, 0, dilation),
            "padding doubled": _rows(size, kernel, stride, 2 * padding, dilation),
            "forgot the last window": _rows(size, kernel, stride, padding, dilation) - 1,
            "padding on one side": _rows(size, kernel, stride, (padding, 0), dilation),
            "rounded up": _rows(size, kernel, stride, (padding, padding + stride - 1), dilation),
            "forgot the stride": _rows(size, kernel, 1, padding, dilation),
            "forgot the kernel": _rows(size, 1, stride, padding),
        },
    )


def _stem(size, kernel, stride, padding, pool):
    return _fits(size, kernel, padding, stride) and _rows(size, kernel, stride, padding) > pool + 4


@template(
    "size",
    3,
    _stem,
    size=(96, 112, 127, 160, 192, 224),
    kernel=(3, 5, 7),
    stride=(2, 3),
    padding=(1, 2, 3),
    pool=(2, 3),
)
def pixels_behind_a_pool(size, kernel, stride, padding, pool):
    """One window after the other, and all the pixels of what comes out."""

    def pixels(size=size, kernel=kernel, stride=stride, padding=padding, pool=pool, step=2):
        rows = _rows(_rows(size, kernel, stride, padding), pool, step)
        return Worked(f"{rows}·{rows}")

    between = _rows(size, kernel, stride, padding)
    return Problem(
        _(
            "{asked} A max pool of {pool}x{pool} pixels with stride 2 and without padding follows. How many "
            "pixels does each map have that comes out?",
            asked=_asked(size, kernel, stride, padding),
            pool=pool,
        ),
        pixels(),
        _(
            "Rows behind the convolution: {convolution} {between}. Behind the pool: {pooling} {rows}. Pixels:",
            convolution=_working(size, kernel, stride, padding, 1),
            between=between,
            pooling=_working(between, pool, 2, 0, 1),
            rows=_rows(between, pool, 2),
        ),
        {
            "forgot the pooling": pixels(pool=1, step=1),
            "forgot the padding": pixels(padding=0),
            "forgot the stride": pixels(stride=1),
            "swapped kernel and stride": pixels(kernel=stride, stride=kernel),
            "rounded up": pixels(padding=(padding, padding + stride - 1)),
            "padding doubled": pixels(padding=2 * padding),
            "padding on one side": pixels(padding=(padding, 0)),
            "forgot the last window": Worked(f"{_rows(between, pool, 2) - 1}·{_rows(between, pool, 2) - 1}"),
        },
    )


TEMPLATES = (output_rows, output_rows_of_a_dilated_window, pixels_behind_a_pool)
