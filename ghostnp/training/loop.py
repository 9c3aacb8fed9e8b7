"""Training, as short as it can be: stochastic gradient descent with momentum, and a GhostNet small enough for it.

v ← μ·v + dw + λ·w          momentum μ, weight decay λ
w ← w − η·v                 η falls from `rate` to 0 along half a cosine
"""

import numpy as np

from ghostnp.backend import backend
from ghostnp.modules import (
    BatchNorm2d,
    Conv2d,
    Flatten,
    GhostBottleneck,
    GhostModule,
    GhostModuleV2,
    GlobalAvgPool2d,
    Linear,
    Sequential,
    SqueezeExcite,
    initializer,
)


def tiny_ghostnet(*, attention=False, seed=0, dtype=np.float32):
    """A GhostNet for 8x8 digits: a stem, three ghost bottlenecks, and a classifier.

    Parameters
    ----------
    attention : bool, default False
        Whether the widening ghost modules have DFC attention, as in GhostNetV2.
    seed : int, default 0
        Of the initial weights.
    dtype : dtype, default float32
        Of all arrays.

    Returns
    -------
    Sequential
    """
    ghost = GhostModuleV2 if attention else GhostModule
    with initializer(seed, dtype=dtype):
        return Sequential(
            conv_stem=Conv2d(1, 16, 3, padding=1, bias=False),
            bn1=BatchNorm2d(16, relu=True),
            blocks=Sequential(
                GhostBottleneck(16, 32, 16, kernel_size=3, stride=1, ghost1=ghost(16, 32)),
                GhostBottleneck(16, 48, 24, kernel_size=3, stride=2, ghost1=ghost(16, 48)),
                GhostBottleneck(
                    24, 72, 24, kernel_size=3, stride=1, ghost1=ghost(24, 72), squeeze_excite=SqueezeExcite(72)
                ),
            ),
            global_pool=GlobalAvgPool2d(),
            flatten=Flatten(),
            classifier=Linear(24, 10),
        )


def train(model, images, labels, *, epochs=15, batch=64, rate=0.1, momentum=0.9, decay=1e-4, seed=0):
    """Train a classifier by stochastic gradient descent, and report after each epoch.

    Parameters
    ----------
    model : Module
        From images to logits; its parameters are changed in place.
    images : ndarray, shape (N, C, H, W)
        What it learns from.
    labels : ndarray of int, shape (N,)
        What they show.
    epochs, batch : int
        How often all images are seen, and how many at a time.
    rate, momentum, decay : float
        η at the start, μ and λ above.
    seed : int
        Of the order in which images are seen.

    Yields
    ------
    float
        Mean loss of the epoch.

    Raises
    ------
    ValueError
        If there are fewer images than one batch.
    """
    if not 0 < batch <= len(images):
        raise ValueError(
            f"batch={batch}: the rule is 1 to the {len(images)} images that there are, such as {len(images)}"
        )
    rng = np.random.default_rng(seed)
    parameters = model.parameters()
    velocity = {name: np.zeros_like(array) for name, array in parameters.items()}
    steps, step = epochs * (len(images) // batch), 0
    for _ in range(epochs):
        order, losses = rng.permutation(len(images)), []
        for chosen in np.split(order[: len(images) // batch * batch], len(images) // batch):
            loss, grads = gradients(model, images[chosen], labels[chosen])
            eta = rate / 2 * (1 + np.cos(np.pi * step / steps))
            for name, w in parameters.items():
                velocity[name] = momentum * velocity[name] + grads[name] + decay * w
                w[...] -= (eta * velocity[name]).astype(w.dtype)
            losses.append(float(loss))
            step += 1
        yield float(np.mean(losses))


def gradients(model, images, labels):
    """The loss of a batch and its gradients: one step forward and back.

    What the layers remembered in between is let go when this function returns. In a loop that calls forward and
    backward itself, the old cache lives on while the next forward fills a new one.

    Parameters
    ----------
    model : Module
        From images to logits.
    images : ndarray, shape (N, C, H, W)
    labels : ndarray of int, shape (N,)

    Returns
    -------
    loss : float
    grads : dict of str to ndarray
        As from `Module.backward`.
    """
    logits, cache = model.forward(images, training=True)
    loss, probabilities = backend().softmax_cross_entropy(logits, labels)
    one = logits.dtype.type(1)
    dlogits = backend().softmax_cross_entropy_backward(one, logits, labels, probabilities)
    return loss, model.backward(dlogits, cache)[1]


def accuracy(model, images, labels):
    """The share of images whose largest logit is that of their label.

    Parameters
    ----------
    model : Module
        From images to logits.
    images : ndarray, shape (N, C, H, W)
    labels : ndarray of int, shape (N,)

    Returns
    -------
    float
        From 0 to 1.
    """
    return float((model(images).argmax(axis=1) == labels).mean())
