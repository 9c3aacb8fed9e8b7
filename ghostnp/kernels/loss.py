"""Softmax cross-entropy, forward and backward, fast: launches like all others in a training program.

In memory the logits are (K, N), classes by samples. Exponentials and sums are taken in float64: there are few of them,
and the loss is what a training is watched by.
"""

import math

import numpy as np

from ghostnp.kernels.layout import contiguous
from ghostnp.kernels.runtime import bounds, driver, empty, leaf, number_in, shares_for
from ghostnp.ops.loss import check_loss, check_loss_gradient

_WORK = 16  # an exponential takes as long as so many additions


def softmax_cross_entropy(logits, labels, *, label_smoothing=0.0):
    """Twin of `ghostnp.ops.softmax_cross_entropy`."""
    check_loss(logits, labels, label_smoothing)
    scores = contiguous(logits.T)
    probabilities, losses, loss = (empty(shape, logits.dtype) for shape in (scores.shape, scores.shape[1:], (1,)))
    _compare(shares_for(_WORK * scores.size), scores, _numbers(labels), float(label_smoothing), probabilities, losses)
    _average(1, losses, loss)
    return number_in(loss.reshape(())), probabilities.T


def softmax_cross_entropy_backward(dloss, logits, labels, probabilities, *, label_smoothing=0.0):
    """Twin of `ghostnp.ops.softmax_cross_entropy_backward`."""
    factor = check_loss_gradient(dloss, logits, labels, probabilities, label_smoothing)
    p = contiguous(probabilities.T)
    dlogits = empty(p.shape, p.dtype)
    _subtract_targets(shares_for(p.size), p, _numbers(labels), float(label_smoothing), factor, dlogits)
    return dlogits.T


def _numbers(labels):
    return contiguous(labels.astype(np.int64, copy=False))


@leaf
def _compare_samples(begin, end, scores, labels, smoothing, exponentials, probabilities, losses):
    """Samples `begin` to `end` - 1. Where the smoothing is 0 a logit of minus infinity costs nothing, if not asked for.

    −log p[k] = log Σ exp(z − max) − (z[k] − max), of which the loss is the mean with the targets' weights.
    """
    classes = len(scores)
    for n in range(begin, end):
        most = scores[0, n]
        for k in range(classes):
            most = scores[k, n] if scores[k, n] > most else most
        total = shifts = 0.0
        for k in range(classes):
            shift = np.float64(scores[k, n] - most)
            exponentials[k] = math.exp(shift)
            total += exponentials[k]
            shifts += shift
        for k in range(classes):
            probabilities[k, n] = exponentials[k] / total
        loss = 0.0
        if smoothing < 1:
            loss += (1 - smoothing) * (math.log(total) - np.float64(scores[labels[n], n] - most))
        if smoothing > 0:
            loss += smoothing * (math.log(total) - shifts / classes)
        losses[n] = loss


@driver
def _compare(share, shares, scores, labels, smoothing, probabilities, losses):
    """Probabilities and losses of some samples, for scores (K, N)."""
    begin, end = bounds(share, shares, labels.size)
    if begin < end:
        exponentials = np.empty(len(scores), np.float64)
        _compare_samples(begin, end, scores, labels, smoothing, exponentials, probabilities, losses)


@leaf
def _mean(row):
    total = 0.0
    for p in range(row.size):
        total += row[p]
    return total / row.size


@driver
def _average(share, shares, losses, loss):
    loss[0] = _mean(losses)


@leaf
def _subtract_rows(begin, end, p, labels, everywhere, more, factor, dlogits):
    for k in range(begin, end):
        for n in range(labels.size):
            target = everywhere + more if labels[n] == k else everywhere
            dlogits[k, n] = factor * (p[k, n] - target)


@driver
def _subtract_targets(share, shares, p, labels, smoothing, factor, dlogits):
    """dlogits = factor · (p - targets), for p (K, N)."""
    begin, end = bounds(share, shares, len(p))
    f = p.dtype.type
    _subtract_rows(begin, end, p, labels, f(smoothing / len(p)), f(1 - smoothing), factor, dlogits)
