"""Softmax cross-entropy: how surprised the network is by the right labels, averaged over the batch.

    p[n, k]  = exp(z[n, k]) / Σ_k' exp(z[n, k'])
    t[n, k]  = (1 − ε)·[k = label n] + ε / K
    loss     = −1/N Σ_nk t[n, k] · log p[n, k]

with ε the label smoothing. The gradient of softmax and logarithm together is as simple as can be:

    dz[n, k] = dloss · (p[n, k] − t[n, k]) / N

No parameters, no multiply-adds; six other operations for each logit.
"""

import numpy as np

from ghostnp.ops.checks import check_arrays, check_axes, check_indices, check_shape, fraction, number
from ghostnp.ops.cost import each, free, from_shapes


def softmax_cross_entropy(logits, labels, *, label_smoothing=0.0):
    """Compare logits with the right labels.

    Parameters
    ----------
    logits : ndarray
        Shape (N, K), at least one sample and one class.
    labels : ndarray
        Integers of shape (N,), from 0 to K - 1.
    label_smoothing : float, default 0.0
        ε, the share of the target that is spread evenly over all classes; from 0 to 1.

    Returns
    -------
    loss : scalar
        The mean over the batch, dtype of `logits`.
    probabilities : ndarray
        Shape (N, K); each row sums to one.

    Raises
    ------
    TypeError, ValueError
        If dtypes, shapes, labels or the smoothing do not fit.

    References
    ----------
    .. [1] C. Szegedy et al., "Rethinking the inception architecture for computer vision", CVPR 2016, section 7.
       https://arxiv.org/abs/1512.00567
    """
    check_loss(logits, labels, label_smoothing)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    targets = _targets(logits, labels, label_smoothing)
    # 0·log 0 counts as 0: a class ruled out by a logit of minus infinity costs nothing unless it is the target.
    terms = np.multiply(targets, log_probabilities, out=np.zeros_like(targets), where=targets != 0)
    return -terms.sum(axis=1).mean(), np.exp(log_probabilities)


def softmax_cross_entropy_backward(dloss, logits, labels, probabilities, *, label_smoothing=0.0):
    """Gradient of `logits` (N, K) for the scalar `dloss`."""
    share = check_loss_gradient(dloss, logits, labels, probabilities, label_smoothing)
    return share * (probabilities - _targets(logits, labels, label_smoothing))


@from_shapes
def softmax_cross_entropy_cost(logits_shape, labels_shape, *, label_smoothing=0.0):
    """Cost from shapes alone: six operations for each logit; a loss and probabilities (N, K) come out."""
    _check_shapes(logits_shape, labels_shape)
    fraction("label_smoothing", label_smoothing)
    return free((), logits_shape, other=each(logits_shape, 6))


def _targets(logits, labels, label_smoothing):
    targets = np.full_like(logits, label_smoothing / logits.shape[1])
    targets[np.arange(len(labels)), labels] += logits.dtype.type(1 - label_smoothing)
    return targets


def check_loss(logits, labels, label_smoothing):
    """Check the arguments of `softmax_cross_entropy`."""
    check_arrays(logits=logits)
    check_indices("labels", labels, "iu", "a NumPy array of ints, such as np.array([0, 2])")
    _check_shapes(logits.shape, labels.shape)
    classes = logits.shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels runs from {labels.min()} to {labels.max()}: the rule is 0 to {classes - 1} for {classes} classes, "
            f"such as {classes - 1}"
        )
    fraction("label_smoothing", label_smoothing)


def check_loss_gradient(dloss, logits, labels, probabilities, label_smoothing):
    """Check the arguments of the backward pass, and return each sample's share of `dloss`."""
    check_loss(logits, labels, label_smoothing)
    check_arrays(logits=logits, probabilities=probabilities)
    check_shape("probabilities", probabilities.shape, logits.shape, "forward returned one for each logit")
    if type(dloss) is np.ndarray and dloss.ndim == 0:
        dloss = dloss[()]
    dloss = number("dloss", dloss, "the rule is a number, since the loss is one, such as 1.0")
    return logits.dtype.type(dloss) / logits.dtype.type(len(logits))


def _check_shapes(logits_shape, labels_shape):
    check_axes("logits", logits_shape, "N K")
    check_shape("labels", labels_shape, (logits_shape[0],), "there is one label for each row of logits")
