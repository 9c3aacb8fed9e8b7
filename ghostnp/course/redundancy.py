"""Maps that are nearly cheap transforms of each other: GhostNet's observation as a number.

How much of map b does one k×k kernel over map a, and a constant c, explain?

    r² = 1 − Σ (b − w * a − c)² / Σ (b − mean of b)²

The kernel is fitted on the left half of the maps and judged on the right half. So a larger kernel is no better only
because it has more weights; one that fits the left half alone may even have an r² below 0.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ghostnp.ops.checks import check_arrays, check_images, integer


def explained(maps, kernel_size, *, others=None):
    """r² on the right half, for each pair of maps, of the best kernel and constant on the left half.

    Parameters
    ----------
    maps : ndarray, shape (N, C, H, W)
        What others are made from, W of 2 or more.
    kernel_size : int
        Odd; borders are padded with zeros, as in a ghost module.
    others : ndarray, shape (N, D, H, W), optional
        What is made. By default `maps`, and then a map is not made from itself.

    Returns
    -------
    ndarray, shape (C, D), float64
        In row c what map c explains. NaN where a map is constant in one of the halves, or is made from itself.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal.

    References
    ----------
    .. [1] K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, figure 1 and section 4.1.
       https://arxiv.org/abs/1911.11907
    """
    size, targets = integer("kernel_size", kernel_size, 1), maps if others is None else others
    check_arrays(maps=maps, others=targets)
    check_images("maps", maps.shape)
    check_images("others", targets.shape)
    if size % 2 == 0:
        raise ValueError(f"kernel_size={size}: the rule is an odd number, such as 3")
    if maps.shape[-1] < 2 or len(maps) == 0:
        raise ValueError(f"maps has shape {maps.shape}: the rule is an image, and two columns or more, such as "
                         f"(1, 2, 8, 8)")  # fmt: skip
    if (len(maps), *maps.shape[2:]) != (len(targets), *targets.shape[2:]):
        raise ValueError(f"others has shape {targets.shape}: the rule is the images, height and width of maps of "
                         f"shape {maps.shape}")  # fmt: skip
    middle = maps.shape[-1] // 2
    halves = np.s_[..., :middle], np.s_[..., middle:]
    made = [_pixels(targets[half]) for half in halves]
    spread = made[1].var(axis=0)
    usable = (spread > 0) & (made[0].var(axis=0) > 0)
    r2 = np.full((maps.shape[1], targets.shape[1]), np.nan)
    edge = size // 2
    padded = np.pad(maps.astype(np.float64), ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    for c in range(maps.shape[1]):
        windows = sliding_window_view(padded[:, c], (size, size), axis=(1, 2))
        seen = [_with_constant(windows[:, :, half[1]].reshape(-1, size * size)) for half in halves]
        if not (maps[:, c][halves[0]].var() and maps[:, c][halves[1]].var()):
            continue
        # Few unknowns and many pixels: the normal equations of all targets at once.
        weights = np.linalg.pinv(seen[0].T @ seen[0], hermitian=True) @ (seen[0].T @ made[0])
        left = ((made[1] - seen[1] @ weights) ** 2).mean(axis=0)
        r2[c, usable] = 1 - left[usable] / spread[usable]
    if others is None:
        np.fill_diagonal(r2, np.nan)
    return r2


def best_partners(r2):
    """For each map that has one, the map that explains it best: (made from, made), the best explained first."""
    found = [(int(np.nanargmax(column)), d) for d, column in enumerate(r2.T) if np.isfinite(column).any()]
    return sorted(found, key=lambda pair: -r2[pair])


def _pixels(maps):
    """A row for each pixel, a column for each channel: (N·H·W, C) in float64."""
    return maps.transpose(0, 2, 3, 1).reshape(-1, maps.shape[1]).astype(np.float64)


def _with_constant(columns):
    return np.concatenate([columns, np.ones((len(columns), 1))], axis=1)
