"""Building blocks as flow diagrams, with the channels written on the arrows."""

import math
from itertools import pairwise

from ghostnp import ops
from ghostnp.pictures.diagram import Diagram
from ghostnp.pictures.style import GATE, GHOST, INPUT, INTRINSIC, KINDS, OUTPUT, sheet

_NORM, _POOL = "#BBBBBB", "#999933"


def ghost_flow(in_channels, out_channels, *, ratio=2, kernel_size=1, dw_size=3):
    """A ghost module: what comes from where, with channel counts and weights.

    Parameters
    ----------
    in_channels, out_channels : int
        C and n.
    ratio : int, default 2
        s: of s maps one is intrinsic.
    kernel_size, dw_size : int, default 1 and 3
        Of the primary convolution and of the cheap operation.

    Returns
    -------
    matplotlib.figure.Figure
    """
    intrinsic = math.ceil(out_channels / ratio)
    ghosts = intrinsic * (ratio - 1)
    primary = ops.conv2d_cost((1, in_channels, 9, 9), (intrinsic, in_channels, kernel_size, kernel_size)).params
    cheap = ops.conv2d_cost((1, intrinsic, 9, 9), (ghosts, 1, dw_size, dw_size), groups=intrinsic).params
    d = _canvas(6.4, 4.6)
    x = d.box(2.3, 0.4, f"x: {in_channels} maps", INPUT, dark=False)
    first = d.box(2.3, 1.35, f"primary_conv: {kernel_size}x{kernel_size}, BN, ReLU", KINDS["pointwise"], width=2.9)
    second = d.box(4.4, 2.55, f"cheap_operation: {dw_size}x{dw_size} depthwise, BN, ReLU", GHOST, width=3.6, dark=False)
    maps = d.box(1.2, 2.55, f"{intrinsic} intrinsic", INTRINSIC, width=1.5)
    ghost = d.box(4.4, 3.45, f"{ghosts} ghost{'s' * (ghosts != 1)}", GHOST, width=1.5, dark=False)
    cut = f", of which {out_channels} are kept" if intrinsic + ghosts != out_channels else ""
    y = d.box(2.3, 4.25, f"concat: {intrinsic} + {ghosts} maps{cut}", OUTPUT, width=4.1 if cut else 2.6)
    d.arrow(x, first)
    d.word(3.9, 1.35, f"{primary:,} weights", ha="left")
    d.arrow(first, maps)
    d.arrow(first, second, f"all {intrinsic} of them")
    d.word(4.55, 2.96, f"{cheap:,} weights", ha="left")
    d.arrow(second, ghost)
    d.arrow(maps, y)
    d.arrow(ghost, y)
    return d.axes.figure


def shufflenet_units():
    """Units (a), (b) and (c) of the ShuffleNet paper.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    .. [1] X. Zhang et al., "ShuffleNet", CVPR 2018, figure 2. https://arxiv.org/abs/1707.01083
    """
    d = _canvas(10.6, 5.3)
    titles = ("(a) bottleneck with a depthwise 3x3", "(b) 1x1 in groups, and a shuffle", "(c) stride 2")
    for column, title in enumerate(titles):
        left, main = 0.1 + 3.55 * column, 2.25 + 3.55 * column
        d.word(left + 1.7, 0.15, title, fontsize=11, weight="bold")
        kind, colour = ("1x1, g groups", KINDS["grouped"]) if column else ("1x1", KINDS["pointwise"])
        steps = [(f"{kind}, BN, ReLU", colour)]
        if column:
            steps.append(("channel shuffle", _NORM))
        steps += [(f"3x3 depthwise{', stride 2' * (column == 2)}, BN", GHOST), (f"{kind}, BN", colour)]
        path = [d.word(main, 0.55, "x")]
        for place, (text, paint) in enumerate(steps):
            y = 1.15 + place * 2.34 / (len(steps) - 1)
            path.append(d.box(main, y, text, paint, width=2.25, dark=paint not in {GHOST, _NORM}))
        if column < 2:
            path.append(d.sum(main, 4.25))
            d.around(path[0], path[-1], left + 0.6)
        else:
            path.append(d.box(main, 4.25, "concat", OUTPUT, width=1.3, height=0.36))
            pool = d.box(left + 0.5, 2.3, "3x3\naverage\npool,\nstride 2", _POOL, width=0.95, height=0.95)
            d.around(path[0], path[-1], pool[0], through=pool)
        path.append(d.word(main, 4.85, "ReLU"))
        for start, end in pairwise(path):
            d.arrow(start, end)
    return d.axes.figure


def ghost_bottlenecks():
    """The bottlenecks of GhostNet at stride 1 and 2, and that of GhostNetV2.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    .. [1] K. Han et al., "GhostNet", CVPR 2020, figure 3. https://arxiv.org/abs/1911.11907
    .. [2] Y. Tang et al., "GhostNetV2", NeurIPS 2022, figure 4. https://arxiv.org/abs/2211.12905
    """
    d = _canvas(10.8, 5.3)
    titles = ("GhostNet, stride 1", "GhostNet, stride 2", "GhostNetV2, stride 1")
    for column, title in enumerate(titles):
        left, main = 0.1 + 3.6 * column, 2.35 + 3.6 * column
        d.word(main, 0.15, title, fontsize=11, weight="bold")
        x = d.word(main, 0.55, "x")
        widen = d.box(main, 1.15, "ghost module, ReLU: widen", INTRINSIC, width=2.25)
        squeeze = d.box(main, 2.75, "squeeze-and-excitation", GATE, width=2.25)
        narrow = d.box(main, 3.55, "ghost module: narrow", INTRINSIC, width=2.25)
        total = d.sum(main, 4.25)
        path = [x, widen, squeeze, narrow, total, d.word(main, 4.85, "y")]
        if column == 0:
            d.around(x, total, left + 0.6)
        elif column == 1:
            path.insert(2, d.box(main, 1.95, "kxk depthwise, stride 2, BN", GHOST, width=2.25, dark=False))
            text = "kxk\ndepthwise,\nstride 2, BN;\n1x1, BN"
            shortcut = d.box(left + 0.5, 2.35, text, _NORM, width=1.0, height=0.95, dark=False)
            d.around(x, total, shortcut[0], through=shortcut)
        else:
            path.insert(2, times := d.sum(main, 1.95, "×"))
            attention = d.box(left + 0.65, 1.3, "DFC\nattention", GATE, width=0.8, height=0.55)
            d.around(x, times, attention[0], through=attention)
            d.around(x, total, left + 0.1)
        for start, end in pairwise(path):
            d.arrow(start, end)
    return d.axes.figure


def _canvas(width, height):
    figure, grid = sheet(width, height, nrows=1, ncols=1, left=0.01, right=0.99, bottom=0.01, top=0.99)
    return Diagram(figure.add_subplot(grid[0]), width, height)
