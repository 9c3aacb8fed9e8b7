"""Attention by fully connected layers: what decides how much a pixel counts is a weighted sum of other pixels.

Full (GhostNetV2, equation 3): every pixel sees every pixel of its channel, H²W² multiply-adds,

    a[n, c, h, w] = Σ_h'w' F[c, h, w, h', w'] · z[n, c, h', w']

Decoupled (equations 4 and 5): first along the column, then along the row, H²W + HW² multiply-adds, and every pixel is
still reached in two steps:

    a'[n, c, h, w] = Σ_h' F_H[c, h, h', w] · z[n, c, h', w]
    a [n, c, h, w] = Σ_w' F_W[c, w, h, w'] · a'[n, c, h, w']

In the backward pass, each product adds a term to the gradients of both of its factors, and the two steps come in
reverse order. If F_H and F_W depend only on the offset between the two pixels, and reach no farther than a width K, the
steps are depthwise convolutions with K x 1 and 1 x K kernels. GhostNetV2 uses this form (see
`ghostnp.modules.DFCAttention`).
"""

import numpy as np

from ghostnp.ops.checks import check_arrays, check_gradient, check_images, check_shape
from ghostnp.ops.cost import Cost, Worked, from_shapes, product
from ghostnp.ops.gradients import DecoupledAttentionGrads, FullAttentionGrads


def full_attention(z, weight):
    """Replace each pixel by a weighted sum of all pixels of its channel.

    Parameters
    ----------
    z : ndarray
        Maps of shape (N, C, H, W).
    weight : ndarray
        F, of shape (C, H, W, H, W): channel, row and column of the output pixel, row and column of the input pixel.

    Returns
    -------
    a : ndarray
        Shape (N, C, H, W), dtype of `z`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.

    References
    ----------
    .. [1] Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022, equation (3).
       https://arxiv.org/abs/2211.12905
    """
    check_arrays(z=z, weight=weight)
    _check_full(z.shape, weight.shape)
    return np.einsum("chwij,ncij->nchw", weight, z)


def full_attention_backward(dy, z, weight):
    """Compute the gradients of `z` and `weight` from `dy` (N, C, H, W): a `FullAttentionGrads`."""
    check_arrays(z=z, weight=weight)
    _check_full(z.shape, weight.shape)
    check_gradient(dy, z.shape, z)
    return FullAttentionGrads(np.einsum("chwij,nchw->ncij", weight, dy), np.einsum("nchw,ncij->chwij", dy, z))


@from_shapes
def full_attention_cost(z_shape, weight_shape):
    """Cost from shapes alone: C·(H·W)·(H·W) parameters, and as many multiply-adds for each image."""
    _check_full(z_shape, weight_shape)
    batch, channels, height, width = z_shape
    return _cost(z_shape, product(channels, height, width, height, width), batch)


def decoupled_attention(z, weight_h, weight_w):
    """Replace each pixel by a weighted sum of its column, then by a weighted sum of its row.

    Parameters
    ----------
    z : ndarray
        Maps of shape (N, C, H, W).
    weight_h : ndarray
        F_H, of shape (C, H, H, W): channel, row of the output pixel, row of the input pixel, column of both.
    weight_w : ndarray
        F_W, of shape (C, W, H, W): channel, column of the output pixel, row of both, column of the input pixel.

    Returns
    -------
    a : ndarray
        Shape (N, C, H, W), dtype of `z`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.

    References
    ----------
    .. [1] Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022, equations (4)
       and (5). https://arxiv.org/abs/2211.12905
    """
    check_arrays(z=z, weight_h=weight_h, weight_w=weight_w)
    _check_decoupled(z.shape, weight_h.shape, weight_w.shape)
    columns = np.einsum("chiw,nciw->nchw", weight_h, z)
    return np.einsum("cwhj,nchj->nchw", weight_w, columns)


def decoupled_attention_backward(dy, z, weight_h, weight_w):
    """Compute the gradients of `z` and both weights from `dy` (N, C, H, W): a `DecoupledAttentionGrads`."""
    check_arrays(z=z, weight_h=weight_h, weight_w=weight_w)
    _check_decoupled(z.shape, weight_h.shape, weight_w.shape)
    check_gradient(dy, z.shape, z)
    columns = np.einsum("chiw,nciw->nchw", weight_h, z)
    dcolumns = np.einsum("cwhj,nchw->nchj", weight_w, dy)
    return DecoupledAttentionGrads(
        np.einsum("chiw,nchw->nciw", weight_h, dcolumns),
        np.einsum("nchw,nciw->chiw", dcolumns, z),
        np.einsum("nchw,nchj->cwhj", dy, columns),
    )


@from_shapes
def decoupled_attention_cost(z_shape, weight_h_shape, weight_w_shape):
    """Cost from shapes alone: C·(H·H·W + H·W·W) parameters, and as many multiply-adds for each image."""
    _check_decoupled(z_shape, weight_h_shape, weight_w_shape)
    batch, channels, height, width = z_shape
    column, row = product(height, height, width), product(height, width, width)
    return _cost(z_shape, f"{channels}·({column} + {row})", batch)


def _cost(z_shape, formula, batch):
    return Cost(Worked(formula), Worked(formula if batch == 1 else f"{batch}·{formula}"), z_shape)


def _check_full(z_shape, weight_shape):
    check_images("z", z_shape)
    _, channels, height, width = z_shape
    check_shape(
        "weight", weight_shape, (channels, height, width, height, width), "there is one weight for each pair of pixels"
    )


def _check_decoupled(z_shape, weight_h_shape, weight_w_shape):
    check_images("z", z_shape)
    _, channels, height, width = z_shape
    check_shape(
        "weight_h", weight_h_shape, (channels, height, height, width), "there is one for each pair of rows in a column"
    )
    check_shape(
        "weight_w", weight_w_shape, (channels, width, height, width), "there is one for each pair of columns in a row"
    )
