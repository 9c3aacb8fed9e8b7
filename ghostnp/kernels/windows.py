"""Phases: how the maps of a channel are dealt out, so that each tap of a kernel reads neighbours for neighbours.

In C, H, W, N memory the maps of one channel lie together. What some output rows (a *band*) see of them is copied, with
its padding, to a scratch. With strides (s, t) it is dealt out to s·t *phases* on the way:

    phase (p, q), pixel (i, j)  =  x̄[i·s + p, j·t + q]

In its phase each tap (u, v) reads neighbouring pixels for neighbouring outputs, whatever the stride and the dilation.
And as a phase's rows follow each other in memory, each a *pitch* after the one before, it reads one piece for the whole
band if an output row is thought to be as long as a phase's, with surplus pixels at its end.
"""

from functools import lru_cache

import numpy as np

from ghostnp.kernels.jit import leaf
from ghostnp.kernels.layout import compact
from ghostnp.kernels.leaves import accumulate, copy, fill


@lru_cache(maxsize=256)
def layout(window, batch, band):
    """Where everything lies in the scratch of a band; lengths count numbers, not pixels.

    Returns
    -------
    numbers : tuple of int
        What the leaves unpack: the sizes of the window, the batch, pitch (from one row of a phase to the next) and size
        (of a phase, for a band of so many output rows).
    order : ndarray
        The taps, those of one phase next to each other.
    offsets, starts : ndarray
        For each tap in that order, where it begins in the phases; for each phase, its first tap.
    """
    window = compact(window)
    (height, width), (height_out, width_out) = window.input, window.output
    (sh, sw), ((top, _), (left, _)) = window.stride, window.padding
    u, v = (tap * dilation for tap, dilation in zip(np.indices(window.kernel), window.dilation, strict=True))
    band, pitch = min(height_out, band), (width_out + v.max().item() // sw) * batch
    size = (band + u.max().item() // sh) * pitch
    phases = (u % sh * sw + v % sw).ravel()
    order = np.argsort(phases, kind="stable")
    phases, shifts = phases[order], (u // sh * pitch + v // sw * batch).ravel()[order]
    starts = np.searchsorted(phases, np.arange(sh * sw + 1))
    numbers = (height, width, sh, sw, top, left, height_out, width_out, batch, pitch, size)
    return numbers, order, phases * size + shifts, starts


@leaf
def _deal(x, p, stride, batch, phase):
    """Copy every `stride`-th pixel of x, from number p on, to the phase."""
    if stride == 1:
        copy(x[p : p + phase.size], phase)
    elif batch == 1:
        for j in range(phase.size):
            phase[j] = x[p + j * stride]
    else:
        for j in range(0, phase.size, batch):
            copy(x[p + j * stride : p + j * stride + batch], phase[j : j + batch])


@leaf
def _return(phase, stride, batch, dx, p):
    """Add the phase to every `stride`-th pixel of dx, from number p on: the transpose of `_deal`."""
    if stride == 1:
        accumulate(phase, dx[p : p + phase.size])
    elif batch == 1:
        for j in range(phase.size):
            dx[p + j * stride] += phase[j]
    else:
        for j in range(0, phase.size, batch):
            accumulate(phase[j : j + batch], dx[p + j * stride : p + j * stride + batch])


@leaf
def visit_phase(x, numbers, first, phase, lines, back):
    """Deal the rows that a band from output row `first` on reads of a channel out to a phase, or bring them `back`.

    Rows of padding are set to zero. Columns of padding have to be zero already, and nothing is ever dealt there.
    """
    height, width, sh, sw, top, left, _, _, batch, pitch, size = numbers
    shift = phase % sw - left  # pixel j of a line is pixel j·sw + shift of its row
    begin = max(0, (sw - 1 - shift) // sw)
    end = max(begin, min(pitch // batch, (width - shift + sw - 1) // sw))
    for line in range(size // pitch):
        h = (first + line) * sh + phase // sw - top
        if 0 <= h < height:
            piece = lines[line * pitch + begin * batch : line * pitch + end * batch]
            p = (h * width + begin * sw + shift) * batch
            if back:
                _return(piece, sw, batch, x, p)
            else:
                _deal(x, p, sw, batch, piece)
        elif not back:
            fill(lines[line * pitch : (line + 1) * pitch], lines.dtype.type(0))
