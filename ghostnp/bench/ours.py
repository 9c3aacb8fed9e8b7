"""ghostnp's own side: public functions, and all that they check."""

import numpy as np

import ghostnp
from ghostnp.bench.contenders import Prepared
from ghostnp.bench.tasks import CallTask
from ghostnp.ops.vocabulary import operator_named
from ghostnp.training.loop import gradients

_HARDLY_ANY = 1e-30


def prepare(task, variant, threads):
    """Get a network ready as a model or as a compiled engine, or a call as one of the kernels."""
    if isinstance(task, CallTask):
        return prepare_call(task, ghostnp.kernels, batch_innermost)
    model, images, labels = task.model(), task.images(), task.labels()
    if not task.training:
        answer = model if variant == "ghostnp" else ghostnp.compile(model)
        return Prepared(lambda: answer(images), lambda y: {"logits": y})
    if variant == "ghostnp compiled":
        # Without momentum and decay its velocity is the gradient; at so small a rate the weights stay as they are.
        program = ghostnp.compile(model, training=True, momentum=0.0, decay=0.0)
        return Prepared(
            lambda: program(images, labels, rate=_HARDLY_ANY),
            lambda loss: {"loss": np.asarray(loss), **program.velocity},
        )

    return Prepared(lambda: gradients(model, images, labels), lambda stepped: {"loss": stepped[0], **stepped[1]})


def prepare_call(task, vocabulary, layout):
    """One call of a function of `vocabulary`, on arrays in the memory order in which its own layers hand them on.

    Weights lie as NumPy makes them, and only activations have a `layout`.
    """
    activations = operator_named(task.op).activations
    arrays = {name: layout(value) if name in activations else value for name, value in task.arrays().items()}
    forward = getattr(vocabulary, task.op)
    options = dict(task.options)
    if not task.backward:
        return Prepared(lambda: forward(**arrays, **options), lambda result: {"y": _first(result)})
    result = forward(**arrays, **options)
    dy = layout(task.gradient(_first(result).shape))
    backward, arguments = getattr(vocabulary, f"{task.op}_backward"), task.backward_arguments(arrays, result)
    return Prepared(lambda: backward(dy, **arguments), lambda grads: _by_name(task, grads))


def batch_innermost(value):
    """Maps as a kernel returns them, the batch innermost in memory; images (of three channels) as a user has them."""
    if isinstance(value, list):
        return [batch_innermost(part) for part in value]
    if value.ndim != 4 or value.shape[1] == 3:
        return value
    return value.transpose(1, 2, 3, 0).copy().transpose(3, 0, 1, 2)


def _first(result):
    return result[0] if isinstance(result, tuple) else result


def _by_name(task, grads):
    if hasattr(grads, "_asdict"):
        return grads._asdict()
    if isinstance(grads, tuple):
        return {f"xs[{number}]": grad for number, grad in enumerate(grads)}
    return {"x": grads}
