"""Where a number that is none came from: a step is replayed by the recorder, and each result is looked at."""

import copy

import numpy as np

from ghostnp.backend import backend
from ghostnp.graph.recording import record


def first_odd(model, images, labels, *, label_smoothing=0.0, rng=None):
    """Which operator of a training step is the first that gives NaN or infinity from finite numbers, in words.

    Parameters
    ----------
    model : Module
        As it was before the step; it is left as it is.
    images, labels : ndarray
        Of the step.
    label_smoothing : float, default 0.0
        ε.
    rng : numpy.random.Generator, optional
        Where dropout draws.

    Returns
    -------
    str
        Such as ``"standard_conv2d in conv_stem"``; empty if all numbers are finite.
    """
    odd = [name for name, array in model.state_dict().items() if not np.isfinite(array).all()]
    if odd:
        return f"the weights themselves, before the step: {odd[0]}" + f" and {len(odd) - 1} more" * (len(odd) > 1)
    if not np.isfinite(images).all():
        return f"the images themselves: number {_odd_image(images)} of the batch"
    model = copy.deepcopy(model)

    def step(recorder, images, labels):
        logits, cache = model.forward(images, training=True, rng=rng)
        loss, probabilities = backend().softmax_cross_entropy(logits, labels, label_smoothing=label_smoothing)
        dlogits = backend().softmax_cross_entropy_backward(
            logits.dtype.type(1), logits, labels, probabilities, label_smoothing=label_smoothing
        )
        return loss, tuple(model.backward(dlogits, cache)[1].values())

    with np.errstate(all="ignore"):
        tape = record(step, images, labels, state=model.state_dict(), strict=False)
    for call in tape.steps:
        for number, field in zip(call.results, call.fields or ("y",) * len(call.results), strict=True):
            value = np.asarray(tape.values[number])
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                count = value.size - np.isfinite(value).sum()
                what = f"gradient of {field}" if call.is_backward else "result"
                return (
                    f"{call.op}{f' in {call.path}' if call.path else ''}: of the {value.size:,} numbers of its {what}, "
                    f"{count:,} are NaN or infinite"
                )
    return ""


def _odd_image(images):
    return int(np.flatnonzero(~np.isfinite(images.reshape(len(images), -1)).all(axis=1))[0])
